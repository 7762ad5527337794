"""A broker on RabbitMQ: two connections that come back, and what is done over them."""

from __future__ import annotations

import asyncio
import itertools
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from schedulergodx.brokers.amqp.address import BLOCKED_TIMEOUT, HEARTBEAT, Address
from schedulergodx.brokers.amqp.consumer import Consumer
from schedulergodx.brokers.amqp.link import NOT_FOUND, ChannelLost
from schedulergodx.brokers.amqp.naming import to_wire
from schedulergodx.brokers.amqp.publisher import Publisher
from schedulergodx.brokers.amqp.reading import Reading
from schedulergodx.brokers.amqp.session import Session
from schedulergodx.brokers.amqp.topology import Topology
from schedulergodx.brokers.amqp.watchdog import Watchdog
from schedulergodx.brokers.base import BrokerInfo, Delivery
from schedulergodx.errors import BrokerClosed, BrokerError

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Coroutine,
        Mapping,
        Sequence,
    )

    from schedulergodx.brokers.amqp.link import Channel, Connect, Link
    from schedulergodx.core.names import Queue
    from schedulergodx.core.properties import Properties

logger = logging.getLogger(__name__)

T = TypeVar("T")

PREFETCH = 1000
WATCHDOG_INTERVAL = 30.0
_LAST_WORDS_SECONDS = 5.0


