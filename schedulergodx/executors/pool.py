"""The executor: jobs in processes that can be killed, forked by a server of their own.

    run       jobs go to the workers that they were claimed for
    _hear     a worker says that one ended, sends something, waits, or wants to be replaced
    `Watch`   marks tell which are overdue, and which wait behind a long one
    _settle   a worker is gone: its marks tell what became of its jobs

Every job that was given is reported once: where it leaves `Worker.jobs`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from schedulergodx.core.code import interpreter_tag
from schedulergodx.core.job import ErrorCode, Execution, Failure, Outcome, Status
from schedulergodx.errors import ServiceError
from schedulergodx.executors.base import Ended, Free, Returned, Sent
from schedulergodx.executors.frames import (
    Accepted,
    Finished,
    FrameError,
    Saved,
    Say,
    Send,
    Stop,
    Tell,
    Why,
)
from schedulergodx.executors.lookout import ALONE, PATIENCE, STALLED
from schedulergodx.executors.marks import MarkDirectory
from schedulergodx.executors.recovery import end_stragglers
from schedulergodx.executors.remarks import read_remark
from schedulergodx.executors.staff import Staff
from schedulergodx.executors.verdict import Death, cancelled, verdict
from schedulergodx.executors.watch import EXIT, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from schedulergodx.executors.base import Kept, Marks, Recalled, Report, Work
    from schedulergodx.executors.settings import ExecutorSettings
    from schedulergodx.executors.worker import Given, Worker

logger = logging.getLogger(__name__)

_read_finished = msgspec.msgpack.Decoder(Finished).decode
_read_send = msgspec.msgpack.Decoder(Send).decode
_read_bool = msgspec.msgpack.Decoder(bool).decode


class ProcessExecutor:
    """`base.Executor` with worker processes. Everything runs on one loop."""

    def __init__(self, settings: ExecutorSettings) -> None:
        self._settings = settings
        self._staff = Staff(settings, hear=self._hear, settle=self._settle, on_free=self._free)
        self._report: Callable[[Report], None] = lambda report: None
        self._units: Callable[[Collection[bytes]], Mapping[bytes, bytes]] = lambda hashes: {}
        self._python = interpreter_tag()
        self._watch = Watch(self._staff, settings.grace, self._return)
        self._closing = False
        self._to_follow: set[tuple[int, int]] = set()
        self._hurry = asyncio.Event()
        self._idle = asyncio.Event()

    # -- beginning and end ------------------------------------------------------------------------

    async def recover(self) -> Marks:
        """Wait until nothing of the service before is alive, ending what is; read its marks.

        Raises: ServiceError
        """
        with self._directory_errors():
            await end_stragglers(self._settings)
        return MarkDirectory(self._settings.directory).old_marks()

    async def start(
        self,
        report: Callable[[Report], None],
        units: Callable[[Collection[bytes]], Mapping[bytes, bytes]],
    ) -> None:
        """Begin to offer places.

        Raises: ServiceError if no workers can be forked, or functions are not there
        """
        self._report, self._units = report, units
        with self._directory_errors():
            await self._staff.start()

    @contextmanager
    def _directory_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ServiceError(
                f"{self._settings.directory}: {error.strerror}: the marks of running jobs are kept "
                "in this directory: its service must own it, and its disk must have room"
            ) from error

    async def stop(self, grace: float) -> None:
        """Take no more, return what has not begun, wait, then end what runs.

        May be called again with a shorter grace while it waits.
        """
        self._closing = True
        for worker in list(self._staff.workers.values()):
            self._return(worker.take_back())
        if grace <= 0:
            self._hurry.set()
        self._note_idleness()
        waits = [asyncio.create_task(event.wait()) for event in (self._idle, self._hurry)]
        await asyncio.wait(waits, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await self._staff.stop()
        self._watch.close()

    def _note_idleness(self) -> None:
        if self._closing and not any(worker.jobs for worker in self._staff.workers.values()):
            self._idle.set()

    # -- giving -----------------------------------------------------------------------------------

    def names(self) -> Collection[str]:
        """Of the functions that are registered; valid once it has started."""
        return self._staff.names

    def places(self, execution: Execution) -> Sequence[int]:
        """A worker number for each job that could be given now; the same one several times."""
        crew = self._staff.crews.get(execution)
        return [] if crew is None or self._closing else crew.offer()

    def prompt(self, execution: Execution) -> int:
        """How many of the first places begin a job at once; at others it waits for a short one."""
        crew = self._staff.crews.get(execution)
        return 0 if crew is None else crew.prompt

    def run(self, jobs: Sequence[Work]) -> None:
        """Start jobs, each at the place it was claimed for."""
        by_worker: dict[int, list[Work]] = {}
        for work in jobs:
            if work.spec.python != self._python and not work.spec.named:
                self._refuse(work)
            else:
                by_worker.setdefault(work.worker, []).append(work)
        now = time.monotonic()
        for number, works in by_worker.items():
            self._give(number, works, now)
        self._watch.arm()

    def _give(self, number: int, works: Sequence[Work], now: float) -> None:
        worker = self._staff.workers.get(number)
        if worker is None or worker.retired or self._closing or not self._staff.connect(worker):
            for work in works:
                self._report(Returned(work.seq, work.attempt))
            return
        given, left = self._fitting(worker, works, now)
        for one in given if self._to_follow else ():
            if (key := (one.work.seq, one.work.attempt)) in self._to_follow:
                self._to_follow.remove(key)
                worker.follow(one, True)
        try:
            if given:
                worker.give(given, self._units)
        except Exception:
            logger.exception("units could not be read: %d jobs are given back", len(given))
            self._return([one for one in given if worker.pop(one.token)])
        for work in left:
            self._report(Returned(work.seq, work.attempt))

    def _fitting(
        self, worker: Worker, works: Sequence[Work], now: float
    ) -> tuple[list[Given], Sequence[Work]]:
        """Jobs that may begin soon there, and those that would wait behind a long one. Hot."""
        pace, add = self._staff.crews[worker.execution].pace, worker.add
        pace.take(now)
        alone = worker.execution in ALONE
        given: list[Given] = []
        check_at = worker.check_at if alone else min(worker.check_at, now + STALLED)
        for work in works:
            load = worker.load
            if alone and worker.jobs and load > pace.horizon and not pace.wants_next(load):
                break
            spec = work.spec
            task = spec.function or spec.name
            given.append(add(work, pace.expect(task, work.size), now))
            if spec.lifetime is not None and now + spec.lifetime < check_at:
                check_at = now + spec.lifetime
        if alone and len(worker.jobs) > 1:
            check_at = min(check_at, now + PATIENCE)
        worker.check_at = check_at
        return given, works[len(given) :]

    def _refuse(self, work: Work) -> None:
        text = (
            f"the code was compiled by {work.spec.python}, and the workers run {self._python}: "
            "run the client and the service with the same minor version of Python"
        )
        failure = Failure(ErrorCode.INCOMPATIBLE_PYTHON, text)
        outcome = Outcome(Status.FAILED, failure=failure)
        self._report(Ended(work.seq, work.attempt, outcome, True, None, time.time()))

    def cancel(self, seq: int, attempt: int, *, force: bool) -> None:
        """Call off one. Not begun: it ends as cancelled. Begun: `async def` is cancelled, others
        see it in `current_job().cancelled`; with `force` it is made to stop."""
        found = self._find(seq, attempt)
        if found is None:
            return  # its end is on its way
        worker, given = found
        if worker.take_back_one(given.token) is not None:
            self._report(Ended(seq, attempt, cancelled(), True, None, time.time()))
            return
        given.asked = True
        worker.marks.ask(given.token)
        if force:
            self._watch.stop(worker, given, Why.CANCELLED, time.monotonic())
            self._watch.arm()
        elif worker.execution is Execution.ASYNC:
            worker.tell(Tell.STOP, Stop(given.token, Why.CANCELLED))

    def _find(self, seq: int, attempt: int) -> tuple[Worker, Given] | None:
        for worker in self._staff.workers.values():
            for given in worker.jobs.values():
                if given.work.seq == seq and given.work.attempt == attempt:
                    return worker, given
        return None

    # -- hearing ----------------------------------------------------------------------------------

    def _hear(self, worker: Worker, kind: int, payload: bytes) -> None:
        """Raises: FrameError, and what is UNREADABLE"""
        if kind == Say.FINISHED:
            self._finish(worker, _read_finished(payload))
        elif kind == Say.SEND:
            sent = _read_send(payload)
            self._report(Sent(worker.number, sent.number, sent.address, sent.body))
        elif kind == Say.WAITING:
            self._wait(worker, _read_bool(payload))
        elif kind == Say.RETIRE:
            self._return(worker.take_back())
            self._staff.retire(worker)
        elif kind == Say.EXITED:
            self._see_exit(worker)
        elif kind == Say.PONG:
            worker.stalled = False
            self._free()
        else:
            remark = read_remark(worker, kind, payload)
            if remark is not None:
                self._report(remark)

    def _finish(self, worker: Worker, finished: Finished) -> None:
        given = worker.jobs.get(finished.token)
        if given is None:
            raise FrameError("an outcome of a job that it does not have")
        work = given.work
        ended = finished.of(work.seq, work.attempt)
        worker.pop(finished.token)
        worker.served += 1
        worker.stalled = False
        if worker.execution is Execution.FORK:
            self._learn(given, finished, self._expect_exit(worker, given, ended))
        else:
            if worker.execution is Execution.PROCESS:
                self._learn(given, finished, finished.finished - finished.started)
            self._report(ended)
        if worker.waiting and not worker.jobs:
            worker.waiting = 0  # it ended while it waited
        if worker.retired:
            self._staff.end_if_idle(worker)
        if self._closing:
            self._note_idleness()

    def _learn(self, given: Given, finished: Finished, seconds: float) -> None:
        work = given.work
        size = work.size + len(finished.outcome.value or b"")
        pace = self._staff.crews[work.spec.execution].pace
        pace.learn(work.spec.function or work.spec.name, seconds, size)

    def _expect_exit(self, worker: Worker, given: Given, ended: Ended) -> float:
        """A hard job is reported when its process is gone. How long it took, its fork included."""
        now = time.monotonic()
        taken = now - max(given.at, worker.since)
        worker.finished, worker.since, worker.exit_by = ended, now, now + EXIT
        worker.check_at = min(worker.check_at, worker.exit_by)
        self._watch.arm()
        return taken

    def _see_exit(self, worker: Worker) -> None:
        ended, worker.finished, worker.exit_by = worker.finished, None, math.inf
        if ended is None:
            raise FrameError("the end of a process that had not said how its job ended")
        self._report(ended)

    def _wait(self, worker: Worker, begins: bool) -> None:
        """A job waits for another one: somebody else uses its place, until it goes on."""
        worker.waiting = max(0, worker.waiting + (1 if begins else -1))
        crew = self._staff.crews[worker.execution]
        if begins:
            self._return(worker.take_back())
            self._staff.fill(crew)
            self._free()
        else:
            self._staff.trim_later(crew)

    def _free(self) -> None:
        self._report(Free())

    def _return(self, jobs: Sequence[Given]) -> None:
        for given in jobs:
            self._report(Returned(given.work.seq, given.work.attempt))

    def accept(self, sent: Sent | Kept, error: str | None) -> None:
        """What a job sent is on disk, or was refused for this reason."""
        worker = self._staff.workers.get(sent.worker)
        if worker is not None:
            worker.tell(Tell.ACCEPTED, Accepted(sent.token, error))

    def remind(
        self,
        recalled: Recalled,
        value: bytes | None,
        units: tuple[bytes, ...],
        bodies: Mapping[bytes, bytes],
    ) -> None:
        """The checkpoint that a job asked for; None if there is none."""
        worker = self._staff.workers.get(recalled.worker)
        if worker is not None:
            worker.tell(Tell.SAVED, Saved(recalled.token, value, units, dict(bodies)))

    def follow(self, seq: int, attempt: int, wanted: bool) -> None:
        """Report what a job prints, from its beginning on, some times a second; or no more."""
        found = self._find(seq, attempt)
        if found is not None:
            found[0].follow(found[1], wanted)
        elif wanted:
            self._to_follow.add((seq, attempt))  # it is about to be given
        else:
            self._to_follow.discard((seq, attempt))

    def deliver(self, worker: int, body: bytes) -> bool:
        """Hand a response to a job that waits for one. False if that worker is gone."""
        found = self._staff.workers.get(worker)
        if found is None or not found.connected:
            return False
        found.tell(Tell.RESPONSE, body)
        return True

    # -- settling ---------------------------------------------------------------------------------

    def _settle(self, worker: Worker, death: Death) -> None:
        if worker.finished is not None:
            self._report(worker.finished)
            worker.finished = None
        for token in list(worker.jobs):
            mark = worker.marks.began(token)
            given = worker.pop(token)
            if given is not None:
                self._report(verdict(given, mark[0] if mark else None, death))
        if self._closing:
            self._note_idleness()
