"""Acts on what the marks of workers show: ends what is overdue, takes back what is stuck."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

from schedulergodx.executors.frames import Stop, Tell, Why
from schedulergodx.executors.lookout import ALONE, look_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schedulergodx.executors.staff import Staff
    from schedulergodx.executors.worker import Given, Worker

EXIT = 1.0  # seconds that the process of a hard job has to end by itself


class Watch:
    """Looks at each worker when it has to be looked at.

    grace: seconds that a thread or a coroutine has to end once it was told to
    on_back: called with jobs that were taken back
    """

    def __init__(
        self, staff: Staff, grace: float, on_back: Callable[[Sequence[Given]], None]
    ) -> None:
        self._staff = staff
        self._grace = grace
        self._on_back = on_back
        self._at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """Look when the first `check_at` is due."""
        at = min((worker.check_at for worker in self._staff.workers.values()), default=math.inf)
        if at < self._at:
            self.close()
            self._at = at
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(at - time.monotonic(), self._look)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def stop(self, worker: Worker, given: Given, why: Why, now: float) -> None:
        """Make a job stop: with its process, or, where that has others, by telling it first."""
        given.why = why
        if worker.execution in ALONE:
            self._on_back(worker.take_back())
            self._staff.end(worker, wanted=True)
        elif given.told is None:
            given.told = now
            worker.check_at = min(worker.check_at, now + self._grace)
            worker.tell(Tell.STOP, Stop(given.token, why))

    def _look(self) -> None:
        self._at = math.inf
        now = time.monotonic()
        for worker in list(self._staff.workers.values()):
            if worker.check_at <= now:
                self._look_at(worker, now)
        self.arm()

    def _look_at(self, worker: Worker, now: float) -> None:
        worker.check_at = math.inf
        if worker.ended:
            return
        if worker.exit_by <= now:
            self._staff.end(worker)  # it was to end by itself
            return
        sight = look_at(worker, now, self._grace)
        worker.check_at = min(sight.again, worker.exit_by)
        if sight.stuck:
            self._relieve(worker)
        for given in sight.overdue:
            self.stop(worker, given, Why.OVERDUE, now)
        if sight.deaf:
            self._staff.end(worker, wanted=True)

    def _relieve(self, worker: Worker) -> None:
        """Take back what waits there, also where no other place is free: a job of a higher priority
        may come. Give it nothing until a job ended or it answers."""
        self._on_back(worker.take_back())
        if worker.execution not in ALONE and not worker.stalled:
            worker.tell(Tell.PING, None)
        worker.stalled = True
