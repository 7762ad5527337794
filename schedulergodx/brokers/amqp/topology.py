"""The queues of one process on RabbitMQ: how each kind is declared, and which were.

Nothing here depends on the version of RabbitMQ from 3.10 to 4.3: no priorities, no TTL of messages,
no transient shared queues, no queue mode.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from schedulergodx.brokers.amqp.link import LOCKED, NOT_FOUND, ChannelLost
from schedulergodx.brokers.amqp.naming import to_wire
from schedulergodx.brokers.backoff import Backoff
from schedulergodx.brokers.base import Held
from schedulergodx.core.names import QueueKind, fanout_of
from schedulergodx.errors import BrokerError

if TYPE_CHECKING:
    from schedulergodx.brokers.amqp.link import Channel, Link
    from schedulergodx.core.names import Queue

logger = logging.getLogger(__name__)

EXPIRES_MS = 1_800_000  # of a queue of responses; another value for the same queue is refused
_NO_DELIVERY_LIMIT = 1_000_000_000  # more than 3.x and 4.x ever count to
_ON_QUORUM = frozenset({QueueKind.REQUESTS, QueueKind.DEAD, QueueKind.CONTROL})


class Topology:
    """Declares queues, and declares them again on each new connection.

    quorum: whether shared queues are quorum queues
    """

    def __init__(self, *, quorum: bool = False) -> None:
        self._quorum = quorum
        self._queues: dict[str, Queue] = {}
        self._fanouts: set[str] = set()
        self.restored = asyncio.Event()  # whether the queues are there; an OWNER may not be

    @property
    def owners(self) -> list[Queue]:
        """The OWNER queues that we hold, or held before the last loss."""
        return [queue for queue in self._queues.values() if queue.kind is QueueKind.OWNER]

    def knows_fanout(self, exchange: str) -> bool:
        """Whether the exchange was declared."""
        return exchange in self._fanouts

    async def declare_fanout(self, link: Link, exchange: str) -> None:
        """Make the exchange, so that a message for nobody comes back from it. Publishing to one
        that is not there would cost the channel. Raises: BrokerError, ChannelLost
        """
        channel = await link.channel()
        try:
            await channel.declare_fanout(to_wire(exchange))
        except ChannelLost as error:
            raise _refusal(f"exchange {exchange!r} can't be declared", error) from error
        await channel.close()
        self._fanouts.add(exchange)

    async def declare(self, link: Link, queue: Queue) -> None:
        """Make a queue, and remember it. Raises: BrokerError, Held, ChannelLost"""
        await self._declare(link, queue)
        self._queues[queue.name] = queue

    async def delete(self, link: Link, queue: Queue) -> None:
        """Remove a queue. Raises: BrokerError, ChannelLost"""
        self._queues.pop(queue.name, None)
        channel = await link.channel()
        try:
            await channel.delete_queue(to_wire(queue.name))
        except ChannelLost as error:
            raise _refusal(f"queue {queue.name!r} can't be deleted", error) from error
        await channel.close()

    async def count_consumers(self, link: Link, queue: Queue) -> int | None:
        """How many read from a queue; None if it is not there. Raises: BrokerError, ChannelLost"""
        channel = await link.channel()
        try:
            consumers = await channel.count_consumers(to_wire(queue.name))
        except ChannelLost as error:
            if error.loss.code == NOT_FOUND:
                return None
            if error.loss.code == LOCKED:  # another's OWNER queue: it is there, and nobody reads it
                return 0
            raise _refusal(f"queue {queue.name!r} can't be asked for", error) from error
        await channel.close()
        return consumers

    async def restore(self, link: Link) -> None:
        """Declare all again. An OWNER queue that is held is waited for. Raises: ChannelLost"""
        for exchange in list(self._fanouts):
            with suppress(BrokerError):  # it is there in another shape: publishing will tell
                await self.declare_fanout(link, exchange)
        for queue in list(self._queues.values()):
            if queue.kind is not QueueKind.OWNER:
                await self.redeclare(link, queue)
        self.restored.set()
        for queue in self.owners:
            await self._hold_again(link, queue)

    async def redeclare(self, link: Link, queue: Queue) -> None:
        """Declare a queue that was declared before; it may be there in another shape by now.

        Raises: ChannelLost
        """
        try:
            await self._declare(link, queue)
        except BrokerError as error:
            logger.warning("going on without it: %s", error)

    async def _hold_again(self, link: Link, queue: Queue) -> None:
        """After a cut, RabbitMQ may believe in our old connection for two heartbeats."""
        backoff = Backoff(most=2.0)
        told = False
        while True:
            try:
                await self._declare(link, queue)
                return
            except Held as error:
                if not told:
                    logger.warning("reading waits until it is free: %s", error)
                    told = True
            await asyncio.sleep(backoff.next())

    async def _declare(self, link: Link, queue: Queue) -> None:
        # On a channel of its own: a refusal closes the channel.
        channel = await link.channel()
        try:
            await self._declare_on(channel, queue)
        except ChannelLost as error:
            if error.loss.code == LOCKED and queue.kind is QueueKind.OWNER:
                raise Held(f"queue {queue.name!r} is held by another connection") from error
            raise _refusal(f"queue {queue.name!r} can't be declared", error) from error
        await channel.close()

    async def _declare_on(self, channel: Channel, queue: Queue) -> None:
        arguments: dict[str, object] = {}
        if self._quorum and queue.kind in _ON_QUORUM:
            arguments["x-queue-type"] = "quorum"
            if queue.kind is QueueKind.DEAD:  # from 4.0 on it drops what was looked at 20 times
                arguments["x-delivery-limit"] = _NO_DELIVERY_LIMIT
        if queue.kind is QueueKind.RESPONSES:
            arguments["x-expires"] = EXPIRES_MS
        exclusive = queue.kind is QueueKind.OWNER
        name = to_wire(queue.name)
        await channel.declare_queue(name, exclusive=exclusive, arguments=arguments)
        if queue.kind is QueueKind.CONTROL:
            exchange = to_wire(fanout_of(queue))
            await channel.declare_fanout(exchange)
            await channel.bind(name, exchange)


def _refusal(what: str, error: ChannelLost) -> BrokerError | ChannelLost:
    """The error of a request that RabbitMQ refused; the same again if only the connection went."""
    return BrokerError(f"{what}: {error.loss}") if error.loss.refused else error
