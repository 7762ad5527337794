"""Rules, histories and texts at random."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from schedulergodx.core.conditions.base import Action, Condition, Fire, Start
from schedulergodx.core.conditions.calendar import Periodic, TimeOf
from schedulergodx.core.conditions.combined import All, Any, Constant, Not
from schedulergodx.core.conditions.cron import Cron, CronTime
from schedulergodx.core.conditions.given import Env, Param
from schedulergodx.core.conditions.interval import (
    AfterServiceStart,
    Based,
    Every,
    ServiceHasRun,
    ServiceStarted,
)
from schedulergodx.core.conditions.runs import After, Has, Past, Retry, Running, This
from schedulergodx.core.conditions.span import WHOLE, Bound, Point, Span, Unit
from tests.core.conditions import past

BEGIN = past.instant("2027-01-01", past.UTC)
YEAR = 365 * 86400.0
ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
).map(ZoneInfo)
TASKS = st.sampled_from(["x", "a & b", "it's (c)"])
NAMES = st.text(max_size=8)
SECONDS = st.floats(0.001, 1e7) | st.sampled_from([0.1, 1.0, 60.0, 5400.0, 86400.0])
LAST = {Unit.MINUTE: 60, Unit.HOUR: 3600, Unit.DAY: 86400, Unit.WEEK: 86400, Unit.MONTH: 86400}
DAYS = {Unit.WEEK: 7, Unit.MONTH: 31}


@st.composite
def spans(draw: st.DrawFn, unit: Unit, *, instants: bool = True) -> Span:
    """A span of that unit, as texts can say them."""
    whole = st.none() if unit in DAYS else st.nothing()
    second = st.integers(0, LAST[unit] // 60 - 1).map(lambda one: one * 60 % LAST[unit])
    if unit is Unit.MINUTE:
        second = st.integers(0, 59)
    point = st.builds(Point, st.integers(1, DAYS.get(unit, 1)), second | whole)
    low, high = draw(point), draw(point)
    kinds = [Bound.BETWEEN, Bound.BEFORE, Bound.AFTER, Bound.STARTING]
    kinds += [Bound.AT] if instants or low.second is None else []
    bound = draw(st.sampled_from(kinds))
    if bound is Bound.BETWEEN:
        return Span(bound, low, high)
    if bound is Bound.BEFORE:
        return Span(bound, None, high if high.key > (1, 0) else Point(1, 7))
    return Span(bound, low)


def of_units(*units: Unit) -> st.SearchStrategy[Unit]:
    return st.sampled_from(units)


PARTS = of_units(Unit.MINUTE, Unit.HOUR, Unit.DAY, Unit.WEEK, Unit.MONTH)
PERIODS = PARTS.flatmap(
    lambda unit: st.builds(This, st.just(unit), st.just(WHOLE) | spans(unit))
) | st.builds(Past, SECONDS)
LINES = (
    "*/5 * * * *",
    "30 2 * * *",
    "0 9 * * MON-FRI",
    "0 0 13 * FRI",
    "*/20 1-3 * * * *",
    "0 0 L * *",
    "15,45 */2 * * *",
    "0 12 29 2 *",
)
CRON = st.sampled_from(LINES)
TIMES = st.integers(1, 4)
TIMED: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Every, SECONDS, st.sampled_from(Based)),
    st.builds(Periodic, of_units(*Unit)),
    PARTS.flatmap(lambda unit: st.builds(Periodic, st.just(unit), spans(unit))),
    PARTS.flatmap(lambda unit: st.builds(TimeOf, st.just(unit), spans(unit, instants=False))),
    st.builds(Cron, CRON),
    st.builds(CronTime, CRON),
    st.builds(ServiceStarted, SECONDS),
    st.just(AfterServiceStart()),
    st.builds(ServiceHasRun, SECONDS),
)
TOLD: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Has, st.sampled_from(Action), st.none() | TASKS, TIMES, st.none() | PERIODS),
    st.builds(Running, st.none() | TASKS, TIMES),
    st.builds(
        After,
        st.lists(TASKS, min_size=1, max_size=3, unique=True).map(tuple),
        st.sampled_from([Action.SUCCEEDED, Action.FAILED, Action.FINISHED, Action.TERMINATED]),
        st.booleans(),
    ),
    st.builds(Retry, st.none() | TIMES),
    st.builds(Env, NAMES),
    st.builds(Param, NAMES, st.none() | NAMES),
    st.builds(Constant, st.booleans()),
)


def joined(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.builds(All, several) | st.builds(Any, several) | st.builds(Not, parts)


CONDITIONS = st.recursive(TIMED | TOLD, joined, max_leaves=5)


@st.composite
def histories(draw: st.DrawFn, now: float) -> past.Past:
    """What may have happened until now."""
    made = draw(st.floats(now - YEAR, now))
    before = st.floats(made, now)
    fired = draw(st.none() | st.builds(lambda one: Fire(*sorted(one)), st.tuples(before, before)))
    found = past.Past(
        made=made,
        start=draw(st.sampled_from(Start)),
        fired=fired,
        service_started=draw(before),
        env=draw(st.none() | NAMES),
        params=draw(st.dictionaries(NAMES, st.integers(), max_size=2)),
        under_way=draw(st.dictionaries(st.none() | TASKS, st.integers(0, 3))),
    )
    actions = st.sampled_from([action for action in Action if action is not Action.FINISHED])
    happened = st.tuples(before, actions, st.none() | TASKS)
    ordered = sorted(draw(st.lists(happened, max_size=6)), key=lambda one: one[0])
    for at, action, task in ordered:
        found.add(action, at, task)
    return found


LIKE = """
every daily hourly weekly monthly minutely secondly between and before after starting on at of time
minute hour day week month task tasks any 'x' "y&z" succeeded failed finished has not running is
while cron crontime * */5 0 9 MON-FRI L # 5th Mon Friday 10:00 25:99 retry ( ) & | ~ , 10 min 1e9
0.1 s today this past in scheduler started run over ago env param exists true false always more than
at least less times ' " \\ 12:30:61 99999999999999999999
"""
RULE_LIKE = st.lists(st.sampled_from(LIKE.split()), max_size=14).map(" ".join)
