"""The desk: answers what clients and operators ask about jobs, and does what they wish."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from schedulergodx.core.any_request import read_request
from schedulergodx.core.batch import AskCancelBatch, AskJobsOfBatch, AskRequeueBatch
from schedulergodx.core.envelope import MessageType
from schedulergodx.core.follow import AskFollow
from schedulergodx.core.identity import UID_BYTES
from schedulergodx.core.job import ErrorCode, Failure, Status
from schedulergodx.core.json_answer import read_address
from schedulergodx.core.request import (
    LONGEST_NOTE,
    Answer,
    AskAnnotate,
    AskCancel,
    AskChange,
    AskClear,
    AskCounts,
    AskList,
    AskOutcomes,
    AskPause,
    AskQueues,
    AskRequeue,
    AskStatus,
    AskStop,
    AskView,
)
from schedulergodx.core.schedule import (
    AskAboutSchedule,
    AskBackfill,
    AskFires,
    AskNextFires,
    AskRunSchedule,
    AskScheduleChanges,
    AskTurnSchedule,
)
from schedulergodx.core.view import CancelAnswer
from schedulergodx.core.why import AskWhy
from schedulergodx.service.answers import Instead, RefusedError
from schedulergodx.service.batch_desk import AskAboutBatch
from schedulergodx.service.errands import SLICE
from schedulergodx.service.tick import Reply, Tick
from schedulergodx.storage.base import Retention

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from schedulergodx.core.any_request import Request
    from schedulergodx.core.envelope import Envelope, Header
    from schedulergodx.core.view import Change
    from schedulergodx.service.batch_desk import BatchDesk
    from schedulergodx.service.errands import Errands
    from schedulergodx.service.explainer import Explainer
    from schedulergodx.service.followers import Followers
    from schedulergodx.service.queues import Queues
    from schedulergodx.service.schedule_desk import ScheduleDesk
    from schedulergodx.storage.base import Cancelled, Running, Store, Told

_encode = msgspec.msgpack.Encoder().encode
_CLEARED = Retention(dict.fromkeys((Status.COMPLETED, Status.CANCELLED), 0.0))


class Desk:
    """Answers requests.

    batches, schedules: answer what is asked about these
    errands: does what takes several rounds
    followers: those that are told what becomes of jobs
    explainer: says why jobs do not run
    queues: those that this service serves
    book: what is known of them
    end: has the service end, as (restart, force)
    stop: calls off an attempt, as (job, force)
    tell: makes the RESPONSES of outcomes for one instance of a client
    """

    def __init__(
        self,
        store: Store,
        batches: BatchDesk,
        schedules: ScheduleDesk,
        errands: Errands,
        followers: Followers,
        explainer: Explainer,
        *,
        queues: Collection[str],
        book: Queues,
        end: Callable[[bool, bool], None],
        stop: Callable[[Running, bool], None],
        tell: Callable[[list[Told], str, str], list[Reply]],
    ) -> None:
        self._store = store
        self._queues = queues
        self._book = book
        self._end = end
        self._stop = stop
        self._tell = tell
        self._batches = batches
        self._schedules = schedules
        self._errands = errands
        self._followers = followers
        self._explainer = explainer

    def answer(self, envelope: Envelope, tick: Tick) -> None:
        """Answer a REQUEST. Raises: EnvelopeError"""
        header = envelope.header
        request = read_request(envelope.body)
        try:
            value = self._fulfil(request, header, tick)
        except RefusedError as refused:
            failure = Failure(refused.code, str(refused))
            body = Answer(header.uid, failure=failure)
        else:
            if value is Instead.LATER:
                return
            known = value is not Instead.UNKNOWN
            raw = msgspec.Raw(_encode(value if known else _unknown_value(request)))
            body = Answer(header.uid, raw, known=known)
        tick.replies.append(Reply(header.client, header.instance, MessageType.ANSWER, body))

    def repeat(self, uids: Collection[bytes], header: Header, tick: Tick) -> None:
        """Tell a program that speaks JSON, and can't ask, what ended of what it sent again."""
        if read_address(header.instance) is not None:
            self._tell_again(list(uids), header, tick)

    def _fulfil(self, request: Request, header: Header, tick: Tick) -> object:
        match request:
            case AskOutcomes(uids):
                return self._tell_again(uids, header, tick)
            case AskList(which):
                return self._store.list_jobs(which)
            case AskCounts():
                counts = self._store.counts()
                return [(queue, status, n) for (queue, status), n in counts.items()]
            case AskCancel():
                return self._cancel(request, header, tick)
            case AskStop(restart, force):
                tick.later.append(partial(self._end, restart, force))
                return True
            case AskQueues():
                return self._book.views()
            case AskClear(before):
                return self._errands.begin(header, partial(self._clear, before), tick)
            case AskPause(queue, paused):
                self._check_served(queue)
                return self._book.set_paused(queue, paused, tick.now)
        if isinstance(request, AskAboutBatch):
            return self._batches.fulfil(request, header, tick)
        if isinstance(request, AskAboutSchedule):
            return self._schedules.fulfil(request, header, tick)
        uid = self._store.find(header.client, request.id)
        return Instead.UNKNOWN if uid is None else self._of_job(uid, request, header, tick)

    def _of_job(self, uid: bytes, request: Request, header: Header, tick: Tick) -> object:
        match request:
            case AskStatus():
                return self._store.status(uid)
            case AskView():
                return self._store.view(uid)
            case AskRequeue():
                return self._store.requeue(uid, tick.now)
            case AskFollow():
                return self._followers.follow(uid, header)
            case AskWhy():
                return self._explainer.why(uid, tick.now)
            case AskAnnotate(_, note):
                return self._store.annotate(uid, note[:LONGEST_NOTE], tick.now)
            case AskChange(_, change):
                if change.queue is not None:
                    self._check_served(change.queue)
                _check_change(change)
                return self._store.change(uid, change, tick.now)
        raise AssertionError(request)

    def _clear(self, before: float | None, tick: Tick) -> int:
        """Forget some jobs that completed or were cancelled by then; the answer is how many."""
        while told := self._store.end_joined(tick.now, SLICE):  # who is joined to one is told first
            tick.told += told
        return self._store.prune(_CLEARED, tick.now if before is None else before, SLICE)

    def _check_served(self, queue: str) -> None:
        if queue not in self._queues:
            raise RefusedError(
                ErrorCode.QUEUE_NOT_SERVED,
                f"queue {queue!r} is not served here; these are: "
                + ", ".join(sorted(self._queues)),
            )

    def _tell_again(self, uids: list[bytes], header: Header, tick: Tick) -> object:
        told = self._store.outcomes(uids)
        tick.replies += self._tell(told, header.client, header.instance)
        return len(told) if told else Instead.UNKNOWN

    def _cancel(self, request: AskCancel, header: Header, tick: Tick) -> object:
        uid = self._store.find(header.client, request.id)
        if uid is None and request.bury is None:
            return Instead.UNKNOWN
        if uid is None:
            client = self._store.client_id(header.client)
            assert request.bury is not None
            _check_uid(request.bury)
            tick.told.append(self._store.bury(request.bury, client, header.instance, tick.now))
            return CancelAnswer.CANCELLED
        if request.waiting and self._store.status(uid) is Status.RUNNING:
            return CancelAnswer.TOO_LATE
        cancelled = self._store.cancel(uid, tick.now)
        self._follow(cancelled, request.force, tick)
        return cancelled.answer

    def _follow(self, cancelled: Cancelled, force: bool, tick: Tick) -> None:
        tick.told += cancelled.told
        running = cancelled.running
        if running is not None:
            tick.stops.append(lambda: self._stop(running, force))


