"""The service's end of the socket to one worker; it never blocks."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from schedulergodx.core.envelope import UNREADABLE
from schedulergodx.executors.frames import FrameBuffer, FrameError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_READ = 64 << 10  # larger ones are mapped and unmapped each time


class Line:
    """Frames in and out, on the loop.

    on_frame: called with (kind, payload) for each
    on_break: called with the reason when the worker does not keep to the frames
    limit: bytes of the largest frame that is believed
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_frame: Callable[[int, bytes], None],
        on_break: Callable[[str], None],
        *,
        limit: int,
    ) -> None:
        self._loop = loop
        self._on_frame = on_frame
        self._on_break = on_break
        self._buffer = FrameBuffer(limit)
        self._socket, self.child_end = socket.socketpair()
        self._socket.setblocking(False)
        self._number = self._socket.fileno()
        self._waiting = bytearray()
        self._open = True
        loop.add_reader(self._number, self.read)

    @property
    def backlog(self) -> int:
        """Bytes that the worker has not taken yet."""
        return len(self._waiting)

    def send(self, data: bytes | bytearray) -> None:
        """Send a frame, now or when there is room."""
        if not self._open:
            return
        if self._waiting:
            self._waiting += data
            return
        sent = self._try_to_send(data)
        if sent < len(data) and self._open:
            self._waiting += memoryview(data)[sent:]
            self._loop.add_writer(self._number, self._send_waiting)

    def _send_waiting(self) -> None:
        del self._waiting[: self._try_to_send(self._waiting)]
        if not self._waiting:
            self._loop.remove_writer(self._number)

    def _try_to_send(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:  # the worker is gone, which the fork server tells
            return len(data)

    def read(self) -> None:
        """Take what there is; called when there is something."""
        self._take()

    def _take(self) -> bool:
        """False if there was nothing, or there will be nothing more."""
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._number)
            return False
        try:
            for kind, payload in self._buffer.feed(data):
                self._on_frame(kind, payload)
        except (FrameError, *UNREADABLE) as error:
            self._on_break(str(error))
            return False
        return True

    def read_to_the_end(self) -> None:
        """Take all that a worker sent before it ended."""
        while self._open and self._take():
            pass

    def close_child_end(self) -> None:
        """The worker has it now."""
        self.child_end.close()

    def close(self) -> None:
        """Send and take no more."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._number)
            self._loop.remove_writer(self._number)
            self._socket.close()
