"""Jobs of nothing in a process each, beside bare `fork`, exit and wait by a process of 21 MB."""

from __future__ import annotations

from benchmarks import machine
from benchmarks.contestant import TIMEOUT, Offer
from benchmarks.stage import Figures, Stage
from benchmarks.workloads.base import CPU, CPU_ROLES, Column, Length, Peers, Workload

_FORKS = 500
_MEGABYTES = 12  # beside the 9 of a bare Python: a process of 21 MB, as those that run jobs are


def _measure(stage: Stage, size: int) -> Figures:
    forks = machine.bare("forks", _FORKS, _MEGABYTES)
    with stage.span() as span:
        stage.contestant.wait(stage.contestant.send_many("hard", range(size)), TIMEOUT)
    rate = size / span.seconds
    return {
        "jobs": size,
        "per_s": rate,
        "forks_per_s": forks,
        "ratio": rate / forks,
        **span.cpu_per_job(size),
    }


HARD = Workload(
    name="hard",
    label="P7",
    title="jobs of nothing, each in a process of its own",
    sizes={Length.QUICK: 100, Length.USUAL: 1_000, Length.LONG: 5_000},
    columns=(
        Column("per_s", "done/s"),
        Column("forks_per_s", "bare forks/s"),
        Column("ratio", "ratio", ".2f"),
        CPU,
        *CPU_ROLES,
    ),
    measure=_measure,
    best=("per_s", True),
    needs=frozenset({Offer.RESULTS, Offer.HARD}),
    takes=("rabbitmq-shared", "spool-shared"),
    peers=Peers.ALL,
)
