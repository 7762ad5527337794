"""A broker inside one process, for tests: it keeps what RabbitMQ promises, and loses all at exit.

Brokers of one name share their queues, from whichever loop or thread.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import deque
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

from schedulergodx.brokers.base import BrokerInfo, Delivery, Held
from schedulergodx.core.names import QueueKind, fanout_of
from schedulergodx.errors import BrokerClosed, BrokerError, Unroutable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

    from schedulergodx.core.names import Queue
    from schedulergodx.core.properties import Properties

_WINDOW = 1000


class _Message:
    """One message in a queue."""

    __slots__ = ("body", "number", "properties", "redelivered")

    def __init__(self, number: int, body: bytes, properties: Properties | None) -> None:
        self.number = number
        self.body = body
        self.properties = properties
        self.redelivered = False


class _Reader:
    """One consumer of a queue: what it was given and has not settled, and what is on its way."""

    def __init__(
        self,
        queue: str,
        epoch: int,
        loop: asyncio.AbstractEventLoop,
        on_delivery: Callable[[Delivery], None],
        on_gap: Callable[[], None] | None,
    ) -> None:
        self.queue = queue
        self.epoch = epoch
        self.loop = loop
        self.on_delivery = on_delivery
        self.on_gap = on_gap
        self.coming: deque[_Message] = deque()
        self.unsettled: dict[int, _Message] = {}

    @property
    def has_room(self) -> bool:
        return len(self.coming) + len(self.unsettled) < _WINDOW


class _Hub:
    """All queues of one name. Its lock is held for moments only."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.queues: dict[str, deque[_Message]] = {}
        self.readers: dict[str, deque[_Reader]] = {}
        self.fanouts: dict[str, set[str]] = {}
        self.owners: dict[str, object] = {}
        self.is_away = False
        self.parked: list[tuple[list[str], bytes, Properties | None, asyncio.Future[None]]] = []
        self._numbers = itertools.count(1)

    def push(self, queue: str, body: bytes, properties: Properties | None) -> None:
        self.queues[queue].append(_Message(next(self._numbers), body, properties))
        self.deal(queue)

    def deal(self, queue: str) -> None:
        """Give out what waits, one for each reader in turn."""
        messages, readers = self.queues.get(queue), self.readers.get(queue)
        if self.is_away:
            return
        while messages and readers:
            reader = next((reader for reader in readers if reader.has_room), None)
            if reader is None:
                return
            readers.remove(reader)
            if reader.loop.is_closed():  # nobody reads there again
                continue
            readers.append(reader)
            wake = not reader.coming
            reader.coming.append(messages.popleft())
            if wake:
                reader.loop.call_soon_threadsafe(self._hand_over, reader)

    def take_back(self, queue: str, messages: Iterable[_Message]) -> None:
        """To the front of the queue, in order."""
        back = self.queues.get(queue)
        if back is not None:
            back.extendleft(sorted(messages, key=lambda message: -message.number))
            self.deal(queue)

    def feed(self, queue: Queue) -> None:
        """Bind a CONTROL queue to its fanout."""
        self.fanouts.setdefault(fanout_of(queue), set()).add(queue.name)

    def make_again(self, queue: Queue) -> None:
        """A queue that was deleted under its readers, who are told."""
        for reader in self.readers.get(queue.name, ()):
            self.queues.setdefault(queue.name, deque())
            if queue.kind is QueueKind.CONTROL:
                self.feed(queue)
            if reader.on_gap is not None:
                reader.loop.call_soon_threadsafe(reader.on_gap)

    def come_back(self) -> None:
        """Take what was published meanwhile, and deal again."""
        with self.lock:
            self.is_away = False
            parked, self.parked = self.parked, []
            for queues, body, properties, future in parked:
                for queue in queues:
                    self.push(queue, body, properties)
                future.get_loop().call_soon_threadsafe(_confirm, future)
            for queue in list(self.queues):
                self.deal(queue)

    @property
    def busy(self) -> bool:
        """Whether something that was published has not reached those who read."""
        with self.lock:
            coming = (reader.coming for readers in self.readers.values() for reader in readers)
            waiting = (self.queues.get(queue) for queue in self.readers if self.readers[queue])
            return not self.is_away and (any(coming) or any(waiting))

    def _hand_over(self, reader: _Reader) -> None:
        """On the reader's loop."""
        with self.lock:
            coming = list(reader.coming)
            reader.coming.clear()
            reader.unsettled.update((message.number, message) for message in coming)
        for message in coming:
            reader.on_delivery(
                Delivery(
                    reader.queue,
                    message.body,
                    message.redelivered,
                    reader.epoch,
                    message.number,
                    message.properties,
                )
            )


@contextmanager
def cut_off(url: str) -> Iterator[None]:
    """Have a broker confirm and deliver nothing, as if the network were down; after that, all."""
    hub = _hubs.setdefault(url.removeprefix("memory:"), _Hub())
    hub.is_away = True
    try:
        yield
    finally:
        hub.come_back()


_hubs: dict[str, _Hub] = {}
_epochs = itertools.count(1)


