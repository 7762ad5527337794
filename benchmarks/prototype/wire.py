"""What the parts of the prototype say to each other.

A request is (function, code, [(id, value), ...]), an answer [(id, result), ...], both in msgpack.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

import msgspec

REQUESTS = "prototype.requests"
ANSWERS = "prototype.answers"
ANSWERS_A_MESSAGE = 200

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder().decode

_HEADER = struct.Struct(">I")
_CHUNK = 1 << 20
_BUFFER = 1 << 22


class Frames:
    """A stream socket that carries messages, each after its length."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self._buffer = bytearray()
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            stream.setsockopt(socket.SOL_SOCKET, option, _BUFFER)

    def send(self, message: Any) -> None:
        """Write one message."""
        data = encode(message)
        self.stream.sendall(_HEADER.pack(len(data)) + data)

    def receive(self) -> Iterator[Any]:
        """Read once, and give what is whole by then. Raises: EOFError"""
        data = self.stream.recv(_CHUNK)
        if not data:
            raise EOFError
        buffer = self._buffer
        buffer += data
        while len(buffer) >= 4:
            (size,) = _HEADER.unpack_from(buffer)
            if len(buffer) < size + 4:
                return
            message = decode(bytes(buffer[4 : size + 4]))
            del buffer[: size + 4]
            yield message
