"""Which jobs are claimed: the first of many lanes, over all of them in one order."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schedulergodx.core.job import Execution
    from schedulergodx.storage.base import Bounds
    from schedulergodx.storage.sqlite.lane_counters import Place
    from schedulergodx.storage.sqlite.limits import Head, Limits


class Source(Protocol):
    """Jobs of one place in their order, as far as they may start."""

    place: Place

    def head(self) -> Head | None:
        """The first; None at the end."""

    def take(self, most: int) -> int | None:
        """The seq of the first; None if that has moved on. `most` is how many can be taken yet."""


class PlainLane:
    """The jobs of a lane without a limit. rows: priority, seq"""

    def __init__(self, place: Place, rows: Iterable[tuple[int, int]]) -> None:
        self.place = place
        self._heads = deque((-priority, seq) for priority, seq in rows)

    def head(self) -> Head | None:
        """The first; None at the end."""
        return self._heads[0] if self._heads else None

    def take(self, most: int) -> int | None:
        """The seq of the first."""
        return self._heads.popleft()[1]


class LimitedLanes:
    """The jobs of all lanes with a limit of one place."""

    def __init__(self, place: Place, limits: Limits, now: float) -> None:
        self.place = place
        self._limits = limits
        self._now = now

    def head(self) -> Head | None:
        """The first; None at the end."""
        return self._limits.head(self.place)

    def take(self, most: int) -> int | None:
        """The seq of the first; None if that has moved on."""
        return self._limits.take(self.place, most, self._now)


def choose(
    sources: Sequence[Source],
    places: Mapping[Execution, int],
    rooms: Mapping[str, int],
    bounds: Bounds,
) -> dict[Execution, list[int]]:
    """The seqs of those that come first, by what runs them.

    places: how many each execution has
    rooms: how many each queue may have more
    """
    left, rooms = dict(places), dict(rooms)
    chosen: dict[Execution, list[int]] = {execution: [] for execution in places}
    line = [(head, n) for n, source in enumerate(sources) if (head := source.head()) is not None]
    heapq.heapify(line)
    still = sum(places.values()) if bounds.most is None else bounds.most
    least = float("-inf") if bounds.least is None else bounds.least
    while line and still > 0 and -line[0][0][0] >= least:
        source = sources[line[0][1]]
        queue, execution = source.place
        most = min(left[execution], rooms[queue])
        seq = source.take(most) if most > 0 else None
        if seq is not None:
            chosen[execution].append(seq)
            left[execution] -= 1
            still -= 1
            rooms[queue] -= 1
        head = source.head() if most > 0 else None
        if head is None:
            heapq.heappop(line)
        else:
            heapq.heapreplace(line, (head, line[0][1]))
    return chosen
