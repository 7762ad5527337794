"""What each rule means, moment by moment."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from schedulergodx.core.conditions.base import (
    Action,
    Event,
    Fire,
    Kind,
    Moment,
    Start,
    View,
    wakes,
)
from schedulergodx.core.conditions.own import OwnConditions
from schedulergodx.core.conditions.preview import next_fires
from schedulergodx.core.conditions.reading import parse
from tests.core.conditions.past import BERLIN, UTC, Past, instant

MADE = instant("2027-06-15 12:00")  # a Tuesday
MIN, HOUR, DAY = 60.0, 3600.0, 86400.0


def test_an_interval_is_counted_from_when_the_schedule_was_made() -> None:
    """R26: first one interval later, then from fire to fire."""
    rule, past = parse("every 10 min"), Past(made=MADE)
    assert past.due(rule, MADE) == View(False, MADE + 600, MADE)
    assert past.due(rule, MADE + 600) == View(True, None, MADE + 600)
    past.fire(rule, MADE + 600)
    assert past.due(rule, MADE + 600) == View(False, MADE + 1200, MADE + 600)


def test_an_interval_fires_at_once_if_it_is_to_start_now() -> None:
    past = Past(made=MADE, start=Start.NOW)
    assert past.due(parse("every 10 min"), MADE) == View(True, None, MADE)


def test_a_fire_that_is_a_little_late_does_not_shift_the_next() -> None:
    rule, past = parse("every 0.5 s"), Past(made=MADE)
    past.fire(rule, MADE + 0.7)
    assert past.due(rule, MADE + 0.7).changes == MADE + 1.0


def test_after_an_outage_an_interval_fires_once_and_goes_on_from_there() -> None:
    rule, past = parse("every 10 min"), Past(made=MADE)
    past.fire(rule, MADE + 10_000)
    assert past.due(rule, MADE + 10_000) == View(False, MADE + 10_600, MADE + 10_000)


def test_an_interval_based_on_the_finish_waits_for_it() -> None:
    """R26: as `based=` says."""
    rule, past = parse("every 10 min based on finish"), Past(made=MADE)
    past.fire(rule, MADE + 600)
    past.under_way[None] = 1
    assert past.due(rule, MADE + 3000) == View(False, None, MADE + 600)
    past.under_way[None] = 0
    past.add(Action.FAILED, MADE + 3000)
    assert past.due(rule, MADE + 3000).changes == MADE + 3600
    assert Event(Kind.FINISHED) in wakes(rule)


def test_daily_fires_at_once_and_then_with_each_new_day() -> None:
    """R27: a new schedule whose window is open fires at once."""
    rule, past = parse("daily"), Past(made=MADE)
    assert past.due(rule, MADE).holds
    past.fire(rule, MADE + 1)
    assert past.due(rule, MADE + 1) == View(False, instant("2027-06-16"), MADE + 1)
    assert past.due(rule, instant("2027-06-16")).holds


def test_daily_waits_for_the_next_day_if_it_is_to_start_next() -> None:
    rule, past = parse("daily"), Past(made=MADE, start=Start.NEXT)
    assert past.due(rule, MADE) == View(False, instant("2027-06-16"), MADE)
    assert past.due(rule, instant("2027-06-16")).holds


def test_a_window_over_midnight_is_one_window() -> None:
    rule, past = parse("daily between 22:00 and 02:00"), Past(made=MADE)
    past.fire(rule, instant("2027-06-16 01:00"))
    assert not past.due(rule, instant("2027-06-16 01:30")).holds
    assert past.due(rule, instant("2027-06-16 22:00")).holds


def test_a_window_that_was_missed_is_over() -> None:
    """R28: before X excludes X."""
    rule, past = parse("daily before 10:00"), Past(made=MADE)
    assert past.due(rule, instant("2027-06-16 09:59:59")).holds
    assert past.due(rule, instant("2027-06-16 10:00")).changes == instant("2027-06-17")


def test_between_two_days_includes_the_whole_of_the_second() -> None:
    rule, past = parse("time of week between Mon and Fri"), Past(made=MADE)
    assert past.due(rule, instant("2027-06-18 23:59:59")).holds
    assert not past.due(rule, instant("2027-06-19")).holds


def test_the_31st_is_the_last_day_of_a_shorter_month() -> None:
    fires = next_fires(parse("monthly on 31st"), MADE, BERLIN, Past(made=MADE), 9)
    days = ["06-30", "07-31", "08-31", "09-30", "10-31", "11-30", "12-31"]
    assert fires[:7] == [instant(f"2027-{day}") for day in days]
    assert fires[8] == instant("2028-02-29")


def test_a_fixed_time_stays_due_until_it_has_fired() -> None:
    rule, past = parse("daily at 10:00"), Past(made=MADE)
    assert past.due(rule, MADE).changes == instant("2027-06-16 10:00")
    late = instant("2027-06-18 09:00")
    assert past.due(rule, late) == View(True, None, instant("2027-06-17 10:00"))
    past.fire(rule, late)
    assert past.due(rule, late).changes == instant("2027-06-18 10:00")


@pytest.mark.parametrize("text", ["daily at 10:00", "cron 0 10 * * *"])
def test_a_fixed_time_fires_at_once_if_it_is_to_start_now(text: str) -> None:
    past = Past(made=MADE, start=Start.NOW)
    assert past.due(parse(text), MADE + 5) == View(True, None, MADE)


@pytest.mark.parametrize("text", ["daily at 02:30", "cron 30 2 * * *", "cron 15 30 2 * * *"])
def test_a_time_that_does_not_exist_fires_at_the_first_instant_after_the_gap(text: str) -> None:
    past = Past(made=instant("2027-03-27 12:00"))
    fires = next_fires(parse(text), past.made, BERLIN, past, 1)
    assert fires == [instant("2027-03-28 03:00")]


def test_a_time_that_exists_twice_fires_the_first_time() -> None:
    past = Past(made=instant("2027-10-30 12:00"))
    fires = next_fires(parse("daily at 02:30"), past.made, BERLIN, past, 2)
    assert fires == [instant("2027-10-31 02:30"), instant("2027-11-01 02:30")]


def test_a_clock_that_is_set_back_does_not_fire_a_second_time() -> None:
    rule, past = parse("daily at 10:00"), Past(made=MADE)
    ten = instant("2027-06-16 10:00")
    past.fire(rule, ten)
    for now in (ten - HOUR, ten, ten + HOUR):
        assert not past.due(rule, now).holds


def test_a_cron_time_holds_for_its_minute() -> None:
    """R33: as `crontime` says."""
    rule, past = parse("crontime 30 10 * * *"), Past(made=MADE)
    for clock, holds in (
        ("10:29:59", False),
        ("10:30", True),
        ("10:30:59", True),
        ("10:31", False),
    ):
        assert past.due(rule, instant(f"2027-06-16 {clock}")).holds is holds, clock


def test_each_end_of_another_task_fires_once() -> None:
    """R30: two ends give two fires, and those before the schedule was made none."""
    rule, past = parse("after task 'x'"), Past(made=MADE)
    past.add(Action.SUCCEEDED, MADE - 1, "x")
    past.add(Action.FAILED, MADE + 1, "x")
    past.add(Action.SUCCEEDED, MADE + 2, "y")
    assert not past.due(rule, MADE + 2).holds
    past.add(Action.SUCCEEDED, MADE + 3, "x")
    past.add(Action.SUCCEEDED, MADE + 4, "x")
    assert past.due(rule, MADE + 9) == View(True, None, MADE + 3)
    past.fire(rule, MADE + 9)
    assert past.due(rule, MADE + 9) == View(True, None, MADE + 4)
    past.fire(rule, MADE + 9)
    assert not past.due(rule, MADE + 9).holds
    assert wakes(rule) == {Event(Kind.FINISHED, "x")}


def test_an_end_is_kept_while_another_part_does_not_hold() -> None:
    rule = parse("after task 'x' finished & time of day between 14:00 and 15:00")
    past = Past(made=MADE)
    past.add(Action.TERMINATED, MADE, "x")
    assert past.due(rule, MADE) == View(False, MADE + 2 * HOUR, rule.view(past.at(MADE)).since)
    assert past.due(rule, MADE + 2 * HOUR) == View(True, MADE + 3 * HOUR, MADE + 2 * HOUR)
    past.fire(rule, MADE + 2 * HOUR)
    assert not past.due(rule, MADE + 2 * HOUR).holds


def test_after_all_of_some_tasks_waits_for_each_and_uses_up_all() -> None:
    rule, past = parse("after tasks 'a', 'b'"), Past(made=MADE)
    past.add(Action.SUCCEEDED, MADE + 1, "a")
    past.add(Action.SUCCEEDED, MADE + 2, "a")
    assert not past.due(rule, MADE + 3).holds
    past.add(Action.SUCCEEDED, MADE + 3, "b")
    past.fire(rule, MADE + 3)
    past.add(Action.SUCCEEDED, MADE + 4, "b")
    assert not past.due(rule, MADE + 4).holds


@pytest.mark.parametrize("text", ["after any tasks 'a', 'b'", "after task 'a' | after task 'b'"])
def test_after_any_of_some_tasks_fires_for_each_end(text: str) -> None:
    rule, past = parse(text), Past(made=MADE)
    past.add(Action.SUCCEEDED, MADE + 1, "b")
    past.add(Action.SUCCEEDED, MADE + 2, "a")
    past.fire(rule, MADE + 3)
    assert past.cursors == {(Action.SUCCEEDED, "b"): 1}
    past.fire(rule, MADE + 3)
    assert not past.due(rule, MADE + 3).holds


def test_has_counts_what_has_happened() -> None:
    """R31: ever, lately, in this period; how often."""
    past = Past(made=MADE)
    past.add(Action.FAILED, MADE - DAY)
    past.add(Action.FAILED, MADE)
    for text, ends in {
        "has failed": None,
        "has failed more than 1 times": None,
        "has failed past 2 hours": MADE + 2 * HOUR,
        "has failed today": instant("2027-06-16"),
        "has failed today between 11:00 and 13:00": instant("2027-06-16"),
        "has failed this week": instant("2027-06-21"),
        "has failed this month": instant("2027-07-01"),
    }.items():
        view = parse(text).view(past.at(MADE + 1))
        assert (view.holds, view.changes) == (True, ends), text
    for text in (
        "has succeeded",
        "has failed more than 2 times",
        "has failed at least 2 times today",
        "has failed today after 13:00",
        "has not failed this hour",
        "task 'x' has failed",
    ):
        assert not parse(text).view(past.at(MADE + 1)).holds, text


def test_a_window_of_today_is_not_that_of_yesterday() -> None:
    past = Past(made=MADE)
    past.add(Action.SUCCEEDED, MADE)
    rule = parse("has succeeded today between 10:00 and 13:00")
    assert rule.view(past.at(instant("2027-06-15 23:00"))).holds
    assert not rule.view(past.at(instant("2027-06-16 09:00"))).holds


def test_running_looks_at_the_runs_of_now() -> None:
    """R32: as many as there are now."""
    past = Past(made=MADE, under_way={"x": 2})
    assert parse("while task 'x' is running").view(past.at(MADE)).holds
    assert parse("task 'x' is running more than 1 times").view(past.at(MADE)).holds
    assert not parse("task 'x' is running more than 2 times").view(past.at(MADE)).holds
    assert wakes(parse("daily & task 'x' is running")) == {
        Event(Kind.STARTED, "x"),
        Event(Kind.FINISHED, "x"),
    }


def test_retry_fires_after_failures_in_a_row() -> None:
    """R34: at most so many times, and not while a run is under way."""
    rule, past = parse("daily | retry(2)"), Past(made=MADE)
    past.fire(rule, MADE)
    for failure in (1, 2):
        past.add(Action.FAILED, MADE + failure * 10)
        view = past.due(rule, MADE + failure * 10 + 5)
        assert view == View(True, instant("2027-06-16"), MADE + failure * 10) or view.holds
        past.fire(rule, MADE + failure * 10 + 5)
        assert not past.due(rule, MADE + failure * 10 + 6).holds
    past.add(Action.FAILED, MADE + 30)
    assert not past.due(rule, MADE + 35).holds
    past.add(Action.SUCCEEDED, MADE + 40)
    past.add(Action.FAILED, MADE + 50)
    assert past.due(rule, MADE + 55).holds
    assert past.due(parse("retry"), MADE + 55).holds


def test_the_service_is_young_and_then_it_is_not() -> None:
    """R35: counted from its start."""
    past = Past(service_started=MADE)
    young, old = parse("scheduler started 10 min ago"), parse("scheduler has run over 10 min")
    for now, is_young in ((MADE, True), (MADE + 599, True), (MADE + 600, False)):
        assert young.view(past.at(now)).holds is is_young
        assert old.view(past.at(now)).holds is not is_young
    assert old.view(past.at(MADE)).changes == MADE + 600


def test_each_start_of_the_service_is_used_up_by_one_fire() -> None:
    """R13, R35: one that is over when the schedule is made is none of its."""
    past, rule = Past(made=MADE, service_started=MADE - 60), parse("scheduler started")
    assert not past.due(rule, MADE + 1).holds
    for start in (MADE + 100, MADE + 200):
        past.service_started = start
        assert past.due(rule, start + 5) == View(True, None, start)
        past.fire(rule, start + 5)
        assert not past.due(rule, start + 6).holds
    at_once = Past(made=MADE, service_started=MADE - 60, start=Start.NOW)
    assert at_once.due(rule, MADE + 1) == View(True, None, MADE)


def test_environment_and_parameters_are_compared() -> None:
    """R36, R37: by name, and by what they are as text."""
    past = Past(env="test", params={"x": 5})
    for text in ("env 'test'", "param 'x' exists", "param 'x' is '5'", "true", "always true"):
        assert parse(text).view(past.at(MADE)).holds, text
    for text in ("env 'prod'", "param 'y' exists", "param 'x' is '6'"):
        assert not parse(text).view(past.at(MADE)).holds, text
    assert wakes(parse("daily & param 'x' exists")) == {Event(Kind.PARAM, "x")}


def test_a_condition_of_the_users_own_is_asked_for() -> None:
    """R39: with the groups of its syntax."""
    own = OwnConditions()
    own.add(re.compile("is (?P<what>.+)"), lambda what: what == "foo", look_every=60.0)
    moment = replace(
        Past(made=MADE).at(MADE),
        ask=lambda name, given: own.ask(name, given, now=MADE, since=MADE),
    )
    assert parse("is foo", own).view(moment) == View(True, MADE + 60, MADE)
    assert not parse("is bar", own).view(moment).holds
    assert wakes(parse("daily & is foo", own)) == {Event(Kind.OWN, "is (?P<what>.+)")}
    with pytest.raises(LookupError, match="is registered here"):
        parse("is foo", own).view(Moment(MADE, UTC, Past()))


def test_a_rule_that_a_fire_does_not_end_fires_again_when_the_run_is_over() -> None:
    rule, past = parse("time of day between 10:00 and 15:00"), Past(made=MADE)
    assert past.due(rule, MADE) == View(True, MADE + 3 * HOUR, MADE)
    past.under_way[None] = 1
    assert past.due(rule, MADE + 1) == View(False, MADE + 3 * HOUR, instant("2027-06-15 10:00"))
    past.under_way[None] = 0
    past.add(Action.SUCCEEDED, MADE + 60)
    assert past.due(rule, MADE + 60) == View(True, MADE + 3 * HOUR, MADE + 60)
    assert Event(Kind.FINISHED) in wakes(rule)


def test_parts_join_as_their_marks_say() -> None:
    """R38: and when the whole may change is when what decides may."""
    past = Past(made=MADE)
    both = parse("time of day between 13:00 and 14:00 & time of day between 13:30 and 16:00")
    view = both.view(past.at(MADE))
    assert (view.holds, view.changes) == (False, MADE + 1.5 * HOUR)
    one = parse("time of day between 11:00 and 13:00 | time of day between 10:00 and 16:00")
    assert one.view(past.at(MADE)) == View(True, MADE + 4 * HOUR, instant("2027-06-15 10:00"))
    neither = parse("~(time of day between 13:00 and 14:00 | env 'x')")
    assert neither.view(past.at(MADE)).changes == MADE + HOUR


def test_the_next_fires_are_those_that_time_alone_decides() -> None:
    past = Past(made=MADE, fired=Fire(MADE, MADE))
    rule = parse("daily at 10:00 | every 20 hours")
    assert next_fires(rule, MADE, BERLIN, past, 3) == [
        MADE + 20 * HOUR,
        instant("2027-06-16 10:00"),
        instant("2027-06-17 06:00"),
    ]
    assert next_fires(parse("after task 'x'"), MADE, BERLIN, past, 3) == []
    never = parse("crontime 0 12 29 2 *") & parse("daily before 00:07")
    assert next_fires(never, MADE, BERLIN, past, 1) == []
    open_hours = next_fires(parse("time of day between 10:00 and 12:00"), MADE, BERLIN, past, 2)
    assert open_hours == [instant("2027-06-16 10:00"), instant("2027-06-17 10:00")]
    assert next_fires(parse("daily & ~has succeeded today"), MADE + DAY, BERLIN, past, 2) == [
        MADE + DAY,
        instant("2027-06-17"),
    ]
