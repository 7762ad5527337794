"""Schedules of many kinds: the text of a rule by chance, and what it says, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from tests.soak.reckoning import Interval, Reckoning, Times, Windows, days, first, quarters

ZONES = [
    *("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"),
    *("America/Havana", "Africa/Casablanca", "Pacific/Chatham", "America/St_Johns"),
    *("Antarctica/Troll", "Africa/Cairo", "America/Santiago", "Pacific/Apia", "Asia/Gaza"),
]
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Subject:
    """One schedule. missed: its policy. follows: the name of the one whose jobs it comes after"""

    name: str
    rule: str
    zone: str
    missed: str
    reckoning: Reckoning | None
    follows: str | None = None


@dataclass
class Draw:
    """What the rules are drawn from."""

    chance: Random
    zone: str
    begin: float
    end: float

    @property
    def days(self) -> list[date]:
        return list(days(self.begin, self.end))

    def time(self) -> time:
        """Often one at which clocks are changed."""
        hour = self.chance.choice([0, 0, 1, 2, 2, 3, 9, 12, 18, 23])
        return time(hour, self.chance.choice([0, 0, 15, 30, 45]))

    def at(self, days: list[date], at: time) -> Times:
        return Times(sorted({first(self.zone, datetime.combine(day, at)) for day in days}))

    def whole(self, spans: list[tuple[date, date]]) -> Windows:
        """From the begin of one day to the begin of another."""
        midnight = time(0)
        return self.between([(at(low, midnight), at(high, midnight)) for low, high in spans])

    def between(self, spans: list[tuple[datetime, datetime]]) -> Windows:
        found = []
        for low, high in spans:
            opens, closes = first(self.zone, low), first(self.zone, high)
            length = (high - low).total_seconds()
            found.append((opens, closes if closes > opens else opens + length))
        return Windows(found)


at = datetime.combine
Drawn = tuple[str, Reckoning]


def _daily_at(draw: Draw) -> Drawn:
    when = draw.time()
    return f"daily at {when:%H:%M}", draw.at(draw.days, when)


def _daily_window(draw: Draw) -> Drawn:
    low, high = draw.time(), draw.time()
    if low == high:
        return "daily", draw.whole([(day, day + _DAY) for day in draw.days])
    over = _DAY if high < low else timedelta()
    spans = [(at(day, low), at(day + over, high)) for day in draw.days]
    return f"daily between {low:%H:%M} and {high:%H:%M}", draw.between(spans)


def _weekly_at(draw: Draw) -> Drawn:
    day, when = draw.chance.randrange(7), draw.time()
    rule = f"weekly on {WEEKDAYS[day]} {when:%H:%M}"
    return rule, draw.at([one for one in draw.days if one.weekday() == day], when)


def _weekly_window(draw: Draw) -> Drawn:
    low = draw.chance.randrange(6)
    high = draw.chance.randrange(low + 1, 7)
    rule = f"weekly between {WEEKDAYS[low]} and {WEEKDAYS[high]}"
    begins = [one for one in draw.days if one.weekday() == low]
    return rule, draw.whole([(one, one + (high - low + 1) * _DAY) for one in begins])


def _monthly_at(draw: Draw) -> Drawn:
    number, when = draw.chance.choice([1, 5, 15, 29, 30, 31]), draw.time()
    found = [one for one in draw.days if _is_number(one, number)]
    return f"monthly on {number} {when:%H:%M}", draw.at(found, when)


def _monthly_window(draw: Draw) -> Drawn:
    number = draw.chance.choice([4, 10, 28, 31])
    if draw.chance.random() < 0.5:
        found = [one for one in draw.days if _is_number(one, number)]
        return f"monthly on {number}", draw.whole([(one, one + _DAY) for one in found])
    firsts = [one for one in draw.days if one.day == 1]
    ends = [next(one + n * _DAY for n in range(31) if _is_number(one + n * _DAY, number))
            for one in firsts]  # fmt: skip
    return f"monthly before {number}", draw.whole(list(zip(firsts, ends, strict=True)))


def _every(draw: Draw) -> Drawn:
    hours = draw.chance.randrange(30, 400)
    return f"every {hours} hours", Interval(3600.0 * hours)


def _cron_on_days(draw: Draw) -> Drawn:
    """Day of the month OR day of the week; 31 is skipped where there is none."""
    when, number, day = draw.time(), draw.chance.choice([1, 13, 29, 31]), draw.chance.randrange(7)
    month = draw.chance.choice([2, 3, 10, 12])
    rule = f"cron {when.minute} {when.hour} {number} {month} {WEEKDAYS[day].upper()}"
    found = [one for one in draw.days if one.month == month]
    return rule, draw.at([one for one in found if one.day == number or one.weekday() == day], when)


def _cron_last(draw: Draw) -> Drawn:
    when = draw.time()
    last = [one for one in draw.days if (one + _DAY).day == 1]
    return f"cron {when.minute} {when.hour} L * *", draw.at(last, when)


def _cron_nth(draw: Draw) -> Drawn:
    """The second Friday."""
    when = draw.time()
    found = [one for one in draw.days if one.weekday() == 4 and 8 <= one.day <= 14]
    return f"cron {when.minute} {when.hour} * * 5#2", draw.at(found, when)


def _cron_steps(draw: Draw) -> Drawn:
    """A line whose hour is a step follows real time: a time that is shown twice fires twice."""
    shown = quarters(draw.zone, draw.begin, draw.end)
    return "cron 30 */12 * * *", Times(
        [instant for instant, time in shown if time.minute == 30 and time.hour % 12 == 0]
    )


def _is_number(day: date, number: int) -> bool:
    """Whether it is that day of its month: the last one of a shorter month."""
    return day.day == number or (day.day < number and (day + _DAY).day == 1)


# How often each is drawn in a thousand: what fires often is rare, or it would be all there is.
KINDS: list[tuple[int, Callable[[Draw], Drawn]]] = [
    (10, _daily_at),
    (10, _daily_window),
    (3, _cron_steps),
    (60, _every),
    (120, _weekly_at),
    (120, _weekly_window),
    (200, _monthly_at),
    (200, _monthly_window),
    (100, _cron_on_days),
    (80, _cron_last),
    (80, _cron_nth),
]


def mix(number: int, begin: float, end: float, chance: Random) -> list[Subject]:
    """So many schedules, each kind at least once; and some that follow others."""
    weights, kinds = zip(*KINDS, strict=True)
    drawn = [*kinds, *chance.choices(kinds, weights, k=number)][: number - number // 50]
    subjects = []
    for index, kind in enumerate(drawn):
        zone = chance.choice(ZONES)
        rule, reckoning = kind(Draw(chance, zone, begin, end))
        # A window that was missed is over: there is nothing to make up for.
        policies = ["run_once", "skip"] + ["run_all"] * (not isinstance(reckoning, Windows))
        subjects.append(Subject(f"s{index}", rule, zone, chance.choice(policies), reckoning))
    for index in range(number // 50):
        first = subjects[index]
        rule = f"after task '{first.name}'"
        subjects.append(Subject(f"f{index}", rule, "UTC", "run_once", None, first.name))
    return subjects
