"""The inbox: opens envelopes and sorts them; what can't be read is answered and put aside."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from schedulergodx.core.code import interpreter_tag
from schedulergodx.core.envelope import MessageType, read_header, unseal
from schedulergodx.core.job import ErrorCode, Failure
from schedulergodx.core.message import Error, Info, Initialization, read_body, read_task
from schedulergodx.core.signing import Signer
from schedulergodx.errors import BadSignature, EnvelopeError
from schedulergodx.service.bundles import BundleRefused, Bundles
from schedulergodx.service.tick import Arrival, Dead, Reply, Tick

if TYPE_CHECKING:
    from schedulergodx.core.envelope import Envelope, Header
    from schedulergodx.service.admission import Admission
    from schedulergodx.service.desk import Desk
    from schedulergodx.service.drafter import Drafter
    from schedulergodx.service.gate import Gate
    from schedulergodx.storage.base import NewJob, Store

logger = logging.getLogger(__name__)

_UNSIGNED = Signer()
_LARGEST = 16 << 20  # bytes of an envelope; RabbitMQ 4 carries no larger message


class Inbox:
    """Takes envelopes in.

    admission: opens messages in JSON
    drafter: makes jobs of tasks
    gate: stores them
    name: of the service
    """

    def __init__(
        self,
        store: Store,
        desk: Desk,
        signer: Signer,
        admission: Admission,
        drafter: Drafter,
        gate: Gate,
        *,
        name: str,
    ) -> None:
        self._store = store
        self._desk = desk
        self._signer = signer
        self._admission = admission
        self._drafter = drafter
        self._gate = gate
        self._name = name
        self._python = interpreter_tag()
        self._bundles = Bundles(store, draft=drafter.draft, keep=gate.keep)
        self._drafted: list[tuple[Header, list[NewJob]]] = []  # of this round, to be kept together

    def take(self, arrival: Arrival, tick: Tick) -> int:
        """Do what an envelope asks for; the answer is how many jobs that were.

        Jobs that need no look at others are stored by `flush`.
        """
        try:
            _check_size(arrival.body)
            return self._sort(self._open(arrival, tick.now), arrival, tick)
        except EnvelopeError as error:
            self.refuse(arrival, tick, str(error), code=_refusal_code(error))
            return 0

    def flush(self, tick: Tick) -> None:
        """Store the jobs that were taken so far, all at once: a statement has its price."""
        if not self._drafted:
            return
        drafted, self._drafted = self._drafted, []
        known = self._gate.add([job for _, jobs in drafted for job in jobs], tick)
        if known:
            for header, jobs in drafted:
                self._desk.repeat(known.intersection(job.uid for job in jobs), header, tick)

    def refuse(self, arrival: Arrival, tick: Tick, reason: str, *, code: ErrorCode) -> None:
        """Put an envelope aside and tell its sender, where it says who that is."""
        logger.warning("an envelope on %s goes to the dead letters: %s", arrival.queue, reason)
        tick.dead.append(Dead(arrival, reason))
        sender = self._sender(arrival)
        if sender is not None:
            tick.replies.append(_error(sender, code, reason))

    def forget(self) -> None:
        """After a rollback: what was taken is not, and which units are kept is not certain."""
        self._drafted.clear()
        self._drafter.forget()

    def _open(self, arrival: Arrival, now: float) -> Envelope:
        if arrival.properties is not None:
            return self._admission.open(arrival, arrival.properties, now)
        return unseal(arrival.body, self._signer if arrival.sent is None else _UNSIGNED)

    def _sender(self, arrival: Arrival) -> Header | None:
        if arrival.properties is not None:
            return self._admission.sender(arrival, arrival.properties)
        try:
            return read_header(arrival.body)[0]
        except EnvelopeError:
            return None

    def _sort(self, envelope: Envelope, arrival: Arrival, tick: Tick) -> int:
        header = envelope.header
        if header.type == MessageType.TASK:
            jobs = self._take_task(header, envelope.body, tick)
            tick.taken.append(arrival)
            return jobs
        self.flush(tick)  # what came before is to be seen by what comes now
        if header.type == MessageType.BUNDLE:
            jobs = self._take_bundle(header, envelope.body, tick)
            tick.taken.append(arrival)
            return jobs
        if header.type == MessageType.REQUEST:
            self._desk.answer(envelope, tick)
        elif header.type == MessageType.INITIALIZATION:
            self._register(envelope, tick)
        elif header.type == MessageType.INFO:
            logger.info("%s says that it is well", header.client)
        else:
            raise IncorrectType(
                f"a service takes no message of type {header.type}: "
                "send INITIALIZATION (0), INFO (1), TASK (3), REQUEST (4) or BUNDLE (7)"
            )
        tick.taken.append(arrival)
        return 0

    def _register(self, envelope: Envelope, tick: Tick) -> None:
        header = envelope.header
        try:
            read_body(envelope.body, Initialization)
        except EnvelopeError as error:
            raise BadInitialization(str(error)) from error
        if not header.client:
            raise BadInitialization("a client needs a name that is not empty")
        self._store.client_id(header.client)
        info = Info(header.uid, self._name, self._python)
        tick.replies.append(Reply(header.client, header.instance, MessageType.INFO, info))

    def _take_task(self, header: Header, body: bytes, tick: Tick) -> int:
        task, bad = read_task(body)
        in_batch = task.batch is not None
        if in_batch:
            self.flush(tick)  # whose jobs are counted
        jobs = self._drafter.draft(header, task, tick.now, bad)
        if in_batch or any(job.parents or job.unique is not None for job in jobs):
            self.flush(tick)
            known = self._gate.keep(jobs, header, tick)
            if known:
                self._desk.repeat(known, header, tick)
        else:
            self._drafted.append((header, jobs))
        return len(jobs)

    def _take_bundle(self, header: Header, body: bytes, tick: Tick) -> int:
        try:
            return self._bundles.take(header, body, tick)
        except EnvelopeError:
            self.forget()
            raise


class IncorrectType(EnvelopeError):
    """The type of a message is none that a service takes."""


class BadInitialization(EnvelopeError):
    """A client did not say properly who it is."""


def _check_size(envelope: bytes) -> None:
    if len(envelope) > _LARGEST:
        raise EnvelopeError(
            f"the envelope has {len(envelope) / (1 << 20):.1f} MiB and may have {_LARGEST >> 20}: "
            "send what is large another way, and its name in the job"
        )


def _refusal_code(error: EnvelopeError) -> ErrorCode:
    if isinstance(error, BadSignature):
        return ErrorCode.BAD_SIGNATURE
    if isinstance(error, IncorrectType):
        return ErrorCode.INCORRECT_TYPE
    if isinstance(error, BadInitialization):
        return ErrorCode.BAD_INITIALIZATION
    if isinstance(error, BundleRefused):
        return error.code
    return ErrorCode.INVALID_TASK


def _error(header: Header, code: ErrorCode, reason: str) -> Reply:
    error = Error(header.uid, Failure(code, reason))
    return Reply(header.client, header.instance, MessageType.ERROR, error)
