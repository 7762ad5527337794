"""The service from the outside: made of settings, started, stopped."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedulergodx.brokers import make_broker
from schedulergodx.config import Settings, load_settings
from schedulergodx.core import context
from schedulergodx.core.identity import UidSource
from schedulergodx.core.names import Names
from schedulergodx.core.registry import Registering
from schedulergodx.core.signing import Signer
from schedulergodx.errors import (
    BrokerUnavailable,
    SecretRequired,
    ServiceError,
)
from schedulergodx.service.aliases import Aliases
from schedulergodx.service.engine import Engine, Parts
from schedulergodx.service.hooks import Hooks, call_all
from schedulergodx.service.overview import overview
from schedulergodx.service.ownership import own
from schedulergodx.service.parts import check_settings, make_executor
from schedulergodx.service.restarting import RECALL, begin_anew
from schedulergodx.service.signals import on_stop_signals
from schedulergodx.service.watch import Watch
from schedulergodx.storage import make_store
from schedulergodx.utils.abstractions import Program
from schedulergodx.utils.logger import LoggerConstructor
from schedulergodx.utils.rmq_property import RmqConnect, url_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schedulergodx.brokers.base import Broker
    from schedulergodx.executors.base import Executor
    from schedulergodx.storage.base import Store
    from schedulergodx.storage.database import DB

_HEAD_START = 1.0  # seconds for the broker to be reached, before jobs run without it
_BETWEEN_TRIES = 1.0  # seconds
_SWITCH_INTERVAL = 0.0005  # seconds
_LAST_WORDS = 5.0  # seconds to tell outcomes when the service stops
_PATIENCE = 10.0  # seconds for an answer of the loop


class Service(Hooks, Aliases, Registering, Program):
    """Keeps jobs, runs them when they are due, and tells their outcomes.

    name: what it calls itself
    core_name: of its logger
    rmq_connect: `utils.rmq_property.RmqConnect`, in the place of `broker=`
    id_generator: taken as its document has it; the ids of a service's messages are its own
    db: `DB("sqlite:///FILE")`, or such a URL
    settings: all of them; else they are found as `docs/settings.md` says
    max_workers: another name of the setting `workers`
    given: any setting by its name
    """

    def __init__(
        self,
        name: str | None = None,
        core_name: str = "core",
        rmq_connect: RmqConnect | None = None,
        id_generator: Iterator[str] | None = None,
        db: DB | str | None = None,
        *,
        settings: Settings | None = None,
        max_workers: int | None = None,
        clock: Callable[[], float] = time.time,
        **given: Any,
    ) -> None:
        super().__init__()
        if rmq_connect is not None:
            given["broker"] = url_of(rmq_connect)
        named = {"name": name, "db": getattr(db, "path", db), "workers": max_workers}
        given |= {key: value for key, value in named.items() if value is not None}
        self.settings = settings.replace(**given) if settings else load_settings(**given)
        self.name = self.settings.name or "service"
        check_settings(self.settings)
        self.core_name = core_name
        self.id_generator = id_generator
        self.logger = LoggerConstructor(
            f"schedulergodx.{core_name}.{self.name}", log_file=None, log_level=logging.NOTSET
        )
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: Engine | None = None
        self._stop_asked: asyncio.Future[float] | None = None
        self._hurry: asyncio.Event | None = None
        self._ready = threading.Event()
        self._connected = False
        self._halted = False
        self._begins_anew = False

    # -- what callers do --------------------------------------------------------------------------

    def start(self) -> None:
        """Run until `stop`, SIGTERM, SIGINT or SIGHUP. Blocks.

        In the main thread it takes the process for its own: signals, and the pace of the collector
        and of threads.

        Raises: ServiceError, StoreError, ConfigError if it can't start
        """
        if context.preparing:
            raise ServiceError(
                "this module starts a service where it is imported for one's workers: write "
                'if __name__ == "__main__": before'
            )
        if threading.current_thread() is threading.main_thread():
            _set_pace()
        asyncio.run(self._live())
        while self._begins_anew and self.settings.restarting == RECALL:
            self._begins_anew = False
            asyncio.run(self._live())
        if self._begins_anew:
            begin_anew(self.settings.restarting)

    def stop(self, grace: float | None = None) -> None:
        """Take no more, let jobs end for `grace` seconds, then end them. From any thread.

        Returns at once; `start` returns when it is done. A second call ends them now.

        grace: seconds, None for the setting `stop_grace`
        """
        loop = self._loop
        if loop is not None:
            seconds = self.settings.stop_grace if grace is None else grace
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(self._ask_to_stop, seconds)

    def get_status(self, simple: bool = True, *, limit: int = 1000) -> dict[str, Any]:
        """What there is to do, as `start` runs on another thread.

        simple: only "pending_tasks", "running_tasks" and "error_tasks": ids, the newest first.
            Without it also "totals", and the same by queue as "queues"
        limit: of ids in each list

        Raises: ServiceError if it does not run
        """
        engine, loop = self._engine, self._loop
        if engine is None or loop is None:
            raise ServiceError("the service does not run: start it first, on a thread of its own")
        answer: Future[dict[str, Any]] = Future()
        loop.call_soon_threadsafe(engine.ask, partial(overview, answer, simple, limit))
        try:
            return answer.result(_PATIENCE)
        except TimeoutError as error:
            raise ServiceError(
                "the service did not answer: it stops, or its disk is slow"
            ) from error

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Whether the service takes jobs, waiting for it at most `timeout` seconds."""
        return self._ready.wait(timeout)

    # -- its life ---------------------------------------------------------------------------------

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop_asked = self._loop.create_future()
        self._hurry = asyncio.Event()
        self._listen_to_signals()
        store = make_store(self.settings.db)
        try:
            store.open()
            await self._live_on(store)
        finally:
            store.close()
            self._loop = None
            self._ready.clear()

    async def _live_on(self, store: Store) -> None:
        broker = self._make_broker()
        executor = self._make_executor(store)
        opening = asyncio.create_task(self._open(broker))
        await self._give_head_start(opening)
        engine = Engine(
            self._parts(store, broker, executor),
            self.settings,
            name=self.name,
            clock=self._clock,
            identify=UidSource(self._clock),
            chance=random.random,
            watch=self._watch(store),
            on_halt=self._halt,
            on_stop=self._stop_as_asked,
        )
        self._engine = engine
        try:
            await engine.recover()
            await call_all(self._startup_hooks)
            rounds = asyncio.create_task(engine.run(), name="rounds")
            reading = asyncio.create_task(self._read(broker, store, engine, opening))
            await self._until_stopped(rounds, reading)
            await self._drain(engine, executor, rounds, reading)
            if self._halted:
                raise ServiceError(
                    "it stopped since a rule can't be told, or a job can't be begun: the log says "
                    "which. Mend it, or set silence_cond_check and silence_task_prerun"
                )
        finally:
            self._engine = None
            await executor.stop(0)
            await broker.close()

    async def _until_stopped(self, rounds: asyncio.Task[None], reading: asyncio.Task[None]) -> None:
        assert self._stop_asked is not None
        waited: set[asyncio.Future[Any]] = {rounds, reading, self._stop_asked}
        while not self._stop_asked.done():
            done, waited = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {self._stop_asked}:
                task.result()
                if task is rounds:
                    raise ServiceError("the rounds of the service ended by themselves")

    async def _drain(
        self,
        engine: Engine,
        executor: Executor,
        rounds: asyncio.Task[None],
        reading: asyncio.Task[None],
    ) -> None:
        assert self._stop_asked is not None
        assert self._hurry is not None
        grace = self._stop_asked.result()
        self.logger.info("stopping: no more jobs are taken, those that run have %g s", grace)
        reading.cancel()
        await engine.cease()
        ending = asyncio.create_task(executor.stop(grace))
        hurried = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({ending, hurried}, return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            await executor.stop(0)
        await ending
        hurried.cancel()
        await engine.finish(_LAST_WORDS if self._connected else 0.0)
        await rounds
        engine.close()
        await call_all(self._shutdown_hooks)
        self.logger.info("stopped")

    # -- its parts --------------------------------------------------------------------------------

    def _make_broker(self) -> Broker:
        settings = self.settings
        return make_broker(
            settings.broker_url,
            quorum=settings.quorum,
            heartbeat=settings.heartbeat,
            watchdog_interval=settings.watchdog_interval,
        )

    def _make_executor(self, store: Store) -> Executor:
        return make_executor(self.settings, store)

    def _parts(self, store: Store, broker: Broker, executor: Executor) -> Parts:
        return Parts(store, broker, executor, self._signer(broker), Names(self.settings.prefix))

    def _signer(self, broker: Broker) -> Signer:
        secret = self.settings.secret
        return Signer(secret.encode() if secret else broker.secret)

    def _watch(self, store: Store) -> Watch:
        file = self.settings.health_file
        path = Path(file) if file else Path(f"{store.path}.health") if store.path else None
        return Watch(path, self._clock, lambda: {"name": self.name})

    # -- the broker -------------------------------------------------------------------------------

    async def _open(self, broker: Broker) -> None:
        """Reach the broker, however long that takes."""
        tries = 0
        while True:
            try:
                await broker.open(self.settings.connect_timeout)
            except BrokerUnavailable as error:
                if not tries:
                    self.logger.warning("%s; the service goes on and keeps trying", error)
                tries += 1
                await asyncio.sleep(_BETWEEN_TRIES)
            else:
                broker.on_connection(self._note_connection)
                self._connected = True
                return

    async def _give_head_start(self, opening: asyncio.Task[None]) -> None:
        """Wait for the broker a moment: jobs that are due run without it as well.

        The embedded broker is waited for, because it has the secret that all is verified with.
        """
        assert self._stop_asked is not None
        embedded = self.settings.broker_url.startswith("spool:")
        seconds = None if embedded and not self.settings.secret else _HEAD_START
        waited: set[asyncio.Future[Any]] = {opening, self._stop_asked}
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    def _note_connection(self, up: bool, why: str) -> None:
        self._connected = up
        if up:
            self.logger.info("connected to the broker again")
        else:
            self.logger.warning("the connection to the broker is lost: %s", why)

    async def _read(
        self, broker: Broker, store: Store, engine: Engine, opening: asyncio.Task[None]
    ) -> None:
        """Reach the broker, declare what this service reads, and begin to read."""
        await opening
        if not broker.info.local and self.settings.secret is None:
            raise SecretRequired(
                f"the broker at {broker.url} can be reached from other machines, and whoever can "
                "reach it could run code here: set SCHEDULERGODX_SECRET to the same long random "
                "text for services and clients (python -c 'import secrets; "
                "print(secrets.token_hex(32))')"
            )
        names, patience = Names(self.settings.prefix), 2 * self.settings.heartbeat
        logger = self.logger.getLogger()
        for queue in self.settings.queues:
            await own(broker, names, queue, patience=patience, logger=logger)
        await engine.read()
        self._ready.set()
        self._announce(
            f"service {self.name} reads {', '.join(self.settings.queues)} on {broker.url} "
            f"({broker.info.kind} {broker.info.version}), keeps jobs in {store.path or 'memory'}, "
            f"runs {self.settings.workers} at once"
        )

    def _announce(self, sentence: str) -> None:
        """Log it; where nobody has said what becomes of logs, a terminal shows it."""
        logger = self.logger.getLogger()
        in_front = threading.current_thread() is threading.main_thread()
        if in_front and sys.stderr.isatty() and not logger.hasHandlers():
            sys.stderr.write(f"{sentence}; Ctrl+C stops it\n")
        else:
            logger.info("%s", sentence)

    # -- signals ----------------------------------------------------------------------------------

    def _listen_to_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            ask = partial(self._ask_to_stop, self.settings.stop_grace)
            on_stop_signals(asyncio.get_running_loop(), ask)

    def _halt(self) -> None:
        self._halted = True
        self._ask_to_stop(self.settings.stop_grace)

    def _stop_as_asked(self, restart: bool, force: bool) -> None:
        """A client asks for it."""
        self._begins_anew = restart
        self._ask_to_stop(0.0 if force else self.settings.stop_grace)

    def _ask_to_stop(self, grace: float) -> None:
        if self._stop_asked is None or self._hurry is None:
            return
        if self._stop_asked.done():
            self._hurry.set()
        else:
            self._stop_asked.set_result(grace)


def _set_pace() -> None:
    """Look for cycles seldom: rows by the thousand come and go without any. And have the thread
    that commits wait a short while only for the one that computes."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    sys.setswitchinterval(_SWITCH_INTERVAL)
