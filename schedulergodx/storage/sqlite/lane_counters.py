"""The counters of lanes, and what a dispatcher wants to know of them without looking at all.

A store may have very many lanes, one for each key of a limit. So it is kept in mind how many jobs
are pending at each place, and which lanes with a limit have changed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from schedulergodx.storage.sqlite.counters import Counters
from schedulergodx.storage.states import PENDING, RUNNING, STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schedulergodx.core.job import Execution
    from schedulergodx.storage.sqlite.session import Lane

Place = tuple[str, "Execution"]  # a queue, and what runs its jobs


class LaneCounters(Counters):
    """Numbers of jobs by lane and status.

    lane_of: the lane of a number
    touched: lanes with a limit in which what is pending or runs has changed, until they are looked
        at; one too many does no harm
    """

    def __init__(self, lane_of: Callable[[int], Lane]) -> None:
        super().__init__()
        self._lane_of = lane_of
        self._pending: Counter[Place] = Counter()
        self.touched: set[int] = set()

    @property
    def pending(self) -> dict[Place, int]:
        """How many are pending at each place that has any."""
        return {place: jobs for place, jobs in self._pending.items() if jobs > 0}

    def load(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Begin with (lane, status, jobs)."""
        super().load(rows)
        self._pending.clear()
        self.touched.clear()
        for lane, status, jobs in self:
            self._note(lane, status, jobs)

    def add(self, lane: int, status: int, jobs: int = 1) -> None:
        """So many more; a negative number for fewer."""
        super().add(lane, status, jobs)
        self._note(lane, status, jobs)

    def undo(self, mark: dict[tuple[int, int], int]) -> None:
        """Take back what changed since that place."""
        for place, jobs in self._changes.items():
            self._note(*place, mark.get(place, 0) - jobs)
        super().undo(mark)

    def is_empty(self, lane: int) -> bool:
        """Whether a lane has no job at all."""
        return not any(self._jobs.get((lane, status)) for status in STATUSES)

    def is_changed(self, lane: int) -> bool:
        """Whether its numbers are not yet committed."""
        return any(self._changes.get((lane, status)) for status in STATUSES)

    def drop(self, lane: int) -> None:
        """Forget a lane that is empty."""
        for status in STATUSES:
            self._jobs.pop((lane, status), None)
            self._changes.pop((lane, status), None)

    def _note(self, lane: int, status: int, jobs: int) -> None:
        if status not in (PENDING, RUNNING):
            return
        queue, execution, key = self._lane_of(lane)
        if status == PENDING:
            self._pending[queue, execution] += jobs
        if key:
            self.touched.add(lane)
