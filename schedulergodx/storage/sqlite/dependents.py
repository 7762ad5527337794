"""What the end of a job means for those that depend on it, and for its batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.core.identity import ulid
from schedulergodx.core.job import ErrorCode, Status
from schedulergodx.storage.sqlite import flow_statements as sql
from schedulergodx.storage.sqlite.session import End, JobRow, Session, as_json
from schedulergodx.storage.states import BLOCKED
from schedulergodx.storage.verdicts import Cause, parent_failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Dependents(Session):
    """Moves blocked jobs, when what they wait for has ended."""

    def _follow(self, ends: Sequence[End], causes: dict[int, Cause]) -> list[End]:
        """Release or doom what depends on jobs that have ended; the answer is the doomed.

        It costs one statement where they all completed, and none where nothing depends on them.

        causes: by seq, those of jobs that were doomed before; those of the doomed are added
        """
        completed: list[int] = []
        others: dict[int, End] = {}
        for end in ends:
            if not end.job.children:
                continue
            if end.outcome.status is Status.COMPLETED:
                completed.append(end.job.seq)
            else:
                others[end.job.seq] = end
        if completed:
            self._release(sql.RELEASE, completed, ends[0].finished)
        if not others:
            return []
        self._release(sql.RELEASE_ALL_THE_SAME, others, ends[0].finished)
        return self._doomed(others, causes)

    def _release(self, text: str, parents: Iterable[int], now: float) -> None:
        """blocked -> pending or scheduled, for what waits for nothing else."""
        self._count_released(self._connection.write(text, (now, as_json(parents))))

    def _count_released(self, rows: Iterable[tuple[int, int | None, int]]) -> None:
        moved = [row for row in rows if row[2] != BLOCKED]
        self._counters.move_each((lane, BLOCKED, status) for lane, _, status in moved)
        self._batches.move_each(
            (batch, BLOCKED, status) for _, batch, status in moved if batch is not None
        )

    def _doomed(self, parents: Mapping[int, End], causes: dict[int, Cause]) -> list[End]:
        """The ends of those that are blocked by them and do not run without them."""
        first: dict[int, tuple[int, JobRow]] = {}
        for parent, *row in self._connection.rows(sql.DOOMED, (as_json(parents),)):
            job = JobRow._make(row)
            if job.seq not in first or parent < first[job.seq][0]:
                first[job.seq] = parent, job
        ends = []
        for seq, (parent, job) in sorted(first.items()):
            cause = self._cause(parents[parent], causes.get(parent))
            causes[seq] = cause
            ends.append(End(job, parent_failed(cause), None, parents[parent].finished))
        return ends

    def _cause(self, parent: End, of_parent: Cause | None) -> Cause:
        """Why those that depend on it do not run; where it was doomed itself, why that was."""
        job, failure = parent.job, parent.outcome.failure
        doomed = failure is not None and failure.code == ErrorCode.PARENT_FAILED
        return Cause(
            job.label or ulid(job.uid),
            self._specs.key(job.spec).name,
            parent.outcome.status,
            "" if failure is None or doomed else failure.text,
            "" if of_parent is None else of_parent.sentence,
        )

    def _end_batches(self, batches: Iterable[int], now: float) -> None:
        """Release the callbacks of those of which all jobs have ended."""
        over = [batch for batch in batches if not self._batches.unfinished(batch)]
        if not over:
            return
        for batch, callback in self._connection.rows(sql.CALLBACKS, (as_json(over),)):
            if self._is_over(batch):
                rows = self._connection.write(sql.RELEASE_CALLBACK, (now, callback))
                self._count_released(rows)

    def _is_over(self, batch: int) -> bool:
        [(*_, expected, _)] = self._connection.rows(sql.BATCH, (batch,))
        jobs = sum(self._batches.counts(batch).values())
        return not self._batches.unfinished(batch) and jobs >= expected
