"""Reading one queue of RabbitMQ, over whatever connection there is."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from schedulergodx.brokers.amqp.link import ChannelLost, Loss
from schedulergodx.brokers.amqp.naming import to_wire
from schedulergodx.brokers.amqp.reading import Reading
from schedulergodx.brokers.backoff import Backoff
from schedulergodx.errors import BrokerClosed, BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schedulergodx.brokers.amqp.link import Channel
    from schedulergodx.brokers.amqp.session import Session
    from schedulergodx.brokers.amqp.topology import Topology
    from schedulergodx.brokers.base import Delivery
    from schedulergodx.core.names import Queue

logger = logging.getLogger(__name__)


class Consumer:
    """Reads a queue, and begins again after each loss of its channel or its connection.

    It has a channel of its own, so that what happens to one queue does not touch the others.

    on_gap: called each time that reading has begun again
    epochs: where each reading gets its number
    prefetch: how many deliveries RabbitMQ sends ahead of their settlement
    readings: those whose channel is there, by epoch; kept here, read by who settles
    """

    def __init__(
        self,
        queue: Queue,
        on_delivery: Callable[[Delivery], None],
        *,
        on_gap: Callable[[], None] | None,
        epochs: Iterator[int],
        prefetch: int,
        readings: dict[int, Reading],
    ) -> None:
        self.queue = queue
        self._on_delivery = on_delivery
        self._on_gap = on_gap
        self._epochs = epochs
        self._prefetch = prefetch
        self._readings = readings
        self._channel: Channel | None = None  # while RabbitMQ knows this consumer
        self._reading: Reading | None = None
        self._runner: asyncio.Task[None] | None = None

    @property
    def reads(self) -> bool:
        """Whether RabbitMQ knows this consumer, as far as we know."""
        return self._channel is not None

    async def start(self, session: Session, topology: Topology) -> None:
        """Begin to read; returns when RabbitMQ has agreed. Raises: BrokerError"""
        began: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._runner = asyncio.create_task(self._run(session, topology, began))
        self._runner.add_done_callback(lambda _: _close(began))
        await began

    async def stop(self) -> None:
        """Read no more; what was delivered can still be settled."""
        self.abandon()
        channel, self._channel = self._channel, None
        if channel is not None:
            with suppress(ChannelLost):
                await channel.stop_consuming()

    def abandon(self) -> None:
        """Begin no more readings."""
        if self._runner is not None:
            self._runner.cancel()
            self._runner = None

    async def finish(self) -> None:
        """After `stop`: wait until all that was delivered is settled."""
        if self._reading is not None:
            await self._reading.finish()

    async def begin_again(self, why: str) -> None:
        """Close the channel and open another."""
        logger.warning("reading %s again: %s", self.queue.name, why)
        if self._reading is not None:
            await self._reading.close()

    async def _run(self, session: Session, topology: Topology, began: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        backoff = Backoff()
        while True:
            since = loop.time()
            try:
                link = await session.link()
                since = loop.time()
                if began.done():
                    await topology.redeclare(link, self.queue)
                loss = await self._read(await link.channel(), began)
            except ChannelLost as error:
                loss = error.loss
            except BrokerClosed:
                return
            except Exception as error:
                if not began.done():
                    began.set_exception(error)
                    return
                # Whatever it is, a queue that nobody reads is worse.
                logger.exception("reading %s failed, trying on", self.queue.name)
                loss = Loss(0, str(error))
            if loss.refused and not began.done():
                text = f"queue {self.queue.name!r} can't be read: {loss}"
                began.set_exception(BrokerError(text))
                return
            if loss.code:
                logger.warning("reading %s again: %s", self.queue.name, loss)
            await asyncio.sleep(backoff.next(loop.time() - since))

    async def _read(self, channel: Channel, began: asyncio.Future[None]) -> Loss:
        reading = Reading(self.queue.name, next(self._epochs), channel, self._on_delivery)
        self._reading = self._readings[reading.epoch] = reading
        channel.lost.add_done_callback(lambda _: self._end(reading))
        await channel.consume(to_wire(self.queue.name), self._prefetch, reading.deliver)
        self._channel = channel
        if not began.done():
            began.set_result(None)
        elif self._on_gap is not None:
            asyncio.get_running_loop().call_soon(self._on_gap)
        await asyncio.wait([channel.lost])
        return channel.lost.result()

    def _end(self, reading: Reading) -> None:
        """Its channel is gone, and what it delivered is back in the queue."""
        self._readings.pop(reading.epoch, None)
        if reading is self._reading:
            self._channel = None


def _close(began: asyncio.Future[None]) -> None:
    if not began.done():
        began.set_exception(BrokerClosed("the broker was closed"))