def _check_uid(uid: bytes) -> None:
    if len(uid) != UID_BYTES:
        text = f"a uid has {UID_BYTES} bytes, and this one {len(uid)}"
        raise RefusedError(ErrorCode.INVALID_TASK, text)


def _check_change(change: Change) -> None:
    """What no client of ours asks for."""
    if change.due is not None and not math.isfinite(change.due):
        raise RefusedError(ErrorCode.INVALID_TASK, f"{change.due} is no time")
    if change.lifetime is not None and (change.lifetime == 0 or not math.isfinite(change.lifetime)):
        text = f"a lifetime of {change.lifetime} s is none: a negative number is no limit"
        raise RefusedError(ErrorCode.INVALID_TASK, text)


def _unknown_value(request: Request) -> object:
    """What is said of a job that is not known here, in the type of the answer."""
    match request:
        case AskCancel():
            return CancelAnswer.UNKNOWN
        case AskOutcomes() | AskCancelBatch() | AskRequeueBatch():
            return 0
        case AskJobsOfBatch() | AskNextFires() | AskFires() | AskScheduleChanges():
            return []
        case AskTurnSchedule() | AskRunSchedule():
            return False
        case AskBackfill():
            return 0, None
        case AskChange() | AskRequeue() | AskAnnotate():
            return False
    return None
