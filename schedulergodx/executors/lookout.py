"""When jobs are overdue, and when jobs are stuck behind a long one. Seen from their marks alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schedulergodx.core.job import Execution

if TYPE_CHECKING:
    from schedulergodx.executors.worker import Given, Worker

ALONE = frozenset({Execution.PROCESS, Execution.FORK})  # one job of a worker runs at a time
PATIENCE = 0.004  # seconds that a job may take beyond what was expected, with others behind it
STALLED = 0.25  # seconds after which a worker that begins nothing is not waited for


@dataclass(slots=True)
class Sight:
    """What a look at a worker found.

    overdue: jobs past their lifetime, that were not told to stop yet
    deaf: whether one that was told did not stop in its grace
    stuck: whether jobs wait that should have begun
    again: when to look again, monotonic
    """

    overdue: list[Given] = field(default_factory=list)
    deaf: bool = False
    stuck: bool = False
    again: float = math.inf


def look_at(worker: Worker, now: float, grace: float) -> Sight:
    """Read the marks of a worker. `now` is monotonic."""
    sight = Sight()
    for given in worker.jobs.values():
        mark = worker.marks.began(given.token)
        if mark is not None:
            _see_running(sight, given, mark[1], now, grace)
        else:
            _see_waiting(sight, given, now)
            if worker.execution in ALONE:
                break  # nor have those behind it begun
    if worker.execution in ALONE and len(worker.jobs) > 1:
        _see_queue(sight, worker, now)
    return sight


def _see_running(sight: Sight, given: Given, begin: float, now: float, grace: float) -> None:
    lifetime = given.work.spec.lifetime
    if given.told is not None:
        end = given.told + grace
        sight.deaf = sight.deaf or end <= now
    elif lifetime is not None:
        end = begin + lifetime
        if end <= now:
            sight.overdue.append(given)
    else:
        return
    sight.again = min(sight.again, end)


def _see_waiting(sight: Sight, given: Given, now: float) -> None:
    """It will be seen when it runs; it may begin at any moment, and be overdue from then on."""
    sight.stuck = sight.stuck or given.at + STALLED <= now
    sight.again = min(sight.again, max(given.at, now) + STALLED)
    if given.work.spec.lifetime is not None:
        sight.again = min(sight.again, now + given.work.spec.lifetime)


def _see_queue(sight: Sight, worker: Worker, now: float) -> None:
    """Whether the job that the others wait for takes longer than it should."""
    first = next(iter(worker.jobs.values()))
    mark = worker.marks.began(first.token)
    if mark is not None and now - mark[1] > first.expected + PATIENCE:
        sight.stuck = True
    sight.again = min(sight.again, now + PATIENCE)
