"""The whole year 2027 in four zones, against every minute of it."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest

from schedulergodx.core.conditions.base import Condition
from schedulergodx.core.conditions.preview import fires
from schedulergodx.core.conditions.reading import parse
from tests.core.conditions.past import Past
from tests.core.conditions.reckoning import (
    BEGIN,
    MINUTES,
    Clocks,
    clocks,
    days,
    instants,
    on,
    windows,
)

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
YEAR = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
NEXT_YEAR = datetime(2028, 1, 1, tzinfo=UTC).timestamp()
Spans = list[tuple[datetime, datetime]]


def of_days(low: int, high: int) -> Spans:
    """From and to so many minutes after each midnight."""
    return [(on(day, low), on(day, high)) for day in days()]


def of_weeks(low: int, high: int) -> Spans:
    """From and to so many minutes after the begin of each Monday."""
    return [(on(day, low), on(day, high)) for day in days() if day.weekday() == 0]


def of_months(low: int, high: int) -> Spans:
    """From the begin of one day of each month to the end of another."""
    firsts = [day for day in days() if day.day == 1]
    lasts = [monthrange(day.year, day.month)[1] for day in firsts]
    return [
        (on(day, 1440 * (min(low, last) - 1)), on(day, 1440 * min(high, last)))
        for day, last in zip(firsts, lasts, strict=True)
    ]


HALF_A_DAY = 12 * 60
WALL = {
    "day": ("", of_days(0, 1440)),
    "day between 10:00 and 15:00": ("", of_days(600, 900)),
    "day between 22:00 and 02:15": ("", of_days(1320, 1440 + 135)),
    "day between 02:00 and 02:30": ("a gap", of_days(120, 150)),
    "day between 02:10 and 02:20": ("a gap", of_days(130, 140)),
    "day between 01:40 and 02:10": ("", of_days(100, 130)),
    "day before 02:30": ("", of_days(0, 150)),
    "day after 02:30": ("", of_days(150, 1440)),
    "day starting 01:45": ("", of_days(105, 1440 + 105)),
    "week on Sunday": ("", of_weeks(6 * 1440, 7 * 1440)),
    "week between Mon and Fri": ("", of_weeks(0, 5 * 1440)),
    "week between Sat 12:00 and Mon 02:30": (
        "",
        of_weeks(5 * 1440 + HALF_A_DAY, 7 * 1440 + 150),
    ),
    "week between Fri and Mon": ("", of_weeks(4 * 1440, 8 * 1440)),
    "month on 31st": ("", of_months(31, 31)),
    "month between 28th and 30th": ("", of_months(28, 30)),
    "month before 5th": ("", of_months(1, 4)),
}
PERIODS = {"day": "daily", "week": "weekly", "month": "monthly"}
CASES = [pytest.param(rule, zone, id=f"{rule}, {zone}") for rule in WALL for zone in ZONES]


def of_year(condition: Condition, zone: str, made: float = YEAR - 1) -> list[float]:
    """All fires of a schedule in 2027."""
    found = fires(condition, made, ZoneInfo(zone), Past(made=made))
    return [one for one in takewhile(lambda one: one < NEXT_YEAR, found) if one >= YEAR]


def stretches(condition: Condition, zone: str) -> Iterator[tuple[float, float]]:
    """From when to when it holds, as its own `changes` tell."""
    past, since = Past(), None
    now = YEAR
    while now < NEXT_YEAR:
        view = condition.view(past.at(now, ZoneInfo(zone)))
        if view.holds and since is None:
            since = now
        if not view.holds and since is not None:
            yield since, now
            since = None
        assert view.changes is not None
        assert view.changes > now
        now = view.changes
    if since is not None:
        yield since, NEXT_YEAR


@pytest.mark.parametrize(("rule", "zone"), [case for case in CASES if case.values[0] != "day"])
def test_a_time_of_a_period_holds_in_just_the_minutes_of_its_windows(rule: str, zone: str) -> None:
    """R29: `time of day between ...` in every minute of a year."""
    open_in = bytearray(MINUTES)
    for low, high in windows(clocks(zone), WALL[rule][1]):
        open_in[low : min(high, MINUTES)] = b"\1" * (min(high, MINUTES) - low)
    held = bytearray(MINUTES)
    for since, until in stretches(parse(f"time of {rule}"), zone):
        low, high = (int(one - BEGIN) // 60 for one in (since, until))
        assert since % 60 == until % 60 == 0
        held[low:high] = b"\1" * (high - low)
    begin = int(YEAR - BEGIN) // 60
    assert held[begin : begin + 365 * 1440] == open_in[begin : begin + 365 * 1440]


@pytest.mark.parametrize(("rule", "zone"), CASES)
def test_a_calendar_rule_fires_once_when_each_window_opens(rule: str, zone: str) -> None:
    """R27, R28: the begin of every window, also of one that lies wholly in a gap."""
    unit, _, rest = rule.partition(" ")
    opened = [low for low, _ in windows(clocks(zone), WALL[rule][1])]
    found = of_year(parse(f"{PERIODS[unit]} {rest}"), zone)
    if found[0] == YEAR - 1 or found[0] not in instants(opened):
        found = found[1:]  # the window that was open when the schedule was made
    assert found == [one for one in instants(opened) if one >= YEAR]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ("daily at 02:15", lambda day: [135]),
        ("daily at 02:30", lambda day: [150]),
        ("daily at 01:45", lambda day: [105]),
        ("daily at 00:00", lambda day: [0]),
        ("weekly on Sun 02:30", lambda day: [150] if day.weekday() == 6 else []),
        ("monthly on 31st 12:00", lambda day: [720] if (day + timedelta(1)).day == 1 else []),
        ("cron 30 2 * * *", lambda day: [150]),
        ("cron 0 30 2 * * *", lambda day: [150]),
        ("cron 15,45 1-3 * * *", lambda day: [h * 60 + m for h in (1, 2, 3) for m in (15, 45)]),
        ("cron 0 0 13 * FRI", lambda day: [0] if day.day == 13 or day.weekday() == 4 else []),
        ("cron 0 9 1 */3 *", lambda day: [540] if day.day == 1 and day.month % 3 == 1 else []),
        ("cron 0 9 L * *", lambda day: [540] if (day + timedelta(1)).day == 1 else []),
        ("cron 30 2 31 * *", lambda day: [150] if day.day == 31 else []),
        ("cron 0 9 * * 5#2", lambda d: [540] if d.weekday() == 4 and 8 <= d.day <= 14 else []),
        ("cron 0 9 */2 * MON", lambda day: [540] if day.weekday() == 0 and day.day % 2 else []),
    ],
)  # fmt: skip
def test_a_fixed_time_fires_once_a_day_whatever_the_clocks_do(
    rule: str, zone: str, matches: Callable[[date], list[int]]
) -> None:
    """R28, R33; defect 16: after the gap where it does not exist, the first time if twice."""
    of = clocks(zone)
    named = [on(day, minutes) for day in days() for minutes in matches(day)]
    expected = sorted({of.first(time) for time in named if of.first(time) < MINUTES})
    assert of_year(parse(rule), zone) == instants(expected)


def hours(of: Clocks) -> list[int]:
    """The minutes in which another hour begins, or the same one at another offset."""
    shown = [(one // 60, offset) for one, offset in zip(of.shown, of.offsets(), strict=True)]
    return [number for number in range(1, MINUTES) if shown[number] != shown[number - 1]]


@pytest.mark.parametrize("zone", ZONES)
def test_hourly_fires_in_each_hour_that_passes(zone: str) -> None:
    """R27: hours are real time: two where one is shown twice, none where one is left out."""
    assert of_year(parse("hourly"), zone)[-8000:] == instants(hours(clocks(zone)))[-8000:]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ("cron */15 1-3 * * *", lambda day, hour, minute: minute % 15 == 0 and 1 <= hour <= 3),
        ("cron 0 * * * *", lambda day, hour, minute: minute == 0),
        ("cron 30 */2 * * *", lambda day, hour, minute: minute == 30 and hour % 2 == 0),
        ("cron */10 2 * * *", lambda day, hour, minute: minute % 10 == 0 and hour == 2),
        ("cron * 1 * * SUN", lambda day, hour, minute: hour == 1 and day == 6),
        ("hourly at 15:00", lambda day, hour, minute: minute == 15),
        ("hourly at 45:00", lambda day, hour, minute: minute == 45),
    ],
)
def test_a_rule_of_every_hour_follows_the_clocks(
    rule: str, zone: str, matches: Callable[[int, int, int], bool]
) -> None:
    """R33: what is skipped is skipped, what is shown twice fires twice."""
    week = range(7 * 1440)  # from Thursday on, as 1970 began
    named = [matches((one // 1440 + 3) % 7, one // 60 % 24, one % 60) for one in week]
    shown = enumerate(clocks(zone).shown)
    expected = [number for number, one in shown if named[one % len(week)]]
    assert of_year(parse(rule), zone) == instants(expected)


@pytest.mark.parametrize("zone", ZONES)
def test_the_latest_instant_of_a_cron_line_is_the_one_before_the_next(zone: str) -> None:
    from schedulergodx.core.conditions.cron import Line

    for text in ("*/10 2 * * *", "15,45 1-3 * * *", "30 */4 * * *", "0 30 2 * * *"):
        line, named = Line(text), []
        now = YEAR
        while now < NEXT_YEAR:
            now = line.next(ZoneInfo(zone), now) or NEXT_YEAR
            named.append(now)
        for one, following in pairwise(named):
            for until in (one, one + 1, (one + following) / 2, following - 1):
                assert line.latest(ZoneInfo(zone), until) == one, (text, until)


@pytest.mark.parametrize("zone", ZONES)
def test_an_interval_is_real_time(zone: str) -> None:
    """R26: whatever the clocks do."""
    found = of_year(parse("every 7 hours"), zone)
    assert found == [YEAR - 1 + number * 25200 for number in range(1, len(found) + 1)]
