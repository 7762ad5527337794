"""What it costs to look at a rule: calls that are counted, not time."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import suppress
from types import FrameType

import pytest

from schedulergodx.core.conditions import local
from schedulergodx.core.conditions.base import Action, Fire, due
from schedulergodx.core.conditions.reading import parse
from schedulergodx.errors import BadRule
from tests.core.conditions.past import BERLIN, Past, instant

MOST = {
    "every 10 min": 15,
    "every 0.1 s based on finish": 20,
    "secondly": 160,
    "minutely at 30": 160,
    "hourly": 200,
    "hourly between 10:00 and 20:00": 200,
    "daily": 200,
    "daily at 02:30": 200,
    "daily between 22:00 and 02:30": 250,
    "weekly between Fri and Mon": 250,
    "monthly on 31st": 250,
    "time of day between 02:10 and 02:50": 250,
    "crontime * 2 * * *": 300,
    "cron */5 * * * *": 250,
    "cron 0 9 * * MON-FRI": 150,
    "cron 30 2 31 * *": 200,
    "cron 0 0 * 2 MON#5": 350,  # a day in 28 years
    "crontime * * * 2 MON#5": 900,
    "after any tasks 'a', 'b'": 50,
    "has failed today": 150,
    "has failed at least 3 times past 2 h": 20,
    "task 'a' is running": 20,
    "retry(3)": 30,
    "scheduler has run over 2 h": 20,
    "scheduler started": 20,
    "daily between 10:00 and 15:00 & after task 'a' | ~task 'b' is running & hourly": 600,
}
NOWS = [
    "2027-01-01 00:00:00",
    "2027-03-28 01:59:59",
    "2027-03-28 03:00:00",
    "2027-06-15 12:34:56",
    "2027-10-31 02:15:00",
    "2027-12-31 23:59:59",
]


def calls(rule: str, now: float, past: Past) -> Counter[str]:
    """How many functions are called to look at a rule, and how often the history is asked."""
    condition, moment = parse(rule), past.at(now, BERLIN)
    due(condition, moment)  # what is read once for each rule is read
    local.first.cache_clear()
    counted: Counter[str] = Counter()

    def count(frame: FrameType, event: str, arg: object) -> None:
        if event in ("call", "c_call"):
            counted["all"] += 1
            mine = event == "call" and frame.f_code.co_filename == Past.add.__code__.co_filename
            counted["asked"] += mine and frame.f_code.co_name in ("latest", "unconsumed", "running")

    sys.setprofile(count)
    try:
        due(condition, moment)
    finally:
        sys.setprofile(None)
    return counted


@pytest.mark.parametrize("rule", MOST)
def test_a_look_at_a_rule_costs_a_bounded_number_of_calls(rule: str) -> None:
    """Whatever the day, and however long ago the schedule was made or has fired."""
    for text in NOWS:
        now = instant(text)
        for ago in (1.0, 86400.0, 400 * 86400.0):
            for fired in (None, Fire(now - ago, now - ago)):
                past = Past(made=now - ago, fired=fired)
                past.add(Action.FAILED, now - ago)
                counted = calls(rule, now, past)
                own = 12 * counted["asked"]  # what the history of these tests costs by itself
                assert counted["all"] - own <= MOST[rule], (rule, text, ago, counted)
                assert counted["asked"] <= 8


@pytest.mark.parametrize(
    "rule",
    [
        " & ".join(["time of minute before 10", "~time of minute before 20"] * 150),
        " | ".join(["(daily at 10:00 & crontime * * 30 2 1 & time of week on Tue)"] * 150),
        "|".join(["time of minute before 10 & time of minute after 20 & monthly on 1st"] * 140),
    ],
)
def test_whether_a_rule_can_ever_hold_is_not_asked_for_long(rule: str) -> None:
    """Nobody holds up a service with a rule."""
    looks = 0

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal looks
        looks += event == "call" and frame.f_code.co_name == "around"

    sys.setprofile(count)
    with suppress(BadRule):
        parse(rule)
    sys.setprofile(None)
    assert looks <= 6000


def test_the_count_finds_a_cost_that_grows() -> None:
    costs = []
    for names in (1, 100):
        rule = f"after tasks {', '.join(repr(f'task {n}') for n in range(names))}"
        costs.append(calls(rule, 1.8e9, Past())["all"])
    assert costs[1] > 20 * costs[0]
