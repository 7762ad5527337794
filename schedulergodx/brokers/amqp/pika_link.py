"""AMQP by pika, on an asyncio loop."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pika
from pika import exceptions as errors
from pika.adapters.utils.connection_workflow import (
    AMQPConnectionWorkflowFailed,
    AMQPConnectorException,
    AMQPConnectorPhaseErrorBase,
    AMQPConnectorStackTimeout,
)
from pika.exchange_type import ExchangeType

from schedulergodx.brokers.amqp.link import NOT_FOUND, CannotConnect, ChannelLost, Loss
from schedulergodx.brokers.amqp.pika_connection import Connection, publish_frame
from schedulergodx.brokers.amqp.properties import read_properties, tag_of, write_properties
from schedulergodx.brokers.amqp.refusal import (
    explain_handshake,
    explain_login,
    explain_socket,
    explain_vhost,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schedulergodx.brokers.amqp.address import Address
    from schedulergodx.brokers.amqp.link import OnMessage
    from schedulergodx.core.properties import Properties

_PERSISTENT = 2
_ADDRESSES = 1000  # that a channel remembers
_GOODBYE_SECONDS = 2.0
_OWN_TIMEOUT_FIRST = 1.0  # seconds that pika's own timeout has before ours

# pika logs each failed try to connect several times, with tracebacks. What matters of it is raised
# or logged here; who wants the rest gives the logger "pika" a level.
if logging.getLogger("pika").level == logging.NOTSET:
    logging.getLogger("pika").setLevel(logging.CRITICAL)


async def connect(
    address: Address, *, timeout: float, on_blocked: Callable[[str], None]
) -> PikaLink:
    """A `Connect` by pika.

    A connection that is being made is never closed from here, which pika 1.3 and 1.4 do not bear:
    it ends by its own timeout, and one that comes up too late is closed then.
    """
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[None] = loop.create_future()
    link = PikaLink(loop)

    def came_up(connection: Connection) -> None:
        if opened.done():
            connection.close()
        else:
            link.opened(connection, on_blocked)
            opened.set_result(None)

    def failed(_: object, error: BaseException) -> None:
        if not opened.done():
            opened.set_exception(error)

    Connection(
        _parameters(address, timeout),
        on_open_callback=came_up,
        on_open_error_callback=failed,
        on_close_callback=link.closed,
        custom_ioloop=loop,
    )
    try:
        async with asyncio.timeout(timeout + _OWN_TIMEOUT_FIRST):
            await opened
    except (errors.AMQPError, AMQPConnectorException, OSError) as error:
        raise _explain(_cause(error), address) from error
    return link


class PikaLink:
    """A `Link` by pika."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.version = ""
        self.lost: asyncio.Future[str] = loop.create_future()
        self._loop = loop
        self._connection: Connection | None = None

    def opened(self, connection: Connection, on_blocked: Callable[[str], None]) -> None:
        """The connection is there."""
        self._connection = connection
        self.version = str(connection.server_properties.get("version", "?"))
        connection.add_on_connection_blocked_callback(
            lambda _, frame: on_blocked(frame.method.reason or "an alarm")
        )
        connection.add_on_connection_unblocked_callback(lambda *_: on_blocked(""))

    def closed(self, _: object, error: BaseException) -> None:
        """The connection is gone."""
        if not self.lost.done():
            self.lost.set_result(_say(error))

    async def channel(self) -> PikaChannel:
        channel = PikaChannel(self._loop)
        if self._connection is None or not self._connection.is_open:
            raise ChannelLost(Loss(0, "the connection is lost"))
        try:
            await channel.open(self._connection)
        except errors.AMQPError as error:
            raise ChannelLost(Loss(0, _say(error))) from error
        return channel

    async def close(self) -> None:
        if self._connection is None or self.lost.done():
            return
        with suppress(errors.AMQPError):
            self._connection.close()
        await asyncio.wait([self.lost], timeout=_GOODBYE_SECONDS)
        self.abort("closed")

    def abort(self, why: str) -> None:
        if self._connection is not None and not self.lost.done():
            self._connection.drop(why)


