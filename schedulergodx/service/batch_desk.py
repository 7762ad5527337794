"""The desk for batches: answers what is asked about them, and does what is wished."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from schedulergodx.core.batch import (
    AskBatch,
    AskBatches,
    AskCancelBatch,
    AskCloseBatch,
    AskJobsOfBatch,
    AskRequeueBatch,
)
from schedulergodx.core.job import ErrorCode, Status
from schedulergodx.core.message import read_task
from schedulergodx.core.view import BatchState
from schedulergodx.errors import EnvelopeError
from schedulergodx.service.answers import Instead, RefusedError
from schedulergodx.service.errands import SLICE
from schedulergodx.storage.verdicts import CALLED_OFF

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.core.envelope import Header
    from schedulergodx.core.message import TaskBody
    from schedulergodx.service.errands import Errands
    from schedulergodx.service.tick import Tick
    from schedulergodx.service.watchers import Watchers
    from schedulergodx.storage.base import NewJob, Running, Store
    from schedulergodx.storage.flows import Batch

AskAboutBatch = (
    AskBatch | AskBatches | AskJobsOfBatch | AskCloseBatch | AskCancelBatch | AskRequeueBatch
)

_LONGEST_PAGE = 1000


class BatchDesk:
    """Answers requests about batches.

    watchers: who is told when a batch changes
    stop: calls off an attempt, as (job, force)
    draft: the jobs of a task, as they would be stored
    errands: does what takes several rounds
    """

    def __init__(
        self,
        store: Store,
        watchers: Watchers,
        *,
        stop: Callable[[Running, bool], None],
        draft: Callable[[Header, TaskBody, float], list[NewJob]],
        errands: Errands,
    ) -> None:
        self._store = store
        self._watchers = watchers
        self._stop = stop
        self._draft = draft
        self._errands = errands

    def fulfil(self, request: AskAboutBatch, header: Header, tick: Tick) -> object:
        """The value of the answer, or what stands for it. Raises: RefusedError"""
        if isinstance(request, AskBatches):
            which = request.which
            limit = min(which.limit, _LONGEST_PAGE)
            return self._store.list_batches(replace(which, limit=limit))
        number = self._store.find_batch(header.client, request.id)
        if number is None:
            number = self._store.find_batch(None, request.id)
        if number is None:
            return Instead.UNKNOWN
        match request:
            case AskBatch(_, wait):
                view = self._store.view_batch(number)
                if wait and not view.ended:
                    self._watchers.watch(number, header, tick)
                return view
            case AskJobsOfBatch(_, after, limit):
                return self._store.jobs_of_batch(number, after, min(limit, _LONGEST_PAGE))
            case AskCloseBatch(_, expected, callback):
                self._close(number, expected, callback, header, tick)
                return self._store.view_batch(number)
            case AskCancelBatch(_, force):
                step = partial(self._cancel, number, force)
            case AskRequeueBatch():
                step = partial(self._requeue, number, self._store.last_seq() + 1)
        return self._errands.begin(header, step, tick)

    # -- wishes -----------------------------------------------------------------------------------

    def _cancel(self, number: int, force: bool, tick: Tick) -> int:
        cancelled = self._store.cancel_batch(number, tick.now, SLICE)
        tick.told += cancelled.told
        tick.stops += [partial(self._stop, running, force) for running in cancelled.running]
        return len(cancelled.told) + len(cancelled.running)

    def _requeue(self, number: int, before: int, tick: Tick) -> int:
        return self._store.requeue_batch(number, before, tick.now, SLICE)

    # -- the end of a batch -----------------------------------------------------------------------

    def _close(
        self, number: int, expected: int, callback: bytes | None, header: Header, tick: Tick
    ) -> None:
        batch = self._store.batch(number)
        uid = None
        if callback is not None:
            job = self._callback(callback, header, tick.now)
            uid = job.uid
            self._keep_callback(job, batch, tick)
        self._store.close_batch(number, expected, uid, tick.now)

    def _callback(self, body: bytes, header: Header, now: float) -> NewJob:
        """The job that runs at the end, blocked. Raises: RefusedError"""
        try:
            task, bad = read_task(body)
        except EnvelopeError as error:
            raise RefusedError(ErrorCode.INVALID_TASK, f"the callback: {error}") from error
        jobs = [] if task.batch is not None else self._draft(header, task, now)
        if len(jobs) != 1 or bad or jobs[0].parents:
            text = "the callback of a batch is one job, without parents and of no batch"
            raise RefusedError(ErrorCode.INVALID_TASK, text)
        [job] = jobs
        failure = job.outcome and job.outcome.failure
        if failure:
            raise RefusedError(failure.code, f"the callback can't be run: {failure.text}")
        return replace(job, status=Status.BLOCKED)

    def _keep_callback(self, job: NewJob, batch: Batch, tick: Tick) -> None:
        if batch.callback not in (None, job.uid):
            text = f"batch {batch.name!r} has another callback already"
            raise RefusedError(ErrorCode.INVALID_TASK, text)
        if batch.state is BatchState.CANCELLED:
            job = replace(job, status=CALLED_OFF.status, outcome=CALLED_OFF)
        if not self._store.add_jobs([job]) and job.outcome is not None:
            tick.told += self._store.outcomes([job.uid])
