"""Who keeps schedules, behind one small interface, and what is measured of each.

It runs in a process of its own, as a trial does. It is filled with schedules of mixed rules of
which none is due, and rests; then a thousand more fire once each, one after the other.
"""

from __future__ import annotations

import os
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from benchmarks import processes
from benchmarks.journal import Journal
from benchmarks.place import Place

TIMES = (  # rules of time alone: each keeper has them, in its own words
    "daily at 03:00",
    "daily between 22:00 and 23:00",
    "weekly on Mon",
    "monthly on 5th",
    "cron 0 4 * * MON-FRI",
    "cron */10 5 1 1 *",
    "every 20 hours",
)
ZONES = ("UTC", "Europe/Berlin", "America/New_York")
FIRES = 1000
_SETTLE = 2.0  # seconds until what follows a start is over
_REST = 10.0  # seconds in which none is due
_LEAD = 15.0  # seconds before the first fire, so that all are made by then
_STRETCH = 5.0  # seconds from the first fire to the last
_PATIENCE = 10.0  # seconds after the last was due


class Keeper(ABC):
    """One program that keeps schedules, with one setting.

    most: with how many schedules it is measured at most, where more take too long to make
    """

    most = 10**9

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    def pid(self) -> int:
        """The process that keeps the schedules: by default this one."""
        return os.getpid()

    @abstractmethod
    def fill(self, schedules: int) -> None:
        """Make so many schedules of which none is due."""

    @abstractmethod
    def start(self) -> None:
        """Begin to fire, and return."""

    @abstractmethod
    def fire_at(self, dues: Sequence[float]) -> None:
        """Make a schedule for each instant, that calls `stamp` with its place in them, once."""

    @abstractmethod
    def look(self) -> float:
        """Seconds of the processor to find when a schedule fires next, on average of those."""

    @abstractmethod
    def close(self) -> None:
        """End it."""


def measure(keeper: Keeper, schedules: int) -> dict[str, float]:
    """All figures of one keeper."""
    keeper.fill(schedules)
    figures: dict[str, float] = {"schedules": schedules}
    if schedules:
        figures["look_us"] = keeper.look() * 1e6
    keeper.start()
    time.sleep(_SETTLE)
    before = processes.cpu_seconds([keeper.pid])
    time.sleep(_REST)
    spent = processes.cpu_seconds([keeper.pid]) - before
    figures |= {"percent": spent / _REST * 100, "mb": processes.memory_mb([keeper.pid])}
    return figures | _lateness(keeper)


def _lateness(keeper: Keeper) -> dict[str, float]:
    """Milliseconds from the instants of fires to the starts of their functions."""
    journal = Journal(keeper.place.journal)
    begin = time.time() + _LEAD
    dues = [begin + _STRETCH * place / FIRES for place in range(FIRES)]
    random.Random(1).shuffle(dues)
    keeper.fire_at(dues)
    if time.time() > begin:
        raise TimeoutError(f"{FIRES} schedules took longer to make than {_LEAD:g} s")
    time.sleep(max(dues) + _PATIENCE - time.time())
    late = sorted((at - dues[value]) * 1e3 for value, at in journal.marks())
    if not late:
        return {"fired": 0}
    shares = {f"p{share}_ms": late[len(late) * share // 100] for share in (50, 99)}
    return {"fired": len(late), **shares, "max_ms": late[-1], "min_ms": late[0]}