class PikaChannel:
    """A `Channel` by pika."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lost: asyncio.Future[Loss] = loop.create_future()
        self._loop = loop
        self._channel: Any = None  # pika has no types
        self._connection: Connection
        self._methods: dict[tuple[str, str], bytes] = {}  # what messages to an address begin with
        self._asked: asyncio.Future[Any] | None = None
        self._consumer = ""
        self._gets = False

    async def open(self, connection: Connection) -> None:
        answer = self._loop.create_future()
        self._asked = answer
        self._connection = connection
        self._channel = connection.channel(on_open_callback=_setter(answer))
        self._channel.add_on_close_callback(self._closed)
        self._channel.add_on_cancel_callback(self._cancelled)
        await answer

    # -- asking -----------------------------------------------------------------------------------

    async def declare_queue(
        self,
        queue: str,
        *,
        exclusive: bool = False,
        arguments: Mapping[str, object] | None = None,
    ) -> None:
        await self._ask(
            self._channel.queue_declare,
            queue,
            durable=True,
            exclusive=exclusive,
            arguments=dict(arguments or {}),
        )

    async def count_consumers(self, queue: str) -> int:
        answer = await self._ask(self._channel.queue_declare, queue, passive=True)
        return int(answer.method.consumer_count)

    async def delete_queue(self, queue: str) -> None:
        await self._ask(self._channel.queue_delete, queue)

    async def declare_fanout(self, exchange: str) -> None:
        await self._ask(self._channel.exchange_declare, exchange, ExchangeType.fanout, durable=True)

    async def bind(self, queue: str, exchange: str) -> None:
        await self._ask(self._channel.queue_bind, queue, exchange)

    async def consume(self, queue: str, prefetch: int, on_message: OnMessage) -> None:
        await self._ask(self._channel.basic_qos, prefetch_count=prefetch)

        def deliver(_: object, method: Any, properties: Any, body: bytes) -> None:
            outside = read_properties(properties)
            on_message(method.delivery_tag, method.redelivered, body, outside)

        self._connection.readers[self._channel.channel_number] = on_message
        self._consumer = f"schedulergodx.{id(self):x}"
        await self._ask(self._channel.basic_consume, queue, deliver, consumer_tag=self._consumer)

    async def stop_consuming(self) -> None:
        await self._ask(self._channel.basic_cancel, self._consumer)

    async def get(self, queue: str) -> tuple[int, bool, bytes] | None:
        if not self._gets:
            self._gets = True
            self._channel.add_callback(self._found_none, [pika.spec.Basic.GetEmpty], one_shot=False)
        found: tuple[int, bool, bytes] | None = await self._ask(self._get, queue)
        return found

    def _get(self, queue: str, callback: Callable[[Any], None]) -> None:
        def found(_: object, method: Any, __: object, body: bytes) -> None:
            callback((method.delivery_tag, method.redelivered, body))

        self._channel.basic_get(queue, found, auto_ack=False)

    def _found_none(self, _: object) -> None:
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(None)

    async def confirm(
        self, on_confirm: Callable[[int, bool, bool], None], on_return: Callable[[int], None]
    ) -> None:
        def confirmed(frame: Any) -> None:
            method = frame.method
            taken = method.INDEX == pika.spec.Basic.Ack.INDEX
            on_confirm(method.delivery_tag, method.multiple, taken)

        def returned(_: object, __: object, properties: Any, ___: object) -> None:
            on_return(tag_of(properties))

        self._channel.add_on_return_callback(returned)
        await self._ask(self._channel.confirm_delivery, confirmed)

    async def close(self) -> None:
        self._connection.readers.pop(self._channel.channel_number, None)
        if self._channel.is_open:
            with suppress(errors.AMQPError):
                self._channel.close()
        await self.lost

    # -- telling ----------------------------------------------------------------------------------

    def ack(self, tag: int, *, multiple: bool) -> None:
        if self._channel.is_open:
            self._channel.basic_ack(tag, multiple)

    def requeue(self, tag: int) -> None:
        if self._channel.is_open:
            self._channel.basic_reject(tag, requeue=True)

    def publish(
        self, tag: int, exchange: str, key: str, body: bytes, properties: Properties | None
    ) -> None:
        channel = self._channel
        if not channel.is_open:
            return
        if properties is None:
            method = self._methods.get((exchange, key)) or self._learn_address(exchange, key)
            if self._connection.publish(channel.channel_number, method, tag, body):
                return
        outside = write_properties(properties, tag)
        basic = pika.BasicProperties(delivery_mode=_PERSISTENT, **outside)
        channel.basic_publish(exchange, key, body, basic, True)

    def _learn_address(self, exchange: str, key: str) -> bytes:
        if len(self._methods) >= _ADDRESSES:
            self._methods.clear()
        method = publish_frame(self._channel.channel_number, exchange, key)
        self._methods[exchange, key] = method
        return method

    # -- being told -------------------------------------------------------------------------------

    async def _ask(self, method: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call a method of pika's channel and wait for its answer, or for the loss of it."""
        self._asked = answer = self._loop.create_future()
        try:
            method(*args, callback=_setter(answer), **options)
        except errors.AMQPError as error:
            raise ChannelLost(Loss(0, _say(error))) from error
        return await answer

    def _closed(self, _: object, error: BaseException) -> None:
        code = error.reply_code if isinstance(error, errors.ChannelClosedByBroker) else 0
        text = error.reply_text if isinstance(error, errors.ChannelClosedByBroker) else _say(error)
        self._lose(Loss(code, text))

    def _cancelled(self, _: object) -> None:
        """The server ended the consumer. RabbitMQ keeps the channel, and we want a new one."""
        self._lose(Loss(NOT_FOUND, "the queue was deleted or moved"))
        self._channel.close()

    def _lose(self, loss: Loss) -> None:
        self._connection.readers.pop(self._channel.channel_number, None)
        if not self.lost.done():
            self.lost.set_result(loss)
        if self._asked is not None and not self._asked.done():
            self._asked.set_exception(ChannelLost(loss))


