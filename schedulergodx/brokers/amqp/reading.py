"""What was delivered over one channel, until it is settled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from schedulergodx.brokers.base import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from schedulergodx.brokers.amqp.link import Channel
    from schedulergodx.core.properties import Properties


class Reading:
    """The deliveries of one consumer on one channel, whose tags count from 1.

    Where no gap is below the tags that are settled, one frame stands for all of them.

    epoch: its number among all readings of this broker; deliveries carry it
    """

    __slots__ = (
        "_above",
        "_all_settled",
        "_channel",
        "_delivered",
        "_floor",
        "_on_delivery",
        "epoch",
        "queue",
    )

    def __init__(
        self,
        queue: str,
        epoch: int,
        channel: Channel,
        on_delivery: Callable[[Delivery], None],
    ) -> None:
        self.queue = queue
        self.epoch = epoch
        self._channel = channel
        self._on_delivery = on_delivery
        self._delivered = 0
        self._floor = 0  # every tag up to here is settled
        self._above: set[int] = set()  # settled tags above that
        self._all_settled: asyncio.Future[None] | None = None  # once the end is near

    def deliver(
        self, tag: int, redelivered: bool, body: bytes, properties: Properties | None = None
    ) -> None:
        """A message came."""
        self._delivered = tag
        self._on_delivery(Delivery(self.queue, body, redelivered, self.epoch, tag, properties))

    def settle(self, tags: Collection[int]) -> None:
        """Acknowledge. This is hot: the usual case takes one frame and no look at each tag."""
        new = set(tags)
        top = max(new)
        if not self._above and top - self._floor == len(new) and min(new) > self._floor:
            self._floor = top
            self._channel.ack(top, multiple=len(new) > 1)
            self._look_settled()
            return
        new = self._note(new)
        below = [tag for tag in new if tag <= self._floor]
        if below:
            self._channel.ack(max(below), multiple=True)
        for tag in sorted(new.difference(below)):
            self._channel.ack(tag, multiple=False)
        self._look_settled()

    def requeue(self, tags: Collection[int]) -> None:
        """Give back."""
        for tag in sorted(self._note(set(tags))):
            self._channel.requeue(tag)
        self._look_settled()

    async def finish(self) -> None:
        """Close the channel when all is settled; nothing is delivered any more."""
        self._all_settled = asyncio.get_running_loop().create_future()
        self._look_settled()
        either: list[asyncio.Future[Any]] = [self._all_settled, self._channel.lost]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        await self._channel.close()

    async def close(self) -> None:
        """Close the channel; what is unsettled goes back to the queue."""
        await self._channel.close()

    def _look_settled(self) -> None:
        settled = self._all_settled
        if settled is None or settled.done():
            return
        if self._floor + len(self._above) >= self._delivered:
            settled.set_result(None)

    def _note(self, tags: set[int]) -> set[int]:
        """Raise the floor; the answer is those that were not settled before."""
        new = {tag for tag in tags if tag > self._floor} - self._above
        self._above |= new
        while self._floor + 1 in self._above:
            self._floor += 1
            self._above.remove(self._floor)
        return new
