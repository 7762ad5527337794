"""Jobs by name in JSON, as programs write them that are not in Python.

A message is turned into the envelope that a client would have sent, so that there is one way on
from here. `docs/wire.md` describes the form.
"""

from __future__ import annotations

import hashlib
import math
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from schedulergodx.core.allow_list import LONGEST_NAME
from schedulergodx.core.envelope import (
    UNREADABLE,
    VERSION,
    Envelope,
    Header,
    MessageType,
    digest,
)
from schedulergodx.core.identity import UID_BYTES, uid_of, ulid
from schedulergodx.core.job import Execution, RetryRule, Spec
from schedulergodx.core.json_answer import fits, read_address, write_address
from schedulergodx.core.json_data import write_arguments
from schedulergodx.core.message import JobItem, TaskBody
from schedulergodx.errors import EnvelopeError
from schedulergodx.quantity import parse_duration

if TYPE_CHECKING:
    from schedulergodx.core.properties import Properties

SERIALIZER = "json"
_UUID_CHARS = 36

Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
Duration = float | str  # seconds, or as "10 min"


class JsonTask(Struct, frozen=True, forbid_unknown_fields=True):
    """One job.

    name: of a registered function, or the path of one
    id: makes it the same job however often it is sent
    data: the only argument, in the place of `args` and `kwargs`
    delay: until it may run; or `run_at`, an instant: ISO 8601 with a time zone, or seconds
    expires: it must have started by then: a duration, or an instant in ISO 8601
    timeout: how long an attempt may run; null for no limit
    reply_to, correlation_id: where it can't be said beside the body
    """

    name: Name
    id: Name | None = None
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    data: Any = UNSET
    client: Name = "json"
    delay: Duration | None = None
    run_at: Duration | None = None
    expires: Duration | None = None
    priority: Annotated[int, Meta(ge=-(2**31), lt=2**31)] = 0
    max_attempts: Annotated[int, Meta(ge=1, lt=2**31)] = 1
    retry_delay: Duration = 0.0
    retry_backoff: float = 1.0
    timeout: Duration | UnsetType | None = UNSET
    execution: Execution = Execution.PROCESS
    reply_to: str = ""
    correlation_id: str = ""


_read = msgspec.json.Decoder(JsonTask).decode


def read_json_task(body: bytes, outside: Properties) -> JsonTask:
    """A job, with what stands outside of the message where it says nothing of that itself.

    Raises: EnvelopeError, which names the field that is wrong
    """
    try:
        task = _read(body)
    except UNREADABLE as error:
        raise EnvelopeError(f"the JSON is no job: {error}") from error
    if task.data is not UNSET and (task.args or task.kwargs):
        raise EnvelopeError("the JSON is no job: `data` stands in the place of `args` and `kwargs`")
    id = task.id or outside.message_id
    if not id:
        raise EnvelopeError(
            "the JSON is no job: it has no `id`. Give each job one of its own, as a UUID: a "
            "message that is delivered twice is known by it"
        )
    reply_to = task.reply_to or outside.reply_to
    correlation_id = task.correlation_id or outside.correlation_id or id
    if not (fits(reply_to) and fits(correlation_id)):
        raise EnvelopeError(
            "the JSON is no job: `reply_to` and `correlation_id` have at most 255 bytes"
        )
    return msgspec.structs.replace(task, id=id, reply_to=reply_to, correlation_id=correlation_id)


def to_envelope(task: JsonTask, queue: str, now: float) -> Envelope:
    """The envelope that a client would have sent. Raises: EnvelopeError"""
    uid = _uid(task.client, task.id or "")
    body = msgspec.msgpack.encode(_body(task, uid, queue, now))
    header = Header(
        VERSION,
        MessageType.TASK,
        uid,
        task.client,
        write_address(task.reply_to, task.correlation_id),
        now,
        digest(body),
    )
    return Envelope(header, body)


def sender_of(body: bytes, outside: Properties) -> Header | None:
    """Who is told that a message can't be taken; None if nobody asked for an answer."""
    try:
        said = msgspec.json.decode(body, type=_Sender)
    except UNREADABLE:
        said = _Sender()
    reply_to = said.reply_to or outside.reply_to
    correlation_id = said.correlation_id or outside.correlation_id or said.id or outside.message_id
    instance = write_address(reply_to, correlation_id)
    if read_address(instance) is None:
        return None
    return Header(VERSION, MessageType.TASK, bytes(UID_BYTES), said.client, instance, 0.0, b"")


class _Sender(Struct, frozen=True):
    """What of a message is needed to answer it."""

    id: str = ""
    client: str = "json"
    reply_to: str = ""
    correlation_id: str = ""


def _body(task: JsonTask, uid: bytes, queue: str, now: float) -> TaskBody:
    args = task.args if task.data is UNSET else [task.data]
    due = _read_due(task, now)
    item = JobItem(
        uid,
        write_arguments(tuple(args), task.kwargs),
        due,
        _read_deadline(task, now),
        None if task.id == ulid(uid) else task.id,
    )
    return TaskBody(_spec(task), {}, [item], queue, task.priority, bool(task.reply_to))


def _spec(task: JsonTask) -> Spec:
    retry = RetryRule(task.max_attempts, _seconds("retry_delay", task.retry_delay))
    retry = msgspec.structs.replace(retry, backoff=task.retry_backoff)
    lifetime = Spec(task.name, b"", "", SERIALIZER).lifetime
    if not isinstance(task.timeout, UnsetType):
        lifetime = None if task.timeout is None else _seconds("timeout", task.timeout)
    return Spec(task.name, b"", "", SERIALIZER, task.execution, lifetime, retry, named=True)


def _read_due(task: JsonTask, now: float) -> float | None:
    if task.run_at is not None:
        if task.delay is not None:
            raise EnvelopeError("the JSON is no job: `delay` and `run_at` exclude each other")
        return _instant("run_at", task.run_at)
    return now + _seconds("delay", task.delay) if task.delay else None


def _read_deadline(task: JsonTask, now: float) -> float | None:
    said = task.expires
    if said is None:
        return None
    if isinstance(said, str) and "T" in said:
        return _instant("expires", said)
    return now + _seconds("expires", said)


def _seconds(field: str, said: Duration) -> float:
    try:
        return parse_duration(said)
    except ValueError as error:
        raise EnvelopeError(f"the JSON is no job: `{field}` can't be used: {error}") from None


def _instant(field: str, said: Duration) -> float:
    if not isinstance(said, str):
        if math.isfinite(said):
            return said
        raise EnvelopeError(f"the JSON is no job: `{field}` is {said}")
    try:
        instant = datetime.fromisoformat(said)
    except ValueError as error:
        raise EnvelopeError(f"the JSON is no job: `{field}` can't be used: {error}") from None
    if instant.utcoffset() is None:
        raise EnvelopeError(f"the JSON is no job: `{field}` does not say its time zone: add Z")
    return instant.timestamp()


def _uid(client: str, id: str) -> bytes:
    """A ULID, 32 hex digits or a UUID are the uid itself; any other text gives one."""
    known = uid_of(id.replace("-", "") if len(id) == _UUID_CHARS else id)
    if known is not None:
        return known
    return hashlib.blake2b(f"{client}\0{id}".encode(), digest_size=UID_BYTES).digest()
