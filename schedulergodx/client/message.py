"""Messages made and taken apart by hand, as the document has it.

What is made is the real envelope, without a signature: `client.push()` signs it, and sends it in
the name of that client. Nothing is unpickled unless `deserialization` is asked for it.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from schedulergodx.client.options import Options
from schedulergodx.client.recipe import Recipe, name_of
from schedulergodx.core.code import PackedValue, Packer, Unpacker
from schedulergodx.core.envelope import Header, MessageType, read_header, seal
from schedulergodx.core.identity import UidSource, uid_of, ulid
from schedulergodx.core.job import ErrorCode, Execution
from schedulergodx.core.message import JobItem, TaskBody, read_task
from schedulergodx.core.signing import Signer
from schedulergodx.errors import ConfigError

Message = MessageType
MessageErrorStatus = ErrorCode


class MessageInfoStatus(IntEnum):
    """What an INFO says."""

    OK = 0


class MessageDisassemble(NamedTuple):
    """A message that was taken apart.

    metadata: {"id", "client", "type"}
    arguments: what it says, by the type: an INITIALIZATION "enable_overdue"; an INFO "responce"; an
        ERROR "error_code" and "message"; a TASK "name", "lifetime", "hard", "queue",
        "time_to_start" (instant or None), and as texts for `deserialization` "function" and
        "arguments", which is (args, kwargs)
    """

    metadata: dict[str, Any]
    arguments: dict[str, Any]


class _Text(msgspec.Struct, array_like=True):
    """What `serialization` writes: a value, or where `body` is empty a function."""

    function: bytes
    body: bytes
    needs: tuple[bytes, ...]
    units: dict[bytes, bytes]


class MessageConstructor:
    """Makes messages, and takes them apart. `id_` is a label: it can be any text."""

    @staticmethod
    def initialization(id_: str = "", client: str = "", *, enable_overdue: bool = True) -> bytes:
        """A client says who it is."""
        return _seal(MessageType.INITIALIZATION, id_, client, {"enable_overdue": enable_overdue})

    @staticmethod
    def info(id_: str = "", client: str = "", **arguments: Any) -> bytes:
        """All is well. A service that is sent one writes it into its log."""
        said = {"responce": MessageInfoStatus.OK, **arguments}
        return _seal(MessageType.INFO, id_, client, {"request": _uid(id_), "arguments": said})

    @staticmethod
    def error(id_: str, client: str, error: int, message: str) -> bytes:
        """Something went wrong; `error` is an `ErrorCode`."""
        failure = {"code": int(error), "text": message}
        return _seal(MessageType.ERROR, id_, client, {"request": _uid(id_), "failure": failure})

    @staticmethod
    def task(
        id_: str,
        client: str,
        lifetime: float | None,
        function: Callable[..., Any],
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        time_to_start: Any = None,
        hard: bool = False,
    ) -> bytes:
        """One job.

        lifetime: seconds, None for no limit
        time_to_start: a `datetime` with a time zone; None for at once

        Raises: ConfigError, ShipError
        """
        options = Options().changed({"lifetime": lifetime, "run_at": time_to_start, "hard": hard})
        packer = Packer()
        template = Recipe(function, name_of(function), options, lambda _: packer).template()
        packed = packer.pack_arguments(tuple(args), dict(kwargs or {}))
        uid = _uid(id_)
        label = id_ if id_ and id_ != ulid(uid) else None
        due = template.due(time.time())
        job = JobItem(uid, packed.body, due, None, label, packed.units)
        units = {**template.units, **{key: packer.unit(key) for key in packed.units}}
        return _seal(MessageType.TASK, id_, client, TaskBody(template.spec, units, [job]))

    @staticmethod
    def serialization(value: Any) -> str:
        """A value as text. Raises: ShipError"""
        packer = Packer()
        packed = packer.pack_value(value)
        return _write(packed, {key: packer.unit(key) for key in packed.units})

    @staticmethod
    def deserialization(text: str) -> Any:
        """The value of a text. It is unpickled: give it only what you trust.

        Raises: ConfigError if it is no such text; UnreadableCode
        """
        try:
            read = msgspec.msgpack.decode(base64.b64decode(text), type=_Text)
        except ValueError as error:
            raise ConfigError(f"the text is not one of `serialization`: {error}") from None
        unpacker = Unpacker()
        for key, unit in read.units.items():
            unpacker.add_unit(key, unit)
        if not read.body:
            return unpacker.load_function(read.function).function
        if read.function:
            return unpacker.load_arguments(read.body, read.needs, function=read.function)
        return unpacker.load_value(read.body, read.needs)

    @staticmethod
    def bulk_deserialization(texts: Iterable[str]) -> Iterator[Any]:
        """The values of texts, one after the other."""
        return map(MessageConstructor.deserialization, texts)

    @staticmethod
    def disassemble(message: bytes) -> MessageDisassemble:
        """Take a message apart. Its signature is not looked at. Raises: EnvelopeError"""
        header, _, body, _ = read_header(message)
        if header.type == MessageType.TASK:
            return _disassemble_task(header, body)
        said: dict[str, Any] = msgspec.msgpack.decode(body)
        id = said.pop("id", None) or ulid(said.get("request", header.uid))
        metadata = {"id": id, "client": header.client, "type": MessageType(header.type)}
        if header.type == MessageType.INITIALIZATION:
            said = {"enable_overdue": said.get("enable_overdue", True)}
        elif header.type == MessageType.INFO:
            said = said.get("arguments", {"responce": MessageInfoStatus.OK})
        elif header.type == MessageType.ERROR:
            failure = said["failure"]
            said = {"error_code": failure["code"], "message": failure["text"]}
        return MessageDisassemble(metadata, said)


_new_uid = UidSource()


def _uid(id: str) -> bytes:
    return uid_of(id) or _new_uid()


def _seal(type: MessageType, id: str, client: str, body: Any) -> bytes:
    if isinstance(body, dict):
        body = {"id": id, **body}
    return seal(
        type,
        body,
        uid=_uid(id),
        client=client,
        instance="",
        created=time.time(),
        signer=Signer(),
    )


def _disassemble_task(header: Header, body: bytes) -> MessageDisassemble:
    """Of a TASK with several jobs, the first."""
    task, _ = read_task(body)
    [job, *_] = task.jobs
    spec = task.spec
    function = _Text(spec.function, b"", (), task.units)
    arguments = _Text(spec.function, job.arguments, job.units, task.units)
    return MessageDisassemble(
        {"id": job.id or ulid(job.uid), "client": header.client, "type": MessageType.TASK},
        {
            "name": spec.name,
            "lifetime": spec.lifetime,
            "hard": spec.execution is Execution.FORK,
            "queue": task.queue,
            "time_to_start": job.due,
            "function": _encode(function),
            "arguments": _encode(arguments),
        },
    )


def _write(packed: PackedValue, units: dict[bytes, bytes]) -> str:
    return _encode(_Text(b"", packed.body, packed.units, units))


def _encode(text: _Text) -> str:
    return base64.b64encode(msgspec.msgpack.encode(text)).decode()
