"""Wakes the reader of a queue: a datagram socket beside it.

It is a shortcut only. A ring that is lost, or a system without such sockets, costs up to a second.
"""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LONGEST_PATH = 100  # bytes; a socket's address holds 108 on Linux, 104 elsewhere
_ENOUGH = 1000  # rings that are taken off at once


class Doorbell:
    """The end that is woken. Whoever makes one holds the lock of the queue.

    Raises: OSError where there are no such sockets
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path.unlink(missing_ok=True)
        with _address(path) as address:
            self._socket.bind(address)

    def wait(self, timeout: float) -> None:
        """Return when it rang, or after `timeout` seconds."""
        self._socket.settimeout(timeout)
        with suppress(TimeoutError):
            self._socket.recv(1)
            self._socket.setblocking(False)
            with suppress(BlockingIOError):
                for _ in range(_ENOUGH):
                    self._socket.recv(1)

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

    def ring(self, path: Path) -> None:
        """Wake who reads there, if somebody does. One who has many rings before him is awake."""
        if self._socket is not None:
            with suppress(OSError), _address(path) as address:
                self._socket.sendto(b".", address)

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """A path that fits into the address of a socket: long ones by an open directory."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
