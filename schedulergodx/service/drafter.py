"""The drafter: what a task says becomes jobs as they are stored. What can't be run has an end.

It runs nothing and unpickles nothing of what comes in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msgspec import structs

from schedulergodx.core.code import interpreter_tag
from schedulergodx.core.code.unit import unwrap
from schedulergodx.core.identity import UID_BYTES
from schedulergodx.core.job import ErrorCode, Failure, Outcome, Spec, Status
from schedulergodx.core.lifecycle import NO_DEADLINE, first_status, start_deadline
from schedulergodx.core.limit import key_of_limit
from schedulergodx.core.message import BadItem, JobItem
from schedulergodx.errors import UnreadableCode
from schedulergodx.service.faults import item_fault, spec_fault, storable
from schedulergodx.service.membership import NO_BATCH, Membership
from schedulergodx.storage.base import NewJob

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from schedulergodx.core.envelope import Header
    from schedulergodx.core.message import TaskBody
    from schedulergodx.service.admission import Admission
    from schedulergodx.storage.base import Store

_KNOWN_UNITS = 100_000


class Drafter:
    """Makes jobs of tasks, and stores what these share: their client, spec, code and batch.

    admission: says which jobs are taken
    name: of the service
    queues: those that it serves; what is for any goes into the first
    grace: seconds that a job may be late where overdue ones are not wanted
    expiration: seconds in which a job must start that says nothing of that; None for no bound
    identify: gives a uid to a job that has none that can be read
    """

    def __init__(
        self,
        store: Store,
        admission: Admission,
        *,
        name: str,
        queues: Collection[str],
        grace: float,
        expiration: float | None,
        identify: Callable[[], bytes],
    ) -> None:
        self._store = store
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

    def draft(
        self, header: Header, task: TaskBody, now: float, bad: Sequence[BadItem] = ()
    ) -> list[NewJob]:
        """The jobs of a task, as they are stored; those that can't be run have an outcome."""
        if not task.queue:  # it was for every store: each puts it where it reads first
            task = structs.replace(task, queue=self._home)
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

    def forget(self) -> None:
        """After a rollback: which units are kept is no longer certain."""
        self._known.clear()

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


def _limit_key(spec: Spec, item: JobItem) -> str:
    return "" if spec.limit is None else key_of_limit(spec.limit, item.limit_key)
