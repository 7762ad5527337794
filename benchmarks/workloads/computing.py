"""Jobs that only compute: what is lost beside the computing."""

from __future__ import annotations

from benchmarks import machine
from benchmarks.contestant import TIMEOUT, WORKERS, Offer
from benchmarks.functions import LOOPS
from benchmarks.stage import Figures, Stage
from benchmarks.workloads.base import Column, Length, Peers, Workload


def _measure(stage: Stage, size: int) -> Figures:
    ideal = machine.bare("burns", size, LOOPS, min(WORKERS, machine.cores()))
    with stage.span() as span:
        handles = stage.contestant.send_many("burn", range(size))
        stage.contestant.wait(handles, TIMEOUT)
    return {
        "jobs": size,
        "seconds": span.seconds,
        "ideal_s": ideal,
        "ratio": span.seconds / ideal,
    }


COMPUTING = Workload(
    name="cpu",
    label="P6",
    title="jobs of 20 ms of computing, beside bare processes that compute the same",
    sizes={Length.QUICK: 40, Length.USUAL: 200, Length.LONG: 1_000},
    columns=(
        Column("seconds", "seconds", ".2f"),
        Column("ideal_s", "bare", ".2f"),
        Column("ratio", "ratio", ".3f"),
    ),
    measure=_measure,
    best=("ratio", False),
    needs=frozenset({Offer.RESULTS, Offer.WORKERS}),
    takes=("rabbitmq-shared", "spool-shared"),
    peers=Peers.ONE_EACH,
)
