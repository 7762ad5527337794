"""How many jobs there are by lane and status, without counting rows.

The numbers live in memory. The database is told the difference once a transaction.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Place = tuple[int, int]  # lane, status


class Counters:
    """Numbers of jobs, and how they changed since the last commit."""

    def __init__(self) -> None:
        self._jobs: dict[_Place, int] = {}
        self._changes: dict[_Place, int] = {}

    def load(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Begin with (lane, status, jobs)."""
        self._jobs = {(lane, status): jobs for lane, status, jobs in rows}
        self._changes = {}

    def jobs(self, lane: int, status: int) -> int:
        """How many a lane has in a status."""
        return self._jobs.get((lane, status), 0)

    def total(self, status: int) -> int:
        """How many all lanes have in a status."""
        return sum(jobs for (_, other), jobs in self._jobs.items() if other == status)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """(lane, status, jobs) of those that have any."""
        return ((lane, status, jobs) for (lane, status), jobs in self._jobs.items() if jobs)

    def add(self, lane: int, status: int, jobs: int = 1) -> None:
        """So many more; a negative number for fewer."""
        place = lane, status
        self._jobs[place] = self._jobs.get(place, 0) + jobs
        self._changes[place] = self._changes.get(place, 0) + jobs

    def move(self, lane: int, was: int, now: int, jobs: int = 1) -> None:
        """So many went from a status to another."""
        self.add(lane, was, -jobs)
        self.add(lane, now, jobs)

    def add_each(self, places: Iterable[_Place]) -> None:
        """One more for each (lane, status)."""
        for (lane, status), jobs in Counter(places).items():
            self.add(lane, status, jobs)

    def move_each(self, moves: Iterable[tuple[int, int, int]]) -> None:
        """One for each (lane, was, now)."""
        for (lane, was, now), jobs in Counter(moves).items():
            self.move(lane, was, now, jobs)

    def changes(self) -> list[int]:
        """lane, status, difference of each that differs, one after the other."""
        return [
            value
            for (lane, status), jobs in self._changes.items()
            if jobs
            for value in (lane, status, jobs)
        ]

    def mark(self) -> dict[_Place, int]:
        """A place to come back to."""
        return self._changes.copy()

    def undo(self, mark: dict[_Place, int]) -> None:
        """Take back what changed since that place."""
        for place, jobs in self._changes.items():
            self._jobs[place] -= jobs - mark.get(place, 0)
        self._changes = mark.copy()

    def keep(self) -> None:
        """The changes were committed."""
        self._changes = {}
