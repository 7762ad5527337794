"""What one job printed, bounded."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Capture:
    """The first half and the last half of what was written, at most `limit` bytes of UTF-8.

    most: bytes after which `on_excess` is called, once; None for no such bound
    """

    __slots__ = ("_first", "_kept", "_last", "_limit", "_lock", "most", "on_excess", "size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._first: list[bytes] = []
        self._last: deque[bytes] = deque()
        self._kept = 0  # bytes in `_last`
        self.size = 0  # bytes that were written
        self.most: int | None = None
        self.on_excess: Callable[[], None] = lambda: None

    def add(self, data: bytes) -> None:
        """Take what was written."""
        with self._lock:
            before, self.size = self.size, self.size + len(data)
            self._keep(data, max(0, self._limit // 2 - before))
        if self.most is not None and before <= self.most < self.size:
            self.on_excess()

    def _keep(self, data: bytes, room: int) -> None:
        if room:
            self._first.append(data[:room])
            data = data[room:]
        half = self._limit - self._limit // 2
        if data:
            self._last.append(data[-half:])
            self._kept += len(self._last[-1])
        while self._last and self._kept - len(self._last[0]) >= half:
            self._kept -= len(self._last.popleft())

    def since(self, start: int) -> list[tuple[int, bytes]]:
        """What is kept of what was written from byte `start` on: pieces, each with its start."""
        with self._lock:
            first, last = self._halves()
            begins = self.size - len(last)
        pieces = [(start, first[start:]), (max(start, begins), last[max(0, start - begins) :])]
        return [piece for piece in pieces if piece[1]]

    def _halves(self) -> tuple[bytes, bytes]:
        half = self._limit - self._limit // 2
        return b"".join(self._first), b"".join(self._last)[-half:]

    def text(self) -> str:
        """What is kept, with a word on what is not."""
        first, last = self._halves()
        left_out = self.size - len(first) - len(last)
        middle = b"\n... %d bytes left out ...\n" % left_out if left_out else b""
        return (first + middle + last).decode(errors="replace")
