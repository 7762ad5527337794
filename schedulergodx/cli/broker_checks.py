"""What `sgx doctor` finds at the broker: rights, queues, and the service behind them."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from schedulergodx.brokers import make_broker
from schedulergodx.cli.finding import Finding, Verdict, note, ok, problem
from schedulergodx.core.code import interpreter_tag
from schedulergodx.core.envelope import MessageType, seal, unseal
from schedulergodx.core.message import Error, Info, Initialization, read_body
from schedulergodx.core.names import Names, Queue
from schedulergodx.core.signing import Signer
from schedulergodx.errors import (
    BadSignature,
    BrokerError,
    BrokerUnavailable,
    ConfigError,
    EnvelopeError,
)

if TYPE_CHECKING:
    from schedulergodx.brokers.base import Broker, Delivery
    from schedulergodx.config import Settings

_PATIENCE = 5.0  # seconds for each answer
_CLOCKS_APART = 2.0  # seconds between two clocks that are worth a word
_CLIENT = "doctor"


async def check_broker(settings: Settings) -> list[Finding]:
    """Reach the broker, and check what can be checked there."""
    try:
        broker = make_broker(
            settings.broker_url,
            quorum=settings.quorum,
            heartbeat=settings.heartbeat,
            watchdog_interval=settings.watchdog_interval,
        )
        await broker.open(settings.connect_timeout)
    except (BrokerUnavailable, ConfigError) as error:
        return [problem("broker", str(error), "see --broker and `sgx config show`")]
    try:
        return [_describe(broker, settings), *await _Visit(broker, settings).findings()]
    except ConfigError:  # of the secret, which is a finding of its own
        text = "not checked: the secret can't be used"
        return [_describe(broker, settings), problem("rights", text, "mend it, then look again")]
    finally:
        await broker.close()


def _describe(broker: Broker, settings: Settings) -> Finding:
    text = f"{broker.info.kind} {broker.info.version} at {broker.url}".replace("  ", " ")
    if not broker.info.local and settings.secret is None:
        advice = "it can be reached from other machines: set SCHEDULERGODX_SECRET on both ends"
        return problem("broker", f"{text}, and there is no secret", advice)
    return ok("broker", text)


class _Visit:
    """One visit to a broker that was reached, with a response queue of its own."""

    def __init__(self, broker: Broker, settings: Settings) -> None:
        self._broker = broker
        self._settings = settings
        self._names = Names(settings.prefix)
        self._signer = Signer(settings.secret.encode() if settings.secret else broker.secret)
        self._instance = os.urandom(8).hex()
        self._queue = self._names.responses(_CLIENT, self._instance)
        self._arrived: asyncio.Queue[Delivery] = asyncio.Queue()

    async def findings(self) -> list[Finding]:
        """Rights first: without them nothing else can be asked."""
        try:
            rights = await self._check_rights()
            if rights.verdict is Verdict.PROBLEM:
                return [rights]
            queues = [await self._check_queue(name) for name in self._settings.queues]
            return [rights, *queues, await self._check_service()]
        finally:
            with suppress(BrokerError):
                await self._broker.cancel(self._queue)
                await self._broker.delete(self._queue)

    async def _check_rights(self) -> Finding:
        """Declare a queue, read from it, send to it, and see it arrive."""
        begin = time.perf_counter()
        step = "declare a queue"
        try:
            await self._broker.declare(self._queue)
            step = "read from a queue"
            await self._broker.consume(self._queue, self._arrived.put_nowait)
            step = "send to a queue"
            await asyncio.wait_for(self._broker.publish(self._queue.name, b"doctor"), _PATIENCE)
            step = "read what was sent"
            await self._next()
        except (BrokerError, TimeoutError) as error:
            advice = "a client needs the rights to configure, write and read its queues"
            return problem("rights", f"could not {step}: {error or 'no answer'}", advice)
        milliseconds = 1000 * (time.perf_counter() - begin)
        return ok("rights", f"to declare, send and read; all of it took {milliseconds:.1f} ms")

    async def _check_queue(self, name: str) -> Finding:
        queue = self._names.requests(name)
        readers = await self._broker.consumers(queue)
        if readers is None:
            return note(
                "queue",
                f"{name} is not there",
                f"a service makes it: sgx service run --queue {name}",
            )
        try:
            await self._broker.declare(queue)
        except BrokerError as error:
            return problem("queue", f"{name} is of another kind: {error}", _other_kind(queue))
        if not readers:
            advice = f"jobs wait in it until one does: sgx service run --queue {name}"
            return note("queue", f"{name} is read by no service", advice)
        return ok("queue", f"{name} is read by a service")

    async def _check_service(self) -> Finding:
        """Introduce ourselves to the service, as a client does."""
        requests = self._names.requests()
        if not await self._broker.consumers(requests):
            return note(
                "answer", "no service reads the default queue", "start one: sgx service run"
            )
        try:
            await asyncio.wait_for(self._broker.publish(requests.name, self._hello()), _PATIENCE)
            return self._judge(await self._next())
        except TimeoutError:
            text = f"no answer from the service in {_PATIENCE:g} s"
            return problem("answer", text, "see its log: does it run with the same prefix?")
        except BrokerError as error:
            return problem("answer", str(error), "see the log of the service")

    def _hello(self) -> bytes:
        return seal(
            MessageType.INITIALIZATION,
            Initialization(python=interpreter_tag()),
            uid=os.urandom(16),
            client=_CLIENT,
            instance=self._instance,
            created=time.time(),
            signer=self._signer,
        )

    def _judge(self, body: bytes) -> Finding:
        try:
            envelope = unseal(body, self._signer)
        except BadSignature as error:
            return problem("answer", str(error), "SCHEDULERGODX_SECRET differs from the service's")
        except EnvelopeError as error:
            return problem("answer", str(error), "see `sgx version` on both ends")
        if envelope.header.type == MessageType.ERROR:
            refusal = read_body(envelope.body, Error)
            return problem("answer", refusal.failure.text, "see the log of the service")
        return judge_info(read_body(envelope.body, Info), envelope.header.created - time.time())

    async def _next(self) -> bytes:
        delivery = await asyncio.wait_for(self._arrived.get(), _PATIENCE)
        self._broker.settle([delivery])
        return delivery.body


def _other_kind(queue: Queue) -> str:
    return (
        f"set quorum to what it was made with, or delete it when it is empty: "
        f"rabbitmqctl delete_queue {queue.name}"
    )


def judge_info(info: Info, ahead: float) -> Finding:
    """What the greeting of a service says. ahead: seconds by which its clock is before ours"""
    text = f"service {info.service!r} answers"
    if info.python and info.python != interpreter_tag():
        text += f"; its workers are {info.python}, this is {interpreter_tag()}"
        return problem("answer", text, "run both on the same minor version of Python")
    if abs(ahead) > _CLOCKS_APART:
        direction = "ahead" if ahead > 0 else "behind"
        text += f"; its clock is {abs(ahead):.1f} s {direction}"
        return note("answer", text, "delayed jobs are that much off: let both follow NTP")
    return ok("answer", f"{text}, and its clock agrees")
