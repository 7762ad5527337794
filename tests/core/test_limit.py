"""Rates: in no stretch more starts than allowed, and nearly as many as allowed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedulergodx.core.job import LimitRule
from schedulergodx.core.limit import (
    LONGEST_NAME,
    Rate,
    key_of_limit,
    key_of_queue,
    limit_fault,
    name_of_limit,
    rate_of,
)
from schedulergodx.quantity import format_rate, parse_rate

NOW = 1_800_000_000.0


def starts_of(rate: Rate, looks: list[float]) -> list[float]:
    """When something starts that always starts as soon as it may, and looks at these instants."""
    started: list[float] = []
    remembered = 0.0
    for now in looks:
        room = rate.room(remembered, now)
        remembered = rate.after(remembered, now, room) if room else remembered
        started += [now] * room
    return started


@given(
    starts=st.integers(1, 400),
    seconds=st.sampled_from((0.5, 1.0, 60.0)),
    gaps=st.lists(st.floats(0, 1), min_size=1, max_size=300),
)
def test_no_stretch_of_its_length_has_more_starts_than_a_rate_allows(
    starts: int, seconds: float, gaps: list[float]
) -> None:
    now, looks = NOW, []
    for gap in gaps:
        now += gap * seconds / 10
        looks.append(now)
    started = starts_of(Rate(starts, seconds), looks)
    for first, later in zip(started, started[starts:], strict=False):
        assert later - first >= seconds - 1e-5


@pytest.mark.parametrize("starts", [1, 10, 60, 1000])
def test_who_looks_often_gets_nearly_all_that_a_rate_allows(starts: int) -> None:
    looks = [NOW + n / 1000 for n in range(10_000)]
    started = starts_of(Rate(starts, 1.0), looks)
    assert len(started) >= 10 * starts * 0.93


def test_starts_are_spread_evenly() -> None:
    rate = Rate(10, 60.0)
    started = starts_of(rate, [NOW + n / 10 for n in range(1200)])
    assert [round(later - one, 1) for one, later in pairwise(started)] == [6.0] * 19


def test_what_is_remembered_says_when_the_next_may_start() -> None:
    for starts in (1, 10, 100, 1000):
        rate = Rate(starts, 60.0)
        remembered = rate.after(0.0, NOW, rate.room(0.0, NOW))
        opens = rate.opens(remembered)
        assert opens > NOW
        assert rate.room(remembered, opens - 0.01 * rate.interval) == 0
        assert rate.room(remembered, opens) == 1


def test_what_is_remembered_is_never_later_than_it_can_be() -> None:
    for starts in (1, 10, 100, 1000):
        rate = Rate(starts, 60.0)
        remembered = rate.after(0.0, NOW, rate.room(0.0, NOW))
        assert remembered <= rate.latest(NOW)
        again = rate.opens(remembered)
        assert rate.after(remembered, again, 1) <= rate.latest(again) + 1e-5


def test_keys_of_limits_and_queues_never_meet() -> None:
    key = key_of_limit(LimitRule("api"), "user 7")
    assert name_of_limit(key) == ("api", "user 7")
    assert key_of_queue("api") != key_of_limit(LimitRule("api"), "")
    assert rate_of(LimitRule("api", rate=3, seconds=2.0)) == Rate(3, 2.0)
    assert rate_of(LimitRule("api", concurrency=3)) is None


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (LimitRule(""), "name of a limit"),
        (LimitRule("a\tb"), "name of a limit"),
        (LimitRule("a" * (LONGEST_NAME + 1)), "name of a limit"),
        (LimitRule("a", concurrency=0), "at least 1"),
        (LimitRule("a", rate=0), "at least 1"),
        (LimitRule("a", rate=1, seconds=0.0), "more than 0"),
        (LimitRule("a", rate=1, seconds=float("inf")), "more than 0"),
        (LimitRule("a", rate=1, seconds=float("nan")), "more than 0"),
    ],
)
def test_what_is_wrong_with_a_limit_is_said(rule: LimitRule, text: str) -> None:
    assert text in (limit_fault(rule) or "")


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10/min", (10, 60.0)),
        ("5/s", (5, 1.0)),
        (" 100 / 15 min ", (100, 900.0)),
        ("1/h", (1, 3600.0)),
        ("7/2 s", (7, 2.0)),
    ],
)
def test_rates_are_read_and_written(text: str, rate: tuple[int, float]) -> None:
    assert parse_rate(text) == rate
    assert parse_rate(format_rate(*rate)) == rate


@pytest.mark.parametrize(
    "text", ["", "10", "/min", "10/", "0/min", "x/min", "10/x", "-1/s", "1/-1 s", 10, None]
)
def test_what_is_no_rate_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a rate is"):
        parse_rate(text)