class AmqpBroker:
    """A `Broker` on RabbitMQ, by whichever library its subclass connects with.

    One connection publishes, the other declares and reads: RabbitMQ stops to read a connection that
    publishes too much or while an alarm is on, and settling must not wait behind that.

    url: amqp[s]://user:password@host:port/vhost, or an `Address`
    quorum: declare quorum queues where queues are shared
    heartbeat: seconds; a connection that is silent for two of them is given up
    blocked_connection_timeout: seconds after which a connection that RabbitMQ does not read is
        made anew. What the URL itself says of these two comes first
    prefetch: deliveries of one queue that may be unsettled
    watchdog_interval: seconds between looks at whether RabbitMQ still knows our consumers
    window: messages that may be unconfirmed; more wait here. None for what suits the library

    Raises: ConfigError
    """

    secret: bytes | None = None
    info: BrokerInfo
    _connect: Connect
    _window: int

    def __init__(
        self,
        url: str | Address,
        *,
        quorum: bool = False,
        heartbeat: float = HEARTBEAT,
        blocked_connection_timeout: float = BLOCKED_TIMEOUT,
        prefetch: int = PREFETCH,
        watchdog_interval: float = WATCHDOG_INTERVAL,
        window: int | None = None,
    ) -> None:
        if isinstance(url, str):
            url = Address.from_url(
                url, heartbeat=heartbeat, blocked_timeout=blocked_connection_timeout
            )
        self.url = url.url
        self._address = url
        self._prefetch = prefetch
        self._watchdog_interval = watchdog_interval
        self._topology = Topology(quorum=quorum)
        self._publisher = Publisher(window=window or self._window)
        self._consumers: dict[str, Consumer] = {}
        self._readings: dict[int, Reading] = {}
        self._epochs = itertools.count(1)
        self._listeners: list[Callable[[bool, str], None]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sessions: tuple[Session, Session] | None = None  # to read, to publish
        self._was_up = False
        self._opened = False
        self._closed = False

    @classmethod
    def from_parameters(
        cls, parameters: Mapping[str, Any], credentials: tuple[str, str], **settings: Any
    ) -> Self:
        """From the settings object of `utils.rmq_property`.

        parameters: host, port, virtual_host, heartbeat, blocked_connection_timeout
        credentials: user, password
        settings: as of the class

        Raises: ConfigError
        """
        return cls(Address.from_parameters(parameters, credentials), **settings)

    # -- its life ---------------------------------------------------------------------------------

    async def open(self, timeout: float) -> None:
        """Connect. Raises: BrokerUnavailable, ConfigError (a certificate can't be read)"""
        if self._closed:
            raise BrokerClosed("this end of the broker was closed")
        deadline = asyncio.get_running_loop().time() + timeout
        reader = self._make_session(self._restore, changed=self._reader_changed)
        writer = self._make_session(
            self._await_queues, changed=self._changed, on_blocked=self._block
        )
        self._sessions = reader, writer
        try:
            await reader.open(deadline)
            await writer.open(deadline)
        except BaseException:
            self._sessions = None
            await reader.close()
            raise
        link = await reader.link()
        self.info = BrokerInfo("RabbitMQ", link.version, self._address.local)
        self._opened = True
        self._was_up = reader.up and writer.up
        self._spawn(self._publisher.run(writer))
        self._spawn(Watchdog(reader, self._topology, self._consumers).run(self._watchdog_interval))

    async def close(self) -> None:
        """Wait a few seconds for what is being published, then disconnect."""
        if self._closed:
            return
        self._closed = True
        await self._publisher.drain(_LAST_WORDS_SECONDS if self._sessions else 0.0)
        for consumer in self._consumers.values():
            consumer.abandon()
        self._consumers.clear()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*[session.close() for session in self._sessions or ()])
        self._readings.clear()

    @property
    def blocked(self) -> str:
        """Why RabbitMQ takes no messages now, as for a full disk; "" while it does."""
        return self._sessions[1].blocked if self._sessions else ""

    def on_connection(self, listener: Callable[[bool, str], None]) -> None:
        self._listeners.append(listener)

    # -- queues -----------------------------------------------------------------------------------

    async def declare(self, queue: Queue) -> None:
        await self._over_link(lambda link: self._topology.declare(link, queue))

    async def delete(self, queue: Queue) -> None:
        consumer = self._consumers.pop(queue.name, None)
        if consumer is not None:
            await consumer.stop()
            self._spawn(consumer.finish())
        await self._over_link(lambda link: self._topology.delete(link, queue))

    async def consumers(self, queue: Queue) -> int | None:
        return await self._over_link(lambda link: self._topology.count_consumers(link, queue))

    # -- sending ----------------------------------------------------------------------------------

    def publish(
        self, address: str, body: bytes, properties: Properties | None = None
    ) -> asyncio.Future[None]:
        return self._publisher.publish("", address, body, properties)

    def broadcast(self, exchange: str, body: bytes) -> asyncio.Future[None]:
        if self._topology.knows_fanout(exchange) or self._closed:
            return self._publisher.publish(exchange, "", body)
        return asyncio.ensure_future(self._broadcast_first(exchange, body))

    async def _broadcast_first(self, exchange: str, body: bytes) -> None:
        await self._over_link(lambda link: self._topology.declare_fanout(link, exchange))
        await self._publisher.publish(exchange, "", body)

    # -- reading ----------------------------------------------------------------------------------

    async def consume(
        self,
        queue: Queue,
        on_delivery: Callable[[Delivery], None],
        *,
        on_gap: Callable[[], None] | None = None,
    ) -> None:
        if queue.name in self._consumers:
            raise BrokerError(f"queue {queue.name!r} is read already; cancel() that first")
        consumer = Consumer(
            queue,
            on_delivery,
            on_gap=on_gap,
            epochs=self._epochs,
            prefetch=self._prefetch,
            readings=self._readings,
        )
        self._consumers[queue.name] = consumer
        try:
            await consumer.start(self._reader(), self._topology)
        except BaseException:
            self._consumers.pop(queue.name, None)
            consumer.abandon()
            raise

    async def cancel(self, queue: Queue) -> None:
        consumer = self._consumers.pop(queue.name, None)
        if consumer is not None:
            await consumer.stop()
            self._spawn(consumer.finish())

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        for epoch, tags in _by_epoch(deliveries).items():
            if reading := self._readings.get(epoch):
                reading.settle(tags)

    def reject(self, deliveries: Sequence[Delivery]) -> None:
        for epoch, tags in _by_epoch(deliveries).items():
            if reading := self._readings.get(epoch):
                reading.requeue(tags)

    @asynccontextmanager
    async def peek(self, queue: Queue) -> AsyncIterator[AsyncIterator[Delivery]]:
        link = await self._reader().link()
        channel = await link.channel()  # its own: closed, it gives back what is not settled
        reading = Reading(queue.name, next(self._epochs), channel, _ignore)
        self._readings[reading.epoch] = reading
        try:
            yield self._look_through(channel, reading)
        except ChannelLost as error:
            raise BrokerError(f"looking through {queue.name!r} was cut off: {error}") from error
        finally:
            self._readings.pop(reading.epoch, None)
            await channel.close()

    async def _look_through(self, channel: Channel, reading: Reading) -> AsyncIterator[Delivery]:
        name = to_wire(reading.queue)
        try:
            while (got := await channel.get(name)) is not None:
                tag, again, body = got
                yield Delivery(reading.queue, body, again, reading.epoch, tag)
        except ChannelLost as error:
            if error.loss.code != NOT_FOUND:
                raise

    # -- inside -----------------------------------------------------------------------------------

    def _make_session(
        self,
        set_up: Callable[[Link], Awaitable[None]],
        *,
        changed: Callable[[bool, str], None],
        on_blocked: Callable[[str], None] | None = None,
    ) -> Session:
        return Session(
            self._connect, self._address, set_up=set_up, changed=changed, on_blocked=on_blocked
        )

    def _reader(self) -> Session:
        if self._closed or self._sessions is None:
            raise BrokerClosed("the broker is not open")
        return self._sessions[0]

    async def _restore(self, link: Link) -> None:
        self._topology.restored.clear()
        await self._topology.restore(link)

    async def _await_queues(self, link: Link) -> None:
        """What is sent again must find its queue."""
        await self._topology.restored.wait()

    def _block(self, why: str) -> None:
        self._publisher.block(bool(why))

    def _reader_changed(self, up: bool, why: str) -> None:
        if not up:
            self._topology.restored.clear()
        self._changed(up, why)

    def _changed(self, up: bool, why: str) -> None:
        if self._sessions is None or self._closed or not self._opened:
            return
        both = all(session.up for session in self._sessions)
        if both != self._was_up:
            self._was_up = both
            for listener in list(self._listeners):
                try:
                    listener(both, why)
                except Exception:
                    logger.exception("a listener to the connection failed")

    async def _over_link(self, ask: Callable[[Link], Awaitable[T]]) -> T:
        """Ask, and again over the next connection while this one is lost."""
        while True:
            link = await self._reader().link()
            try:
                return await ask(link)
            except ChannelLost:
                await asyncio.wait([link.lost], timeout=1.0)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _by_epoch(deliveries: Sequence[Delivery]) -> dict[int, list[int]]:
    tags: dict[int, list[int]] = {}
    for delivery in deliveries:
        tags.setdefault(delivery.epoch, []).append(delivery.tag)  # type: ignore[arg-type]  # ours
    return tags


def _ignore(_: Delivery) -> None:
    """Who peeks is given nothing unasked."""
