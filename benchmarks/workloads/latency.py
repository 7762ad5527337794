"""One job after the other: from the launch to the result."""

from __future__ import annotations

import time

from benchmarks.contestant import Offer
from benchmarks.stage import Figures, Stage, percentile
from benchmarks.workloads.base import CPU, CPU_ROLES, Column, Length, Peers, Workload

_BUDGET = 40.0  # seconds: some peers poll once a second


def _measure(stage: Stage, size: int) -> Figures:
    taken: list[float] = []
    end = time.monotonic() + _BUDGET
    with stage.span() as span:
        for value in range(size):
            begin = time.perf_counter()
            stage.contestant.call("noop", value)
            taken.append((time.perf_counter() - begin) * 1e3)
            if time.monotonic() > end:
                break
    return {
        "jobs": len(taken),
        "p50_ms": percentile(taken, 50),
        "p99_ms": percentile(taken, 99),
        "max_ms": max(taken),
        **span.cpu_per_job(len(taken)),
    }


LATENCY = Workload(
    name="latency",
    label="P3",
    title="launch to result, one after the other",
    sizes={Length.QUICK: 100, Length.USUAL: 500, Length.LONG: 2_000},
    columns=(
        Column("p50_ms", "p50 ms", ".2f"),
        Column("p99_ms", "p99 ms", ".2f"),
        Column("max_ms", "max ms", ".1f"),
        CPU,
        *CPU_ROLES,
    ),
    measure=_measure,
    best=("p50_ms", False),
    needs=frozenset({Offer.RESULTS, Offer.WORKERS}),
    takes=("rabbitmq-single", "spool-shared", "prototype-1", "prototype-1-full"),
    peers=Peers.ALL,
)
