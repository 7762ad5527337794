"""How a client reaches its services: on a thread of its own, or through the worker it runs in."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from schedulergodx.client.parcel import Parcel
from schedulergodx.client.sealing import Sealer
from schedulergodx.errors import BrokerClosed, SchedulerGodXError

if TYPE_CHECKING:
    import asyncio

    from schedulergodx.client.question import Question
    from schedulergodx.client.session import Session

T = TypeVar("T")

Soon = Callable[[Callable[[], None]], object]  # brings a callable onto a loop

logger = logging.getLogger(__name__)

_AT_EXIT = 10.0  # seconds for all clients to say goodbye when the program ends
CLOSED = "this client was closed: make another one"


class Line(Protocol):
    """Sends what is submitted; what comes in is read by the client's reader."""

    @property
    def sealer(self) -> Sealer:
        """Makes envelopes that can be sent here."""

    @property
    def alive(self) -> bool:
        """Whether what is submitted is sent."""

    def submit(self, outgoing: Parcel | Question) -> None:
        """Send it. It opens when its fate is known; nothing is raised here."""


class ThreadLine:
    """A session with a thread and an event loop of its own.

    It holds nothing of the client itself, so that a client that nobody keeps can go, and end it.

    make_session: called on the new loop
    """

    def __init__(self, make_session: Callable[[Soon], Session], name: str) -> None:
        self._make_session = make_session
        self._opened = threading.Event()
        self._ended = False
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._session: Session | None = None
        self.thread = threading.Thread(target=self._run, name=f"schedulergodx {name}", daemon=True)

    def open(self) -> None:
        """Start the thread and wait for its session. Raises: what `Session.open` raises"""
        _open_lines.add(self)
        self.thread.start()
        try:
            self._opened.wait()
        except BaseException:
            self.end()
            raise
        if isinstance(self._error, SchedulerGodXError):
            raise self._error.with_traceback(None)  # its text says it all
        if self._error is not None:
            raise self._error

    @property
    def alive(self) -> bool:
        """Whether what is submitted is sent."""
        return not self._ended

    @property
    def sealer(self) -> Sealer:
        """Makes the envelopes of this process."""
        assert self._session is not None
        return self._session.sealer

    def submit(self, outgoing: Parcel | Question) -> None:
        """Send it, from any thread."""
        assert self._session is not None
        with suppress(RuntimeError):  # the loop is closed: the next lines say so
            self._session.submit(outgoing)
        if self._ended:
            self._session.abandon(BrokerClosed(CLOSED))

    def call(self, work: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
        """Do something with the session on its loop, and wait for it; from another thread."""
        import asyncio

        assert self._session is not None
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work(self._session), self._loop).result()

    def end(self) -> None:
        """Ask the thread to end, from anywhere, and do not wait for it."""
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None:
            with suppress(RuntimeError):  # it has ended
                loop.call_soon_threadsafe(stop.set)

    def close(self, timeout: float | None = None) -> None:
        """End the thread, and wait until what was sent has arrived."""
        self.end()
        if self.thread.is_alive() and threading.current_thread() is not self.thread:
            self.thread.join(timeout)

    def _run(self) -> None:
        import asyncio  # late, as in this whole file: importing a client is to be quick

        try:
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(self._live())
        except BaseException as error:
            self._error = error
            if self._opened.is_set():  # else `open` raises it
                logger.critical("the thread of a client has ended", exc_info=error)
        finally:
            self._ended = True  # before the look at what is left: `submit` does it after
            if self._session is not None:
                self._session.abandon(BrokerClosed(CLOSED))
            self._opened.set()
            _open_lines.discard(self)

    async def _live(self) -> None:
        import asyncio

        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        session = self._make_session(self._loop.call_soon_threadsafe)
        await session.open()
        self._session = session
        self._opened.set()
        await self._stop.wait()
        await session.close()


_open_lines: weakref.WeakSet[ThreadLine] = weakref.WeakSet()
_inherited: list[ThreadLine] = []  # of the parent, in a child: never used, and never let go


def _close_all() -> None:
    """At the end of the program: what was launched arrives, and queues are cleared away."""
    lines = list(_open_lines)
    for line in lines:
        line.end()
    deadline = time.monotonic() + _AT_EXIT
    for line in lines:
        line.close(max(0.0, deadline - time.monotonic()))


def _after_fork() -> None:
    """In a child: the sockets and the epoll of the parent's loops are shared with it.

    To close one here, or to let go of it, would take the parent's sockets out of its own epoll.
    """
    _inherited.extend(_open_lines)
    _open_lines.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
