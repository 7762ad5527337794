"""Something that happens once, and for which threads and event loops wait alike.

A job's outcome, a launch's confirm and an answer are latches. Opening one that nobody waits for
costs an assignment, so an I/O thread can open thousands.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

_guard = threading.RLock()  # around lists of wakers, never held while one is called


def _after_fork() -> None:
    global _guard
    _guard = threading.RLock()  # the thread that held it may not be here


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Latch:
    """Opens once and stays open. Safe to use from any thread."""

    __slots__ = ("_opened", "_wakers")

    def __init__(self) -> None:
        self._opened = False
        self._wakers: list[Callable[[], object]] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has happened."""
        return self._opened

    def open(self) -> None:
        """Let everybody go on."""
        self._opened = True  # before the look at the wakers; `_enlist` does it the other way round
        if self._wakers is not None:
            with _guard:
                wakers, self._wakers = self._wakers, None
            for wake in wakers or ():
                wake()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it opened within `timeout` seconds; None waits as long as it takes."""
        if self._opened:
            return True
        gate = threading.Lock()
        gate.acquire()
        if not self._enlist(gate.release):
            return True
        seconds = -1 if timeout is None else min(max(timeout, 0), threading.TIMEOUT_MAX)
        try:
            return gate.acquire(timeout=seconds) or self._opened
        finally:
            self._strike(gate.release)

    async def wait_async(self, timeout: float | None = None) -> bool:
        """The same on the running event loop."""
        if self._opened:
            return True
        import asyncio  # late, as a client with threads may never come here

        gate = _Gate(asyncio.get_running_loop())
        if not self._enlist(gate.open):
            return True
        try:
            async with asyncio.timeout(timeout):
                await gate.future
        except TimeoutError:
            return self._opened
        finally:
            self._strike(gate.open)
        return True

    def _enlist(self, wake: Callable[[], object]) -> bool:
        """Have `wake` called when it opens; False if it is open already."""
        with _guard:
            if self._wakers is None:
                self._wakers = []
            self._wakers.append(wake)
        if self._opened:
            self._strike(wake)
            return False
        return True

    def _strike(self, wake: Callable[[], object]) -> None:
        with _guard:
            if self._wakers is not None and wake in self._wakers:
                self._wakers.remove(wake)


class _Gate:
    """A future that any thread may finish."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = threading.get_ident()
        self.future: asyncio.Future[None] = self._loop.create_future()

    def open(self) -> None:
        if threading.get_ident() == self._thread:
            self._finish()
        else:
            with suppress(RuntimeError):  # the loop is closed, and with it whoever waited
                self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if not self.future.done():
            self.future.set_result(None)
