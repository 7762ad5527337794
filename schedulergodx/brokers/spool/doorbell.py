"""Wakes the reader of a queue: a datagram socket beside it.

It is a shortcut only. A ring that is lost, or a system without such sockets, costs up to a second.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from schedulergodx.utils.unix_socket import address_of

if TYPE_CHECKING:
    from pathlib import Path

MESSAGE, ORDER = b"m", b"o"  # what a ring is for; whatever is not an order is for a message
_ENOUGH = 1000  # rings that are taken off at once


class Doorbell:
    """The end that is woken. Whoever makes one holds the lock of the queue.

    Raises: OSError where there are no such sockets
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path.unlink(missing_ok=True)
        with address_of(path) as address:
            self._socket.bind(address)

    def wait(self, timeout: float) -> bool:
        """Return when it rang, or after `timeout` seconds: whether there may be a new message."""
        self._socket.settimeout(timeout)
        try:
            rings = {self._socket.recv(1)}
        except TimeoutError:
            return True
        self._socket.setblocking(False)
        with suppress(BlockingIOError):
            for _ in range(_ENOUGH):
                rings.add(self._socket.recv(1))
        return rings != {ORDER}

    def close(self) -> None:
        """Take it away."""
        self._path.unlink(missing_ok=True)
        self._socket.close()


class Finger:
    """The end that rings. Used by one thread."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        with suppress(AttributeError, OSError):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    def ring(self, path: Path, what: bytes = MESSAGE) -> None:
        """Wake who reads there, if somebody does. One who has many rings before him is awake."""
        if self._socket is not None:
            with suppress(OSError), address_of(path) as address:
                self._socket.sendto(what, address)

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
