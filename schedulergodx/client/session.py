"""The connection of one process of a client to its broker, on one event loop.

`Client` has one on its I/O thread, `AsyncClient` one on its own loop. What is submitted goes out in
its order; launches that were submitted in the same moment share envelopes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from schedulergodx.brokers.base import Broker, Delivery
from schedulergodx.client.awaited import Awaited
from schedulergodx.client.parcel import Parcel, share
from schedulergodx.client.question import Question
from schedulergodx.client.reader import Reader
from schedulergodx.client.requests import outcome_requests
from schedulergodx.client.sealing import Sealer
from schedulergodx.core.code import interpreter_tag, serializer_tag
from schedulergodx.core.envelope import MessageType
from schedulergodx.core.message import Initialization
from schedulergodx.core.names import Names
from schedulergodx.core.signing import Signer
from schedulergodx.errors import BrokerError, BrokerUnavailable

if TYPE_CHECKING:
    from schedulergodx.client.dead_letters import DeadLetters

_SILENCE = 2.0  # seconds of trying to connect before that is said
_LAST_WORDS = 5.0  # seconds for what is still being published when a client closes
_FAREWELL = 2.0  # seconds to remove the queue of responses


@dataclass(frozen=True, slots=True)
class Terms:
    """What a session needs to know of its client.

    queue: where its jobs go by default
    secret: signs and verifies; None for that of the broker, if it has one
    """

    client: str
    names: Names
    queue: str
    secret: bytes | None
    connect_timeout: float
    enable_overdue: bool


class Session:
    """Sends what is submitted, and has what comes in read.

    soon: how `submit` gets to the loop: `call_soon`, or `call_soon_threadsafe` for a session
        that is used from other threads
    """

    def __init__(
        self,
        broker: Broker,
        terms: Terms,
        reader: Reader,
        awaited: Awaited,
        *,
        make_sealer: Callable[[Signer], Sealer],
        soon: Callable[[Callable[[], None]], object],
        logger: logging.Logger,
    ) -> None:
        self._broker = broker
        self._terms = terms
        self._reader = reader
        self._awaited = awaited
        self._make_sealer = make_sealer
        self._soon = soon
        self._logger = logger
        self._addresses: dict[str, str] = {}  # of queues of jobs
        self._outgoing: deque[Parcel | Question] = deque()
        self._drain_is_due = False
        self._under_way: set[asyncio.Future[None]] = set()
        self._read: list[Delivery] = []
        self.alive = True

    # -- its life ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect, declare, greet the service.

        Raises: BrokerUnavailable, BadSignature, ConfigError (refused by the service)
        """
        timeout = self._terms.connect_timeout
        await self._connect(timeout)
        try:
            async with asyncio.timeout(timeout):
                await self._begin_to_read()
                readers = await self._broker.consumers(self._home)
            await self._greet(readers, timeout)
            self._ask_again()
        except TimeoutError as error:
            await self._broker.close()
            raise BrokerUnavailable(
                f"the broker at {self._broker.url} did not declare our queues within {timeout:g} s"
            ) from error
        except BaseException:
            await self._broker.close()
            raise

    async def close(self) -> None:
        """Let what is being published arrive, remove the queue of responses, disconnect."""
        self.alive = False
        self._drain()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_LAST_WORDS)
        with suppress(BrokerError, TimeoutError, RuntimeError):  # the last: at the program's end
            async with asyncio.timeout(_FAREWELL):
                await self._broker.cancel(self._responses)
                await self._broker.delete(self._responses)
        with suppress(RuntimeError):
            await self._broker.close()
        await asyncio.sleep(0)  # what the broker has given up is settled in the next turn

    def abandon(self, error: Exception) -> None:
        """Settle what was submitted and will not be sent."""
        while self._outgoing:
            self._outgoing.popleft().settle(error)

    async def _connect(self, timeout: float) -> None:
        """Who waits for longer than a moment is told what for."""
        telling = asyncio.get_running_loop().call_later(
            _SILENCE,
            self._logger.warning,
            "%s can't be reached yet: trying on for %g s",
            self._broker.url,
            timeout - _SILENCE,
        )
        try:
            await self._broker.open(timeout)
        finally:
            telling.cancel()

    async def _begin_to_read(self) -> None:
        terms = self._terms
        signer = Signer(terms.secret or self._broker.secret)
        self._reader.signer = signer
        self.sealer = self._make_sealer(signer)
        self._home = terms.names.requests(terms.queue)
        self._responses = terms.names.responses(terms.client, self.sealer.instance)
        await self._broker.declare(terms.names.requests())
        await self._broker.declare(self._responses)
        await self._broker.consume(self._responses, self._take, on_gap=self._ask_again)
        self._broker.on_connection(self._change)

    # -- the handshake ----------------------------------------------------------------------------

    async def _greet(self, readers: int | None, timeout: float) -> None:
        """Say who this is. Only where a service reads is its answer waited for."""
        if readers is None:
            self._logger.warning(
                "no service serves queue %r yet: launch() raises UnknownQueue until one does",
                self._terms.queue,
            )
            return
        greeting = self._seal_greeting(self._home.name)
        self._reader.greeting = self._reader.questions[greeting.uid] = greeting
        try:
            self._ask(greeting)
            if readers:
                await self._await_greeting(greeting, timeout)
            else:
                self._logger.warning(
                    "no service reads queue %r of %s: jobs wait with the broker until one does",
                    self._terms.queue,
                    self._broker.url,
                )
        finally:
            self._reader.greeting = None
            self._reader.questions.pop(greeting.uid, None)

    def _seal_greeting(self, address: str) -> Question:
        body = Initialization(self._terms.enable_overdue, interpreter_tag(), serializer_tag())
        uid, data = self.sealer.seal(MessageType.INITIALIZATION, body)
        return Question(uid, data, address)

    async def _await_greeting(self, greeting: Question, timeout: float) -> None:
        if not await greeting.wait_async(timeout):
            self._logger.warning(
                "a service reads queue %r and did not answer within %g s: it may be busy",
                self._terms.queue,
                timeout,
            )
        elif greeting.error is not None:
            raise greeting.error

    def dead_letters(self) -> DeadLetters:
        """The dead letters of its deployment."""
        from schedulergodx.client.dead_letters import DeadLetters  # late: few come here

        return DeadLetters(self._broker, self._terms.names)

    # -- what goes out ----------------------------------------------------------------------------

    def submit(self, outgoing: Parcel | Question) -> None:
        """Send it as soon as the loop comes to it. It opens when its fate is known."""
        self._outgoing.append(outgoing)
        if not self._drain_is_due:
            self._drain_is_due = True
            self._soon(self._drain)

    def _drain(self) -> None:
        self._drain_is_due = False  # before the look at the queue: `submit` does it after
        parcels: list[Parcel] = []
        while self._outgoing:
            outgoing = self._outgoing.popleft()
            if isinstance(outgoing, Parcel):
                parcels.append(outgoing)
            else:  # a cancel must not overtake its job
                self._send(parcels)
                parcels = []
                self._ask(outgoing)
        self._send(parcels)

    def _send(self, parcels: Iterable[Parcel]) -> None:
        for parcel in share(parcels):
            try:
                data = parcel.data or self.sealer.seal_parcel(parcel)
                future = self._publish(parcel.template.queue, data)
            except Exception as error:
                parcel.settle(error)
                continue
            parcel.data = b""  # the broker holds it now
            self._watch(future, parcel.settle)

    def _publish(self, queue: str, data: bytes) -> asyncio.Future[None]:
        """Send to the service of a queue, or to every store where it is ""."""
        names = self._terms.names
        if not queue:
            return self._broker.broadcast(names.fanout(), data)
        address = self._addresses.get(queue)
        if address is None:
            address = self._addresses[queue] = names.requests(queue).name
        return self._broker.publish(address, data)

    def _ask(self, question: Question) -> None:
        names = self._terms.names
        try:
            if question.address is None:
                future = self._broker.broadcast(names.fanout(), question.data)
            else:
                future = self._broker.publish(question.address, question.data)
        except Exception as error:
            question.settle(error)
        else:
            self._watch(future, question.settle)

    def _watch(
        self, future: asyncio.Future[None], settle: Callable[[Exception | None], Any]
    ) -> None:
        self._under_way.add(future)
        future.add_done_callback(partial(self._published, settle))

    def _published(
        self, settle: Callable[[Exception | None], Any], future: asyncio.Future[None]
    ) -> None:
        self._under_way.discard(future)
        if future.cancelled():
            settle(BrokerError("the connection was closed before the broker had confirmed it"))
            return
        error = future.exception()
        settle(error if error is None or isinstance(error, Exception) else BrokerError(str(error)))

    # -- what comes in ----------------------------------------------------------------------------

    def _take(self, delivery: Delivery) -> None:
        """Read one envelope; those of one turn of the loop are settled together."""
        self._reader.read(delivery.body)
        if not self._read:
            asyncio.get_running_loop().call_soon(self._settle)
        self._read.append(delivery)

    def _settle(self) -> None:
        read, self._read = self._read, []
        self._broker.settle(read)

    def _change(self, up: bool, why: str) -> None:
        if up:
            self._logger.info("connected again to %s", self._broker.url)
        else:
            self._logger.warning("the connection to %s is lost: %s", self._broker.url, why)

    def _ask_again(self) -> None:
        """Responses may be gone with a connection, or with our queue: the stores know them."""
        self._reader.doubt()
        by_queue: dict[str, list[bytes]] = {}
        for job in self._awaited.unsettled():
            if job._instance == self.sealer.instance:
                by_queue.setdefault(job.queue, []).append(job.uid)
        for queue, uids in by_queue.items():
            address = self._terms.names.requests(queue).name
            for request in outcome_requests(uids):
                self._ask(self.sealer.ask(request, address))
