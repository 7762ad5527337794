"""What clients and operators want to know of jobs."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from schedulergodx.core.identity import uid_of
from schedulergodx.core.job import Failure, Parent
from schedulergodx.core.runs import name_in, name_note, run_of
from schedulergodx.core.view import AttemptView, JobView
from schedulergodx.storage.sqlite import flow_statements as flow_sql
from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.endings import Endings, code_of
from schedulergodx.storage.sqlite.session import as_json, unpack_outcome
from schedulergodx.storage.states import (
    BLOCKED,
    CANCELLED,
    COMPLETED,
    EXPIRED,
    FAILED,
    NUMBERS,
    ON_FAILURES,
    PENDING,
    RUNNING,
    SCHEDULED,
    STATUSES,
    TIMEOUT,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schedulergodx.core.job import Status
    from schedulergodx.core.view import JobFilter
    from schedulergodx.storage.base import Told

_FEW = 10_000  # rows that may be sorted for one answer
_INDEXES = {
    SCHEDULED: "job_scheduled",
    BLOCKED: "",
    PENDING: "job_pending",
    RUNNING: "job_running",
} | dict.fromkeys((COMPLETED, FAILED, TIMEOUT, CANCELLED, EXPIRED), "job_ended")
_NO_FAILURE = Failure(0, "")


class QuestionVerbs(Endings):
    """See `storage.base.Store`."""

    def find(self, client: str | None, id: str) -> bytes | None:
        """The uid of the newest job of that id: a label of that client, or a ULID or hex uid.

        client: None for anybody's
        """
        rows = self._connection.rows
        uid = uid_of(id)
        if uid is not None and rows(sql.IS_KNOWN, (uid,)):
            return uid
        if client is None:
            found = rows(sql.NEWEST_OF_LABEL, (id,))
        else:
            found = rows(sql.NEWEST_OF_CLIENT, (id, client))
        return found[0][0] if found else None

    def status(self, uid: bytes) -> Status | None:
        """Where a job is."""
        rows = self._connection.rows(sql.STATUS, (uid,))
        return STATUSES[rows[0][0]] if rows else None

    def outcomes(self, uids: Sequence[bytes]) -> list[Told]:
        """What is to be told of those that have ended."""
        return self._told(self._connection.bulk_rows(sql.TOLD_OF_UIDS, list(uids)))

    def view(self, uid: bytes, *, arguments: bool = True) -> JobView | None:
        """One job with its attempts and output, and, if wanted, its arguments."""
        rows = self._connection.rows(sql.VIEW, (uid,))
        if not rows:
            return None
        view = self._full_view(rows[0])
        return self._with_arguments(view) if arguments else view

    def list_jobs(self, which: JobFilter) -> list[JobView]:
        """Jobs without their attempts, texts and output."""
        index, conditions, values = self._search(which)
        rows = self._connection.rows(
            sql.list_jobs(index, conditions), (*values, max(0, which.limit))
        )
        return [self._view(row) for row in rows]

    def counts(self) -> dict[tuple[str, Status], int]:
        """How many by queue and status, without counting rows."""
        found: dict[tuple[str, Status], int] = {}
        for lane, status, jobs in self._counters:
            place = self._queue(lane), STATUSES[status]
            found[place] = found.get(place, 0) + jobs
        return found

    def _search(self, which: JobFilter) -> tuple[str, list[str], list[Any]]:
        """(index, conditions, their values) of a list."""
        conditions: list[str] = []
        values: list[Any] = []
        index = ""
        if which.status is not None:
            status = NUMBERS[which.status]
            conditions.append(f"status = {status}")
            if status > RUNNING:
                conditions.append(f"status > {RUNNING}")  # as the index has it
            if self._counters.total(status) < _FEW:
                index = _INDEXES[status]
        for condition, value in (
            ("lane IN (SELECT id FROM lane WHERE queue = ?)", which.queue),
            ("spec IN (SELECT id FROM spec WHERE name = ?)", which.task),
            ("client = (SELECT id FROM client WHERE name = ?)", which.client),
            ("seq < ?", which.before),
            ("created >= ?", which.since),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        return index, conditions, values

    def _full_view(self, row: Sequence[Any]) -> JobView:
        """A row with what its outcome and its attempts say."""
        view = replace(
            self._view(row), parents=self._parents_of([row[0]])[row[0]], batch=self._uid_of(row[-1])
        )
        [(description,)] = self._connection.rows(sql.DESCRIPTION, (view.seq,)) or [("",)]
        progress, note = self._words_of(view.seq)
        view = replace(view, note=note, progress=progress, description=description or "")
        results = self._connection.rows(sql.RESULT, (view.seq,))
        attempts = tuple(
            self._attempt_view(*attempt)
            for attempt in self._connection.rows(sql.ATTEMPTS, (view.seq,))
        )
        if not results:
            return replace(view, attempts=attempts)
        outcome = unpack_outcome(results[0][0])
        failure = outcome.failure or _NO_FAILURE
        return replace(
            view,
            text=failure.text,
            traceback=failure.traceback,
            output=outcome.output,
            attempts=attempts,
        )

    def _with_arguments(self, view: JobView) -> JobView:
        rows = self._connection.rows(sql.ARGUMENTS, (view.seq,))
        return replace(view, arguments=rows[0][0]) if rows else view

    def _parents_of(self, children: Sequence[int]) -> dict[int, tuple[Parent, ...]]:
        """The parents of jobs, by their seqs, as far as they are there."""
        found: dict[int, list[tuple[int, Parent]]] = {child: [] for child in children}
        rows = self._connection.rows(flow_sql.EDGES, (as_json(children),))
        for child, seq, uid, on_failure, result in rows:
            found[child].append((seq, Parent(uid, ON_FAILURES[on_failure], bool(result))))
        by_seq = itemgetter(0)
        return {
            child: tuple(parent for _, parent in sorted(parents, key=by_seq))
            for child, parents in found.items()
        }

    def _uid_of(self, batch: int | None) -> bytes | None:
        """The uid of a batch."""
        rows = [] if batch is None else self._connection.rows(flow_sql.UID_OF_BATCH, (batch,))
        return rows[0][0] if rows else None

    def _view(self, row: Sequence[Any]) -> JobView:
        (seq, uid, label, client, spec_id, lane, status, priority, created, due) = row[:10]
        (deadline, started, finished, attempt, worker, cancel_asked, code, name, _) = row[10:]
        spec = self._specs.key(spec_id)
        queue, execution, _ = self._lanes.key(lane)
        return JobView(
            seq=seq,
            uid=uid,
            label=label,
            client=self._clients.key(client),
            task=spec.name,
            queue=queue,
            execution=execution.value,
            status=STATUSES[status],
            priority=priority,
            created=created,
            due=due,
            deadline=deadline,
            started=started,
            finished=finished,
            attempt=attempt,
            max_attempts=spec.retry.attempts,
            lifetime=spec.lifetime,
            worker=worker,
            cancel_asked=bool(cancel_asked),
            code=code,
            text="",
            runner=self._runner(worker),
            name=name or "",
        )

    def _attempt_view(
        self, number: int, worker: int, started: float | None, finished: float, packed: bytes
    ) -> AttemptView:
        outcome = unpack_outcome(packed)
        failure = outcome.failure
        return AttemptView(
            number=number,
            worker=worker,
            status=outcome.status.value,
            started=started,
            finished=finished,
            code=code_of(outcome),
            text=failure.text if failure else "",
            traceback=failure.traceback if failure else "",
            runner=self._runner(worker),
        )

    def _runner(self, worker: int | None) -> str:
        """Who has that worker, as far as is known."""
        if worker is None:
            return ""
        run = run_of(worker)
        noted = self._connection.rows(sql.NOTE, (name_note(run),))
        return name_in(noted[0][0], run) if noted else ""
