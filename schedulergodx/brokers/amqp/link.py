"""The seam between a broker on RabbitMQ and the library that speaks AMQP for it.

It is small on purpose: a link is one connection and a channel is one channel, both without memory.
What is lost with them, and how it is made again, is the business of those who use them.
A channel carries one consumer at the most, or publishes; after it is lost, what is sent over it is
dropped without a word, and what is asked of it raises `ChannelLost`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Mapping

    from schedulergodx.brokers.amqp.address import Address
    from schedulergodx.core.properties import Properties

NOT_FOUND = 404
LOCKED = 405


@dataclass(frozen=True, slots=True)
class Loss:
    """Why a channel is gone.

    code: AMQP's, where the server closed the channel alone; 0 where its connection went
    """

    code: int
    text: str

    @property
    def refused(self) -> bool:
        """Whether the server refused what was asked, so that asking again is of no use."""
        return 400 <= self.code < 500

    def __str__(self) -> str:
        return f"{self.text} ({self.code})" if self.code else self.text


class ChannelLost(Exception):
    """What was asked of a channel was not answered."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(str(loss))
        self.loss = loss


class CannotConnect(Exception):
    """A connection was not made.

    final: whether it is of no use to try again soon: a wrong password, an untrusted certificate
    """

    def __init__(self, cause: str, *, final: bool = False) -> None:
        super().__init__(cause)
        self.final = final


class OnMessage(Protocol):
    """Takes what is read. `properties` of a message that says its content type."""

    def __call__(
        self, tag: int, redelivered: bool, body: bytes, properties: Properties | None = None, /
    ) -> None: ...


class Channel(Protocol):
    """One channel."""

    lost: asyncio.Future[Loss]  # done when it is gone

    async def declare_queue(
        self,
        queue: str,
        *,
        exclusive: bool = False,
        arguments: Mapping[str, object] | None = None,
    ) -> None:
        """Make a durable queue."""

    async def count_consumers(self, queue: str) -> int:
        """Ask for a queue without making it."""

    async def delete_queue(self, queue: str) -> None:
        """Remove a queue, if there is one."""

    async def declare_fanout(self, exchange: str) -> None:
        """Make a durable fanout exchange."""

    async def bind(self, queue: str, exchange: str) -> None:
        """Have a queue fed by an exchange."""

    async def consume(self, queue: str, prefetch: int, on_message: OnMessage) -> None:
        """Read from a queue.

        When the server ends the consumer, the channel closes itself and is lost.
        """

    async def stop_consuming(self) -> None:
        """End the consumer; what was delivered can still be settled."""

    async def get(self, queue: str) -> tuple[int, bool, bytes] | None:
        """(tag, redelivered, body) of the first message of a queue; None if it is empty."""

    def ack(self, tag: int, *, multiple: bool) -> None:
        """Acknowledge a delivery, with all before it if `multiple`."""

    def requeue(self, tag: int) -> None:
        """Give a delivery back."""

    async def confirm(
        self, on_confirm: Callable[[int, bool, bool], None], on_return: Callable[[int], None]
    ) -> None:
        """Have publishes confirmed: `on_confirm(tag, multiple, taken)`.

        A message that had no queue is told by `on_return(tag)`, before it is confirmed.
        Tags count the publishes of this channel from 1.
        """

    def publish(
        self, tag: int, exchange: str, key: str, body: bytes, properties: Properties | None
    ) -> None:
        """Send a persistent, mandatory message; `tag` is its number on this channel."""

    async def close(self) -> None:
        """Close it; waits for the answer."""


class Link(Protocol):
    """One connection."""

    version: str  # of the server
    lost: asyncio.Future[str]  # done with the reason when it is gone

    async def channel(self) -> Channel:
        """Open a channel. Raises: ChannelLost"""

    async def close(self) -> None:
        """Say goodbye, and wait for the answer for a moment."""

    def abort(self, why: str) -> None:
        """Drop it as it is."""


class Connect(Protocol):
    """Makes links."""

    def __call__(
        self, address: Address, *, timeout: float, on_blocked: Callable[[str], None]
    ) -> Awaitable[Link]:
        """Connect within `timeout` seconds.

        on_blocked: called with the reason when the server stops to read this connection, and with
            "" when it reads again

        Raises: CannotConnect
        """
