"""What a scheduler asks of a store: what is due now, and what came too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.endings import Endings
from schedulergodx.storage.sqlite.session import End, JobRow
from schedulergodx.storage.states import PENDING, SCHEDULED
from schedulergodx.storage.verdicts import expiry

if TYPE_CHECKING:
    from schedulergodx.storage.base import Told


class SchedulerVerbs(Endings):
    """See `storage.base.Store`."""

    def release_due(self, now: float, limit: int) -> int:
        """scheduled -> pending, for what is due; the answer is how many."""
        lanes = self._connection.rows(sql.COUNT_DUE, (now, limit))
        if not lanes:
            return 0
        self._connection.write(sql.RELEASE_DUE, (now, limit))
        for lane, batch, jobs in lanes:
            self._counters.move(lane, SCHEDULED, PENDING, jobs)
            if batch is not None:
                self._batches.move(batch, SCHEDULED, PENDING, jobs)
        return sum(jobs for _, _, jobs in lanes)

    def next_due(self) -> float | None:
        """When the next scheduled job is due."""
        return self._instant(sql.NEXT_DUE)

    def expire(self, now: float, limit: int) -> list[Told]:
        """scheduled, blocked, pending -> expired, for what was not started by its deadline."""
        jobs = map(JobRow._make, self._connection.rows(sql.TOO_LATE, (now, limit)))
        return self._end([End(job, expiry(job.deadline_code), None, now) for job in jobs])

    def next_deadline(self) -> float | None:
        """When the next deadline of a waiting job is."""
        return self._instant(sql.NEXT_DEADLINE)

    def _instant(self, text: str) -> float | None:
        rows = self._connection.rows(text)
        return rows[0][0] if rows else None
