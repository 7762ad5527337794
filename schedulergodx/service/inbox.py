"""The inbox: envelopes become jobs, and what can't is answered and put aside.

It runs nothing and unpickles nothing of what comes in.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msgspec import structs

from schedulergodx.core.code import interpreter_tag
from schedulergodx.core.code.unit import unwrap
from schedulergodx.core.envelope import MessageType, read_header, unseal
from schedulergodx.core.identity import UID_BYTES
from schedulergodx.core.job import ErrorCode, Failure, Outcome, Spec, Status
from schedulergodx.core.lifecycle import NO_DEADLINE, first_status, start_deadline
from schedulergodx.core.limit import key_of_limit
from schedulergodx.core.message import (
    BadItem,
    Error,
    Info,
    Initialization,
    JobItem,
    TaskBody,
    read_body,
    read_task,
)
from schedulergodx.core.signing import Signer
from schedulergodx.errors import BadSignature, EnvelopeError, UnreadableCode
from schedulergodx.service.bundles import BundleRefused, Bundles
from schedulergodx.service.faults import item_fault, spec_fault, storable
from schedulergodx.service.gate import Gate
from schedulergodx.service.membership import NO_BATCH, Membership
from schedulergodx.service.tick import Arrival, Dead, Reply, Tick
from schedulergodx.storage.base import NewJob

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from schedulergodx.core.envelope import Envelope, Header
    from schedulergodx.service.admission import Admission
    from schedulergodx.service.desk import Desk
    from schedulergodx.storage.base import Store

logger = logging.getLogger(__name__)

_UNSIGNED = Signer()
_KNOWN_UNITS = 100_000
_LARGEST = 16 << 20  # bytes of an envelope; RabbitMQ 4 carries no larger message


class Inbox:
    """Takes envelopes in.

    admission: says which jobs are taken
    queues: those that this service serves
    grace: seconds that a job may be late where overdue ones are not wanted
    expiration: seconds in which a job must start that says nothing of that; None for no bound
    """

    def __init__(
        self,
        store: Store,
        desk: Desk,
        signer: Signer,
        admission: Admission,
        *,
        name: str,
        queues: Collection[str],
        grace: float,
        expiration: float | None,
        identify: Callable[[], bytes],
    ) -> None:
        self._store = store
        self._desk = desk
        self._gate = Gate(store, name)
        self._signer = signer
        self._admission = admission
        self._name = name
        self._home = next(iter(queues))
        self._queues = queues
        self._grace = grace
        self._expiration = expiration
        self._identify = identify
        self._python = interpreter_tag()
        self._known: set[bytes] = set()
        self._membership = Membership(store)
        self._bundles = Bundles(store, draft=self.draft, keep=self.keep)
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
        known = self._add([job for _, jobs in drafted for job in jobs], tick)
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
        """After a rollback: which units are kept is no longer certain."""
        self._known.clear()
        self._drafted.clear()

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
        if not task.queue:  # it was for every store: each puts it where it reads first
            task = structs.replace(task, queue=self._home)
        in_batch = task.batch is not None
        if in_batch:
            self.flush(tick)  # whose jobs are counted
        jobs = self.draft(header, task, tick.now, bad)
        if in_batch or any(job.parents or job.unique is not None for job in jobs):
            self.flush(tick)
            known = self.keep(jobs, header, tick)
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

    def draft(
        self, header: Header, task: TaskBody, now: float, bad: Sequence[BadItem] = ()
    ) -> list[NewJob]:
        """The jobs of a task, as they are stored; those that can't be run have an outcome."""
        client = self._store.client_id(header.client)
        place = NO_BATCH
        if task.batch is not None:
            place = self._membership.join(task.batch, client, len(task.jobs) + len(bad), now)
        refusal = place.refusal or self._judge(task) or self._keep_units(task)
        limit = task.spec.limit
        limited = limit is not None and refusal is None
        if limit is not None and limited:
            self._store.set_limit(limit)
        shared = _Shared(
            client=client,
            reply=header.instance if task.reply else "",
            spec=self._store.spec_id(storable(task.spec)),
            task=task,
            refusal=refusal,
            batch=place.number,
            limited=limited,
        )
        jobs = [self._job(item, shared, now) for item in task.jobs]
        jobs += [self._bad_job(item, shared, now) for item in bad]
        return place.call_off(jobs) if place.called_off else jobs

    def keep(self, jobs: list[NewJob], header: Header, tick: Tick) -> set[bytes]:
        """Store jobs, those that depend on others after the rest, and tell what ended here.

        The answer is the uids that were here before.
        """
        admission = self._gate.admit(jobs, tick)
        children = [job for job in admission.jobs if job.parents]
        rest = [job for job in admission.jobs if not job.parents]
        known = self._add(rest, tick)
        if children:
            added = self._store.add_children(children)
            known |= added.known
            tick.told += self._store.outcomes(added.ended)
        self._gate.close(admission, header, tick)
        return known

    def _add(self, jobs: Sequence[NewJob], tick: Tick) -> set[bytes]:
        """Store jobs that depend on none; the answer is the uids that were here before."""
        known = self._store.add_jobs(jobs)
        if known:
            logger.info("%d jobs were here before", len(known))
        ended = [job.uid for job in jobs if job.outcome is not None and job.uid not in known]
        if ended:
            tick.told += self._store.outcomes(ended)
        return known

    def _judge(self, task: TaskBody) -> Failure | None:
        """Why none of these jobs can be run here; None if they can."""
        spec = task.spec
        if task.queue not in self._queues:
            text = f"queue {task.queue!r} is not one that service {self._name!r} serves"
            return Failure(ErrorCode.QUEUE_NOT_SERVED, text)
        refusal = self._admission.refusal(spec)
        if refusal is not None:
            return refusal
        if spec.python != self._python and not spec.named:
            text = (
                f"the code was written by {spec.python}, and the workers of service "
                f"{self._name!r} are {self._python}: run both on the same minor version"
            )
            return Failure(ErrorCode.INCOMPATIBLE_PYTHON, text)
        fault = spec_fault(spec)
        return Failure(ErrorCode.INVALID_TASK, fault) if fault else None

    def _keep_units(self, task: TaskBody) -> Failure | None:
        """Keep the code that came along; the answer is why it is not enough."""
        fresh = {key: unit for key, unit in task.units.items() if key not in self._known}
        for key, unit in fresh.items():
            try:
                unwrap(key, unit)
            except UnreadableCode as error:
                return Failure(ErrorCode.INVALID_TASK, str(error))
        if fresh:
            self._store.add_units(fresh)
        function = () if task.spec.named else (task.spec.function,)
        needed = set(function).union(*[item.units for item in task.jobs if item.units])
        unknown = needed - self._known - task.units.keys()
        if unknown and (missing := self._store.missing_units(unknown)):
            text = f"{len(missing)} units of code are not here and did not come along: send again"
            return Failure(ErrorCode.INVALID_TASK, text)
        if len(self._known) > _KNOWN_UNITS:
            self._known.clear()
        self._known |= needed
        return None

    def _job(self, item: JobItem, shared: _Shared, now: float) -> NewJob:
        """The hot one: one struct a job, and nothing that can be shared is made again."""
        fault = item_fault(item)
        if fault is not None:
            uid = item.uid if len(item.uid) == UID_BYTES else None
            return self._bad_job(BadItem(uid, item.id, fault), shared, now)
        task = shared.task
        spec = task.spec
        refusal = shared.refusal
        expires = item.deadline
        if expires is None and self._expiration is not None:
            expires = max(item.due or now, now) + self._expiration
        deadline = (
            NO_DEADLINE
            if expires is None and (spec.enable_overdue or item.due is None)
            else start_deadline(
                item.due, expires, enable_overdue=spec.enable_overdue, grace=self._grace
            )
        )
        return NewJob(
            uid=item.uid,
            label=item.id,
            client=shared.client,
            reply=shared.reply,
            spec=shared.spec,
            queue=task.queue,
            execution=spec.execution,
            priority=task.priority,
            status=first_status(item.due, now) if refusal is None else Status.FAILED,
            created=now,
            due=item.due,
            deadline=deadline.at,
            deadline_code=deadline.code,
            arguments=item.arguments,
            units=item.units,
            outcome=None if refusal is None else Outcome(Status.FAILED, failure=refusal),
            parents=item.parents,
            batch=shared.batch,
            unique=item.unique,
            limit_key=_limit_key(spec, item) if shared.limited else "",
            about=item.about,
        )

    def _bad_job(self, item: BadItem, shared: _Shared, now: float) -> NewJob:
        text = f"this job of the envelope can't be read: {item.reason}"
        stand_in = JobItem(item.uid or self._identify(), b"", id=item.id)
        failure = shared.refusal or Failure(ErrorCode.INVALID_TASK, text)
        return self._job(stand_in, replace(shared, refusal=failure), now)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the jobs of one task have in common.

    refusal: why none can run
    limited: whether they share a limit
    """

    client: int
    reply: str
    spec: int
    task: TaskBody
    refusal: Failure | None
    batch: int | None
    limited: bool


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


def _limit_key(spec: Spec, item: JobItem) -> str:
    return "" if spec.limit is None else key_of_limit(spec.limit, item.limit_key)


def _error(header: Header, code: ErrorCode, reason: str) -> Reply:
    error = Error(header.uid, Failure(code, reason))
    return Reply(header.client, header.instance, MessageType.ERROR, error)
