"""When what shares a rate may start: what is remembered of rates, and what waits for one."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from schedulergodx.storage.sqlite import limit_statements as sql

if TYPE_CHECKING:
    from schedulergodx.core.limit import Rate
    from schedulergodx.storage.sqlite.connection import Connection

_MOST_REMEMBERED = 10_000
_NO_LANE = -1


class Rates:
    """Rates by the key of what shares them; see `core.limit`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._next: dict[str, float] = {}  # as the database has it, or will have
        self._spent: set[str] = set()  # keys that are to be written
        self._alarms: list[tuple[float, int]] = []  # a heap: when a lane may start again
        self._known: set[tuple[float, int]] = set()  # its entries
        self._now = 0.0

    def room(self, key: str, rate: Rate, now: float) -> int:
        """How many may start now."""
        on_time = self._on_time(key)
        if on_time > rate.latest(now):  # the clock was set back, or the rate is another one
            on_time = self._next[key] = rate.latest(now)
            self._spent.add(key)
        return rate.room(on_time, now)

    def spend(self, key: str, rate: Rate, now: float, starts: int = 1) -> float:
        """So many start now; it is on disk after `write` and a commit. What `put_back` undoes."""
        before = self._on_time(key)
        self._next[key] = rate.after(before, now, starts)
        self._spent.add(key)
        return before

    def put_back(self, key: str, before: float) -> None:
        """What was spent last did not start."""
        self._next[key] = before

    def write(self) -> None:
        """Write what was spent."""
        if self._spent:
            values = [value for key in self._spent for value in (key, self._next[key])]
            self._connection.bulk_write(sql.SET_RATES, values)
            self._spent.clear()

    def wait(self, key: str, rate: Rate, lane: int = _NO_LANE) -> None:
        """Have `next_start` say when this one has room again."""
        alarm = self.opens(key, rate), lane
        if alarm not in self._known:
            self._known.add(alarm)
            heapq.heappush(self._alarms, alarm)

    def opens(self, key: str, rate: Rate) -> float:
        """From when on another one may start."""
        return rate.opens(self._on_time(key))

    def next_start(self) -> float | None:
        """When something that waits may start; it may be in vain."""
        return self._alarms[0][0] if self._alarms else None

    def due(self, now: float) -> set[int]:
        """The lanes whose time has come; all that wait, if the clock was set back."""
        alarms = self._alarms
        back, self._now = now < self._now, now
        lanes = set()
        while alarms and (back or alarms[0][0] <= now):
            alarm = heapq.heappop(alarms)
            self._known.discard(alarm)
            lanes.add(alarm[1])
        lanes.discard(_NO_LANE)
        return lanes

    def remove(self, now: float, limit: int) -> int:
        """Remove what says nothing any more: at most so many, the answer is how many."""
        keys = self._connection.write(sql.REMOVE_RATES, (now, limit))
        for (key,) in keys:
            self._next.pop(key, None)
        return len(keys)

    def forget(self) -> None:
        """Begin with what the database says."""
        self._next.clear()
        self._spent.clear()
        self._alarms.clear()
        self._known.clear()

    def _on_time(self, key: str) -> float:
        known = self._next.get(key)
        if known is None:
            rows = self._connection.rows(sql.RATE, (key,))
            if len(self._next) > _MOST_REMEMBERED and not self._spent:
                self._next.clear()
            known = self._next[key] = rows[0][0] if rows else 0.0
        return known
