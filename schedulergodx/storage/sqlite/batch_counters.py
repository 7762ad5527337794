"""How many jobs a batch has in each status, without counting rows.

Only batches that are under way stay in memory: a store may hold very many that are over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.storage.sqlite import flow_statements as sql
from schedulergodx.storage.sqlite.counters import Counters
from schedulergodx.storage.states import RUNNING, SCHEDULED, STATUSES

if TYPE_CHECKING:
    from schedulergodx.core.job import Status
    from schedulergodx.storage.sqlite.connection import Connection

_UNFINISHED = range(SCHEDULED, RUNNING + 1)
_MOST_KNOWN = 10_000


class BatchCounters(Counters):
    """Numbers of jobs by batch and status, read when they are asked for first."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self._known: set[int] = set()

    def jobs(self, batch: int, status: int) -> int:
        """How many a batch has in a status."""
        self._know(batch)
        return super().jobs(batch, status)

    def add(self, batch: int, status: int, jobs: int = 1) -> None:
        """So many more; a negative number for fewer."""
        self._know(batch)
        super().add(batch, status, jobs)

    def unfinished(self, batch: int) -> int:
        """How many of a batch have not ended."""
        return sum(self.jobs(batch, status) for status in _UNFINISHED)

    def counts(self, batch: int) -> dict[Status, int]:
        """How many of a batch are in each status that any is in."""
        numbers = {status: self.jobs(batch, number) for number, status in STATUSES.items()}
        return {status: jobs for status, jobs in numbers.items() if jobs}

    def changed(self) -> set[int]:
        """The batches whose numbers changed since the last commit."""
        return {batch for batch, _ in self._changes}

    def keep(self) -> None:
        """The changes were committed: what is over by now need not be remembered."""
        changed = self.changed()
        super().keep()
        if len(self._known) > _MOST_KNOWN:
            self.forget()
        for batch in changed & self._known:
            if not self.unfinished(batch):
                self.drop(batch)

    def forget(self) -> None:
        """Begin with nothing."""
        self._known.clear()
        self.load(())

    def drop(self, batch: int) -> None:
        """Forget a batch, and what was to be written of it."""
        self._known.discard(batch)
        for status in STATUSES:
            self._jobs.pop((batch, status), None)
            self._changes.pop((batch, status), None)

    def _know(self, batch: int) -> None:
        if batch not in self._known:
            self._known.add(batch)
            for status, jobs in self._connection.rows(sql.COUNTS_OF_BATCH, (batch,)):
                self._jobs[batch, status] = jobs
