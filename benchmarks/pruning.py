"""How long a service is held up while it forgets old jobs, and what the file gives back.

    python -m benchmarks.pruning [ROWS]

The store is filled with jobs that have ended, then pruned as the caretaker of a service does it: a
slice a round, a checkpoint between rounds.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.stage import percentile
from benchmarks.storage import NOW, OUTCOME, claim, make_jobs
from schedulergodx.core.job import Status
from schedulergodx.storage import make_store
from schedulergodx.storage.base import Ending, Retention, Store

SLICE = 500  # that of the caretaker
_TOGETHER = 1000
_KEPT = 60.0


def fill(store: Store, rows: int) -> None:
    """Put so many completed jobs into a store."""
    for _ in range(rows // _TOGETHER):
        store.begin()
        store.add_jobs(make_jobs(store, _TOGETHER, Status.PENDING))
        claimed = claim(store, _TOGETHER)
        told = store.finish([Ending(job.seq, job.attempt, OUTCOME, NOW, NOW) for job in claimed])
        store.sent([one.seq for one in told])
        store.commit()
        store.checkpoint()


def prune(store: Store) -> list[float]:
    """Forget all of them; the seconds of each round."""
    retention = Retention({Status.COMPLETED: _KEPT})
    taken = []
    removed = SLICE
    while removed == SLICE:
        begin = time.perf_counter()
        store.begin()
        removed = store.prune(retention, NOW + 2 * _KEPT, SLICE)
        store.commit()
        store.checkpoint()
        taken.append(time.perf_counter() - begin)
    return taken


def give_back(store: Store) -> None:
    """What a service at rest does with free pages: some between two rounds, until there are few."""
    size = -1
    while size != (size := Path(store.path).stat().st_size):
        for _ in range(8):
            store.checkpoint()


def main(rows: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        store = make_store(Path(folder) / "store.db")
        store.open()
        fill(store, rows)
        full = Path(store.path).stat().st_size
        taken = [seconds * 1e3 for seconds in prune(store)]
        give_back(store)
        left = Path(store.path).stat().st_size
        store.close()
    print(f"{rows:,} jobs pruned in {sum(taken) / 1e3:.1f} s, {SLICE} a round")
    print(f"a round: p50 {percentile(taken, 50):.1f} ms, p99 {percentile(taken, 99):.1f}", end="")
    print(f", max {max(taken):.1f}")
    print(f"the file: {full / 1e6:,.0f} MB before, {left / 1e6:,.0f} MB after")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000)
