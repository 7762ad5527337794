"""What is asked of a store about batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from schedulergodx.core.identity import uid_of
from schedulergodx.core.view import BatchState, BatchView, JobView
from schedulergodx.storage.base import Running
from schedulergodx.storage.flows import Batch, BatchCancelled
from schedulergodx.storage.sqlite import flow_statements as sql
from schedulergodx.storage.sqlite import statements
from schedulergodx.storage.sqlite.questions import QuestionVerbs
from schedulergodx.storage.sqlite.requeue import Ended, RequeueVerbs
from schedulergodx.storage.sqlite.session import End, JobRow, as_json
from schedulergodx.storage.states import (
    BATCH_CANCELLED,
    BATCH_CLOSED,
    BATCH_STATES,
    RUNNING,
)
from schedulergodx.storage.verdicts import CALLED_OFF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schedulergodx.core.message import BatchRef
    from schedulergodx.core.view import BatchFilter
    from schedulergodx.storage.base import Told


class BatchVerbs(QuestionVerbs, RequeueVerbs):
    """See `storage.base.Store`."""

    def make_batch(self, ref: BatchRef, client: int, now: float) -> Batch:
        """A new batch, which is open and empty."""
        row = (ref.uid, client, ref.name, int(ref.workflow), now)
        [(number,)] = self._connection.write(sql.MAKE_BATCH, row)
        return self.batch(number)

    def batch(self, number: int) -> Batch:
        """The batch of that number. Raises: KeyError"""
        rows = self._connection.rows(sql.BATCH, (number,))
        if not rows:
            raise KeyError(number)
        [(_, uid, client, name, state, expected, callback)] = rows
        return Batch(
            number,
            uid,
            client,
            name,
            BATCH_STATES[state],
            expected,
            callback,
            jobs=sum(self._batches.counts(number).values()),
            unfinished=self._batches.unfinished(number),
        )

    def batch_of_uid(self, uid: bytes) -> int | None:
        """The number of that batch."""
        rows = self._connection.rows(sql.BATCH_OF_UID, (uid,))
        return rows[0][0] if rows else None

    def batch_of_name(self, client: int, name: str) -> int | None:
        """The number of the newest batch that a client has under that name."""
        rows = self._connection.rows(sql.BATCH_OF_CLIENT, (client, name))
        return rows[0][0] if rows else None

    def find_batch(self, client: str | None, id: str) -> int | None:
        """The number of the newest batch of that name and client, or of that ULID or hex uid."""
        uid = uid_of(id)
        number = None if uid is None else self.batch_of_uid(uid)
        if number is not None:
            return number
        if client is not None:
            return self.batch_of_name(self._clients.known(client) or 0, id)
        rows = self._connection.rows(sql.BATCH_OF_NAME, (id,))
        return rows[0][0] if rows else None

    def close_batch(self, number: int, expected: int, callback: bytes | None, now: float) -> None:
        """Close a batch, and release its callback if it is at its end."""
        batch = self.batch(number)
        state = BATCH_CANCELLED if batch.state is BatchState.CANCELLED else BATCH_CLOSED
        row = (state, max(expected, batch.expected), callback or batch.callback, number)
        self._connection.write(sql.SET_BATCH, row)
        self._end_batches([number], now)

    def cancel_batch(self, number: int, now: float, limit: int) -> BatchCancelled:
        """Call a batch off, and so many of its jobs, the youngest first; then its callback."""
        batch = self.batch(number)
        self._set_state(batch, BATCH_CANCELLED)
        waiting = self._connection.rows(sql.WAITING_OF_BATCH, (number, limit))
        told = self._call_off(list(map(JobRow._make, waiting)), now)
        rows = self._connection.rows(sql.RUNNING_OF_BATCH, (number, limit - len(waiting)))
        running = [
            Running(job.seq, job.uid, job.attempt, job.spec, job.worker, job.started or now)
            for job in map(JobRow._make, rows)
        ]
        for job in running:
            self._connection.write(statements.ASK_TO_CANCEL, (job.seq,))
        if len(waiting) + len(running) < limit and batch.callback is not None:
            row = self._connection.rows(statements.JOB_OF_UID, (batch.callback,))
            told += self._call_off(list(map(JobRow._make, row)), now)
        return BatchCancelled(told, running)

    def requeue_batch(self, number: int, before: int, now: float, limit: int) -> int:
        """Requeue so many of its jobs that did not complete, then its callback."""
        batch = self.batch(number)
        if batch.state is BatchState.CANCELLED:
            self._set_state(batch, BATCH_CLOSED)
        rows = self._connection.rows(sql.REQUEUEABLE_OF_BATCH, (number, before, limit))
        if not rows and batch.callback is not None:
            rows = self._connection.rows(sql.REQUEUEABLE_JOB, (batch.callback,))
        jobs = map(Ended._make, rows)
        return self._requeue([job for job in jobs if job.seq < before], now)

    def view_batch(self, number: int) -> BatchView:
        """A batch, as people look at it. Raises: KeyError"""
        rows = self._connection.rows(sql.BATCH_VIEW, (number,))
        if not rows:
            raise KeyError(number)
        [(_, uid, client, name, state, expected, callback, workflow, created)] = rows
        return BatchView(
            uid,
            name,
            self._clients.key(client),
            bool(workflow),
            created,
            BATCH_STATES[state],
            self._batches.counts(number),
            expected,
            callback,
        )

    def list_batches(self, which: BatchFilter) -> list[BatchView]:
        """Batches, newest first."""
        conditions, values = self._search_batches(which)
        limit = max(0, which.limit)
        rows = self._connection.rows(
            sql.list_batches(conditions), (*values, limit + len(self._batches.changed()))
        )
        numbers = [
            number
            for (number,) in rows
            if which.active is None or which.active == bool(self._batches.unfinished(number))
        ]
        return [self.view_batch(number) for number in numbers[:limit]]

    def jobs_of_batch(self, number: int, after: int, limit: int) -> list[JobView]:
        """Its jobs by seq, from the one after `after` on, with their parents."""
        rows = self._connection.rows(sql.JOBS_OF_BATCH, (number, after, max(0, limit)))
        parents = self._parents_of([row[0] for row in rows])
        [(uid,)] = self._connection.rows(sql.UID_OF_BATCH, (number,))
        return [replace(self._view(row), parents=parents[row[0]], batch=uid) for row in rows]

    def changed_batches(self) -> set[int]:
        """Those whose counts changed since `begin`."""
        return self._batches.changed()

    def last_seq(self) -> int:
        """The newest seq that was given."""
        return self._last_seq

    def _set_state(self, batch: Batch, state: int) -> None:
        row = (state, batch.expected, batch.callback, batch.number)
        self._connection.write(sql.SET_BATCH, row)

    def _call_off(self, jobs: Sequence[JobRow], now: float) -> list[Told]:
        waiting = [job for job in jobs if job.status < RUNNING]
        return self._end([End(job, CALLED_OFF, None, now) for job in waiting])

    def _search_batches(self, which: BatchFilter) -> tuple[list[str], list[Any]]:
        """(conditions, their values) of a list."""
        conditions: list[str] = []
        values: list[Any] = []
        for condition, value in (
            ("client = (SELECT id FROM client WHERE name = ?)", which.client),
            ("name = ?", which.name),
            ("workflow = ?", which.workflow),
            ("id < (SELECT page.id FROM batch AS page WHERE page.uid = ?)", which.before),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        if which.active is not None:  # the table does not know yet what changed in this round
            is_so = sql.IS_ACTIVE if which.active else f"NOT {sql.IS_ACTIVE}"
            conditions.append(f"({is_so} OR id IN (SELECT value FROM json_each(?)))")
            values.append(as_json(self._batches.changed()))
        return conditions, values
