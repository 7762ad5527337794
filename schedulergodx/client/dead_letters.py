"""The messages that no service could read: looked at, sent again, thrown away.

They are with the broker, in a queue that nobody reads, so no service is asked. Who looks takes them
out one by one without settling them and then lets go of all: the broker puts them back in their
order, also when this process dies in between. What is sent again is confirmed by the queue that it
came from before it is settled here, so it can come twice there and never get lost; a job that comes
twice is one. One program looks at a time: another one would not see what this one holds.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from schedulergodx.brokers.base import Held
from schedulergodx.core.envelope import MessageType, read_header
from schedulergodx.core.message import DeadLetter, read_body, read_task
from schedulergodx.errors import BrokerError, EnvelopeError, UnknownQueue, Unroutable

if TYPE_CHECKING:
    from schedulergodx.brokers.base import Broker, Delivery
    from schedulergodx.core.names import Names

_PATIENCE = 5.0  # seconds to wait for another program that looks
_OWNER = "dead"  # no queue of jobs has this name


class DeadLetterView(Struct, frozen=True):
    """A message that no service could read, as people look at it.

    id: of this letter, 16 hex digits
    queue: of the broker, from which it came; "" for one that no service put there
    at: since when it is dead, an instant
    reason: one sentence
    size: of the message, in bytes
    kind: its type, as "TASK"; this and what follows where it can be read, and not verified
    jobs: their uids
    """

    id: str
    queue: str
    at: float | None
    reason: str
    size: int
    kind: str = ""
    client: str = ""
    instance: str = ""
    task: str = ""
    jobs: tuple[bytes, ...] = ()


class DeadLetters:
    """The dead letters of a deployment."""

    def __init__(self, broker: Broker, names: Names) -> None:
        self._broker = broker
        self._names = names

    async def look(self, limit: int) -> list[DeadLetterView]:
        """The oldest ones, at most so many. Raises: BrokerError"""
        found: list[DeadLetterView] = []
        async with self._looking() as deliveries:
            async for delivery in deliveries:
                found.append(_view(delivery.body))
                if len(found) >= limit:
                    break
        return found

    async def requeue(self, ids: Iterable[str]) -> list[str]:
        """Send these again to where they came from; the answer is which there were.

        Raises: UnknownQueue if the queue is not there any more; BrokerError, also for one that is
            no letter of a service
        """
        done: list[str] = []
        async with self._looking() as deliveries:
            async for delivery in self._those(deliveries, ids):
                await self._send_again(delivery.body)
                self._broker.settle([delivery])
                done.append(letter_id(delivery.body))
        return done

    async def discard(self, ids: Iterable[str]) -> list[str]:
        """Throw these away; the answer is which there were. Raises: BrokerError"""
        done: list[str] = []
        async with self._looking() as deliveries:
            async for delivery in self._those(deliveries, ids):
                self._broker.settle([delivery])
                done.append(letter_id(delivery.body))
        return done

    async def _send_again(self, body: bytes) -> None:
        try:
            letter = read_body(body, DeadLetter)
        except EnvelopeError as error:
            raise BrokerError(
                f"dead letter {letter_id(body)} was not put there by a service, so that nobody "
                "knows where it belongs: discard it, or publish it yourself"
            ) from error
        try:
            await self._broker.publish(letter.queue, letter.body, letter.properties)
        except Unroutable as error:
            raise UnknownQueue(
                f"dead letter {letter_id(body)} came from {letter.queue!r}, which is gone: start "
                "the service that served it"
            ) from error

    async def _those(
        self, deliveries: AsyncIterator[Delivery], ids: Iterable[str]
    ) -> AsyncIterator[Delivery]:
        """Those with one of these ids, as far as there are any."""
        wanted = set(ids)
        if not wanted:
            return
        async for delivery in deliveries:
            id = letter_id(delivery.body)
            if id in wanted:
                wanted.discard(id)
                yield delivery
                if not wanted:
                    return

    @asynccontextmanager
    async def _looking(self) -> AsyncIterator[AsyncIterator[Delivery]]:
        owner = self._names.owner(_OWNER)
        await self._hold()
        try:
            async with self._broker.peek(self._names.dead()) as deliveries:
                yield deliveries
        finally:
            await self._broker.delete(owner)

    async def _hold(self) -> None:
        """Be the one program that looks."""
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                await self._broker.declare(self._names.owner(_OWNER))
            except Held:
                if time.monotonic() > end:
                    raise BrokerError(
                        "another program looks at the dead letters now: try again in a moment"
                    ) from None
                await asyncio.sleep(0.05)
            else:
                return


def letter_id(body: bytes) -> str:
    """What a dead letter is called: a hash of it."""
    return hashlib.blake2b(body, digest_size=8).hexdigest()


def _view(body: bytes) -> DeadLetterView:
    id = letter_id(body)
    try:
        letter = read_body(body, DeadLetter)
    except EnvelopeError as error:
        return DeadLetterView(id, "", None, f"not put there by a service: {error}", len(body))
    view = DeadLetterView(id, letter.queue, letter.at, letter.reason, len(letter.body))
    try:
        header, _, packed, _ = read_header(letter.body)
    except EnvelopeError:
        return view
    task, jobs = _contents(header.type, packed)
    known = header.type in list(MessageType)
    return DeadLetterView(
        id,
        letter.queue,
        letter.at,
        letter.reason,
        len(letter.body),
        kind=MessageType(header.type).name if known else str(header.type),
        client=header.client,
        instance=header.instance,
        task=task,
        jobs=jobs,
    )


def _contents(type: int, packed: bytes) -> tuple[str, tuple[bytes, ...]]:
    """(task, uids of the jobs) of an envelope, as far as it can be read."""
    if type != MessageType.TASK:
        return "", ()
    try:
        body, bad = read_task(packed)
    except EnvelopeError:
        return "", ()
    uids = [item.uid for item in body.jobs] + [item.uid for item in bad if item.uid is not None]
    return body.spec.name, tuple(uids)
