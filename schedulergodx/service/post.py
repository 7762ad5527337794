"""The post: hands envelopes to the broker and to workers, and opens and closes the intake."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import msgspec

from schedulergodx.core.context import worker_of
from schedulergodx.core.envelope import read_header, seal
from schedulergodx.core.json_answer import read_address, write_answers
from schedulergodx.core.properties import Properties
from schedulergodx.core.signing import SIGNATURE_HEADER
from schedulergodx.errors import BrokerError, Unroutable
from schedulergodx.service.dead_letter_box import DeadLetterBox
from schedulergodx.service.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schedulergodx.brokers.base import Broker, Delivery
    from schedulergodx.core.names import Names, Queue
    from schedulergodx.core.signing import Signer
    from schedulergodx.executors.base import Executor, Sent
    from schedulergodx.service.tick import Arrival, Dead, Reply

logger = logging.getLogger(__name__)

_encode = msgspec.msgpack.Encoder().encode


class Post:
    """Sends what the stations want sent.

    intake: the queues that this service reads
    deliver: takes what is read
    """

    def __init__(
        self,
        broker: Broker,
        executor: Executor,
        names: Names,
        signer: Signer,
        *,
        intake: Sequence[Queue],
        identify: Callable[[], bytes],
        clock: Callable[[], float],
    ) -> None:
        self._broker = broker
        self._executor = executor
        self._names = names
        self._signer = signer
        self._intake = Intake(broker, intake)
        self._dead = DeadLetterBox(broker, names.dead(), clock)
        self._local = frozenset(queue.name for queue in intake) | {names.fanout()}
        self._identify = identify
        self._clock = clock

    @property
    def open(self) -> bool:
        """Whether the broker was reached; before that, nothing can be sent."""
        return self._intake.was_opened

    # -- the intake -------------------------------------------------------------------------------

    async def read(self, deliver: Callable[[Delivery], None]) -> None:
        """Declare the queues of this service and begin to read them. Raises: BrokerError"""
        await self._intake.open(deliver)

    async def cease(self) -> None:
        """Read no more; what was delivered can still be settled."""
        await self._intake.close()

    def close_intake(self, arrivals: Sequence[Arrival], why: str) -> None:
        """Read no more and hand back what was not taken: no message is held unacknowledged."""
        for arrival in arrivals:
            if arrival.sent is not None:
                self._executor.accept(arrival.sent, f"the service can't store it: {why}")
        self._intake.rest([one.delivery for one in arrivals if one.delivery is not None])

    def open_intake(self) -> None:
        """Read again, if the intake was closed."""
        self._intake.go_on()

    # -- sending ----------------------------------------------------------------------------------

    def settle(self, arrivals: Sequence[Arrival]) -> None:
        """These are on disk."""
        deliveries = [arrival.delivery for arrival in arrivals if arrival.delivery is not None]
        if deliveries:
            self._broker.settle(deliveries)
        for arrival in arrivals:
            if arrival.sent is not None:
                self._executor.accept(arrival.sent, None)

    def is_local(self, address: str) -> bool:
        """Whether what a job sends there is for this very service."""
        return address in self._local

    def forward(self, sent: Sent) -> None:
        """Send on what a job sends to a queue of another service, or to every store."""
        body = self._resign(sent.body)
        if sent.address == self._names.everywhere():
            future = self._broker.broadcast(self._names.fanout(), body)
        else:
            future = self._broker.publish(sent.address, body)
        future.add_done_callback(lambda done: self._executor.accept(sent, _reason(done)))

    def send(self, reply: Reply) -> asyncio.Future[Any]:
        """Send to one process of a client, or to a worker whose job is one."""
        program = read_address(reply.instance)
        if program is not None:
            return self._send_json(reply, *program)
        envelope = seal(
            reply.type,
            reply.body,
            uid=self._identify(),
            client=reply.client,
            instance=reply.instance,
            created=self._clock(),
            signer=self._signer,
        )
        worker = worker_of(reply.instance)
        if worker is None:
            address = self._names.responses(reply.client, reply.instance).name
            return self._broker.publish(address, envelope)
        self._executor.deliver(worker, envelope)  # a worker that is gone waits for nothing
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def _send_json(self, reply: Reply, address: str, correlation_id: str) -> asyncio.Future[Any]:
        """Send to a program that speaks JSON."""
        if self._names.is_service(address):  # they would take it for a job
            nobody: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            nobody.set_exception(Unroutable(address))
            return nobody
        futures = []
        for answer in write_answers(reply.body, correlation_id):
            signature = self._signer.sign(answer).hex()
            properties = Properties(
                correlation_id=correlation_id,
                headers={SIGNATURE_HEADER: signature} if signature else {},
            )
            futures.append(self._broker.publish(address, answer, properties))
        return asyncio.gather(*futures)

    def reply(self, replies: Sequence[Reply]) -> None:
        """Send answers. One that can't be delivered is given up: its client asks again."""
        for reply in replies:
            self.send(reply).add_done_callback(_retrieve)

    def bury(self, dead: Sequence[Dead]) -> None:
        """Put aside what can't be read; it is acknowledged when the dead letters have it."""
        for one in dead:
            arrival = one.arrival
            if arrival.sent is not None:
                self._executor.accept(arrival.sent, one.reason)
            elif arrival.delivery is not None:
                self._dead.put(arrival, arrival.delivery, one.reason)

    def _resign(self, body: bytes) -> bytes:
        """Sign in the name of the service what a job, which has no key, sends elsewhere."""
        _, packed, content, _ = read_header(body)
        return _encode((packed, content, self._signer.sign(packed)))


def _retrieve(done: asyncio.Future[Any]) -> None:
    reason = _reason(done)
    if reason is not None:
        logger.debug("an answer was not delivered: %s", reason)


def _reason(done: asyncio.Future[Any]) -> str | None:
    """Why it was not sent; None if it was."""
    if done.cancelled():
        return "the service stops"
    error = done.exception()
    if error is not None and not isinstance(error, BrokerError):
        logger.error("sending failed", exc_info=error)
    return None if error is None else str(error)
