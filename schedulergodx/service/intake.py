"""The intake: reads the queues of a service, or rests while the store takes nothing."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from schedulergodx.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from schedulergodx.brokers.base import Broker, Delivery
    from schedulergodx.core.names import Queue

logger = logging.getLogger(__name__)


class Intake:
    """Opening and closing take time and take turns. Whatever came in between, the last wish holds.

    queues: those to read
    """

    def __init__(self, broker: Broker, queues: Sequence[Queue]) -> None:
        self._broker = broker
        self._queues = tuple(queues)
        self._deliver: Callable[[Delivery], None] | None = None
        self._wanted = False
        self._reads = False
        self._rests = False  # it is to go on when the store takes again
        self._turn = asyncio.Lock()
        self._errands: set[asyncio.Task[None]] = set()
        self._opening: asyncio.Task[None] | None = None

    @property
    def was_opened(self) -> bool:
        """Whether the broker was reached; before that, nothing can be sent either."""
        return self._deliver is not None

    async def open(self, deliver: Callable[[Delivery], None]) -> None:
        """Declare the queues and begin to read them. Raises: BrokerError"""
        self._deliver = deliver
        await self._set(True)

    async def close(self) -> None:
        """Read no more; what was delivered can still be settled."""
        self._rests = False
        await self._set(False)

    def rest(self, deliveries: Sequence[Delivery]) -> None:
        """Read no more for now, and give these back."""
        self._rests = self._rests or self._wanted
        self._errand(self._give_back(deliveries))

    def go_on(self) -> None:
        """Read again, if it rests."""
        if self._rests and not self._errands:
            self._rests = False
            self._opening = self._errand(self._read_again())

    async def _give_back(self, deliveries: Sequence[Delivery]) -> None:
        await self._set(False)
        self._broker.reject(deliveries)

    async def _read_again(self) -> None:
        try:
            await self._set(True)
        except BrokerError as error:
            logger.error("the queues can't be read again, trying on: %s", error)
            self._rests = self._wanted

    async def _set(self, wanted: bool) -> None:
        """Read, or do not. Raises: BrokerError"""
        self._wanted = wanted
        if self._opening is not None and not wanted:
            self._opening.cancel()  # the broker may be away
        async with self._turn:
            if self._wanted and not self._reads:
                await self._begin()
            elif self._reads and not self._wanted:
                await self._end()

    async def _begin(self) -> None:
        assert self._deliver is not None
        self._reads = True
        try:
            for queue in self._queues:
                await self._broker.declare(queue)
                await self._broker.consume(queue, self._deliver)
        except BaseException:
            await self._end()
            raise

    async def _end(self) -> None:
        self._reads = False
        for queue in self._queues:
            await self._broker.cancel(queue)

    def _errand(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        return task
