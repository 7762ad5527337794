"""The embedded broker: durable, for one machine, without a server."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from contextlib import asynccontextmanager, suppress
from typing import IO, TYPE_CHECKING, ParamSpec, TypeVar

from schedulergodx.brokers.base import BrokerInfo, Delivery, Held
from schedulergodx.brokers.spool.directory import Directory, is_locked, try_lock
from schedulergodx.brokers.spool.framing import to_file
from schedulergodx.brokers.spool.reader import Reader
from schedulergodx.brokers.spool.writer import Letter, Writer
from schedulergodx.core.names import QueueKind
from schedulergodx.errors import BrokerClosed, BrokerError, ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from schedulergodx.core.names import Queue
    from schedulergodx.core.properties import Properties

T = TypeVar("T")
P = ParamSpec("P")

_LAST_WORDS_SECONDS = 5.0


class SpoolBroker:
    """A `Broker` in a directory; `url` is `spool:DIRECTORY`.

    Any number of processes send; a queue has one reader.

    Raises: ConfigError
    """

    def __init__(self, url: str) -> None:
        path = url.removeprefix("spool:").removeprefix("//")
        if not path:
            raise ConfigError("spool: names no directory: write spool:DIRECTORY")
        self._directory = Directory(path)
        self.url = f"spool:{self._directory.path}"
        self.secret: bytes | None = None
        self.info = BrokerInfo("spool", "1", local=True)
        self._writer: Writer | None = None
        self._readers: dict[str, Reader] = {}  # by queue, those that were cancelled too
        self._owners: dict[str, IO[bytes]] = {}
        self._epochs = itertools.count(1)
        self._open_futures: set[asyncio.Future[None]] = set()
        self._closed = False

    # -- its life ---------------------------------------------------------------------------------

    async def open(self, timeout: float) -> None:
        self.secret = await asyncio.to_thread(self._directory.open)
        self._writer = Writer(self._directory, asyncio.get_running_loop())
        self._writer.start()

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        writer.stop()
        await asyncio.to_thread(writer.join, _LAST_WORDS_SECONDS)
        await asyncio.sleep(0)  # lets the futures of the last batch be done
        for future in self._open_futures:
            future.set_exception(BrokerClosed("the broker was closed before it had the message"))
        for reader in self._readers.values():
            reader.stop()
        for reader in self._readers.values():
            await asyncio.to_thread(reader.join, _LAST_WORDS_SECONDS)
        for lock in self._owners.values():
            lock.close()
        self._owners.clear()

    def on_connection(self, listener: Callable[[bool, str], None]) -> None:
        """Nothing to listen to: there is no connection."""

    # -- queues -----------------------------------------------------------------------------------

    async def declare(self, queue: Queue) -> None:
        await self._run(queue, self._declare, queue)

    async def delete(self, queue: Queue) -> None:
        await self.cancel(queue)
        reader = self._readers.pop(queue.name, None)
        if reader is not None:
            reader.stop()
            await asyncio.to_thread(reader.join, _LAST_WORDS_SECONDS)
        await self._run(queue, self._delete, queue)

    async def consumers(self, queue: Queue) -> int | None:
        return await self._run(queue, self._count, queue)

    def _declare(self, queue: Queue) -> None:
        if queue.kind is QueueKind.OWNER:
            self._own(queue)
            return
        if queue.kind is QueueKind.RESPONSES:
            self._directory.sweep(time.time())
        self._directory.make_queue(queue)

    def _own(self, queue: Queue) -> None:
        if queue.name in self._owners:
            return
        lock = try_lock(self._directory.owner_lock(queue.name))
        if lock is None:
            raise Held(f"queue {queue.name!r} is held by another process")
        self._owners[queue.name] = lock

    def _delete(self, queue: Queue) -> None:
        if queue.kind is not QueueKind.OWNER:
            self._directory.remove_queue(queue.name)
        elif queue.name in self._owners:
            self._owners.pop(queue.name).close()

    def _count(self, queue: Queue) -> int | None:
        if queue.kind is QueueKind.OWNER:
            return 0 if is_locked(self._directory.owner_lock(queue.name)) else None
        folder = self._directory.folder(queue.name)
        try:
            return int(is_locked(folder / "lock"))
        except FileNotFoundError:
            return None

    # -- sending ----------------------------------------------------------------------------------

    def publish(
        self, address: str, body: bytes, properties: Properties | None = None
    ) -> asyncio.Future[None]:
        return self._send(address, to_file(body, properties), fanout=False)

    def broadcast(self, exchange: str, body: bytes) -> asyncio.Future[None]:
        return self._send(exchange, body, fanout=True)

    def _send(self, address: str, body: bytes, *, fanout: bool) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._writer is None:
            future.set_exception(BrokerClosed("the broker is not open"))
            return future
        self._open_futures.add(future)
        future.add_done_callback(self._open_futures.discard)
        self._writer.put(Letter(address, body, fanout, future))
        return future

    # -- reading ----------------------------------------------------------------------------------

    async def consume(
        self,
        queue: Queue,
        on_delivery: Callable[[Delivery], None],
        *,
        on_gap: Callable[[], None] | None = None,
    ) -> None:
        reader = self._readers.get(queue.name)
        if reader is not None and reader.reading:
            raise BrokerError(f"queue {queue.name!r} is read already; cancel() that first")
        if reader is not None and reader.go_on(on_delivery, on_gap):
            return
        reader = Reader(
            self._directory,
            queue,
            loop=asyncio.get_running_loop(),
            epoch=next(self._epochs),
            on_delivery=on_delivery,
            on_gap=on_gap,
        )
        await self._run(reader.queue, reader.open)
        self._readers[queue.name] = reader
        reader.start()

    async def cancel(self, queue: Queue) -> None:
        reader = self._readers.get(queue.name)
        if reader is not None and reader.reading:
            reader.cancel()
            await asyncio.to_thread(reader.wait_quiet)

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        for queue, names in _by_queue(deliveries).items():
            reader = self._readers.get(queue)
            if reader is None or not reader.settle(names):
                for name in names:
                    (self._directory.folder(queue) / "inbox" / name).unlink(missing_ok=True)

    def reject(self, deliveries: Sequence[Delivery]) -> None:
        for queue, names in _by_queue(deliveries).items():
            if reader := self._readers.get(queue):
                reader.reject(names)

    @asynccontextmanager
    async def peek(self, queue: Queue) -> AsyncIterator[AsyncIterator[Delivery]]:
        yield self._look_through(queue)

    async def _look_through(self, queue: Queue) -> AsyncIterator[Delivery]:
        inbox = self._directory.folder(queue.name) / "inbox"
        for name in await self._run(queue, _names_in, inbox):
            with suppress(FileNotFoundError):
                body = await asyncio.to_thread((inbox / name).read_bytes)
                yield Delivery(queue.name, body, redelivered=False, epoch=0, tag=name)

    async def _run(self, queue: Queue, work: Callable[P, T], *args: P.args, **kw: P.kwargs) -> T:
        """Do what touches the disk on a thread."""
        if self._writer is None:
            raise BrokerClosed("the broker is not open")
        try:
            return await asyncio.to_thread(work, *args, **kw)
        except OSError as error:
            raise BrokerError(
                f"the spool {self._directory.path} refused queue {queue.name!r}: "
                f"{error.strerror or error}"
            ) from error


def _names_in(inbox: Path) -> list[str]:
    """The messages that are there, oldest first."""
    with suppress(FileNotFoundError):
        return sorted(entry.name for entry in os.scandir(inbox))
    return []


def _by_queue(deliveries: Sequence[Delivery]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for delivery in deliveries:
        names.setdefault(delivery.queue, []).append(str(delivery.tag))
    return names
