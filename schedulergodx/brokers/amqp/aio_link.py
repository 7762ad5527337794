"""AMQP by aio-pika.

Its plain connection is used and not its robust one: that one remembers queues by weak references,
and comes back without its consumers after some losses; and what is to be restored, and in which
order, is known better by those who use a link.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import aio_pika
import aiormq
from aiormq import exceptions as errors
from aiormq.abc import DeliveredMessage

from schedulergodx.brokers.amqp.link import LOCKED, NOT_FOUND, CannotConnect, ChannelLost, Loss
from schedulergodx.brokers.amqp.properties import read_properties, write_properties
from schedulergodx.brokers.amqp.refusal import (
    explain_handshake,
    explain_login,
    explain_socket,
    explain_vhost,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aio_pika.abc import AbstractChannel, AbstractConnection

    from schedulergodx.brokers.amqp.address import Address
    from schedulergodx.brokers.amqp.link import OnMessage
    from schedulergodx.core.properties import Properties

T = TypeVar("T")

_PERSISTENT = 2
_GOODBYE_SECONDS = 2.0
_BLOCKED_LOOK_SECONDS = 0.5
_NOT_ALLOWED = 530
_CODES = {
    errors.ChannelAccessRefused: 403,
    errors.ChannelNotFoundEntity: NOT_FOUND,
    errors.ChannelLockedResource: LOCKED,
    errors.ChannelPreconditionFailed: 406,
}

# What matters of their logs is raised or logged here; who wants the rest gives them a level.
for _name in ("aio_pika", "aiormq"):
    if logging.getLogger(_name).level == logging.NOTSET:
        logging.getLogger(_name).setLevel(logging.CRITICAL)


async def connect(
    address: Address, *, timeout: float, on_blocked: Callable[[str], None]
) -> AioLink:
    """A `Connect` by aio-pika."""
    try:
        async with asyncio.timeout(timeout):
            connection = await aio_pika.connect(
                host=address.host,
                port=address.port,
                login=address.user,
                password=address.password,
                virtualhost=address.vhost,
                ssl=address.tls,
                ssl_context=address.ssl_context(),
                client_properties={"connection_name": "schedulergodx"},
                heartbeat=round(address.heartbeat),
            )
    except (errors.AMQPError, OSError) as error:  # TimeoutError is one
        raise _explain(error, address) from error
    return AioLink(connection, address.blocked_timeout, on_blocked)


class AioLink:
    """A `Link` by aio-pika."""

    def __init__(
        self,
        connection: AbstractConnection,
        blocked_timeout: float,
        on_blocked: Callable[[str], None],
    ) -> None:
        assert connection.transport is not None
        self._connection = connection
        self._transport = connection.transport
        properties: Any = connection.transport.connection.server_properties
        self.version = _text(properties.get("version", "?"))
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        connection.close_callbacks.add(self._closed)
        self._channels: set[AioChannel] = set()
        self._tasks = {asyncio.create_task(self._watch(blocked_timeout, on_blocked))}

    async def channel(self) -> AioChannel:
        if self.lost.done():
            raise ChannelLost(Loss(0, self.lost.result()))
        try:
            channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        except (errors.AMQPError, RuntimeError, OSError) as error:
            raise ChannelLost(_loss(error)) from error
        opened = AioChannel(channel, await channel.get_underlay_channel())
        self._channels.add(opened)
        opened.lost.add_done_callback(lambda _: self._channels.discard(opened))
        return opened

    async def close(self) -> None:
        with suppress(errors.AMQPError, OSError, TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._connection.close()
        self._lose("closed")

    def abort(self, why: str) -> None:
        self._lose(why)
        task = asyncio.ensure_future(self.close())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _closed(self, _: object, error: BaseException | None) -> None:
        self._lose(_say(error) if error else "closed")

    def _lose(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)
            for task in self._tasks:
                task.cancel()
            for channel in list(self._channels):
                channel.lose(Loss(0, why))

    async def _watch(self, timeout: float, on_blocked: Callable[[str], None]) -> None:
        """aio-pika tells nobody that RabbitMQ has stopped to read, but can be asked."""
        while True:
            await asyncio.sleep(_BLOCKED_LOOK_SECONDS)
            ready = asyncio.ensure_future(self._transport.ready())
            await asyncio.wait([ready], timeout=_BLOCKED_LOOK_SECONDS / 10)
            if ready.done():
                continue
            on_blocked("an alarm")
            await asyncio.wait([ready], timeout=timeout or None)
            if not ready.done():
                ready.cancel()
                self.abort(f"RabbitMQ had not read for {timeout:g} s")
                return
            on_blocked("")


class AioChannel:
    """A `Channel` by aio-pika; most is asked of the aiormq channel below it."""

    def __init__(self, outer: AbstractChannel, channel: aiormq.abc.AbstractChannel) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[Loss] = loop.create_future()
        self._outer = outer
        self._channel: Any = channel  # its abstract class lacks some options
        self._consumer: str | None = None
        self._told: asyncio.Queue[tuple[Callable[..., Any], int, dict[str, bool]]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[Any]] = set()
        outer.close_callbacks.add(self._closed)
        self._on_confirm: Callable[[int, bool, bool], None] = _ignore
        self._on_return: Callable[[int], None] = _ignore

    # -- asking -----------------------------------------------------------------------------------

    async def declare_queue(
        self,
        queue: str,
        *,
        exclusive: bool = False,
        arguments: Mapping[str, object] | None = None,
    ) -> None:
        table: Any = dict(arguments or {})
        await self._ask(
            self._channel.queue_declare(queue, durable=True, exclusive=exclusive, arguments=table)
        )

    async def count_consumers(self, queue: str) -> int:
        answer = await self._ask(self._channel.queue_declare(queue, passive=True))
        return answer.consumer_count or 0

    async def delete_queue(self, queue: str) -> None:
        await self._ask(self._channel.queue_delete(queue))

    async def declare_fanout(self, exchange: str) -> None:
        await self._ask(
            self._channel.exchange_declare(exchange, exchange_type="fanout", durable=True)
        )

    async def bind(self, queue: str, exchange: str) -> None:
        await self._ask(self._channel.queue_bind(queue, exchange))

    async def consume(self, queue: str, prefetch: int, on_message: OnMessage) -> None:
        async def deliver(message: DeliveredMessage) -> None:
            frame: Any = message.delivery
            outside = read_properties(message.header.properties)
            on_message(frame.delivery_tag, frame.redelivered, message.body, outside)

        self._spawn(self._tell())
        cancels = getattr(self._channel, "on_consumer_cancel_callbacks", None)
        if cancels is not None:  # aiormq from 7 on; with an older one the watchdog notices
            cancels.add(self._cancelled)
        await self._ask(self._channel.basic_qos(prefetch_count=prefetch))
        answer = await self._ask(self._channel.basic_consume(queue, deliver))
        self._consumer = answer.consumer_tag

    async def stop_consuming(self) -> None:
        if self._consumer is not None:
            await self._ask(self._channel.basic_cancel(self._consumer))

    async def get(self, queue: str) -> tuple[int, bool, bytes] | None:
        if not self._tasks:
            self._spawn(self._tell())
        answer = await self._ask(self._channel.basic_get(queue, no_ack=False))
        frame: Any = answer.delivery
        if isinstance(frame, aiormq.spec.Basic.GetEmpty):
            return None
        return frame.delivery_tag, frame.redelivered, answer.body

    async def confirm(
        self, on_confirm: Callable[[int, bool, bool], None], on_return: Callable[[int], None]
    ) -> None:
        self._on_confirm, self._on_return = on_confirm, on_return

    async def close(self) -> None:
        told = asyncio.ensure_future(self._told.join())  # what was settled is sent before
        either: list[asyncio.Future[Any]] = [told, self.lost]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        with suppress(errors.AMQPError, OSError, RuntimeError):
            await self._outer.close()
        self.lose(Loss(0, "closed"))

    # -- telling ----------------------------------------------------------------------------------

    def ack(self, tag: int, *, multiple: bool) -> None:
        self._told.put_nowait((self._channel.basic_ack, tag, {"multiple": multiple}))

    def requeue(self, tag: int) -> None:
        self._told.put_nowait((self._channel.basic_reject, tag, {"requeue": True}))

    def publish(
        self, tag: int, exchange: str, key: str, body: bytes, properties: Properties | None
    ) -> None:
        if not self.lost.done():
            outside = write_properties(properties, tag)
            self._spawn(self._publish(tag, exchange, key, body, outside))

    async def _tell(self) -> None:
        """Send settlements one after the other: each stands for all before it."""
        while True:
            method, tag, options = await self._told.get()
            with suppress(errors.AMQPError, OSError, RuntimeError):
                await method(tag, wait=False, **options)
            self._told.task_done()

    async def _publish(
        self, tag: int, exchange: str, key: str, body: bytes, outside: dict[str, Any]
    ) -> None:
        properties = aiormq.spec.Basic.Properties(delivery_mode=_PERSISTENT, **outside)
        try:
            await self._channel.basic_publish(
                body,
                exchange=exchange,
                routing_key=key,
                properties=properties,
                mandatory=True,
                wait=False,
            )
        except errors.PublishError:
            self._on_return(tag)
        except errors.DeliveryError:
            self._on_confirm(tag, False, False)
            return
        except (errors.AMQPError, OSError, RuntimeError):
            return  # the channel is lost, which is told apart
        self._on_confirm(tag, False, True)

    # -- being told -------------------------------------------------------------------------------

    async def _ask(self, answer: Awaitable[T]) -> T:
        """Wait for an answer, or for the loss of it."""
        try:
            return await answer
        except (errors.AMQPError, OSError, RuntimeError) as error:
            raise ChannelLost(_loss(error)) from error

    def lose(self, loss: Loss) -> None:
        """The channel is gone."""
        if not self.lost.done():
            self.lost.set_result(loss)
            for task in self._tasks:
                task.cancel()

    def _closed(self, _: object, error: BaseException | None) -> None:
        self.lose(_loss(error) if error else Loss(0, "closed"))

    def _cancelled(self, _: object) -> None:
        """RabbitMQ ended the consumer; it keeps the channel, and we want a new one."""
        self.lose(Loss(NOT_FOUND, "the queue was deleted or moved"))
        self._spawn(self._outer.close())

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _ignore(*_: object) -> None:
    pass


def _explain(error: BaseException, address: Address) -> CannotConnect:
    """What a failed try to connect means."""
    if isinstance(error, errors.ProbableAuthenticationError | errors.AuthenticationError):
        return explain_login(address)
    if isinstance(error, errors.ConnectionNotAllowed) or "Connection.OpenOk" in str(error):
        return explain_vhost(address, "it is not there, or not for this user")
    below = error.__cause__ if isinstance(error, errors.AMQPConnectionError) else error
    if isinstance(below, OSError) and not isinstance(below, ConnectionResetError):
        return explain_socket(below)
    return explain_handshake(type(error).__name__)


def _loss(error: BaseException) -> Loss:
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), 0)
    return Loss(code, _say(error))


def _say(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