def _parameters(address: Address, timeout: float) -> pika.ConnectionParameters:
    context = address.ssl_context()
    return pika.ConnectionParameters(
        host=address.host,
        port=address.port,
        virtual_host=address.vhost,
        credentials=pika.PlainCredentials(address.user, address.password),
        heartbeat=round(address.heartbeat),
        blocked_connection_timeout=address.blocked_timeout or None,
        socket_timeout=timeout,
        stack_timeout=timeout,
        ssl_options=pika.SSLOptions(context, address.host) if context else None,
        client_properties={"connection_name": "schedulergodx"},
    )


def _setter(answer: asyncio.Future[Any]) -> Callable[[Any], None]:
    return lambda value: None if answer.done() else answer.set_result(value)


def _explain(error: BaseException, address: Address) -> CannotConnect:
    """What a failed try to connect means."""
    if isinstance(error, errors.ProbableAuthenticationError | errors.AuthenticationError):
        return explain_login(address)
    if isinstance(error, errors.ProbableAccessDeniedError):
        return explain_vhost(address, _last_words(error))
    if isinstance(error, AMQPConnectorStackTimeout | errors.ConnectionOpenAborted):
        return explain_socket(TimeoutError())
    if isinstance(error, errors.AMQPError):
        return explain_handshake(type(error).__name__)
    return explain_socket(error)


def _cause(error: BaseException) -> BaseException:
    """The exception inside of pika's wrappings."""
    while True:
        if isinstance(error, AMQPConnectionWorkflowFailed):
            error = error.exceptions[-1]
        elif isinstance(error, AMQPConnectorPhaseErrorBase):
            error = error.exception
        elif type(error) is errors.AMQPConnectionError and isinstance(error.args[0], Exception):
            error = error.args[0]
        else:
            return error


def _last_words(error: BaseException) -> str:
    """What RabbitMQ said itself, out of `ConnectionClosedByBroker: (530) 'NOT_ALLOWED - ...'`."""
    found = re.search(r"\(\d+\) ['\"](?:[A-Z_]+ - )?(.*)['\"]", str(error))
    return found.group(1) if found else str(error)


def _say(error: BaseException) -> str:
    return str(error) or type(error).__name__
