"""An executor with a small service around it: it claims places, and gives back what returned."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from schedulergodx.core.code import Packer, Unpacker, interpreter_tag
from schedulergodx.core.job import Execution, Limits, Spec
from schedulergodx.executors import ExecutorSettings, ProcessExecutor
from schedulergodx.executors.base import Ended, Free, Returned, Sent, Work
from tests.executors.processes import until

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from schedulergodx.executors.base import Marks, Report
    from schedulergodx.executors.pace import Pace

STORE = "5" * 32
DEADLINE = 20.0


class Rig:
    """Use it as `async with Rig(directory) as rig`.

    launch: a future of how the job ended; it is run again whenever it is returned
    returned: how often each job was, by seq
    """

    def __init__(self, directory: Path, *, run: int = 1, **settings: Any) -> None:
        defaults = {"workers": 2, "hard": 2}
        self.settings = ExecutorSettings(
            directory=directory, store=STORE, run=run, **{**defaults, **settings}
        )
        self.executor = ProcessExecutor(self.settings)
        self.packer = Packer()
        self.unpacker = Unpacker()
        self.units: dict[bytes, bytes] = {}
        self.returned: Counter[int] = Counter()
        self.sent: asyncio.Queue[Sent] = asyncio.Queue()
        self.marks: Marks
        self._seqs = itertools.count(1)
        self._pending: deque[tuple[Work, asyncio.Future[Ended]]] = deque()
        self._running: dict[int, tuple[Work, asyncio.Future[Ended]]] = {}
        self._reports: list[Report] = []

    async def __aenter__(self) -> Rig:
        self.marks = await self.executor.recover()
        await self.executor.start(self._gather, self._bodies)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.executor.stop(0)

    def _bodies(self, hashes: Collection[bytes]) -> dict[bytes, bytes]:
        return {hash: self.units[hash] for hash in hashes if hash in self.units}

    def pace(self, execution: Execution = Execution.PROCESS) -> Pace:
        """What the executor has learnt of how long jobs of that kind take."""
        return self.executor._staff.crews[execution].pace

    # -- jobs -------------------------------------------------------------------------------------

    def work(
        self,
        function: Callable[..., Any],
        *args: Any,
        execution: Execution = Execution.PROCESS,
        lifetime: float | None = 60.0,
        limits: Limits | None = None,
        retry_on: tuple[type[BaseException], ...] = (),
        give_up_on: tuple[type[BaseException], ...] = (),
        client: str = "tester",
        attempt: int = 1,
        **kwargs: Any,
    ) -> Work:
        """A job, not yet at any worker."""
        packed = self.packer.pack_function(function, retry_on=retry_on, give_up_on=give_up_on)
        self.units.update(packed.units)
        arguments = self.packer.pack_arguments(args, kwargs)
        self.units.update({hash: self.packer.unit(hash) for hash in arguments.units})
        spec = Spec(
            function.__name__,
            packed.hash,
            interpreter_tag(),
            "dill",
            execution,
            lifetime,
            limits=limits,
        )
        seq = next(self._seqs)
        return Work(
            seq,
            attempt,
            seq.to_bytes(16, "big"),
            f"job-{seq}",
            client,
            0,
            spec,
            arguments.body,
            arguments.units,
        )

    def launch(self, function: Callable[..., Any], *args: Any, **options: Any) -> Launched:
        """Run a job as soon as there is a place."""
        return self.submit([self.work(function, *args, **options)])[0]

    def submit(self, works: list[Work]) -> list[Launched]:
        """Run jobs as soon as there are places."""
        loop = asyncio.get_running_loop()
        launched = [Launched(self, work, loop.create_future()) for work in works]
        self._pending.extend((one.work, one.ended) for one in launched)
        self._dispatch()
        return launched

    async def outcome(self, function: Callable[..., Any], *args: Any, **options: Any) -> Ended:
        """How a job ended."""
        ended: Ended = await self.launch(function, *args, **options)
        return ended

    async def value(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """What a job returned."""
        return self.open(await self.outcome(function, *args, **options))

    def open(self, ended: Ended) -> Any:
        """The value of a job."""
        assert ended.outcome.value is not None, ended.outcome.failure
        for hash, body in ended.units.items():
            self.unpacker.add_unit(hash, body)
        return self.unpacker.load_value(ended.outcome.value)

    # -- the service around it ---------------------------------------------------------------------

    def _gather(self, report: Report) -> None:
        if not self._reports:
            asyncio.get_running_loop().call_soon(self._tick)
        self._reports.append(report)

    def _tick(self) -> None:
        reports, self._reports = self._reports, []
        for report in reports:
            if isinstance(report, Sent):
                self.sent.put_nowait(report)
            elif not isinstance(report, Free):
                self._settle(report)
        self._dispatch()

    def _settle(self, report: Ended | Returned) -> None:
        work, future = self._running.pop(report.seq)
        assert report.attempt == work.attempt
        if isinstance(report, Ended):
            if not future.done():
                future.set_result(report)
        else:
            self.returned[report.seq] += 1
            self._pending.append((work, future))
            self._pending = deque(sorted(self._pending, key=lambda one: one[0].seq))

    def _dispatch(self) -> None:
        for execution in {work.spec.execution for work, _ in self._pending}:
            places = deque(self.executor.places(execution))
            claimed, kept = [], deque[tuple[Work, asyncio.Future[Ended]]]()
            for work, future in self._pending:
                if places and work.spec.execution is execution:
                    claimed.append(at(work, places.popleft()))
                    self._running[work.seq] = (claimed[-1], future)
                else:
                    kept.append((work, future))
            self._pending = kept
            if claimed:
                self.executor.run(claimed)


class Launched:
    """A job that was launched; awaiting it gives how it ended, within a deadline."""

    def __init__(self, rig: Rig, work: Work, ended: asyncio.Future[Ended]) -> None:
        self._rig = rig
        self.work = work
        self.ended = ended

    @property
    def worker(self) -> int:
        """Where it runs."""
        return self._rig._running[self.work.seq][0].worker

    async def begun(self) -> None:
        """Wait until its worker has begun it."""
        worker = self._rig.executor._staff.workers[self.worker]
        await until(
            lambda: any(
                given.work.seq == self.work.seq and worker.marks.began(given.token)
                for given in worker.jobs.values()
            )
        )

    def cancel(self, *, force: bool = False) -> None:
        """Call it off."""
        self._rig.executor.cancel(self.work.seq, self.work.attempt, force=force)

    def __await__(self) -> Any:
        return asyncio.wait_for(asyncio.shield(self.ended), DEADLINE).__await__()


def at(work: Work, worker: int) -> Work:
    """The same job, claimed for a place."""
    return Work(
        work.seq,
        work.attempt,
        work.uid,
        work.label,
        work.client,
        worker,
        work.spec,
        work.arguments,
        work.units,
    )
