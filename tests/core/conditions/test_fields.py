"""The wall times that the fields of cron lines name, beside the library's own walk through time."""

from __future__ import annotations

from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from schedulergodx.core.conditions.fields import BACK, FORTH, Fields

SECOND = timedelta(seconds=1)
TIMES = st.datetimes(datetime(1999, 1, 1), datetime(2120, 1, 1)).map(
    lambda time: time.replace(microsecond=0)
)


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    """One of them, a range, a list, or a step."""
    one = st.integers(low, high)
    several = st.tuples(one, one).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.tuples(st.just("*") | several, st.integers(1, 31)).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    return st.just("*") | one.map(str) | several | step


def lists(one: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(one, min_size=1, max_size=3).map(",".join)


WEEKDAYS = numbers(0, 7) | st.sampled_from(
    ["SUN", "MON-FRI", "5L", "0L", "7L", "1#5", "0#1", "7#3", "FRI#2"]
)
LINES = st.tuples(
    st.just("") | lists(numbers(0, 59)),
    lists(numbers(0, 59)),
    lists(numbers(0, 23)),
    lists(numbers(1, 31) | st.sampled_from(["L", "LW"])),
    lists(numbers(1, 12) | st.just("JAN")),
    lists(WEEKDAYS),
).map(lambda fields: " ".join(fields).strip())


@settings(max_examples=400, deadline=None)
@given(LINES, TIMES)
@example("0 0 * 2 MON#5", datetime(2094, 5, 6, 7, 8, 9))
@example("0 0 29 2 *", datetime(2096, 2, 29, 0, 0, 1))
@example("59 59 23 31 12 *", datetime(2027, 12, 31, 23, 59, 59))
@example("0 0 0 1 1 *", datetime(2027, 1, 1))
@example("*/7 5 LW 2-4 0L", datetime(2027, 2, 28, 5, 59))
def test_they_name_what_the_library_walks_to(line: str, time: datetime) -> None:
    """R33: the first time from any on, forth and back, a missing one too."""
    try:
        forth = next(CronSim(line, time - SECOND), None)
    except CronSimError:
        assume(False)
    fields = Fields(line)
    assert fields.nearest(time, FORTH) == forth
    assert fields.nearest(time, BACK) == next(CronSim(line, time + SECOND, reverse=True), None)


def test_a_time_that_is_named_is_the_nearest_one_both_ways() -> None:
    time = datetime(2027, 5, 14, 12, 30)
    for way in (FORTH, BACK):
        assert Fields("30 12 * * FRI#2").nearest(time, way) == time
