"""Reads one queue of a spool, on a thread of its own."""

from __future__ import annotations

import heapq
import os
import queue
import threading
import time
from collections import deque
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Protocol

from schedulergodx.brokers.base import Delivery
from schedulergodx.brokers.spool.directory import is_abandoned, sync_directory, try_lock
from schedulergodx.brokers.spool.doorbell import ORDER, Doorbell, Finger
from schedulergodx.brokers.spool.framing import from_file
from schedulergodx.brokers.spool.spares import SpareFiles
from schedulergodx.errors import BrokerError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from schedulergodx.brokers.spool.directory import Directory
    from schedulergodx.core.names import Queue

_WINDOW = 1000  # messages that may be delivered and not settled
_WINDOW_BYTES = 64 << 20
_TOGETHER = 256  # deliveries handed to the loop at once
_LISTED = 4096  # names that are kept of a longer list
_SCAN_SECONDS = 1.0  # between looks when the bell does not ring
_BELL_LESS_SECONDS = 0.1  # the same on a system without such sockets
_TOUCH_SECONDS = 60.0  # between signs that the queue is used
_SETTLE_SECONDS = 0.05  # that settled messages wait for others, so as not to disturb the loop
_SETTLED = 64  # messages that are not made to wait
_LOCK_TRIES = 10
_STAMP = 21  # letters of a name before its sender


class _Bell(Protocol):
    def wait(self, timeout: float) -> bool: ...
    def close(self) -> None: ...


class _NoBell:
    """Where there are no such sockets."""

    def wait(self, timeout: float) -> bool:
        time.sleep(min(timeout, _BELL_LESS_SECONDS))
        return True

    def close(self) -> None:
        pass


