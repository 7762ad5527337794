"""One connection that comes back after each loss."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from schedulergodx.brokers.amqp.link import CannotConnect, ChannelLost
from schedulergodx.brokers.backoff import Backoff
from schedulergodx.errors import BrokerClosed, BrokerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from schedulergodx.brokers.amqp.address import Address
    from schedulergodx.brokers.amqp.link import Connect, Link

logger = logging.getLogger(__name__)

_TRY_SECONDS = 15.0  # at most, for one try to connect


class Session:
    """Keeps one connection to RabbitMQ.

    set_up: called with each new link; only after it returns the session is up
    changed: called with (up, why) whenever that changes
    on_blocked: called with the reason when RabbitMQ stops to read, with "" when it reads again
    """

    def __init__(
        self,
        connect: Connect,
        address: Address,
        *,
        set_up: Callable[[Link], Awaitable[None]],
        changed: Callable[[bool, str], None],
        on_blocked: Callable[[str], None] | None = None,
    ) -> None:
        self._connect = connect
        self._address = address
        self._set_up = set_up
        self._changed = changed
        self._on_blocked = on_blocked
        self._backoff = Backoff()
        self._link: Link | None = None
        self._is_up = asyncio.Event()
        self._closed = False
        self._keeper: asyncio.Task[None] | None = None
        self._reset_for = ""
        self.blocked = ""  # why RabbitMQ does not read this connection now

    @property
    def up(self) -> bool:
        return self._is_up.is_set() and not self._closed

    async def open(self, deadline: float) -> None:
        """Connect; `deadline` is an instant of the loop's clock.

        Raises: BrokerUnavailable
        """
        link = await self._make_first_link(deadline)
        self._keeper = asyncio.create_task(self._keep(link))
        try:
            async with asyncio.timeout_at(deadline):
                await self._is_up.wait()
        except TimeoutError:
            await self.close()
            raise self._address.unavailable("it does not answer any more") from None

    async def link(self) -> Link:
        """The connection, once it is up. Raises: BrokerClosed"""
        await self._is_up.wait()
        if self._closed or self._link is None:
            raise BrokerClosed("this end of the broker was closed")
        return self._link

    def reset(self, why: str) -> None:
        """Drop the connection and make a new one."""
        if self._link is not None:
            logger.warning("connecting to %s again: %s", self._address.url, why)
            self._reset_for = why
            self._link.abort(why)

    async def close(self) -> None:
        """Disconnect. Whoever waits for a link gets BrokerClosed."""
        self._closed = True
        self._is_up.set()
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def _make_first_link(self, deadline: float) -> Link:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await self._make_link(max(0.1, deadline - loop.time()))
            except CannotConnect as error:
                wait = self._backoff.next()
                if error.final or loop.time() + wait > deadline:
                    raise self._address.unavailable(str(error), there=error.final) from None
                logger.debug("%s is not there yet: %s", self._address.url, error)
            await asyncio.sleep(wait)

    async def _make_link(self, timeout: float) -> Link:
        return await self._connect(
            self._address, timeout=min(_TRY_SECONDS, timeout), on_blocked=self._block
        )

    async def _keep(self, first: Link) -> None:
        loop = asyncio.get_running_loop()
        link: Link | None = first
        while True:
            held = 0.0
            if link is not None:
                began = loop.time()
                why = await self._use(link)
                held = loop.time() - began
                self._block("")
                self._change(False, why)
            await asyncio.sleep(self._backoff.next(held))
            link = await self._try_link()

    async def _try_link(self) -> Link | None:
        try:
            return await self._make_link(_TRY_SECONDS)
        except CannotConnect as error:
            logger.debug("%s is still away: %s", self._address.url, error)
        except Exception:  # whatever it is, a service that stays away is worse
            logger.exception("connecting to %s failed, trying on", self._address.url)
        return None

    async def _use(self, link: Link) -> str:
        """Be up with a link until it is lost; the answer is why."""
        self._link, self._reset_for = link, ""
        setting_up = asyncio.ensure_future(self._set_up(link))
        try:
            either: list[asyncio.Future[Any]] = [setting_up, link.lost]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if setting_up.done():
                setting_up.result()
                self._change(True, "")
            await asyncio.wait([link.lost])
            return self._reset_for or link.lost.result()
        except (BrokerError, ChannelLost) as error:
            link.abort(str(error))
            return str(error)
        except Exception as error:  # whatever it is, a service that stays away is worse
            logger.exception("setting up the connection to %s failed", self._address.url)
            link.abort(str(error))
            return str(error)
        finally:
            setting_up.cancel()
            await asyncio.gather(setting_up, return_exceptions=True)

    def _change(self, up: bool, why: str) -> None:
        if up == self._is_up.is_set():
            return
        if up:
            self._is_up.set()
        else:
            self._is_up.clear()
        self._changed(up, why)

    def _block(self, why: str) -> None:
        if why and not self.blocked:
            logger.warning(
                "RabbitMQ at %s takes no messages (%s): what is sent waits; make room there",
                self._address.url,
                why,
            )
        if self.blocked != why and self._on_blocked is not None:
            self._on_blocked(why)
        self.blocked = why
