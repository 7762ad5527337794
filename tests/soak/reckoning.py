"""What schedules must have done in the life of a service that was away again and again.

By brute force, and by no code of the project: wall times are found by looking at the clocks of a
zone every quarter of an hour, fires by going through all that could be one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

GRACE = 60.0  # seconds that a fire may be late and is not missed
LIMIT = 100  # fires that are made up for at once
_QUARTER, _MINUTE = timedelta(minutes=15), timedelta(minutes=1)


@lru_cache(1 << 20)
def first(zone: str, wall: datetime) -> float:
    """The first instant at which the clocks of a zone have come to a time, or were set beyond."""
    clocks = ZoneInfo(zone)
    day_before = wall.replace(tzinfo=UTC) - timedelta(days=1)
    offset = day_before.astimezone(clocks).utcoffset()
    assert offset is not None
    instant = wall.replace(tzinfo=UTC) - offset - timedelta(hours=4)
    while _shown(instant, clocks) < wall:
        instant += _QUARTER
    while _shown(instant - _MINUTE, clocks) >= wall:
        instant -= _MINUTE
    return instant.timestamp()


def quarters(zone: str, begin: float, end: float) -> Iterator[tuple[float, datetime]]:
    """Each quarter of an hour, and what the clocks of a zone show then."""
    clocks = ZoneInfo(zone)
    for instant in range(int(begin // 900) * 900, int(end), 900):
        yield float(instant), datetime.fromtimestamp(instant, clocks).replace(tzinfo=None)


def days(begin: float, end: float) -> Iterator[date]:
    """All days that any zone has between two instants, and some around them."""
    day = datetime.fromtimestamp(begin, UTC).date() - timedelta(days=40)
    while day <= datetime.fromtimestamp(end, UTC).date() + timedelta(days=40):
        yield day
        day += timedelta(days=1)


def _shown(instant: datetime, clocks: ZoneInfo) -> datetime:
    return instant.astimezone(clocks).replace(tzinfo=None)


class Outages:
    """When there was no service: from when to when, in their order."""

    def __init__(self, spans: Sequence[tuple[float, float]]) -> None:
        self._spans = [(begin, end) for begin, end in spans if begin < end]
        self._begins = [begin for begin, _ in self._spans]

    def after(self, instant: float) -> float:
        """That instant, or when a service was there again."""
        index = bisect_right(self._begins, instant) - 1
        return instant if index < 0 else max(instant, self._spans[index][1])


class Reckoning(Protocol):
    """What a rule must have done."""

    def fires(self, begin: float, end: float, outages: Outages, missed: str) -> list[float]:
        """The instants of its jobs, made at `begin` and looked at until `end`."""


@dataclass(frozen=True)
class Times:
    """A rule that fires at instants, late if there is no service."""

    instants: Sequence[float]

    def fires(self, begin: float, end: float, outages: Outages, missed: str) -> list[float]:
        seen: dict[float, list[float]] = {}  # the instants that are dealt with at one moment
        for instant in self.instants:
            if begin < instant and outages.after(instant) <= end:
                seen.setdefault(outages.after(instant), []).append(instant)
        return [fire for now, due in seen.items() for fire in _made(due, now, missed)]


@dataclass(frozen=True)
class Windows:
    """A rule that fires once in each window, as soon as there is a service while it is open."""

    spans: Sequence[tuple[float, float]]

    def fires(self, begin: float, end: float, outages: Outages, missed: str) -> list[float]:
        found = []
        for opens, closes in self.spans:
            due = max(opens, begin)
            now = outages.after(due)
            if begin < closes and now < closes and now <= end:
                found += _made([due], now, missed)
        return found


@dataclass(frozen=True)
class Interval:
    """A rule that fires so many seconds after its last fire."""

    seconds: float

    def fires(self, begin: float, end: float, outages: Outages, missed: str) -> list[float]:
        found, base = [], begin
        while (now := outages.after(base + self.seconds)) <= end:
            passed = [base + self.seconds]
            while missed == "run_all" and passed[-1] + self.seconds <= now:
                passed.append(passed[-1] + self.seconds)
            found += _made(passed, now, missed)
            if missed == "run_all":
                base = passed[-1] if len(passed) < LIMIT else now
            else:
                base = passed[0] if now - passed[0] < self.seconds else now
        return found


def _made(due: list[float], now: float, missed: str) -> list[float]:
    """The fires that are made, at one moment, of all that are due at it."""
    if missed == "run_all":
        return due[:LIMIT]
    return due[-1:] if missed == "run_once" or now - due[-1] <= GRACE else []
