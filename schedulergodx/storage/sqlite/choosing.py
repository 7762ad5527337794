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


WAITS = 0  # no job has this seq


class Source(Protocol):
    """Jobs of one place in their order, as far as they may start."""

    place: Place

    def head(self) -> Head | None:
        """The first; None at the end."""

    def take(self, most: int, *, at_once: bool) -> int | None:
        """The seq of the first; None if that has moved on, WAITS if it must begin at once.

        most: how many can be taken yet
        at_once: whether it would
        """


class PlainLane:
    """The jobs of a lane without a limit.

    rows: priority, seq
    rated: whether they have a rate
    """

    def __init__(self, place: Place, rows: Iterable[tuple[int, int]], *, rated: bool) -> None:
        self.place = place
        self._rated = rated
        self._heads = deque((-priority, seq) for priority, seq in rows)

    def head(self) -> Head | None:
        """The first; None at the end."""
        return self._heads[0] if self._heads else None

    def take(self, most: int, *, at_once: bool) -> int | None:
        """The seq of the first, or WAITS."""
        return self._heads.popleft()[1] if at_once or not self._rated else WAITS


class LimitedLanes:
    """The jobs of all lanes with a limit of one place. rated: whether all have a rate"""

    def __init__(self, place: Place, limits: Limits, now: float, *, rated: bool) -> None:
        self.place = place
        self._rated = rated
        self._limits = limits
        self._now = now

    def head(self) -> Head | None:
        """The first; None at the end."""
        return self._limits.head(self.place)

    def take(self, most: int, *, at_once: bool) -> int | None:
        """The seq of the first; None if that has moved on, or WAITS."""
        if not at_once and (self._rated or self._limits.has_rate(self.place, self._now)):
            return WAITS
        return self._limits.take(self.place, most, self._now)


def choose(
    sources: Sequence[Source],
    places: Mapping[Execution, int],
    rooms: Mapping[str, int],
    prompt: Mapping[Execution, int],
    bounds: Bounds,
) -> dict[Execution, list[int]]:
    """The seqs of those that come first, by what runs them.

    places: how many each execution has
    rooms: how many each queue may have more
    prompt: how many of the first places begin at once what they are given, where not all do
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
        at_once = len(chosen[execution]) < prompt.get(execution, places[execution])
        seq = source.take(most, at_once=at_once) if most > 0 else None
        if seq == WAITS:
            most = left[execution] = 0  # what comes after it waits as well, or it would for ever
        elif seq is not None:
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
