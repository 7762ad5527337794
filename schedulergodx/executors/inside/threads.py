"""The worker whose jobs are threads, for work that waits."""

from __future__ import annotations

import contextvars
import os
import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from schedulergodx.executors.frames import Say
from schedulergodx.executors.inside import attempt as attempts
from schedulergodx.executors.inside.channel import ChannelClosed
from schedulergodx.executors.inside.judging import JobStopped
from schedulergodx.executors.inside.one_by_one import TOKEN
from schedulergodx.executors.inside.wear import Wear
from schedulergodx.executors.linux import raise_in_thread

if TYPE_CHECKING:
    from schedulergodx.executors.frames import Stop
    from schedulergodx.executors.inside.attempt import Attempt
    from schedulergodx.executors.inside.bench import Bench
    from schedulergodx.executors.inside.channel import Job
    from schedulergodx.executors.inside.opening import Call


def serve(bench: Bench, permits: int) -> None:
    """Run the job of each token that comes, until no more can come."""
    crew = _Crew(bench)
    bench.channel.on_stop = crew.stop
    bench.channel.read_always()
    with suppress(ChannelClosed):
        while token := os.read(permits, TOKEN.size):
            crew.start(bench.channel.job(*TOKEN.unpack(token)))


class _Crew:
    """As many threads as there were jobs at a time; the service bounds that."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._wear = Wear(bench.settings)
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._free = 0
        self._stoppable: dict[int, tuple[Attempt, int]] = {}  # by token: and the thread's ident

    def start(self, job: Job) -> None:
        """Have a thread run it."""
        with self._lock:
            self._free -= 1
            wanted = self._free < 0
        if wanted:
            threading.Thread(target=self._work, name="schedulergodx job", daemon=True).start()
        self._jobs.put(job)

    def stop(self, stop: Stop) -> None:
        """Raise `JobStopped` in the thread of a job, if it still runs."""
        with self._lock:
            found = self._stoppable.get(stop.token)
            if found is not None:
                attempt, ident = found
                attempt.why = stop.why
                raise_in_thread(ident, JobStopped)

    def _work(self) -> None:
        with self._lock:
            self._free += 1
        while True:
            job = self._jobs.get()
            contextvars.Context().run(self._run, job)
            del job
            with self._lock:
                self._free += 1
            if self._wear.is_worn():
                self._bench.channel.send(Say.RETIRE, None)

    def _run(self, job: Job) -> None:
        bench = self._bench
        attempt = bench.begin(job)
        attempts.set_here(attempt)
        with self._lock:
            self._stoppable[attempt.order.token] = (attempt, threading.get_ident())
        try:
            call, value, error = self._perform(attempt)
        except JobStopped as late:  # after its last bytecode, before the first one here
            call, value, error = None, None, late
        self._close_to_stops(attempt)
        if error is None:
            ending = bench.judge.returned(attempt, value)
        else:
            ending = bench.judge.raised(attempt, error, call)
        bench.tell(attempt, ending)

    def _perform(self, attempt: Attempt) -> tuple[Call | None, Any, BaseException | None]:
        call = None
        try:
            call = self._bench.open(attempt)
            return call, call.run(), None
        except BaseException as error:
            return call, None, error

    def _close_to_stops(self, attempt: Attempt) -> None:
        """From here on nothing is raised in this thread; what was on its way is dropped."""
        while True:
            try:
                with self._lock:
                    self._stoppable.pop(attempt.order.token, None)
                    raise_in_thread(threading.get_ident(), None)
            except JobStopped:
                continue
            return
