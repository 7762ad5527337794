"""The alarm of a loop: it rings a tenth of a millisecond after its time, and never before.

A loop's own timers are good to a millisecond, which is what `epoll_wait` takes. They have to do
where the system has no timers that are files.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FLAGS = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)  # TFD_NONBLOCK and TFD_CLOEXEC are these
_NANOSECONDS = 1_000_000_000


class _Setting(ctypes.Structure):
    """`struct itimerspec`: how often again, and after what; both as seconds and nanoseconds."""

    _fields_ = (
        ("every_seconds", ctypes.c_long),
        ("every_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


class Alarm:
    """Calls `ring` on the running loop, once for each `set`, unless it is cancelled before."""

    def __init__(self, ring: Callable[[], object]) -> None:
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._libc = ctypes.CDLL(None)
        self._timer = self._open_timer()

    def set(self, delay: float) -> None:
        """Ring in so many seconds, and not at the time that was set before."""
        if self._timer < 0:
            self.cancel()
            self._handle = self._loop.call_later(delay, self._ring)
        else:
            self._set_timer(max(1, int(delay * _NANOSECONDS)))

    def cancel(self) -> None:
        """Do not ring."""
        if self._timer >= 0:
            self._set_timer(0)
        elif self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def close(self) -> None:
        """Never ring again."""
        self.cancel()
        if self._timer >= 0:
            self._loop.remove_reader(self._timer)
            os.close(self._timer)
            self._timer = -1

    def _open_timer(self) -> int:
        """Its descriptor; -1 where there are none."""
        try:
            timer = int(self._libc.timerfd_create(time.CLOCK_MONOTONIC, _FLAGS))
        except AttributeError:
            return -1
        if timer >= 0:
            self._loop.add_reader(timer, self._rang)
        return timer

    def _set_timer(self, nanoseconds: int) -> None:
        setting = _Setting(0, 0, *divmod(nanoseconds, _NANOSECONDS))
        self._libc.timerfd_settime(self._timer, 0, ctypes.byref(setting), None)

    def _rang(self) -> None:
        with suppress(BlockingIOError):  # it was set anew between its ring and this
            os.read(self._timer, 8)
            self._ring()
