"""What the store costs: microseconds a job for each verb, and at sizes up to five million rows.

    python -m benchmarks.storage [ROWS ...]

Run it from the root of the project; the disk under the temporary directory is what is measured.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from schedulergodx.core.identity import UidSource
from schedulergodx.core.job import Execution, Outcome, Spec, Status
from schedulergodx.storage import make_store
from schedulergodx.storage.base import Claimed, Ending, NewJob, Store

T = TypeVar("T")

ARGUMENTS = bytes(300)
OUTCOME = Outcome(Status.COMPLETED, value=bytes(60))
SPEC = Spec("benchmark", bytes(16), "cpython-311", "dill/0.4.1")
NOW = 1_000_000.0
new_uid = UidSource()


class Stopwatch:
    """Times transactions by name."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._rests: list[float] = []

    def transaction(self, name: str, verb: Callable[[], T], jobs: int) -> T:
        """Run a verb in a transaction of its own; the time counts for each of the jobs."""
        begin = time.perf_counter()
        self._store.begin()
        answer = verb()
        self._store.commit()
        self._seconds[name].append((time.perf_counter() - begin) / jobs)
        return answer

    def rest(self, jobs: int) -> None:
        """Checkpoint, as a service does between ticks."""
        begin = time.perf_counter()
        self._store.checkpoint()
        self._rests.append((time.perf_counter() - begin) / jobs)

    def report(self, title: str) -> None:
        """Print microseconds a job: medians, and the mean of checkpoints, which come in lumps."""
        medians = {name: statistics.median(all) * 1e6 for name, all in self._seconds.items()}
        if self._rests:
            medians["checkpoint"] = statistics.mean(self._rests) * 1e6
        print(title, *(f"{name} {value:.1f}" for name, value in medians.items()), sep="  ")
        print(f"{'':{len(title)}}  sum {sum(medians.values()):.1f}", flush=True)


def make_jobs(store: Store, number: int, status: Status, due: float | None = None) -> list[NewJob]:
    """Jobs of one client and one task, as one envelope brings them."""
    client, spec = store.client_id("benchmark"), store.spec_id(SPEC)
    return [
        NewJob(
            uid=new_uid(),
            label=None,
            client=client,
            reply="instance",
            spec=spec,
            queue="default",
            execution=Execution.PROCESS,
            priority=0,
            status=status,
            created=NOW,
            due=due if due is None else due + index % 1000,
            arguments=ARGUMENTS,
        )
        for index in range(number)
    ]


def claim(store: Store, places: int) -> list[Claimed]:
    """Claim as many jobs as there are places."""
    return store.claim({Execution.PROCESS: range(places)}, {"default": places}, NOW)


def run_jobs(store: Store, watch: Stopwatch, claimed: list[Claimed]) -> None:
    """Finish jobs and tell their outcomes."""
    endings = [Ending(job.seq, job.attempt, OUTCOME, NOW, NOW + 1) for job in claimed]
    told = watch.transaction("finish", lambda: store.finish(endings), len(claimed))
    watch.transaction("sent", lambda: store.sent([one.seq for one in told]), len(claimed))


def in_batches(store: Store, batch: int, rounds: int) -> None:
    """The whole way of a job through a store, a verb a transaction."""
    watch = Stopwatch(store)
    for _ in range(rounds):
        store.begin()
        jobs = make_jobs(store, batch, Status.PENDING)
        store.rollback()
        watch.transaction("add", partial(add, store, jobs), batch)
        claimed = watch.transaction("claim", lambda: claim(store, batch), batch)
        run_jobs(store, watch, claimed)
        watch.rest(batch)
    watch.report(f"{batch:>9} at a time")


def add(store: Store, jobs: list[NewJob]) -> None:
    """What an inbox does for one envelope."""
    store.client_id("benchmark")
    store.spec_id(SPEC)
    store.add_jobs(jobs)


def one_tick(store: Store, rounds: int) -> None:
    """One job is stored and claimed in one transaction, as on a service at rest."""
    watch = Stopwatch(store)
    for _ in range(rounds):
        store.begin()
        jobs = make_jobs(store, 1, Status.PENDING)
        store.rollback()

        def tick(jobs: list[NewJob] = jobs) -> None:
            add(store, jobs)
            claim(store, 1)

        watch.transaction("tick", tick, 1)
        watch.rest(1)
    watch.report("one job, added and claimed in one tick")
    store.begin()
    store.give_back([(job.seq, job.attempt) for job in store.running()])
    store.commit()


def with_rows(store: Store, rows: int, filled: int) -> int:
    """Claim, finish and release while the store holds so many waiting jobs."""
    for _ in range((rows - filled) // 2000):
        store.begin()
        store.add_jobs(make_jobs(store, 1000, Status.SCHEDULED, NOW + 3600))
        store.add_jobs(make_jobs(store, 1000, Status.PENDING))
        store.commit()
        store.checkpoint()
    watch = Stopwatch(store)
    for _ in range(20):
        run_jobs(store, watch, watch.transaction("claim", lambda: claim(store, 200), 200))
        store.begin()
        store.add_jobs(make_jobs(store, 200, Status.SCHEDULED, NOW - 3600))
        store.commit()
        watch.transaction("release", lambda: store.release_due(NOW, 200), 200)
        watch.rest(200)
    watch.report(f"{rows:>9} waiting, 200 at a time")
    return rows


def main(sizes: list[int]) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder) / "store.db")
        store.open()
        print("microseconds a job, medians; each verb in a transaction of its own")
        for batch, rounds in ((1, 300), (20, 200), (200, 60), (500, 40)):
            in_batches(store, batch, rounds)
        one_tick(store, 300)
        filled = 0
        for rows in sizes:
            filled = with_rows(store, rows, filled)
        store.close()


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [10_000, 100_000, 1_000_000, 5_000_000])
