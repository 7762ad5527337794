"""Schedules on the clock of the harness: they fire at their own instants, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedulergodx.args import Arg, Return, Session, Task
from schedulergodx.core.schedule import FireReason, ScheduleState
from schedulergodx.testing import Harness

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Diary:
    """A harness whose one task notes when it runs."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.ran: list[datetime] = []
        self.task = harness.client.task(lambda: self.ran.append(harness.now), name="note")

    def since_noon(self) -> list[float]:
        """The hours after noon at which it ran."""
        return [(moment - NOON) / HOUR for moment in self.ran]


@pytest.fixture
def diary() -> Iterator[Diary]:
    with Harness(start=NOON) as harness:
        yield Diary(harness)


def test_a_year_of_a_daily_schedule_takes_a_moment(diary: Diary) -> None:
    """R28: each day of a year at ten, with both changes of the clocks."""
    zone = ZoneInfo("Europe/Berlin")
    diary.task.schedule("daily at 10:00", zone="Europe/Berlin")
    diary.harness.advance(days=365)
    local = [moment.astimezone(zone) for moment in diary.ran]
    assert {(one.hour, one.minute, one.second) for one in local} == {(10, 0, 0)}
    first = NOON.date() + timedelta(days=1)
    assert [one.date() for one in local] == [first + timedelta(days=n) for n in range(365)]


def test_a_month_of_an_hourly_schedule_and_of_an_interval(diary: Diary) -> None:
    """R26, R27: each at its own instant, though only the harness moves the clock."""
    diary.task.schedule("hourly", start="next")
    diary.harness.client.schedule("every 2 days", diary.task, name="slow")
    diary.harness.advance(days=28)
    slow = [fire.instant for fire in diary.harness.client.session["slow"].history()]
    assert len(slow) == 14
    assert set(diary.ran) == {NOON + n * HOUR for n in range(1, 28 * 24 + 1)}
    assert len(diary.ran) == 28 * 24 + 14


def test_what_a_job_does_at_its_instant_comes_before_the_next_fire(diary: Diary) -> None:
    """R30: an end of one task is the fire of another, at the same instant."""
    diary.task.schedule("every 1 hour")
    followed: list[datetime] = []
    follow = diary.harness.client.task(lambda: followed.append(diary.harness.now), name="follow")
    follow.schedule("after task 'note'")
    diary.harness.advance(hours=5)
    assert followed == diary.ran == [NOON + n * HOUR for n in range(1, 6)]


def test_what_passes_while_the_service_is_away_was_missed(diary: Diary) -> None:
    """R48: the policy says what becomes of it, and then they go on."""
    diary.task.schedule("every 1 hour", name="once")
    diary.task.schedule("every 1 hour", name="all", missed="run_all")
    diary.task.schedule("every 1 hour", name="none", missed="skip")
    with diary.harness.service_away():
        diary.harness.advance(hours=3.5)
        assert diary.ran == []
    assert diary.since_noon() == [3.5] * 4
    diary.harness.advance(hours=1)
    whys = {
        name: [fire.why for fire in diary.harness.client.session[name].history()][::-1]
        for name in ("once", "all", "none")
    }
    assert whys["once"] == [FireReason.MISSED, FireReason.DUE]
    assert whys["all"] == [FireReason.MISSED] * 3 + [FireReason.DUE]
    assert whys["none"] == [FireReason.PASSED_BY, FireReason.DUE]


def test_a_restart_neither_loses_nor_repeats_a_fire(diary: Diary) -> None:
    """R48."""
    diary.task.schedule("every 1 hour")
    for _ in range(12):
        diary.harness.advance(minutes=30)
        diary.harness.restart()
    assert diary.since_noon() == [1, 2, 3, 4, 5, 6]


def test_a_job_reaches_the_session_of_the_test(diary: Diary) -> None:
    """R17, R24: what it asks for is asked by the client of the harness."""
    client = diary.harness.client
    schedule = diary.task.schedule("every 1 hour")
    client.session.params["place"] = "Rome"

    def control(session=Session(), note=Task("note"), place=Arg("place"), last=Return("before")):
        session.params["seen"] = [place, last, note.name]
        note.pause()

    client.task(lambda: 5, name="before").launch()
    diary.harness.drain()
    client.task(control).launch()
    diary.harness.advance(hours=2)
    assert client.session.params["seen"] == ["Rome", 5, "note"]
    assert schedule.view().state is ScheduleState.PAUSED
    assert diary.ran == []


def test_each_start_of_a_service_is_one_fire(diary: Diary) -> None:
    """R13, R14, R35: on_startup; one that was before the schedule does not count."""
    diary.task.schedule("scheduler started")
    diary.harness.advance(hours=1)
    assert diary.ran == []
    for _ in range(2):
        diary.harness.restart()
        diary.harness.advance(hours=1)
    assert diary.since_noon() == [1, 2]


def test_a_clock_that_is_set_forwards_is_an_outage(diary: Diary) -> None:
    diary.task.schedule("cron 0 * * * *")
    diary.harness.set_clock(NOON + 365 * 24 * HOUR + HOUR / 2)
    assert len(diary.ran) == 1, "once for all that it passed"
    diary.harness.advance(hours=1)
    assert len(diary.ran) == 2


@pytest.mark.parametrize("jump", [timedelta(minutes=50), timedelta(days=365, minutes=10)])
def test_a_clock_that_is_set_back_repeats_nothing_and_stops_nothing(
    diary: Diary, jump: timedelta
) -> None:
    harness, client = diary.harness, diary.harness.client
    cron = client.schedule("cron 0 * * * *", diary.task, name="cron")
    interval = client.schedule("every 1 hour", diary.task, name="interval")
    harness.advance(hours=2)
    harness.set_clock(harness.now - jump)
    back = harness.now
    harness.advance(hours=1)
    assert (back + HOUR).timestamp() in {fire.instant for fire in interval.history()}
    harness.set_clock(NOON + 2.5 * HOUR)
    harness.advance(hours=1)
    fires = [fire.instant for fire in cron.history() if fire.job is not None]
    assert len(fires) == len(set(fires))
    assert {(NOON + n * HOUR).timestamp() for n in (1, 2, 3)} <= set(fires)


def test_instants_that_the_clocks_show_again_are_due_again_for_intervals_alone(
    diary: Diary,
) -> None:
    """R26: an hour has passed in each of these; for a calendar it is the same hour."""
    harness, client = diary.harness, diary.harness.client
    rules = {
        "interval": "every 1 hour",
        "within": "every 1 hour & time of day between 12:00 and 18:00",
        "either": "every 1 hour | daily at 23:00",
        "cron": "cron 0 * * * *",
        "hourly": "hourly at 00:00",
    }
    made = {name: client.schedule(rule, diary.task, name=name) for name, rule in rules.items()}
    harness.advance(hours=3)
    harness.set_clock(harness.now - 2 * HOUR)
    harness.advance(hours=3)
    runs = {
        name: len([fire for fire in one.history() if fire.job is not None])
        for name, one in made.items()
    }
    assert runs == {"interval": 6, "within": 6, "either": 6, "cron": 4, "hourly": 4}
    for one in made.values():
        instants = [fire.instant for fire in one.history()]
        assert len(instants) == len(set(instants))
