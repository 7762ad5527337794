"""The worker whose jobs are coroutines on one event loop."""

from __future__ import annotations

import asyncio
import inspect
import os
import weakref
from collections import deque
from contextlib import suppress
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any

from schedulergodx.executors import tree
from schedulergodx.executors.frames import Say
from schedulergodx.executors.inside import attempt as attempts
from schedulergodx.executors.inside.one_by_one import TOKEN
from schedulergodx.executors.inside.wear import Wear
from schedulergodx.executors.linux import has_children

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from schedulergodx.executors.frames import Stop
    from schedulergodx.executors.inside.attempt import Attempt
    from schedulergodx.executors.inside.bench import Bench
    from schedulergodx.executors.inside.channel import Job

_TOKENS = 512 * TOKEN.size


def serve(bench: Bench, permits: int) -> None:
    """Run the job of each token that comes, until no more can come."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    crew = _Crew(bench, permits, loop)
    bench.channel.on_stop = crew.stop_soon
    bench.channel.on_jobs = crew.jobs_came
    bench.channel.on_ping = crew.ping
    bench.channel.read_always()
    while crew.open:
        with suppress(KeyboardInterrupt, SystemExit):  # of a task that a job started: its own error
            loop.run_forever()


class _Running:
    """The task of a job, and those that it started."""

    __slots__ = ("attempt", "started", "task")

    def __init__(self, task: asyncio.Task[None]) -> None:
        self.task = task
        self.attempt: Attempt | None = None  # when it has begun
        self.started: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()


_started_here: ContextVar[weakref.WeakSet[asyncio.Task[Any]] | None] = ContextVar(
    "schedulergodx_tasks", default=None
)


def _make_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    context: Context | None = None,
) -> asyncio.Task[Any]:
    """A task factory that remembers by whom."""
    task = asyncio.Task(coroutine, loop=loop, context=context)
    started = _started_here.get()
    if started is not None:
        started.add(task)
    return task


class _Crew:
    """The tasks of the jobs."""

    def __init__(self, bench: Bench, permits: int, loop: asyncio.AbstractEventLoop) -> None:
        self._bench = bench
        self._permits = permits
        self._loop = loop
        self._wear = Wear(bench.settings)
        self._tasks: dict[int, _Running] = {}
        self._wanted: deque[int] = deque()  # may start, and have not come yet
        self.open = True
        os.set_blocking(permits, False)
        loop.add_reader(permits, self._read_permits)
        loop.set_task_factory(_make_task)

    # -- on the thread of the channel --------------------------------------------------------------

    def jobs_came(self) -> None:
        self._loop.call_soon_threadsafe(self._start_wanted)

    def ping(self) -> None:
        self._loop.call_soon_threadsafe(self._bench.channel.send, Say.PONG, None)

    def stop_soon(self, stop: Stop) -> None:
        self._loop.call_soon_threadsafe(self._stop, stop)

    # -- on the loop -------------------------------------------------------------------------------

    def _read_permits(self) -> None:
        try:
            tokens = os.read(self._permits, _TOKENS)
        except BlockingIOError:  # taken back
            return
        if not tokens:
            self.open = False
            self._loop.stop()
        self._wanted.extend(token for (token,) in TOKEN.iter_unpack(tokens))
        self._start_wanted()

    def _start_wanted(self) -> None:
        for _ in range(len(self._wanted)):
            token = self._wanted.popleft()
            job = self._bench.channel.job_now(token)
            if job is None:
                self._wanted.append(token)
            else:
                self._start(token, job)

    def _start(self, token: int, job: Job) -> None:
        task = self._loop.create_task(self._run(token, job), context=Context())
        self._tasks[token] = _Running(task)

    async def _run(self, token: int, job: Job) -> None:
        bench, running = self._bench, self._tasks[token]
        attempt = running.attempt = bench.begin(job)
        attempts.set_here(attempt)
        _started_here.set(running.started)
        call = None
        try:
            call = bench.open(attempt)
            value = call.function(*call.args, **call.kwargs)
            if inspect.isawaitable(value):
                value = await value
        except BaseException as error:
            ending = bench.judge.raised(attempt, error, call)
        else:
            ending = bench.judge.returned(attempt, value)
        for task in running.started:
            task.cancel()  # what a job started ends with it
        bench.require_own_process()
        bench.tell(attempt, ending)
        self._part_from(token)

    def _part_from(self, token: int) -> None:
        del self._tasks[token]
        if not self._tasks and has_children():
            tree.end_children()
        if self._wear.is_worn():
            self._bench.channel.send(Say.RETIRE, None)

    def _stop(self, stop: Stop) -> None:
        running = self._tasks.get(stop.token)
        if running is not None and running.attempt is not None:
            running.attempt.why = stop.why
            running.task.cancel()
