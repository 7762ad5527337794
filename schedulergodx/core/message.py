"""The bodies that an envelope can carry, one struct for each, and how they are read.

Every field is checked while it is read; a body that is not as its struct says is an EnvelopeError.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct

from schedulergodx.core.envelope import UNREADABLE
from schedulergodx.core.job import Failure, Outcome, Parent, Spec, Unique
from schedulergodx.core.properties import Properties
from schedulergodx.errors import EnvelopeError


class Initialization(Struct, frozen=True, omit_defaults=True):
    """A client says who it is.

    enable_overdue: its default, which its tasks carry as well
    """

    enable_overdue: bool = True
    python: str = ""
    serializer: str = ""


class Info(Struct, frozen=True, omit_defaults=True):
    """What was asked is done: `request` is the uid of its envelope.

    It answers an INITIALIZATION, and a TASK of which some jobs were joined to others.

    python: interpreter tag of the workers, as "cpython-311"
    joined: ids of the jobs that others, by their uids, were joined to
    """

    request: bytes
    service: str = ""
    python: str = ""
    joined: dict[bytes, str] = {}


class Error(Struct, frozen=True, omit_defaults=True):
    """An envelope was refused: `request` is its uid; none of what it carried will happen."""

    request: bytes
    failure: Failure


LONGEST_DESCRIPTION = 10_000  # characters


class About(Struct, frozen=True, array_like=True):
    """What people call one job, and say of it.

    name: 1 to 200 characters
    description: at most `LONGEST_DESCRIPTION` characters
    """

    name: str
    description: str = ""


class JobItem(Struct, frozen=True, array_like=True):
    """One job of a TASK envelope.

    uid: 16 bytes
    arguments: pickled (args, kwargs), or JSON of them
    due: instant, None for now
    deadline: instant until which it must have started
    id: the label of the client's own generator; None where the id is the uid's ULID
    units: hashes of the units that the arguments need
    parents: jobs that it depends on
    unique: a key that no other job may have
    limit_key: of its task's limit, "" for the one that all share
    about: of one that was made by hand
    """

    uid: bytes
    arguments: bytes
    due: float | None = None
    deadline: float | None = None
    id: str | None = None
    units: tuple[bytes, ...] = ()
    parents: tuple[Parent, ...] = ()
    unique: Unique | None = None
    limit_key: str = ""
    about: About | None = None


class BatchRef(Struct, frozen=True, omit_defaults=True):
    """The batch that jobs belong to. The first envelope that names one makes it.

    uid: 16 bytes; refused while its client has another batch of that name that is open, or has
        jobs that have not ended
    name: as its client calls it, 1 to 200 characters
    workflow: whether its jobs depend on each other
    """

    uid: bytes
    name: str
    workflow: bool = False


class TaskBody(Struct, frozen=True, omit_defaults=True):
    """Jobs of one task that share all options.

    units: by their hashes; all that the function needs and that no argument's class is missing from
    reply: whether somebody waits for the outcomes
    batch: that they belong to
    """

    spec: Spec
    units: dict[bytes, bytes]
    jobs: list[JobItem]
    queue: str = "default"
    priority: int = 0
    reply: bool = True
    batch: BatchRef | None = None


class _LooseTaskBody(Struct, frozen=True, omit_defaults=True):
    """A TaskBody whose jobs are opened one by one, so that a bad one harms no other."""

    spec: Spec
    units: dict[bytes, bytes]
    jobs: list[msgspec.Raw]
    queue: str = "default"
    priority: int = 0
    reply: bool = True
    batch: BatchRef | None = None


class BundleBody(Struct, frozen=True, omit_defaults=True):
    """Jobs of several tasks that are stored in one transaction, or refused as a whole.

    tasks: in any order; their batch, where they have one, is the same
    close: whether no job will join their batch any more
    before: jobs that wait for others, by their uids, each with those of this bundle that it is to
        wait for as well. The bundle names no batch then: its jobs join the one of those
    """

    tasks: list[TaskBody]
    close: bool = True
    before: dict[bytes, tuple[Parent, ...]] = {}


class Response(Struct, frozen=True, array_like=True):
    """What a client is told of one job that has ended.

    id: the label of the client's own generator; None where the id is the uid's ULID
    """

    uid: bytes
    id: str | None
    attempt: int
    started: float | None
    finished: float
    outcome: Outcome


class ResponsesBody(Struct, frozen=True, omit_defaults=True):
    """Outcomes, and the units that their values need, by hash."""

    responses: list[Response]
    units: dict[bytes, bytes] = {}


class DeadLetter(Struct, frozen=True):
    """A message that could not be read or kept.

    reason: one sentence
    queue: where it came from
    at: instant
    body: the message as it was
    properties: of one that was no envelope
    """

    reason: str
    queue: str
    at: float
    body: bytes
    properties: Properties | None = None


B = TypeVar("B")

_open_task = msgspec.msgpack.Decoder(TaskBody).decode
_open_loose_task = msgspec.msgpack.Decoder(_LooseTaskBody).decode
_open_item = msgspec.msgpack.Decoder(JobItem).decode


def read_body(body: bytes, type: type[B]) -> B:
    """A body as a struct of that type. Raises: EnvelopeError"""
    try:
        return msgspec.msgpack.decode(body, type=type)
    except UNREADABLE as error:
        raise EnvelopeError(f"the body can't be read as {type.__name__}: {error}") from error


class BadItem(Struct, frozen=True):
    """A job of a TASK envelope that can't be read; what could be read of it is here.

    uid, id: None where even these could not be read
    reason: why not
    """

    uid: bytes | None
    id: str | None
    reason: str


def read_task(body: bytes) -> tuple[TaskBody, list[BadItem]]:
    """The body of a TASK without its bad jobs, and those.

    Raises: EnvelopeError if what the jobs share can't be read
    """
    try:
        return _open_task(body), []
    except UNREADABLE:
        return _read_task_loosely(body)


def _read_task_loosely(body: bytes) -> tuple[TaskBody, list[BadItem]]:
    try:
        loose = _open_loose_task(body)
    except UNREADABLE as error:
        raise EnvelopeError(f"the task can't be read: {error}") from error
    jobs: list[JobItem] = []
    bad: list[BadItem] = []
    for raw in loose.jobs:
        try:
            jobs.append(_open_item(raw))
        except UNREADABLE as error:
            bad.append(_salvage(raw, str(error)))
    shared = loose.queue, loose.priority, loose.reply, loose.batch
    return TaskBody(loose.spec, loose.units, jobs, *shared), bad


def _salvage(raw: bytes, reason: str) -> BadItem:
    """What names a job that can't be read, so that its client can be told."""
    try:
        fields = msgspec.msgpack.decode(raw)
    except UNREADABLE:
        return BadItem(None, None, reason)
    fields = [*fields, *[None] * 5] if isinstance(fields, list) else [None] * 5
    uid = fields[0] if isinstance(fields[0], bytes) and len(fields[0]) == 16 else None
    return BadItem(uid, fields[4] if isinstance(fields[4], str) else None, reason)
