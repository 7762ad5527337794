"""A service that fits on two screens: it runs jobs in this process, on the loop of its thread.

It opens real envelopes with the real codec and answers what a client asks; it keeps nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

import msgspec

from schedulergodx.brokers import make_broker
from schedulergodx.brokers.base import Broker, Delivery
from schedulergodx.core.any_request import read_request
from schedulergodx.core.code import Packer, Unpacker
from schedulergodx.core.envelope import Envelope, Header, MessageType, read_header, seal, unseal
from schedulergodx.core.follow import AskFollow, FollowBody, JobNews
from schedulergodx.core.identity import UidSource, uid_of, ulid
from schedulergodx.core.job import ErrorCode, Failure, Outcome, Spec, Status
from schedulergodx.core.json_data import read_arguments
from schedulergodx.core.message import (
    Error,
    Info,
    JobItem,
    Response,
    ResponsesBody,
    TaskBody,
    read_task,
)
from schedulergodx.core.names import Names
from schedulergodx.core.request import (
    Answer,
    AskCancel,
    AskChange,
    AskCounts,
    AskList,
    AskOutcomes,
    AskRequeue,
    AskStatus,
    AskView,
)
from schedulergodx.core.signing import Signer
from schedulergodx.core.view import CancelAnswer, Change, JobView
from schedulergodx.core.why import AskWhy, Reason, Why
from schedulergodx.errors import BadSignature

STORE = "small"


@dataclass
class Record:
    """One job."""

    item: JobItem
    task: TaskBody
    header: Header
    status: Status = Status.PENDING
    response: Response | None = None
    change: Change | None = None

    @property
    def id(self) -> str:
        return self.item.id or ulid(self.item.uid)


@dataclass
class SmallService:
    """What a test can see and set.

    hold: jobs wait until `release()`
    silent: nothing is answered
    refuse: envelopes are refused with this failure
    tasks: the TASK envelopes that came, with their headers
    requests: what was asked
    """

    url: str
    queues: tuple[str, ...] = ("default",)
    secret: bytes | None = None
    prefix: str = ""
    store: str = STORE
    hold: bool = False
    silent: bool = False
    refuse: Failure | None = None
    tasks: list[tuple[Header, TaskBody]] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    greetings: int = 0
    records: dict[bytes, Record] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._arrived = threading.Condition()
        self.to_worker: Any = None  # takes what is meant for a job of a worker

    def wait_for_jobs(self, number: int) -> list[Record]:
        """The records, as soon as there are so many."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.records) >= number, 10)
        return list(self.records.values())

    def wait_for_ends(self, number: int) -> None:
        """Return when so many jobs have ended."""

        def ended() -> bool:
            return sum(record.response is not None for record in self.records.values()) >= number

        with self._arrived:
            assert self._arrived.wait_for(ended, 10)

    def record(self, uid: bytes) -> Record:
        """The record of a job, as soon as it is there."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: uid in self.records, 10)
        return self.records[uid]

    def __enter__(self) -> SmallService:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def release(self) -> None:
        """Run what is held, and what comes."""
        self.hold = False
        self._loop.call_soon_threadsafe(self._run_pending)

    def send_raw(self, client: str, instance: str, data: bytes) -> None:
        """Put something into the queue of a client's responses."""
        queue = Names(self.prefix).responses(client, instance)
        self._loop.call_soon_threadsafe(self._broker.publish, queue.name, data)

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._broker: Broker = make_broker(self.url)
        self._unpacker, self._packer = Unpacker(in_worker=True), Packer(in_worker=True)
        self._identify = UidSource()
        await self._broker.open(5)
        self._signer = Signer(self.secret or self._broker.secret)
        names = self._names = Names(self.prefix)
        for queue in [*map(names.requests, self.queues), names.control(self.store)]:
            await self._broker.declare(queue)
            await self._broker.consume(queue, self._take)
        self._ready.set()
        await self._stop.wait()
        await self._broker.close()

    def _take(self, delivery: Delivery) -> None:
        self._broker.settle([delivery])
        try:
            envelope = unseal(delivery.body, self._signer)
        except BadSignature as error:
            header = read_header(delivery.body)[0]
            failure = Failure(ErrorCode.BAD_SIGNATURE, str(error))
            self._send(header, MessageType.ERROR, Error(header.uid, failure))
        else:
            self._sort(envelope)

    def _sort(self, envelope: Envelope) -> None:
        header = envelope.header
        if self.refuse is not None:
            self._send(header, MessageType.ERROR, Error(header.uid, self.refuse))
        elif header.type == MessageType.INITIALIZATION:
            self.greetings += 1
            self._send(header, MessageType.INFO, Info(header.uid, "small"))
        elif header.type == MessageType.TASK:
            self._take_task(envelope)
        elif header.type == MessageType.REQUEST:
            self._answer(envelope)

    def _take_task(self, envelope: Envelope) -> None:
        task, bad = read_task(envelope.body)
        assert not bad
        self.tasks.append((envelope.header, task))
        for key, unit in task.units.items():
            self._unpacker.add_unit(key, unit)
        with self._arrived:
            for item in task.jobs:
                self.records.setdefault(item.uid, Record(item, task, envelope.header))
            self._arrived.notify_all()
        if not self.hold:
            self._run_pending()

    def _run_pending(self) -> None:
        for record in self.records.values():
            if record.status is Status.PENDING:
                self._run(record)

    def _run(self, record: Record) -> None:
        outcome, units = self._call(record.task.spec, record.item)
        if inspect.iscoroutine(outcome):
            record.status = Status.RUNNING
            task = asyncio.ensure_future(outcome)
            task.add_done_callback(lambda done: self._end(record, self._pack(done.result), {}))
        else:
            self._end(record, outcome, units)

    def _call(self, spec: Spec, item: JobItem) -> tuple[Any, dict[bytes, bytes]]:
        function = self._unpacker.load_function(spec.function).function
        if item.arguments.startswith(b"["):
            args, kwargs = read_arguments(item.arguments)
        else:
            args, kwargs = self._unpacker.load_arguments(
                item.arguments, item.units, function=spec.function
            )
        if inspect.iscoroutinefunction(function):
            return function(*args, **kwargs), {}
        outcome = self._pack(lambda: function(*args, **kwargs))
        needs = outcome.units or (outcome.failure.units if outcome.failure else ())
        return outcome, {key: self._packer.unit(key) for key in needs}

    def _pack(self, call: Any) -> Outcome:
        try:
            packed = self._packer.pack_value(call())
        except Exception as error:
            trace, name = traceback.format_exc(), type(error).__qualname__
            try:
                exception = self._packer.pack_value(error)
            except Exception:
                failure = Failure(ErrorCode.ERROR_IN_TASK, str(error), name, trace)
            else:
                failure = Failure(
                    ErrorCode.ERROR_IN_TASK,
                    str(error),
                    name,
                    trace,
                    exception.body,
                    exception.units,
                )
            return Outcome(Status.FAILED, failure=failure, output="so far")
        return Outcome(Status.COMPLETED, packed.body, packed.units, output="printed\n")

    def end(self, uid: bytes, outcome: Outcome) -> None:
        """Let a job end this way."""
        self._loop.call_soon_threadsafe(self._end, self.record(uid), outcome, {})

    def tell_news(self, news: JobNews) -> None:
        """Tell the client of a job how it stands."""
        header = self.record(news.uid).header
        body = FollowBody([news])
        self._loop.call_soon_threadsafe(self._send, header, MessageType.FOLLOW, body)

    def take_from_worker(self, body: bytes) -> None:
        """What a running job sends: it is not signed."""
        self._loop.call_soon_threadsafe(self._sort, unseal(body, Signer()))

    def _end(self, record: Record, outcome: Outcome, units: dict[bytes, bytes]) -> None:
        now = time.time()
        record.status = outcome.status
        record.response = Response(record.item.uid, record.item.id, 1, now, now, outcome)
        self._tell(record.header, [record.response], units)
        with self._arrived:
            self._arrived.notify_all()

    def _tell(self, header: Header, responses: list[Response], units: dict[bytes, bytes]) -> None:
        self._send(header, MessageType.RESPONSES, ResponsesBody(responses, units))

    def _send(self, header: Header, type: MessageType, body: object) -> None:
        if self.silent:
            return
        data = seal(
            type,
            body,
            uid=self._identify(),
            client=header.client,
            instance=header.instance,
            created=time.time(),
            signer=self._signer,
        )
        if header.instance.startswith("worker:"):
            self.to_worker(data)
            return
        queue = self._names.responses(header.client, header.instance)
        self._broker.publish(queue.name, data).add_done_callback(lambda done: done.exception())

    # -- what is asked ----------------------------------------------------------------------------

    def _answer(self, envelope: Envelope) -> None:
        request, header = read_request(envelope.body), envelope.header
        self.requests.append(request)
        value = self._fulfil(request, header)
        known = value is not None
        raw = msgspec.Raw(msgspec.msgpack.encode(value))
        self._send(header, MessageType.ANSWER, Answer(header.uid, raw, known=known))

    def _fulfil(self, request: Any, header: Header) -> Any:
        match request:
            case AskOutcomes(uids):
                found = [r for uid in uids if (r := self._response(uid)) is not None]
                self._tell(header, found, {})
                return len(found) or None
            case AskList(which):
                views = [self._view(record) for record in self.records.values()]
                since = which.since or 0.0
                return [view for view in views if view.created >= since][: which.limit]
            case AskCounts():
                return [("default", Status.PENDING, len(self.records))]
        record = self._find(request.id)
        if record is None:
            return "cancelled" if isinstance(request, AskCancel) and request.bury else None
        match request:
            case AskStatus():
                return record.status
            case AskView():
                return self._view(record)
            case AskFollow():
                return JobNews(record.item.uid, record.status, 1)
            case AskWhy():
                return Why(Reason.BUSY, "all places are taken", {"running": 2})
            case AskRequeue():
                return record.status is Status.FAILED
            case AskChange(_, change):
                record.change = change
                return record.status is Status.PENDING
            case AskCancel():
                return self._cancel(record)
        raise AssertionError(request)

    def _cancel(self, record: Record) -> CancelAnswer:
        if record.status is Status.RUNNING:
            return CancelAnswer.ASKED
        if record.status.final:
            return CancelAnswer.TOO_LATE
        failure = Failure(ErrorCode.CANCELLED, "called off")
        self._end(record, Outcome(Status.CANCELLED, failure=failure), {})
        return CancelAnswer.CANCELLED

    def _response(self, uid: bytes) -> Response | None:
        record = self.records.get(uid)
        return None if record is None else record.response

    def _find(self, id: str) -> Record | None:
        labelled = [r for r in self.records.values() if r.item.id == id]
        return labelled[-1] if labelled else self.records.get(uid_of(id) or b"")

    def _view(self, record: Record) -> JobView:
        item, task = record.item, record.task
        return JobView(
            seq=1,
            uid=item.uid,
            label=item.id,
            client=record.header.client,
            task=task.spec.name,
            queue=task.queue,
            execution=task.spec.execution,
            status=record.status,
            priority=task.priority,
            created=record.header.created,
            due=item.due,
            deadline=item.deadline,
            started=None,
            finished=None,
            attempt=1,
            max_attempts=task.spec.retry.attempts,
            lifetime=task.spec.lifetime,
            worker=None,
            cancel_asked=False,
            code=None,
            text="",
            output="so far",
        )
