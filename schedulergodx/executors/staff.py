"""Hiring and parting with workers: their numbers, files, processes and ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from schedulergodx.core.job import Execution
from schedulergodx.errors import ServiceError
from schedulergodx.executors.crew import Crew
from schedulergodx.executors.fork_link import ForkLink
from schedulergodx.executors.line import Line
from schedulergodx.executors.marks import MarkDirectory
from schedulergodx.executors.recovery import end_stragglers
from schedulergodx.executors.verdict import Death
from schedulergodx.executors.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schedulergodx.executors.frames import Gone
    from schedulergodx.executors.settings import ExecutorSettings

logger = logging.getLogger(__name__)

_SLACK = 64 << 20  # bytes of a frame beside a value: its units, its output; or an envelope
_FILES = 16  # of dead workers that are kept, until what became of their jobs is surely on disk
_REST = 0.5  # seconds until workers are forked again, where that failed
_LINGER = 5.0  # seconds for which a worker that is not needed any more is kept


class Staff:
    """All workers of an executor.

    hear: called with each frame of a worker
    settle: called with a worker that is gone, once all that it sent was heard
    on_free: called when there are places that no end of a job announces
    names: of the functions that are registered, once it has started
    """

    def __init__(
        self,
        settings: ExecutorSettings,
        *,
        hear: Callable[[Worker, int, bytes], None],
        settle: Callable[[Worker, Death], None],
        on_free: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._hear = hear
        self._settle = settle
        self._on_free = on_free
        self._files = MarkDirectory(settings.directory)
        self._old_files: deque[int] = deque()
        self._next_number = settings.first_worker
        self._link: ForkLink | None = None
        self._mending: asyncio.Task[None] | None = None
        self.names: frozenset[str] = frozenset()
        self.workers: dict[int, Worker] = {}
        self.stopping = False
        self._end = asyncio.Lock()
        sizes = {
            Execution.PROCESS: (settings.workers, 1),
            Execution.FORK: (settings.hard, 1),
            Execution.THREAD: (1, settings.threads),
            Execution.ASYNC: (settings.loops, settings.coroutines),
        }
        self.crews = {
            execution: Crew(execution, size, places=places, make=self._make)
            for execution, (size, places) in sizes.items()
        }

    # -- beginning and end ------------------------------------------------------------------------

    async def start(self) -> None:
        """Remove the marks of the service before and fork workers. Raises: ServiceError"""
        self._files.begin()
        broken = await self._start_server()
        if broken:
            raise ServiceError("functions can't be called by name: " + "; ".join(broken))
        self._go_on(self.crews.values())

    async def _start_server(self) -> list[str]:
        """The answer is what is missing for functions that were promised."""
        self._link = link = ForkLink(self._settings, self._hear_gone, self._lose_server)
        ready = await link.ready()
        self.names = frozenset(link.names)
        for failure in ready.failures:
            logger.warning("a module can't be preloaded: %s", failure)
        return ready.broken

    async def stop(self) -> None:
        """End all workers and the fork server; their jobs are settled when this returns."""
        self.stopping = True
        if self._mending is not None:
            self._mending.cancel()
        async with self._end:
            if self._link is not None:
                link, self._link = self._link, None
                await link.stop()
            self._part_from_all()

    # -- hiring -----------------------------------------------------------------------------------

    def _make(self, execution: Execution, outstanding: int) -> Worker:
        number = self._next_number
        self._next_number += 1
        worker = Worker(number, execution, self._files.create(number, outstanding))
        self.workers[number] = worker
        return worker

    def fill(self, crew: Crew) -> None:
        """Make the workers that a crew lacks. Pooled ones are forked now, others when needed."""
        if self.stopping:
            return
        try:
            for worker in crew.fill():
                if worker.execution is Execution.PROCESS:
                    self.connect(worker)
        except OSError as error:
            self._rest(crew, f"a worker can't be made: {error}")

    def connect(self, worker: Worker) -> bool:
        """Give a worker a process, unless it has one. False if there can't be one now."""
        if worker.connected or self._link is None:
            return worker.connected
        try:
            spawn = worker.connect(lambda: self._make_line(worker))
        except OSError as error:  # too many open files
            self._rest(self.crews[worker.execution], f"a worker can't be reached: {error}")
            return False
        self._link.spawn(*spawn)
        worker.close_child_ends()
        return True

    def _make_line(self, worker: Worker) -> Line:
        return Line(
            asyncio.get_running_loop(),
            lambda kind, payload: self._hear(worker, kind, payload),
            lambda reason: self.end(worker, cause=f"was ended, because it sent nonsense: {reason}"),
            limit=self._settings.result_limit + _SLACK,
        )

    # -- parting ----------------------------------------------------------------------------------

    def retire(self, worker: Worker) -> None:
        """Give it no more jobs, hire another one, and end it when it is idle."""
        crew = self.crews[worker.execution]
        crew.part_from(worker)
        self.fill(crew)
        self.end_if_idle(worker)

    def end_if_idle(self, worker: Worker) -> None:
        """End a retired worker that has no jobs any more."""
        if worker.retired and not worker.jobs:
            self.end(worker)

    def end(self, worker: Worker, *, wanted: bool = False, cause: str = "") -> None:
        """End the process of a worker with all that it started; `settle` follows."""
        if worker.ended or self._link is None:
            return  # it ends anyhow
        worker.ended, worker.wanted, worker.cause = True, wanted, cause
        crew = self.crews[worker.execution]
        crew.part_from(worker)
        if worker.connected:
            self._link.kill(worker.number)  # before its successor is forked, which takes longer
        else:
            self._part_from(worker, self._death(worker, None))
        self.fill(crew)

    def trim_later(self, crew: Crew) -> None:
        """End the workers of a crew that are too many, when they still are in a while."""
        asyncio.get_running_loop().call_later(_LINGER, self._trim, crew)

    def _trim(self, crew: Crew) -> None:
        if self.stopping:
            return
        for worker in crew.surplus():
            crew.part_from(worker)
            self.end(worker)

    # -- what the fork server says ----------------------------------------------------------------

    def _hear_gone(self, gone: Gone) -> None:
        worker = self.workers.get(gone.worker)
        if worker is None:
            return
        worker.disconnect()
        death = self._death(worker, gone)
        if gone.status is None or not (worker.ended or worker.served or death.running):
            reason = gone.text or death.last_words
            self._rest(self.crews[worker.execution], f"a worker did not live to begin: {reason}")
        self._part_from(worker, death)

    def _part_from_all(self) -> None:
        for worker in list(self.workers.values()):
            worker.disconnect()
            self._part_from(worker, self._death(worker, None))

    def _part_from(self, worker: Worker, death: Death) -> None:
        """It is dead, and all that it said was heard: settle its jobs, hire another one."""
        self._settle(worker, death)
        crew = self.crews[worker.execution]
        if worker.served:
            crew.trouble = ""  # it is over: the next one is told again
        crew.part_from(worker)
        del self.workers[worker.number]
        worker.close()
        self._keep_file(worker.number)
        self.fill(crew)

    def _death(self, worker: Worker, gone: Gone | None) -> Death:
        began = sum(worker.marks.began(token) is not None for token in worker.jobs)
        return Death(
            at=time.time(),
            status=gone.status if gone else None,
            alone=worker.execution is Execution.FORK,
            running=began,
            wanted=worker.wanted,
            stopping=self.stopping,
            cause=worker.cause,
            last_words="" if worker.served and not began else self._files.last_words(worker.number),
        )

    def _keep_file(self, number: int) -> None:
        """A crash of the service before the next commit must still find the marks."""
        self._old_files.append(number)
        if len(self._old_files) > _FILES:
            self._files.remove(self._old_files.popleft())

    def _rest(self, crew: Crew, trouble: str) -> None:
        """Its workers can't live now: try again in a while, not at once."""
        if not crew.resting:
            crew.resting = True
            if trouble != crew.trouble:
                logger.error("%s (%s); trying on", trouble, crew.execution)
            crew.trouble = trouble
            asyncio.get_running_loop().call_later(_REST, self._go_on, [crew])

    def _go_on(self, crews: Iterable[Crew]) -> None:
        if self.stopping:
            return
        for crew in crews:
            crew.resting = False
            self.fill(crew)
        self._on_free()

    def _lose_server(self) -> None:
        logger.error("the process that forks workers ended by itself; another one is started")
        self._link = None
        for crew in self.crews.values():
            crew.resting = True
        self._mending = asyncio.create_task(self._mend(), name="another fork server")

    async def _mend(self) -> None:
        """The kernel ended the workers with their fork server."""
        while True:
            try:
                await end_stragglers(self._settings)
                self._part_from_all()
                for broken in await self._start_server():
                    logger.error("a function can't be called by name any more: %s", broken)
            except (ServiceError, OSError) as error:
                logger.error("%s; trying again", error)
                await asyncio.sleep(_REST)
            else:
                break
        self._go_on(self.crews.values())
