"""Between instants and what the clocks of a zone show.

A wall time here is a naive `datetime`. One that exists twice means its first time, one that does
not exist means the first instant after the gap; so wall times in order are instants in order.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1)
_TICK = timedelta(microseconds=1)
_FAR = 3 * 3600  # seconds: no clock is set back by more


def wall(zone: ZoneInfo, instant: float) -> datetime:
    """What the clocks show."""
    return datetime.fromtimestamp(instant, zone).replace(tzinfo=None, fold=0)


def offset(zone: ZoneInfo, instant: float) -> float:
    """By how many seconds the clocks are ahead of UTC."""
    shift = datetime.fromtimestamp(instant, zone).utcoffset()
    return shift.total_seconds() if shift else 0.0


@lru_cache(4096)  # most schedules share their times
def first(zone: ZoneInfo, time: datetime) -> float:
    """The instant that a wall time means."""
    early, late = _both(zone, time)
    if early >= late:
        return _seconds(time) - early
    return transition(zone, _seconds(time) - late, _seconds(time) - early)


def showings(zone: ZoneInfo, time: datetime) -> tuple[float, ...]:
    """All instants at which the clocks show that: none in a gap, two where they are set back."""
    early, late = _both(zone, time)
    if early == late:
        return (_seconds(time) - early,)
    return (_seconds(time) - early, _seconds(time) - late) if early > late else ()


def reached(zone: ZoneInfo, instant: float) -> datetime:
    """The latest wall time that the clocks have shown until then, since they were last set."""
    aware = datetime.fromtimestamp(instant, zone)
    if not aware.fold:
        return aware.replace(tzinfo=None)
    time = aware.replace(tzinfo=None, fold=0)
    early, _ = _both(zone, time)
    back = transition(zone, _seconds(time) - early, instant)
    return _EPOCH + timedelta(seconds=back + early) - _TICK


def set_back(zone: ZoneInfo, low: float, high: float) -> float | None:
    """When the clocks are set back between two instants that are at most three hours apart."""
    if offset(zone, high) >= offset(zone, low):
        return None
    return transition(zone, low, high)


def transition(zone: ZoneInfo, low: float, high: float) -> float:
    """The first instant after `low` with the offset of `high`, which is another one."""
    below, above, before = math.floor(low), math.ceil(high), offset(zone, low)
    while above - below > 1:
        middle = (below + above) // 2
        if offset(zone, middle) == before:
            below = middle
        else:
            above = middle
    return float(above)


def nearby(instant: float) -> tuple[float, float]:
    """Between which instants a change of the clocks can make wall times around this one repeat."""
    return instant - _FAR, instant + _FAR


def _both(zone: ZoneInfo, time: datetime) -> tuple[float, float]:
    """The offsets of a wall time as seen from before a change of the clocks, and from after it."""
    early = time.replace(tzinfo=zone, fold=0).utcoffset() or timedelta()
    late = time.replace(tzinfo=zone, fold=1).utcoffset() or timedelta()
    return early.total_seconds(), late.total_seconds()


def _seconds(time: datetime) -> float:
    return (time - _EPOCH).total_seconds()