class MemoryBroker:
    """A `Broker` in memory; `url` is `memory:` or `memory:NAME`."""

    secret: bytes | None = None
    info = BrokerInfo("memory", "1", local=True)

    def __init__(self, url: str = "memory:") -> None:
        self.url = url
        self._hub = _hubs.setdefault(url.removeprefix("memory:"), _Hub())
        self._readers: dict[int, _Reader] = {}  # by epoch, those that were cancelled too
        self._is_open = False

    async def open(self, timeout: float) -> None:
        self._is_open = True

    async def close(self) -> None:
        hub = self._hub
        self._is_open = False
        with hub.lock:
            for reader in self._readers.values():
                self._stop(reader)
                self._give_back(reader)
            self._readers.clear()
            for name in [name for name, owner in hub.owners.items() if owner is self]:
                del hub.owners[name], hub.queues[name]

    async def declare(self, queue: Queue) -> None:
        self._check_open()
        hub = self._hub
        with hub.lock:
            if queue.kind is QueueKind.OWNER:
                if hub.owners.setdefault(queue.name, self) is not self:
                    raise Held(f"queue {queue.name!r} is held by another connection")
            elif queue.kind is QueueKind.CONTROL:
                hub.feed(queue)
            hub.queues.setdefault(queue.name, deque())

    async def delete(self, queue: Queue) -> None:
        self._check_open()
        hub = self._hub
        with hub.lock:
            for reader in list(self._readers.values()):
                if reader.queue == queue.name:
                    self._stop(reader)
            hub.queues.pop(queue.name, None)
            hub.owners.pop(queue.name, None)
            for fed in hub.fanouts.values():
                fed.discard(queue.name)
            hub.make_again(queue)

    async def consumers(self, queue: Queue) -> int | None:
        self._check_open()
        with self._hub.lock:
            if queue.name not in self._hub.queues:
                return None
            return len(self._hub.readers.get(queue.name, ()))

    def publish(
        self, address: str, body: bytes, properties: Properties | None = None
    ) -> asyncio.Future[None]:
        with self._hub.lock:
            queues = [address] if address in self._hub.queues else []
            return self._push(queues, address, body, properties)

    def broadcast(self, exchange: str, body: bytes) -> asyncio.Future[None]:
        with self._hub.lock:
            return self._push(sorted(self._hub.fanouts.get(exchange, ())), exchange, body)

    async def consume(
        self,
        queue: Queue,
        on_delivery: Callable[[Delivery], None],
        *,
        on_gap: Callable[[], None] | None = None,
    ) -> None:
        self._check_open()
        loop = asyncio.get_running_loop()
        reader = _Reader(queue.name, next(_epochs), loop, on_delivery, on_gap)
        with self._hub.lock:
            if queue.name not in self._hub.queues:
                raise BrokerError(f"there is no queue {queue.name!r}")
            self._readers[reader.epoch] = reader
            self._hub.readers.setdefault(queue.name, deque()).append(reader)
            self._hub.deal(queue.name)

    async def cancel(self, queue: Queue) -> None:
        with self._hub.lock:
            for reader in self._readers.values():
                if reader.queue == queue.name:
                    self._stop(reader)

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        with self._hub.lock:
            for reader, _ in self._take(deliveries):
                self._hub.deal(reader.queue)

    def reject(self, deliveries: Sequence[Delivery]) -> None:
        with self._hub.lock:
            for reader, message in self._take(deliveries):
                message.redelivered = True
                self._hub.take_back(reader.queue, [message])

    @asynccontextmanager
    async def peek(self, queue: Queue) -> AsyncIterator[AsyncIterator[Delivery]]:
        self._check_open()
        reader = _Reader(queue.name, next(_epochs), asyncio.get_running_loop(), _ignore, None)
        self._readers[reader.epoch] = reader
        try:
            yield self._look_through(reader)
        finally:
            with self._hub.lock:
                if self._readers.pop(reader.epoch, None) is not None:  # else `close` has done it
                    self._give_back(reader)

    async def _look_through(self, reader: _Reader) -> AsyncIterator[Delivery]:
        while True:
            with self._hub.lock:
                messages = self._hub.queues.get(reader.queue)
                if not messages:
                    return
                message = messages.popleft()
                reader.unsettled[message.number] = message
            again = message.redelivered
            yield Delivery(reader.queue, message.body, again, reader.epoch, message.number)

    @property
    def busy(self) -> bool:
        """Whether something that was published has not reached those who read."""
        return self._hub.busy

    def on_connection(self, listener: Callable[[bool, str], None]) -> None:
        """Nothing to listen to: this connection is never lost."""

    def _check_open(self) -> None:
        if not self._is_open:
            raise BrokerClosed("the broker is not open")

    def _push(
        self, queues: list[str], address: str, body: bytes, properties: Properties | None = None
    ) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._is_open:
            future.set_exception(BrokerClosed("the broker is not open"))
        elif not queues:
            future.set_exception(Unroutable(address))
        elif self._hub.is_away:
            self._hub.parked.append((queues, body, properties, future))
        else:
            for queue in queues:
                self._hub.push(queue, body, properties)
            future.set_result(None)
        return future

    def _stop(self, reader: _Reader) -> None:
        """No more deliveries; what was on its way goes back."""
        with suppress(KeyError, ValueError):
            self._hub.readers[reader.queue].remove(reader)
        coming = list(reader.coming)
        reader.coming.clear()
        self._hub.take_back(reader.queue, coming)

    def _give_back(self, reader: _Reader) -> None:
        """What it has not settled goes back."""
        for message in reader.unsettled.values():
            message.redelivered = True
        self._hub.take_back(reader.queue, reader.unsettled.values())

    def _take(self, deliveries: Sequence[Delivery]) -> list[tuple[_Reader, _Message]]:
        """The unsettled messages of these deliveries, the last first."""
        taken: list[tuple[_Reader, _Message]] = []
        for delivery in reversed(deliveries):
            reader = self._readers.get(delivery.epoch)
            message = reader.unsettled.pop(int(delivery.tag), None) if reader else None
            if reader is not None and message is not None:
                taken.append((reader, message))
        return taken


def _confirm(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _ignore(_: Delivery) -> None:
    """Who peeks is given nothing unasked."""
