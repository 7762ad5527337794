"""Finding what was kept long enough, where queues differ in how long that is.

Jobs that have ended stand in one index by status and time. A walk through it that takes the jobs of
some queues passes those of others by; so it is kept in mind how far a walk has come, and the next
one begins there.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.states import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.core.job import Status
    from schedulergodx.storage.base import Retention
    from schedulergodx.storage.sqlite.connection import Connection

_LATE = 300.0  # seconds after its end within which an outcome has been written
_ANEW = 3600.0  # seconds after which walks begin anew, for what was kept for another reason


class Walk(NamedTuple):
    """Jobs that are kept for one time: of a queue, or of all but some.

    queue: None for all but `others`
    """

    status: Status
    seconds: float
    queue: str | None
    others: tuple[str, ...]


def walks_of(retention: Retention) -> Iterator[Walk]:
    """What has to be gone through, in this order."""
    statuses = [*retention.seconds, *(s for times in retention.queues.values() for s in times)]
    for status in dict.fromkeys(statuses):
        apart = {q: times[status] for q, times in retention.queues.items() if status in times}
        seconds = retention.seconds.get(status)
        if seconds is not None:
            yield Walk(status, seconds, None, tuple(apart))
        for queue, seconds in apart.items():
            if seconds is not None:
                yield Walk(status, seconds, queue, ())


class Walks:
    """Goes them, and remembers how far it came."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._passed: dict[Walk, float] = {}  # all up to there were seen
        self._begun = 0.0

    def go(self, walk: Walk, now: float, limit: int) -> list[Any]:
        """(seq, lane, finished) of the oldest that were kept long enough, at most so many."""
        if not self._begun <= now < self._begun + _ANEW:
            self.forget()
            self._begun = now
        until = now - walk.seconds
        bounds = (NUMBERS[walk.status], self._passed.get(walk, -math.inf), until)
        rows = self._connection.rows
        if walk.queue is not None:
            found = rows(sql.KEPT_OF_QUEUE, (*bounds, walk.queue, limit))
        elif walk.others:
            found = rows(sql.KEPT_OF_OTHERS, (*bounds, json.dumps(walk.others), limit))
        else:
            return rows(sql.KEPT_LONG_ENOUGH, (*bounds, limit))
        self._passed[walk] = (found[-1][2] if len(found) == limit else until) - _LATE
        return found

    def forget(self) -> None:
        """Begin anew: what was found was not removed."""
        self._passed.clear()
