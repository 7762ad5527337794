"""Writes messages into queues, on a thread of its own: many at once where many are there."""

from __future__ import annotations

import errno
import os
import queue
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from schedulergodx.brokers.spool.directory import sync_directory
from schedulergodx.brokers.spool.doorbell import Finger
from schedulergodx.brokers.spool.spares import SpareFiles
from schedulergodx.errors import BrokerError, Unroutable

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from schedulergodx.brokers.spool.directory import Directory

_TOGETHER = 200  # messages a batch; each has an open file for a moment
_TOGETHER_BYTES = 16 << 20
_SYNCERS = 8
_sync_file = getattr(os, "fdatasync", os.fsync)


@dataclass(slots=True)
class Letter:
    """One message to write.

    address: a queue's name, or an exchange's if `fanout`
    """

    address: str
    body: bytes
    fanout: bool
    future: asyncio.Future[None]
    partial: Path | None = None
    inboxes: list[Path] = field(default_factory=list)
    descriptor: int = -1
    error: BrokerError | None = None

    def fail(self, error: OSError) -> None:
        """It could not be written: leave nothing of it behind."""
        self.error = BrokerError(f"the spool took no message: {error.strerror or error}")
        if self.descriptor >= 0:
            os.close(self.descriptor)
        if self.partial is not None:
            for path in (self.partial, *(inbox / self.partial.name for inbox in self.inboxes)):
                path.unlink(missing_ok=True)


class Writer(threading.Thread):
    """Makes messages visible and then durable, in the order that they were given in.

    What waits at one moment is one batch: all its files are written, then renamed into their
    queues, and the readers are woken; then all are synced, then each queue's directory, and then
    the futures are done. So a reader is at work while the disk is: what it is given early may be
    gone after a power cut, as what it has is when it dies before it settles. A name begins with a
    time that never repeats or goes back within a writer.
    """

    def __init__(self, directory: Directory, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name="schedulergodx-spool-writer", daemon=True)
        self._directory = directory
        self._loop = loop
        self._letters: queue.SimpleQueue[Letter | None] = queue.SimpleQueue()
        self._finger = Finger()
        self._spares = SpareFiles(directory.spare)
        self._syncers = ThreadPoolExecutor(_SYNCERS, "schedulergodx-spool-syncer")
        self._sender = secrets.token_hex(4)
        self._stamp = 0

    def put(self, letter: Letter) -> None:
        """Called on the loop."""
        self._letters.put(letter)

    def stop(self) -> None:
        """Called on the loop: end when all before is done."""
        self._letters.put(None)

    def run(self) -> None:
        going_on = True
        while going_on:
            batch, going_on = self._next_batch()
            self._write(batch)
            with suppress(RuntimeError):  # the loop was closed under us
                self._loop.call_soon_threadsafe(self._finish, batch)
        self._syncers.shutdown()
        self._finger.close()

    def _next_batch(self) -> tuple[list[Letter], bool]:
        batch: list[Letter] = []
        size = 0
        letter = self._letters.get()
        while letter is not None:
            batch.append(letter)
            size += len(letter.body)
            if len(batch) >= _TOGETHER or size >= _TOGETHER_BYTES:
                return batch, True
            try:
                letter = self._letters.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _write(self, batch: list[Letter]) -> None:
        for letter in batch:
            _try(self._begin, letter)
            _try(_deliver, letter)
        inboxes = {inbox for letter in batch for inbox in letter.inboxes}
        for inbox in inboxes:
            self._finger.ring(inbox.with_name("bell"))
        if len(batch) == 1:
            _try(_sync, batch[0])
        else:  # a disk takes several at a time, in about a fifth of the time
            list(self._syncers.map(partial(_try, _sync), batch))
        for inbox in inboxes:
            with suppress(FileNotFoundError):  # the queue was deleted meanwhile
                sync_directory(inbox)

    def _begin(self, letter: Letter) -> None:
        folders = (
            self._directory.fed_by(letter.address)
            if letter.fanout
            else [self._directory.folder(letter.address)]
        )
        self._stamp = max(self._stamp + 1, time.time_ns())
        name = f"{self._stamp:020d}-{self._sender}"
        for folder in folders:
            with suppress(FileNotFoundError), _no_such_name():
                if letter.partial is None:
                    letter.descriptor = self._spares.open(folder / "partial" / name)
                    letter.partial = folder / "partial" / name
                letter.inboxes.append(folder / "inbox")
        if letter.partial is None:
            letter.error = Unroutable(letter.address)
            return
        view = memoryview(letter.body)
        while view:
            view = view[os.write(letter.descriptor, view) :]
        os.ftruncate(letter.descriptor, len(letter.body))

    def _finish(self, batch: list[Letter]) -> None:
        """On the loop."""
        for letter in batch:
            if letter.future.done():
                continue
            if letter.error is None:
                letter.future.set_result(None)
            else:
                letter.future.set_exception(letter.error)


@contextmanager
def _no_such_name() -> Iterator[None]:
    """A name that is too long for a file is that of no queue."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise


def _try(step: Callable[[Letter], None], letter: Letter) -> None:
    if letter.error is None:
        try:
            step(letter)
        except OSError as error:
            letter.fail(error)


def _sync(letter: Letter) -> None:
    _sync_file(letter.descriptor)
    os.close(letter.descriptor)
    letter.descriptor = -1


def _deliver(letter: Letter) -> None:
    written = letter.partial
    assert written is not None
    if len(letter.inboxes) == 1:
        with suppress(FileNotFoundError):
            written.rename(letter.inboxes[0] / written.name)
            return
    letter.inboxes = [inbox for inbox in letter.inboxes if _link(written, inbox)]
    written.unlink(missing_ok=True)
    if not letter.inboxes:  # deleted since
        letter.error = Unroutable(letter.address)


def _link(written: Path, inbox: Path) -> bool:
    try:
        os.link(written, inbox / written.name)
    except FileNotFoundError:
        return False
    return True
