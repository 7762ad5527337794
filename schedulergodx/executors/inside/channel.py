"""A worker's end of the socket to its service.

Whoever needs a frame reads the socket, and hands on what it finds for others: so a worker that runs
one job at a time has no second thread, until a job asks to be told responses. Any thread may send.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

import msgspec

from schedulergodx.executors.frames import (
    Accepted,
    FrameBuffer,
    Jobs,
    Saved,
    Say,
    Stop,
    Tell,
    frame,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.core.job import Spec
    from schedulergodx.executors.frames import Order

_READ = 64 << 10  # larger ones are mapped and unmapped each time
_NO_LIMIT = 1 << 32  # the service is trusted

# Made before workers are forked: to make one takes a millisecond.
_read_jobs = msgspec.msgpack.Decoder(Jobs).decode
_read_tokens = msgspec.msgpack.Decoder(list[int]).decode
_read_stop = msgspec.msgpack.Decoder(Stop).decode
_read_accepted = msgspec.msgpack.Decoder(Accepted).decode
_read_saved = msgspec.msgpack.Decoder(Saved).decode
_read_bytes = msgspec.msgpack.Decoder(bytes).decode

T = TypeVar("T")
Job: TypeAlias = "tuple[Order, Spec]"


class ChannelClosed(Exception):
    """The service is gone."""


class Channel:
    """Frames in and out; what came in is kept until it is taken.

    inlet: where frames come, if not from the socket as well
    """

    def __init__(self, socket: int, inlet: int | None = None) -> None:
        self._socket = socket
        self._inlet = socket if inlet is None else inlet
        self._buffer = FrameBuffer(_NO_LIMIT)
        self._sending = threading.Lock()
        self._news = threading.Condition(threading.Lock())
        self._being_read = False
        self._closed = False
        self._jobs: dict[int, Job] = {}
        self._specs: dict[int, Spec] = {}
        self._answers: dict[int, Accepted | Saved] = {}
        # processes of hard jobs share a socket: an answer for one is not for the next
        self._numbers = itertools.count(time.monotonic_ns())
        self.on_units: Callable[[bool, dict[bytes, bytes]], None] = lambda forget, units: None
        self.on_stop: Callable[[Stop], None] = lambda stop: None
        self.on_jobs: Callable[[], None] = lambda: None
        self.on_other: Callable[[int, bytes], None] = self._take_other
        self.on_ping: Callable[[], None] = lambda: self.send(Say.PONG, None)
        self.on_response: Callable[[bytes], None] = lambda body: None

    def send(self, kind: Say, payload: object) -> None:
        """Send a frame; returns when the kernel has it. Raises: OSError"""
        self.send_frame(frame(kind, payload))

    def send_frame(self, data: bytearray) -> None:
        """The same with a frame that is made already. Raises: OSError"""
        with self._sending:
            sent = os.write(self._socket, data)
            while sent < len(data):
                sent += os.write(self._socket, memoryview(data)[sent:])

    def job(self, token: int) -> Job:
        """The job of that token, which is taken; waits for it. Raises: ChannelClosed"""
        job = self._jobs.pop(token, None)
        return job or self._wait(lambda: self._jobs.pop(token, None))

    def job_now(self, token: int) -> Job | None:
        """The same, where it has come already."""
        return self._jobs.pop(token, None)

    def next_number(self) -> int:
        """A number for something that is answered."""
        return next(self._numbers)

    def answer(self, number: int) -> Accepted | Saved:
        """Wait for the answer to what has that number. Raises: ChannelClosed"""
        found = self._wait(lambda: self._answers.pop(number, None))
        return cast("Accepted | Saved", found)

    def wait_for_the_end(self) -> None:
        """Take what comes, until the service closes. Raises: ChannelClosed"""
        self._wait(lambda: None)

    def take_news(self) -> None:
        """Take what has come; called when something has. Raises: ChannelClosed"""
        with self._news:
            self._read()
            if self._closed:
                raise ChannelClosed

    def read_always(self) -> None:
        """Read in a thread of its own from now on."""
        threading.Thread(target=self._read_on, name="schedulergodx channel", daemon=True).start()

    def _read_on(self) -> None:
        with suppress(ChannelClosed):
            self.wait_for_the_end()

    def _wait(self, find: Callable[[], T | None]) -> T:
        """Read, or let the one who reads go on, until `find` finds."""
        with self._news:
            while (found := find()) is None:
                if self._closed:
                    raise ChannelClosed
                if self._being_read:
                    self._news.wait()
                else:
                    self._read()
        return found

    def _read(self) -> None:
        """Take what comes next. Called with the condition held, which is let go meanwhile."""
        self._being_read = True
        self._news.release()
        data: bytes | None = None
        try:
            data = os.read(self._inlet, _READ)
            for kind, payload in self._buffer.feed(data):
                self._take(kind, payload)
        finally:
            self._news.acquire()
            self._being_read = False
            self._closed = data == b""
            self._news.notify_all()

    def _take(self, kind: int, payload: bytes) -> None:
        if kind == Tell.JOBS:
            self._take_jobs(_read_jobs(payload))
        elif kind == Tell.DROP:
            for token in _read_tokens(payload):
                self._jobs.pop(token, None)
        else:
            self.on_other(kind, payload)

    def _take_other(self, kind: int, payload: bytes) -> None:
        if kind == Tell.STOP:
            self.on_stop(_read_stop(payload))
        elif kind == Tell.ACCEPTED:
            accepted = _read_accepted(payload)
            self._answers[accepted.number] = accepted
        elif kind == Tell.SAVED:
            saved = _read_saved(payload)
            self._answers[saved.number] = saved
        elif kind == Tell.PING:
            self.on_ping()
        elif kind == Tell.RESPONSE:
            self.on_response(_read_bytes(payload))

    def _take_jobs(self, jobs: Jobs) -> None:
        self.on_units(jobs.forget, jobs.units)
        if jobs.forget:
            self._specs.clear()
        self._specs.update(jobs.specs)
        for order in jobs.orders:
            self._jobs[order.token] = (order, self._specs[order.spec])
        self.on_jobs()
