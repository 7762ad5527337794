"""One queue, one store: a service holds the queues that it serves."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from schedulergodx.brokers.base import Held
from schedulergodx.errors import QueueOwned

if TYPE_CHECKING:
    from schedulergodx.brokers.base import Broker
    from schedulergodx.core.names import Names

_BETWEEN_TRIES = 1.0  # seconds


async def own(
    broker: Broker, names: Names, queue: str, *, patience: float, logger: logging.Logger
) -> None:
    """Hold a queue for the store of this service.

    patience: seconds; after a cut, our own old connection may hold it for a while

    Raises: QueueOwned
    """
    end = time.monotonic() + patience
    told = False
    while True:
        try:
            await broker.declare(names.owner(queue))
        except Held:
            if time.monotonic() > end:
                raise QueueOwned(
                    f"another service with another database serves queue {queue!r}, and jobs of "
                    "one queue can't be in two databases: give this one other queues (--queues), "
                    "or stop the other one"
                ) from None
            if not told:
                logger.warning("queue %r is held by another service; waiting", queue)
                told = True
            await asyncio.sleep(_BETWEEN_TRIES)
        else:
            return
