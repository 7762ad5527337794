"""Jobs that wait 100 ms, many at a time: as coroutines, and in threads."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.contestant import TIMEOUT, Offer
from benchmarks.functions import NAP
from benchmarks.product.contestant import COROUTINES, THREADS
from benchmarks.stage import Figures, Stage
from benchmarks.workloads.base import CPU, Column, Length, Workload


def _measure(function: str, slots: int) -> Callable[[Stage, int], Figures]:
    def measure(stage: Stage, size: int) -> Figures:
        ideal = NAP * -(-size // slots)
        with stage.span() as span:
            stage.contestant.wait(stage.contestant.send_many(function, range(size)), TIMEOUT)
        return {
            "jobs": size,
            "slots": slots,
            "seconds": span.seconds,
            "ideal_s": ideal,
            "ratio": span.seconds / ideal,
            **span.cpu_per_job(size),
        }

    return measure


_COLUMNS = (
    Column("slots", "slots"),
    Column("seconds", "seconds", ".2f"),
    Column("ideal_s", "ideal", ".2f"),
    Column("ratio", "ratio", ".2f"),
    CPU,
)
_SIZES = {Length.QUICK: 200, Length.USUAL: 1_000, Length.LONG: 5_000}
_TAKES = ("rabbitmq-shared", "spool-shared")

COROUTINE = Workload(
    name="coroutines",
    label="P8",
    title="jobs that wait 100 ms, as `async def`",
    sizes=_SIZES,
    columns=_COLUMNS,
    measure=_measure("nap_async", COROUTINES),
    best=("ratio", False),
    needs=frozenset({Offer.RESULTS, Offer.COROUTINES}),
    takes=_TAKES,
)
THREAD = Workload(
    name="threads",
    label="P8",
    title="jobs that wait 100 ms, in threads",
    sizes=_SIZES,
    columns=_COLUMNS,
    measure=_measure("nap", THREADS),
    best=("ratio", False),
    needs=frozenset({Offer.RESULTS, Offer.THREADS}),
    takes=_TAKES,
)
