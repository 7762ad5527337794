"""What a job may run that is no function of a program: a command, a file, a text of code.

It stands in `Spec.function` of a job that is `named`, and its data is JSON.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from schedulergodx.core.envelope import UNREADABLE
from schedulergodx.core.job import ErrorCode, Failure

if TYPE_CHECKING:
    from schedulergodx.config import Settings


class Command(Struct, frozen=True, tag="command"):
    """A program. command: a text for a shell, or the words of a command line without one"""

    command: str | list[str]
    cwd: str | None = None


class File(Struct, frozen=True, tag="file"):
    """A function of a file, where the workers are. path: absolute"""

    path: str
    function: str = "main"


class Code(Struct, frozen=True, tag="code"):
    """A text of Python. What it leaves as `return_value` is its result."""

    code: str


Kind = Command | File | Code

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Kind).decode
_REFUSALS = {
    Command: "runs no commands: its operator allows them with allow_commands = true",
    File: "runs no functions of files: its operator allows them with allow_commands = true",
    Code: "runs no texts of code: its operator allows them with allow_code = true, where "
    "accept_code is not off",
}


def write_kind(kind: Kind) -> bytes:
    """As it stands in a spec."""
    return _encode(kind)


def allowed_kinds(settings: Settings) -> tuple[str, ...]:
    """The tags of what a service with these settings runs."""
    commands = ("command", "file") if settings.allow_commands else ()
    code = ("code",) if settings.allow_code and settings.accept_code else ()
    return commands + code


def read_kind(data: bytes, allowed: Collection[str]) -> Kind | Failure:
    """What a spec says; or why it is not run.

    allowed: the tags of those that are run
    """
    try:
        kind = _decode(data)
    except UNREADABLE as error:
        return Failure(ErrorCode.INVALID_TASK, f"what it is to run can't be read: {error}")
    if kind.__struct_config__.tag in allowed:
        return kind
    return Failure(ErrorCode.NOT_ALLOWED, f"this service {_REFUSALS[type(kind)]}")
