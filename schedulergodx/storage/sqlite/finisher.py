"""What a finisher asks of a store: to write how attempts ended."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from schedulergodx.storage.base import Again, Ending, Running
from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.endings import Endings
from schedulergodx.storage.sqlite.session import End, JobRow, pack
from schedulergodx.storage.states import SCHEDULED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from schedulergodx.core.job import Outcome
    from schedulergodx.storage.base import Told

A = TypeVar("A", Ending, Again)


class FinisherVerbs(Endings):
    """See `storage.base.Store`."""

    def finish(self, endings: Sequence[Ending]) -> list[Told]:
        """running -> a final status, with the result and its line in the outbox."""
        ends = [
            End(job, ending.outcome, ending.started, ending.finished)
            for job, ending in self._still_running(endings)
        ]
        self._add_attempts([end for end in ends if end.outcome.failure or end.job.attempt > 1])
        return self._end(ends)

    def retry(self, agains: Sequence[Again]) -> None:
        """running -> scheduled, and the attempt goes into the history."""
        moved = self._still_running(agains)
        self._add_attempts(
            [End(job, again.outcome, again.started, again.finished) for job, again in moved]
        )
        values = list(chain.from_iterable((job.seq, again.due) for job, again in moved))
        self._connection.bulk_write(sql.RETRY_JOBS, values)
        self._move([job for job, _ in moved], SCHEDULED)

    def cancel_asked(self, seqs: Collection[int]) -> set[int]:
        """Those for which a cancel was asked while they ran."""
        return {seq for (seq,) in self._connection.bulk_rows(sql.CANCEL_ASKED, list(seqs))}

    def running(self) -> list[Running]:
        """All that is marked as running: after a crash, what has to be settled."""
        return [Running(*row) for row in self._connection.rows(sql.ALL_RUNNING)]

    def _still_running(self, ends: Sequence[A]) -> list[tuple[JobRow, A]]:
        """Ends with their jobs, of those attempts that were not given up meanwhile."""
        by_attempt: dict[tuple[int, int], A] = {}
        for end in ends:
            by_attempt.setdefault((end.seq, end.attempt), end)  # of twins the first
        jobs = self._running_attempts(by_attempt)
        return [(job, by_attempt[job.seq, job.attempt]) for job in jobs]

    def _add_attempts(self, ends: Sequence[End]) -> None:
        """Put attempts into the history."""
        values: list[Any] = []
        for job, outcome, started, finished in ends:
            values += (job.seq, job.attempt, job.worker, started, finished)
            values.append(pack(_for_history(outcome)))
        self._connection.bulk_write(sql.ADD_ATTEMPTS, values)


def _for_history(outcome: Outcome) -> Outcome:
    """How an attempt ended, without what only its client can open."""
    failure = outcome.failure and replace(outcome.failure, exception=None, units=())
    return replace(outcome, value=None, units=(), failure=failure)
