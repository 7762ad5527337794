"""The service of a test: real stations, a real store, on a thread of its own."""

from __future__ import annotations

import asyncio
import random
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from schedulergodx.brokers.memory import MemoryBroker
from schedulergodx.core.identity import UidSource
from schedulergodx.core.names import Names
from schedulergodx.core.signing import Signer
from schedulergodx.errors import ServiceError
from schedulergodx.service.engine import Engine, Parts
from schedulergodx.service.watch import Watch
from schedulergodx.storage import make_store
from schedulergodx.testing.hands import Hands

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from schedulergodx.client.client import Client
    from schedulergodx.config import Settings
    from schedulergodx.storage.base import Store
    from schedulergodx.testing.clock import Clock

T = TypeVar("T")

_CALM = 3  # looks in a row that find nothing to do: what one turn of the loop began, the next ends
_TURNS = 20  # looks without a job: another thread is waited for, and is left the processor
_PAUSE = 0.001  # seconds of real time
_STUCK = 60.0  # seconds of real time for one call


class Backstage:
    """Runs an engine, and knows when there is nothing left to do at this instant.

    original, client: see `Hands`
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        original: Callable[[bytes], Callable[..., Any] | None],
        client: Callable[[], Client],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._original = original
        self._client = client
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="schedulergodx harness", daemon=True
        )
        self._engine: Engine | None = None
        self._thread.start()

    # -- from the thread of the test --------------------------------------------------------------

    def begin(self) -> None:
        """Start the service."""
        self._do(self._begin())

    def crash(self) -> None:
        """End it without a word, as SIGKILL does."""
        if self._engine is not None:
            self._do(self._crash())

    def end(self) -> None:
        """End it, and the thread."""
        if self._loop.is_closed():
            return
        self.crash()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def advance(self, instant: float) -> None:
        """Move the clock, from one thing that comes due to the next, and let each happen."""
        self._do(self._advance(instant))

    def kill_workers(self, times: int) -> None:
        """Let so many of the next attempts end with their worker."""
        self._hands.die(times)

    @property
    def hands(self) -> Hands:
        """What runs the jobs."""
        return self._hands

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        if threading.current_thread() is self._thread or self._hands_run_here():
            work.close()
            raise ServiceError("a job can't move the clock of the harness that runs it")
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(_STUCK)
        except TimeoutError:
            future.cancel()
            raise ServiceError(
                f"the jobs of this instant did not end within {_STUCK:g} s of real time: one of "
                "them waits for what does not happen, or launches others for ever"
            ) from None

    def _hands_run_here(self) -> bool:
        return self._engine is not None and self._hands.run_here()

    # -- on its own thread ------------------------------------------------------------------------

    async def _begin(self) -> None:
        store = make_store(self._settings.db)
        store.open()
        broker = MemoryBroker(self._settings.broker_url)
        await broker.open(1)
        self._hands = Hands(self._settings, self._clock, self._original, self._client)
        self._engine = Engine(
            Parts(store, broker, self._hands, Signer(), Names(self._settings.prefix)),
            self._settings,
            name="harness",
            clock=self._clock,
            identify=UidSource(self._clock),
            chance=random.Random(0).random,  # the same in each run
            watch=Watch(None, self._clock, dict),
        )
        self._store: Store = store
        self._broker = broker
        await self._engine.recover()
        self._rounds = asyncio.create_task(self._engine.run(), name="rounds")
        await self._engine.read()

    async def _crash(self) -> None:
        self._rounds.cancel()
        await asyncio.gather(self._rounds, return_exceptions=True)
        await self._hands.stop(0)
        await self._broker.close()
        self._store.close()
        self._engine = None

    async def _settle(self) -> None:
        calm = looks = 0
        while self._engine is not None and calm < _CALM:
            looks = 0 if await self._hands.rest() else looks + 1
            await asyncio.sleep(0 if looks < _TURNS else _PAUSE)
            calm = calm + 1 if self._is_calm(self._engine) else 0
            if self._rounds.done():
                self._rounds.result()

    def _is_calm(self, engine: Engine) -> bool:
        if not engine.idle or self._broker.busy:
            return False  # nor may the store be asked anything: a round may be at it
        moment = engine.next_moment()
        if moment is not None and moment <= self._clock.instant:
            engine.ring()
            return False
        return True

    async def _advance(self, instant: float) -> None:
        await self._settle()
        while (moment := self._next_moment()) is not None and moment <= instant:
            self._clock.instant = max(self._clock.instant, moment)
            await self._ring()
        self._clock.instant = instant
        await self._ring()

    def _next_moment(self) -> float | None:
        return None if self._engine is None else self._engine.next_moment()

    async def _ring(self) -> None:
        if self._engine is not None:
            self._engine.ring()
        await self._settle()
