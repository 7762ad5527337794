"""How places are lent: what is said on the socket between a worker and who serves its file.

A line each, in JSON. The worker begins with an `Offer` and ends with `Leave`; the other side says
`Farewell` when the worker may go, or offer again. A connection that ends without a word says that
one of both has died.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from schedulergodx.errors import ServiceError
from schedulergodx.service.lent import Offer

if TYPE_CHECKING:
    import socket


class Leave(Struct, frozen=True, tag="leave"):
    """Give me no more jobs, and say when mine have ended. grace: seconds, then they are ended"""

    grace: float


class Farewell(Struct, frozen=True, tag="farewell"):
    """You have no jobs any more. ran: whether there was one, for an offer of one"""

    ran: bool = False


class Refusal(Struct, frozen=True, tag="refusal"):
    """Your places can't be used. ends: because this side is about to end, so try again"""

    reason: str
    ends: bool = False


Line = Offer | Leave | Farewell | Refusal

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


def write_line(line: Line) -> bytes:
    """As it is sent."""
    return _encode(line) + b"\n"


def read_line(data: bytes) -> Line | None:
    """As it came; None at the end of a connection. Raises: msgspec.DecodeError"""
    return _decode(data) if data else None


def read_farewell(line: Line | None) -> Farewell | None:
    """The word to go; None where the other side is gone, or ends. Raises: ServiceError"""
    if isinstance(line, Refusal) and not line.ends:
        raise ServiceError(line.reason)
    return line if isinstance(line, Farewell) else None


class LenderEnd:
    """A worker's end of a connection. `say` may be called from any thread."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._lines = end.makefile("rb")

    def say(self, line: Line) -> bool:
        """False if the other side is gone."""
        try:
            self._socket.sendall(write_line(line))
        except OSError:
            return False
        return True

    def hear(self) -> Line | None:
        """Wait for the next line; None when the other side is gone."""
        try:
            return read_line(self._lines.readline())
        except (OSError, msgspec.DecodeError):  # half a line, of one that died
            return None

    def close(self) -> None:
        """End the connection."""
        self._lines.close()
        self._socket.close()
