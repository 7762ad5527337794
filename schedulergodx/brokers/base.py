"""The seam between programs and brokers.

A broker lives on one running event loop and is used from that loop only. It remembers what was
declared, consumed and published, and makes it so again after each loss of its connection:
topology first, then consumers, then every publish that was not confirmed, in its order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from schedulergodx.errors import BrokerError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from schedulergodx.core.names import Queue
    from schedulergodx.core.properties import Properties


@dataclass(slots=True)
class Delivery:
    """One message as it came, until it is settled.

    queue: the queue it was read from
    body: the envelope's bytes
    redelivered: whether it may have been delivered before
    epoch: of the connection it came over; settled under another, nothing happens
    tag: what the broker calls it: a number, or a path
    properties: of a message that says its content type; an envelope does not
    """

    queue: str
    body: bytes
    redelivered: bool
    epoch: int
    tag: int | str
    properties: Properties | None = None


@dataclass(frozen=True, slots=True)
class BrokerInfo:
    """What a broker says of itself, for `doctor`.

    kind: "RabbitMQ", "spool" or "memory"
    version: as it calls it
    local: whether only this machine can reach it
    """

    kind: str
    version: str
    local: bool


class Broker(Protocol):
    """Carries envelopes, at least once, in the order of each sender while nothing is lost."""

    url: str  # as given, its password left out
    secret: bytes | None  # of a broker that makes its own key; None where the settings hold it
    info: BrokerInfo  # valid while open

    async def open(self, timeout: float) -> None:
        """Connect.

        Raises: BrokerUnavailable, with the cause and what to do, after `timeout` seconds.
        """

    async def close(self) -> None:
        """Wait for what is being published (a few seconds at most), then disconnect.

        Publishes that are still open then fail with BrokerClosed.
        """

    async def declare(self, queue: Queue) -> None:
        """Make a queue, unless it is there. A CONTROL queue is bound to the fanout as well.

        Raises: BrokerError if the broker refuses. An OWNER queue that another connection holds
        is refused with `Held`.
        """

    async def delete(self, queue: Queue) -> None:
        """Remove a queue with what is in it. Nothing happens if there is none."""

    async def consumers(self, queue: Queue) -> int | None:
        """How many read from a queue now; None if there is no such queue."""

    def publish(
        self, address: str, body: bytes, properties: Properties | None = None
    ) -> asyncio.Future[None]:
        """Send a persistent message to the queue of that name.

        properties: of what is no envelope; the queue is then somebody else's, and its name is taken
            as it is

        The future is done when the broker has confirmed and routed it; it stays open over losses
        of the connection. It fails with Unroutable, BrokerClosed, or BrokerError (refused for
        good, as for its size).
        """

    def broadcast(self, exchange: str, body: bytes) -> asyncio.Future[None]:
        """Send to every queue behind the fanout; routed where there is at least one."""

    async def consume(
        self,
        queue: Queue,
        on_delivery: Callable[[Delivery], None],
        *,
        on_gap: Callable[[], None] | None = None,
    ) -> None:
        """Read from a queue that was declared. `on_delivery` runs on the loop and only gathers.

        on_gap: runs on the loop each time that reading has begun again by itself, as after a loss
            of the connection or of the queue: what came in between may be gone
        """

    async def cancel(self, queue: Queue) -> None:
        """Read from it no more. What was delivered can still be settled."""

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge. Those of a connection that is gone are passed over."""

    def reject(self, deliveries: Sequence[Delivery]) -> None:
        """Give back to the queue, to be delivered again."""

    def peek(self, queue: Queue) -> AbstractAsyncContextManager[AsyncIterator[Delivery]]:
        """Look through a queue that nobody reads: its messages, oldest first, until its end.

        Within it what was given out is kept from others, and can be settled. At its end, as when
        this process dies, the rest is in the queue as it was, in its order. No messages come from a
        queue that is not there. Raises: BrokerError if the connection is lost meanwhile
        """

    def on_connection(self, listener: Callable[[bool, str], None]) -> None:
        """Have `listener(up, why)` called on the loop at each loss and each return."""


class Held(BrokerError):
    """An OWNER queue is held by another connection. Whoever declares it says what to do."""
