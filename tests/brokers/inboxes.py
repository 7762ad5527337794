"""What a test reads with: deliveries as they come, and a deadline for those that do not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from schedulergodx.brokers.base import Broker, Delivery
    from schedulergodx.core.names import Queue

T = TypeVar("T")

PATIENCE = 20.0  # seconds; only a failure waits so long


class Inbox:
    """Gathers the deliveries of one queue.

    gaps: how often reading has begun again
    """

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.gaps = 0
        self._came = asyncio.Event()

    @classmethod
    async def of(cls, broker: Broker, queue: Queue) -> Inbox:
        """Declare a queue and read it."""
        inbox = cls()
        await broker.declare(queue)
        await broker.consume(queue, inbox.take, on_gap=inbox.note_gap)
        return inbox

    def take(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        self._came.set()

    def note_gap(self) -> None:
        self.gaps += 1

    @property
    def bodies(self) -> list[bytes]:
        return [delivery.body for delivery in self.deliveries]

    async def settle_until(self, broker: Broker, condition: Callable[[], object]) -> None:
        """Settle what comes, until a condition holds."""
        settled = 0

        def settle() -> object:
            nonlocal settled
            broker.settle(self.deliveries[settled:])
            settled = len(self.deliveries)
            return condition()

        await until(settle, self._came)

    async def get(self, count: int) -> list[Delivery]:
        """All deliveries, once there are `count`."""
        await until(lambda: len(self.deliveries) >= count, self._came)
        return self.deliveries


async def until(condition: Callable[[], object], event: asyncio.Event | None = None) -> None:
    """Wait for a condition; look again when `event` is set, or each moment."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                if event is None:
                    await asyncio.sleep(0.01)
                else:
                    event.clear()
                    await event.wait()
    except TimeoutError:
        raise AssertionError(f"it did not happen within {PATIENCE:g} s") from None


async def soon(awaitable: Awaitable[T]) -> T:
    """What comes of it, within the patience of a test."""
    async with asyncio.timeout(PATIENCE):
        return await awaitable
