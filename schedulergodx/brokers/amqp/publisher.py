"""Sending to RabbitMQ: pipelined, confirmed, and again after each loss."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

from schedulergodx.brokers.amqp.link import NOT_FOUND, ChannelLost, Loss
from schedulergodx.brokers.amqp.naming import as_it_is, from_wire, to_wire
from schedulergodx.brokers.backoff import Backoff
from schedulergodx.errors import BrokerClosed, BrokerError, Unroutable

if TYPE_CHECKING:
    from schedulergodx.brokers.amqp.link import Channel
    from schedulergodx.brokers.amqp.session import Session
    from schedulergodx.core.properties import Properties

logger = logging.getLogger(__name__)


class _Publish:
    """One message on its way."""

    __slots__ = ("body", "exchange", "future", "key", "properties")

    def __init__(
        self,
        exchange: str,
        key: str,
        body: bytes,
        future: asyncio.Future[None],
        properties: Properties | None,
    ) -> None:
        self.exchange = exchange
        self.key = key
        self.body = body
        self.future = future
        self.properties = properties


class Publisher:
    """Sends messages in order and keeps each until RabbitMQ has confirmed it.

    At most `window` messages and `window_bytes` bytes are sent and not confirmed; the rest waits
    here. What is not confirmed when a channel is lost is sent again over the next one, in order,
    unless nobody waits for it any more (its future was cancelled).

    A message that RabbitMQ refuses, as one that is too large, costs the channel, and RabbitMQ does
    not say which it was. Then only half as many are sent at once, again and again, until it is
    alone and fails alone.
    """

    def __init__(self, *, window: int = 10_000, window_bytes: int = 32 << 20) -> None:
        self._window = self._limit = window
        self._window_bytes = window_bytes
        self._waiting: deque[_Publish] = deque()
        self._sent: dict[int, _Publish] = {}  # by tag, in order
        self._sent_bytes = 0
        self._lowest = 1  # no smaller tag is in `_sent`
        self._next = 1
        self._nacked: list[_Publish] = []  # wait for their timer
        self._channel: Channel | None = None
        self._blocked = False
        self._closed = False
        self._idle = asyncio.Event()
        self._nack_backoff = Backoff()
        self._nack_timer: asyncio.TimerHandle | None = None

    # -- being used -------------------------------------------------------------------------------

    def publish(
        self, exchange: str, key: str, body: bytes, properties: Properties | None = None
    ) -> asyncio.Future[None]:
        """Send; the future is done when it was confirmed and routed. This is hot."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._closed:
            future.set_exception(BrokerClosed("this end of the broker was closed"))
            return future
        try:
            wire_key = to_wire(key) if properties is None else as_it_is(key)
            publish = _Publish(to_wire(exchange), wire_key, body, future, properties)
        except BrokerError as error:
            future.set_exception(error)
            return future
        self._waiting.append(publish)
        self._send()
        return future

    def block(self, blocked: bool) -> None:
        """RabbitMQ does not read now, or reads again."""
        self._blocked = blocked
        self._send()

    async def drain(self, timeout: float) -> None:
        """Take no more, and wait until what there is was confirmed; what is left then fails."""
        self._closed = True
        try:
            async with asyncio.timeout(timeout):
                while self._waiting or self._sent or self._nacked:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            logger.warning(
                "%d messages were not confirmed before the broker was closed",
                len(self._sent) + len(self._waiting) + len(self._nacked),
            )
        self._give_up()

    async def run(self, session: Session) -> None:
        """Send over the channels of a session, one after the other, until it is closed."""
        loop = asyncio.get_running_loop()
        backoff = Backoff()
        while True:
            since = loop.time()
            try:
                link = await session.link()
                since = loop.time()
                channel = await link.channel()
                await channel.confirm(self._confirm, self._return)
                self._attach(channel)
                await asyncio.wait([channel.lost])
                loss = channel.lost.result()
            except ChannelLost as error:
                loss = error.loss
            except BrokerClosed:
                return
            except Exception as error:  # whatever it is, messages that wait for ever are worse
                logger.exception("publishing failed, trying on")
                loss = Loss(0, str(error))
            if not self._detach(loss):
                await asyncio.sleep(backoff.next(loop.time() - since))

    # -- sending ----------------------------------------------------------------------------------

    def _send(self) -> None:
        """Send what may be sent. This is hot."""
        waiting, sent, channel = self._waiting, self._sent, self._channel
        if channel is None or self._blocked or (sent and self._limit < self._window):
            return
        while waiting and len(sent) < self._limit:
            publish = waiting[0]
            size = len(publish.body)
            if sent and self._sent_bytes + size > self._window_bytes:
                return
            waiting.popleft()
            if publish.future.done():
                continue
            tag = self._next
            self._next = tag + 1
            self._sent_bytes += size
            sent[tag] = publish
            channel.publish(tag, publish.exchange, publish.key, publish.body, publish.properties)

    def _attach(self, channel: Channel) -> None:
        self._next = self._lowest = 1
        self._channel = channel
        self._send()

    def _detach(self, loss: Loss) -> bool:
        """The channel is gone; the answer is whether there is news in that, and no need to wait."""
        self._channel = None
        unconfirmed = [publish for publish in self._sent.values() if not publish.future.done()]
        self._sent.clear()
        self._sent_bytes = 0
        if loss.refused and len(unconfirmed) == 1:
            self._refuse(unconfirmed[0], loss)
        else:
            self._waiting.extendleft(reversed(unconfirmed))
            if loss.refused and unconfirmed:
                self._limit = len(unconfirmed) // 2
        self._look_idle()
        return loss.refused and bool(unconfirmed)

    def _refuse(self, publish: _Publish, loss: Loss) -> None:
        error: BrokerError = BrokerError(
            f"RabbitMQ refused a message of {len(publish.body)} bytes for good: {loss}"
        )
        if loss.code == NOT_FOUND:
            error = Unroutable(from_wire(publish.key or publish.exchange))
        publish.future.set_exception(error)

    # -- being told -------------------------------------------------------------------------------

    def _confirm(self, tag: int, multiple: bool, taken: bool) -> None:
        """RabbitMQ has taken messages, or could not. This is hot."""
        sent = self._sent
        for number in range(self._lowest, tag + 1) if multiple else (tag,):
            publish = sent.pop(number, None)
            if publish is None:
                continue
            self._sent_bytes -= len(publish.body)
            if not taken:
                self._nacked.append(publish)
            elif not publish.future.done():
                publish.future.set_result(None)
        if multiple:
            self._lowest = tag + 1
        else:
            while self._lowest < self._next and self._lowest not in sent:
                self._lowest += 1
        if not taken:
            self._send_nacked_later()
        elif not sent:
            self._all_confirmed()
        self._send()

    def _return(self, tag: int) -> None:
        """RabbitMQ had no queue for a message. Its confirm comes next, and changes nothing."""
        publish = self._sent.get(tag)
        if publish is not None and not publish.future.done():
            publish.future.set_exception(Unroutable(from_wire(publish.key or publish.exchange)))

    def _all_confirmed(self) -> None:
        self._limit = min(self._window, self._limit * 2)
        self._nack_backoff.reset()
        self._look_idle()

    def _look_idle(self) -> None:
        if not (self._sent or self._waiting or self._nacked):
            self._idle.set()

    def _send_nacked_later(self) -> None:
        if self._nack_timer is None:
            logger.warning("RabbitMQ could not take %d messages: again soon", len(self._nacked))
            loop = asyncio.get_running_loop()
            self._nack_timer = loop.call_later(self._nack_backoff.next(), self._send_nacked)

    def _send_nacked(self) -> None:
        self._nack_timer = None
        nacked, self._nacked = self._nacked, []
        self._waiting.extendleft(reversed(nacked))
        self._send()
        self._look_idle()

    def _give_up(self) -> None:
        for publish in [*self._sent.values(), *self._nacked, *self._waiting]:
            if not publish.future.done():
                publish.future.set_exception(
                    BrokerClosed("the broker was closed before it had confirmed this message")
                )
        self._waiting.clear()
        self._nacked.clear()
