"""The holder of a file: the service that serves it. It has no places of its own, it is lent them.

Whatever lends them, a `Worker` in this process or in another, the jobs run below the holder: one
process claims, marks and settles, so what holds for a service holds for any number of workers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from schedulergodx.core.everything import Everything
from schedulergodx.core.names import DEFAULT_QUEUE
from schedulergodx.errors import SchedulerGodXError
from schedulergodx.executors.several import SeveralExecutors
from schedulergodx.local.lending import Farewell, Leave, Refusal, read_line, write_line
from schedulergodx.service import Service
from schedulergodx.service.lent import Lender, LentDispatcher, Offer
from schedulergodx.service.parts import begin_run, beside, executor_of
from schedulergodx.service.watch import Watch
from schedulergodx.utils.unix_socket import address_of

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from schedulergodx.brokers.base import Broker
    from schedulergodx.executors.base import Executor
    from schedulergodx.local.file import JobFile
    from schedulergodx.local.lending import Line
    from schedulergodx.service.engine import Engine, Parts
    from schedulergodx.storage.base import Store

FOREVER = 1e9  # seconds, to wait for a job, which has a lifetime of its own


class Holder(Service):
    """Serves a file.

    public: whether workers of other processes may lend it places
    ready: called when it serves
    """

    _executor: SeveralExecutors
    _store: Store

    def __init__(self, file: JobFile, *, public: bool, ready: Callable[[], None]) -> None:
        settings = file.settings()
        if settings.echo is None:
            settings = replace(settings, echo=sys.stderr.isatty())
        super().__init__(core_name="holder", settings=settings)
        self.logger.getLogger().setLevel(logging.WARNING)  # it comes and goes, which is no news
        self._socket_path = file.socket if public else None
        self._tell_ready = ready
        self._lenders: dict[int, Lender] = {}
        self._newest_run = 0
        self._visits: set[asyncio.Task[None]] = set()
        self._writers: set[StreamWriter] = set()

    # -- what others of this process do -----------------------------------------------------------

    @property
    def listens(self) -> bool:
        """Whether `stop` would be heard."""
        return self._loop is not None

    def connect(self) -> socket.socket | None:
        """A connection to lend places through; None while it does not serve."""
        loop = self._loop
        if loop is None or not self._ready.is_set():
            return None
        ours, theirs = socket.socketpair()
        try:
            loop.call_soon_threadsafe(self._adopt, ours)
        except RuntimeError:  # it has just ended
            ours.close()
            theirs.close()
            return None
        return theirs

    # -- a service that is lent its places --------------------------------------------------------

    def _make_executor(self, store: Store) -> Executor:
        self._store = store
        self._executor = SeveralExecutors(
            beside(store, "workers"),
            lambda run, home: executor_of(self.settings, store, run=run, directory=home),
        )
        return self._executor

    def _parts(self, store: Store, broker: Broker, executor: Executor) -> Parts:
        return replace(
            super()._parts(store, broker, executor),
            dispatcher=partial(LentDispatcher, lenders=self._lenders),
            queues=Everything(DEFAULT_QUEUE),
        )

    def _watch(self, store: Store) -> Watch:
        return _Unwatched(None, self._clock, dict)

    async def _read(
        self, broker: Broker, store: Store, engine: Engine, opening: asyncio.Task[None]
    ) -> None:
        await super()._read(broker, store, engine, opening)
        if self._socket_path is not None:
            await asyncio.start_unix_server(self._admit, sock=_listen(self._socket_path))
        self._tell_ready()

    async def _live_on(self, store: Store) -> None:
        try:
            await super()._live_on(store)
        finally:
            if self._socket_path is not None:
                self._socket_path.unlink(missing_ok=True)
            for writer in self._writers:
                writer.close()

    # -- lenders ----------------------------------------------------------------------------------

    def _adopt(self, end: socket.socket) -> None:
        self._keep(self._welcome_here(end))

    async def _welcome_here(self, end: socket.socket) -> None:
        await self._welcome(*await asyncio.open_unix_connection(sock=end))

    def _admit(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._keep(self._welcome(reader, writer))

    def _keep(self, visit: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(visit)
        self._visits.add(task)
        task.add_done_callback(self._visits.discard)

    async def _welcome(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Use the places of one lender until he takes them back, or is gone."""
        self._writers.add(writer)
        try:
            offer = await _hear(reader)
            if isinstance(offer, Offer):
                await self._serve(offer, reader, writer)
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _serve(self, offer: Offer, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            lender = await self._take_in(offer)
        except (SchedulerGodXError, OSError) as error:
            await _say(writer, Refusal(str(error), ends=self._executor.closing))
            return
        stays = True
        while stays:
            hearing = asyncio.create_task(self._hear_out(lender, reader))
            await asyncio.wait({hearing, lender.over}, return_when=asyncio.FIRST_COMPLETED)
            await _say(writer, Farewell(lender.over.done() and lender.over.result()))
            stays = await hearing
            lender.begin()
            self._ring()

    async def _take_in(self, offer: Offer) -> Lender:
        run = await self._begin_run(offer.worker_id)
        several, size = self._executor, offer.concurrency
        settings = self.settings.replace(workers=size, hard_workers=size)
        member = executor_of(settings, self._store, run=run, directory=several.home(run))
        await several.add(run, member)
        self._lenders[run] = lender = Lender(run, offer)
        self._ring()
        return lender

    async def _hear_out(self, lender: Lender, reader: StreamReader) -> bool:
        """True if he offers another job; False when he has left, with or without a word.

        The jobs of one who says nothing end in peace.
        """
        line = await _hear(reader)
        if isinstance(line, Offer):
            return True
        while isinstance(line, Leave):
            parting = asyncio.create_task(self._part_from(lender, line.grace))
            hearing = asyncio.create_task(_hear(reader))  # he may be in more of a hurry
            await asyncio.wait({parting, hearing}, return_when=asyncio.FIRST_COMPLETED)
            if parting.done():
                hearing.cancel()
                return False
            line = hearing.result()
        await self._part_from(lender, FOREVER)
        return False

    async def _part_from(self, lender: Lender, grace: float) -> None:
        lender.leaving = True
        await self._executor.remove(lender.run, grace)
        self._lenders.pop(lender.run, None)
        self._ring()

    async def _begin_run(self, worker_id: str) -> int:
        """A number that no run on this store has had, noted with who it is."""
        begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def begin(store: Store) -> None:
            self._newest_run = begin_run(store, worker_id, after=self._newest_run)
            if not begun.done():
                begun.set_result(self._newest_run)

        if self._engine is not None:
            self._engine.ask(begin)
        return await begun

    def _ring(self) -> None:
        if self._engine is not None:
            self._engine.ring()


class _Unwatched(Watch):
    """Says nothing: a queue may be asked something in a program that is watched itself."""

    def ready(self) -> None:
        pass

    def pulse(self, trouble: str = "") -> None:
        pass

    def stopping(self) -> None:
        pass

    def gone(self) -> None:
        pass


def _listen(path: Path) -> socket.socket:
    """A socket that only its owner can connect to. Whoever calls this holds the file."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(end.fileno(), 0o600)  # before it has a name
        path.unlink(missing_ok=True)
        with address_of(path) as address:
            end.bind(address)
    except BaseException:
        end.close()
        raise
    return end


async def _say(writer: StreamWriter, line: Line) -> None:
    writer.write(write_line(line))
    await writer.drain()


async def _hear(reader: StreamReader) -> Line | None:
    """The next line; None when the other side is gone, or says what can't be read."""
    with suppress(ConnectionError, ValueError, msgspec.DecodeError):
        return read_line(await reader.readline())
    return None
