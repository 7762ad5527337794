"""The box for what can't be read: a message leaves its queue when its dead letter is kept."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import msgspec

from schedulergodx.core.message import DeadLetter
from schedulergodx.errors import BrokerClosed, BrokerError, Unroutable

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.brokers.base import Broker, Delivery
    from schedulergodx.core.names import Queue
    from schedulergodx.service.tick import Arrival

logger = logging.getLogger(__name__)

_encode = msgspec.msgpack.Encoder().encode
_REST = 5.0  # seconds before a message goes back whose letter could not be kept


class DeadLetterBox:
    """Keeps messages with the reason why they can't be read.

    queue: where they are kept
    """

    def __init__(self, broker: Broker, queue: Queue, clock: Callable[[], float]) -> None:
        self._broker = broker
        self._queue = queue
        self._clock = clock
        self._errands: set[asyncio.Task[None]] = set()

    def put(self, arrival: Arrival, delivery: Delivery, reason: str) -> None:
        """Keep a message; it is acknowledged when that is confirmed."""
        letter = _encode(
            DeadLetter(reason, arrival.queue, self._clock(), arrival.body, arrival.properties)
        )
        sending = self._broker.publish(self._queue.name, letter)
        errand = asyncio.get_running_loop().create_task(self._see_to(sending, letter, delivery))
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    async def _see_to(
        self, sending: asyncio.Future[None], letter: bytes, delivery: Delivery
    ) -> None:
        """Settle it once its letter is kept; else it goes back, and is read again."""
        try:
            try:
                await sending
            except Unroutable:  # somebody has removed the queue
                await self._broker.declare(self._queue)
                await self._broker.publish(self._queue.name, letter)
        except BrokerClosed:
            return  # it went back with the connection
        except BrokerError as error:
            logger.error(
                "a dead letter of %s could not be kept, the message goes back to its queue: %s",
                delivery.queue,
                error,
            )
            await asyncio.sleep(_REST)
            self._broker.reject([delivery])
        else:
            self._broker.settle([delivery])
