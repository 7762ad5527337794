"""What clients and operators want of single jobs: to cancel, bury and change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from schedulergodx.core.job import ErrorCode, Execution, Status
from schedulergodx.core.names import DEFAULT_QUEUE
from schedulergodx.core.view import CancelAnswer
from schedulergodx.storage.base import Cancelled, NewJob, Running, Told
from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.inbox import InboxVerbs
from schedulergodx.storage.sqlite.keys import KeyVerbs
from schedulergodx.storage.sqlite.session import End, JobRow
from schedulergodx.storage.states import BLOCKED, PENDING, RUNNING, SCHEDULED
from schedulergodx.storage.verdicts import CALLED_OFF, UNKNOWN_SPEC

if TYPE_CHECKING:
    from schedulergodx.core.view import Change


class WishVerbs(InboxVerbs, KeyVerbs):
    """See `storage.base.Store`."""

    def cancel(self, uid: bytes, now: float) -> Cancelled:
        """scheduled, blocked, pending -> cancelled; running: the wish is noted."""
        rows = self._connection.rows(sql.JOB_OF_UID, (uid,))
        if not rows:
            return Cancelled(CancelAnswer.UNKNOWN)
        job = JobRow._make(rows[0])
        if job.status > RUNNING:
            return Cancelled(CancelAnswer.TOO_LATE)
        if job.status == RUNNING:
            return self._ask_to_cancel(job)
        told = self._end([End(job, CALLED_OFF, None, now)])
        return Cancelled(CancelAnswer.CANCELLED, told)

    def bury(self, uid: bytes, client: int, reply: str, now: float) -> Told:
        """Store a cancelled row for an unknown uid: a cancel that overtakes its job wins.

        Raises: ValueError if the uid is known
        """
        job = NewJob(
            uid,
            label=None,
            client=client,
            reply=reply,
            spec=self.spec_id(UNKNOWN_SPEC),
            queue=DEFAULT_QUEUE,
            execution=Execution.PROCESS,
            priority=0,
            status=Status.CANCELLED,
            created=now,
            outcome=CALLED_OFF,
        )
        if self.add_jobs([job]):
            raise ValueError(f"job {uid.hex()} is known: it can be cancelled, not buried")
        name = self.client_name(client)
        return Told(self._last_seq, uid, None, name, reply, 0, None, now, CALLED_OFF)

    def change(self, uid: bytes, change: Change, now: float) -> bool:
        """Change what waits. The answer is False if it is unknown, runs or has ended."""
        rows = self._connection.rows(sql.WAITING_JOB, (uid,))
        if not rows:
            return False
        was = _Waiting._make(rows[0])
        becomes = was if change.due is None else _moved(was, change.due, now)
        if change.priority is not None:
            becomes = becomes._replace(priority=change.priority)
        if change.queue is not None:
            _, execution, key = self._lanes.key(was.lane)
            becomes = becomes._replace(lane=self._lanes.number((change.queue, execution, key)))
        if change.lifetime is not None:
            becomes = becomes._replace(spec=self._with_lifetime(was.spec, change.lifetime))
        self._connection.write(sql.CHANGE, becomes[:-1])
        self._counters.add(was.lane, was.status, -1)
        self._counters.add(becomes.lane, becomes.status)
        if was.batch is not None:
            self._batches.move(was.batch, was.status, becomes.status)
        return True

    def _ask_to_cancel(self, job: JobRow) -> Cancelled:
        self._connection.write(sql.ASK_TO_CANCEL, (job.seq,))
        assert job.started is not None  # it runs
        running = Running(job.seq, job.uid, job.attempt, job.spec, job.worker, job.started)
        return Cancelled(CancelAnswer.ASKED, running=running)

    def _with_lifetime(self, spec: int, lifetime: float) -> int:
        changed = replace(self._specs.key(spec), lifetime=None if lifetime < 0 else lifetime)
        return self._specs.number(changed)


class _Waiting(NamedTuple):
    """What may change of a job that waits, as its row has it."""

    spec: int
    lane: int
    status: int
    priority: int
    due: float | None
    deadline: float | None
    deadline_code: int | None
    seq: int
    batch: int | None


def _moved(job: _Waiting, due: float, now: float) -> _Waiting:
    """The job with another due; where it may not be late, the deadline moves along."""
    due = max(due, now)
    deadline = job.deadline
    if job.deadline_code == ErrorCode.OVERDUE and deadline is not None and job.due is not None:
        deadline += due - job.due
    status = SCHEDULED if due > now else PENDING
    if job.status == BLOCKED:
        status = BLOCKED
    return job._replace(due=due, deadline=deadline, status=status)