class Reader(threading.Thread):
    """The one reader of a queue.

    Names are listed lazily, bodies are read for what fits into the window, and a message that is
    settled is unlinked. After `cancel` the thread lives until all that it delivered is settled, and
    can be told to go on.
    """

    def __init__(
        self,
        directory: Directory,
        queue_: Queue,
        *,
        loop: asyncio.AbstractEventLoop,
        epoch: int,
        on_delivery: Callable[[Delivery], None],
        on_gap: Callable[[], None] | None,
    ) -> None:
        super().__init__(name=f"schedulergodx-spool-{queue_.name}", daemon=True)
        self.queue = queue_
        self.reading = True
        self._directory = directory
        self._loop = loop
        self._epoch = epoch
        self._on_delivery = on_delivery
        self._on_gap = on_gap
        self._late: asyncio.TimerHandle | None = None  # rings for orders that can wait; the loop's
        self._mutex = threading.Lock()  # of the next four
        self._orders: queue.SimpleQueue[tuple[bool, list[str]]] = queue.SimpleQueue()
        self._stopping = False
        self._finished = False
        self._finger = Finger()
        self._quiet = threading.Event()
        # What follows belongs to the thread.
        self._folder = directory.folder(queue_.name)
        self._inbox = self._folder / "inbox"
        self._lock: IO[bytes] | None = None
        self._bell: _Bell = _NoBell()
        self._listed: deque[str] = deque()
        self._seen_all = False  # nothing has come since the directory was listed to its end
        self._held: dict[str, int] = {}  # sizes of what is delivered and not settled
        self._held_bytes = 0
        self._suspect = ""  # names up to here may have been delivered before a crash
        self._again: set[str] = set()  # names that were rejected
        self._foreign: set[str] = set()  # files that are not ours, and never become spare ones
        self._touched = 0.0
        self._spares = SpareFiles(directory.spare)

    # -- told by the loop -------------------------------------------------------------------------

    def open(self) -> None:
        """Take the queue, before `start`. Raises: BrokerError, OSError"""
        self._lock = self._take_lock()
        with suppress(OSError, AttributeError):
            self._bell = Doorbell(self._folder / "bell")
        for partial in (self._folder / "partial").iterdir():
            if is_abandoned(partial):
                partial.unlink(missing_ok=True)
        unclean = self._folder / "unclean"
        if unclean.exists():
            self._suspect = max(self._scan(), default="")
        unclean.touch()
        sync_directory(self._folder)

    def settle(self, names: list[str]) -> bool:
        """Have messages removed; False if the thread has ended."""
        return self._order(True, names)

    def reject(self, names: list[str]) -> bool:
        """Have messages delivered again; False if the thread has ended."""
        return self._order(False, names)

    def cancel(self) -> None:
        """Deliver no more. `wait_quiet` returns when that is so."""
        self._quiet.clear()
        self.reading = False
        self._ring()

    def wait_quiet(self) -> None:
        """Called on any other thread, after `cancel`."""
        self._quiet.wait(_SCAN_SECONDS * 2)

    def go_on(
        self, on_delivery: Callable[[Delivery], None], on_gap: Callable[[], None] | None
    ) -> bool:
        """Deliver again after `cancel`; False if the thread has ended."""
        with self._mutex:
            if self._finished:
                return False
            self._on_delivery, self._on_gap = on_delivery, on_gap
            self.reading = True
        self._ring()
        return True

    def stop(self) -> None:
        """End; what is unsettled stays."""
        self._stopping = True
        self.reading = False
        self._ring()

    def _order(self, settled: bool, names: list[str]) -> bool:
        with self._mutex:
            if self._finished:
                return False
            self._orders.put((settled, names))
        if not settled or self._orders.qsize() + len(names) > _SETTLED:
            self._ring()
        elif self._late is None:
            self._late = self._loop.call_later(_SETTLE_SECONDS, self._ring)
        return True

    def _ring(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
        self._finger.ring(self._folder / "bell", ORDER)

    def _hand_over(self, deliveries: list[Delivery]) -> None:
        if not self.reading:
            self.reject([str(delivery.tag) for delivery in deliveries])
            return
        for delivery in deliveries:
            self._on_delivery(delivery)

    # -- the thread -------------------------------------------------------------------------------

    def run(self) -> None:
        while not self._is_over():
            try:
                delivered = self.reading and self._deliver()
            except FileNotFoundError:
                self._make_again()
                continue
            if not delivered or (self._seen_all and not self._listed):
                self._touch()
                self._seen_all &= not self._bell.wait(_SCAN_SECONDS)
        self._close()

    def _is_over(self) -> bool:
        self._obey()
        with self._mutex:
            if self._orders.empty() and not self.reading and (self._stopping or not self._held):
                self._finished = True
        if not self.reading and not self._finished:
            self._quiet.set()
        return self._finished

    def _obey(self) -> None:
        with suppress(queue.Empty):
            while True:
                settled, names = self._orders.get_nowait()
                for name in names:
                    size = self._held.pop(name, 0)
                    self._held_bytes -= size
                    self._again.discard(name)
                    if settled and name in self._foreign:
                        self._foreign.discard(name)
                        (self._inbox / name).unlink(missing_ok=True)
                    elif settled:
                        self._spares.take(self._inbox / name, size)
                if not settled:
                    self._again.update(names)
                    self._listed.extendleft(sorted(names, reverse=True))

    def _deliver(self) -> bool:
        deliveries: list[Delivery] = []
        while len(deliveries) < _TOGETHER and self._has_room():
            name = self._next_name()
            if name is None:
                break
            data = self._read(name)
            if data is not None:
                again = name <= self._suspect or name in self._again
                body, properties = from_file(data)
                if properties is not None:
                    self._foreign.add(name)
                deliveries.append(
                    Delivery(self.queue.name, body, again, self._epoch, name, properties)
                )
        if deliveries:
            self._tell(self._hand_over, deliveries)
        return bool(deliveries)

    def _has_room(self) -> bool:
        return len(self._held) < _WINDOW and (not self._held or self._held_bytes < _WINDOW_BYTES)

    def _next_name(self) -> str | None:
        if not self._listed and not self._seen_all:
            self._listed.extend(self._list())
            self._seen_all = len(self._listed) < _LISTED
        return self._listed.popleft() if self._listed else None

    def _list(self) -> list[str]:
        """The oldest names that were not delivered, each sender's in order and without gaps.

        A directory that changes while it is read can show a message and not the one before it. But
        all that a sender had sent before one that the first look shows is there for the second.
        """
        newest: dict[str, str] = {}
        for name in self._scan():
            sender = name[_STAMP:]
            newest[sender] = max(name, newest.get(sender, ""))
        if not newest:
            return []
        held = self._held
        return heapq.nsmallest(
            _LISTED,
            (
                name
                for name in self._scan()
                if name not in held and name <= newest.get(name[_STAMP:], "")
            ),
        )

    def _scan(self) -> Iterator[str]:
        with os.scandir(self._inbox) as entries:
            for entry in entries:
                yield entry.name

    def _read(self, name: str) -> bytes | None:
        try:
            body = _read_file(f"{self._inbox}/{name}")
        except FileNotFoundError:
            return None
        self._held[name] = len(body)
        self._held_bytes += len(body)
        return body

    def _touch(self) -> None:
        """The queue is used: see `Directory.sweep`."""
        now = time.monotonic()
        if now > self._touched + _TOUCH_SECONDS:
            self._touched = now
            with suppress(FileNotFoundError):
                os.utime(self._folder / "kind")

    def _take_lock(self) -> IO[bytes]:
        for _ in range(_LOCK_TRIES):  # who only looks at a lock holds it for a moment
            lock = try_lock(self._folder / "lock")
            if lock is not None:
                return lock
            time.sleep(0.01)
        raise BrokerError(
            f"queue {self.queue.name!r} is read by another process, and a spool has one reader a "
            "queue: stop the other service, or give this one other queues"
        )

    def _make_again(self) -> None:
        """Somebody deleted the queue under us."""
        self._release()
        self._held.clear()
        self._held_bytes = 0
        self._seen_all = False
        try:
            self._directory.make_queue(self.queue)
            self.open()
        except (OSError, BrokerError):
            time.sleep(_SCAN_SECONDS)
            return
        if self._on_gap is not None:
            self._tell(self._on_gap)

    def _tell(self, what: Callable[..., None], *parts: Any) -> None:
        with suppress(RuntimeError):  # the loop was closed under us
            self._loop.call_soon_threadsafe(what, *parts)

    def _close(self) -> None:
        if not self._held:
            (self._folder / "unclean").unlink(missing_ok=True)
        self._release()
        self._finger.close()
        self._quiet.set()

    def _release(self) -> None:
        self._bell.close()
        self._bell = _NoBell()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _read_file(path: str) -> bytes:
    """What a path object does with six calls more, each of which lets go of the GIL."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)
