"""Looks from time to time whether RabbitMQ still knows our consumers.

A consumer can be gone on RabbitMQ's side while this side hears nothing of it: after a failover, a
fault of RabbitMQ, or on a network that swallows what was sent. Nothing else would notice a service
that is up and gets no jobs.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from schedulergodx.brokers.amqp.link import ChannelLost
from schedulergodx.brokers.base import Held
from schedulergodx.errors import BrokerClosed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schedulergodx.brokers.amqp.consumer import Consumer
    from schedulergodx.brokers.amqp.link import Link
    from schedulergodx.brokers.amqp.session import Session
    from schedulergodx.brokers.amqp.topology import Topology

logger = logging.getLogger(__name__)

_ANSWER_SECONDS = 30.0


class Watchdog:
    """Compares what we believe with what RabbitMQ says."""

    def __init__(
        self, session: Session, topology: Topology, consumers: Mapping[str, Consumer]
    ) -> None:
        self._session = session
        self._topology = topology
        self._consumers = consumers

    async def run(self, interval: float) -> None:
        """Look every `interval` seconds, until the session is closed."""
        while True:
            await asyncio.sleep(interval)
            try:
                link = await self._session.link()
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await self._look(link)
            except ChannelLost:
                continue  # the session has noticed
            except TimeoutError:
                self._session.reset(f"RabbitMQ did not answer within {_ANSWER_SECONDS:g} s")
            except BrokerClosed:
                return
            except Exception as error:  # whatever it is, it looks again
                logger.warning("the watchdog can't ask RabbitMQ: %s", error)

    async def _look(self, link: Link) -> None:
        for consumer in list(self._consumers.values()):
            if not consumer.reads:
                continue
            count = await self._topology.count_consumers(link, consumer.queue)
            if count or not consumer.reads or consumer.queue.name not in self._consumers:
                continue
            if count is None:
                await consumer.begin_again("the queue is gone")
            else:
                self._session.reset(f"RabbitMQ says that nobody reads {consumer.queue.name}")
                return
        for owner in self._topology.owners:
            try:
                await self._topology.declare(link, owner)
            except Held as error:
                self._session.reset(str(error))
