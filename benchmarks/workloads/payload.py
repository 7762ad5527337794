"""Large arguments: beside the prototype, which only moves and writes those bytes."""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.contestant import TIMEOUT, Offer
from benchmarks.stage import Figures, Stage
from benchmarks.workloads.base import CPU, CPU_ROLES, MEMORY, Column, Length, Workload


def _measure(payload: int) -> Callable[[Stage, int], Figures]:
    def measure(stage: Stage, size: int) -> Figures:
        data = random.Random(3).randbytes(payload)
        with stage.span() as span:
            stage.contestant.wait(stage.contestant.send_many("weigh", [data] * size), TIMEOUT)
        return {
            "jobs": size,
            "per_s": size / span.seconds,
            "mb_per_s": size * payload / span.seconds / 1e6,
            **span.cpu_per_job(size),
            **stage.memory(),
        }

    return measure


_COLUMNS = (
    Column("per_s", "done/s", ",.1f"),
    Column("mb_per_s", "MB/s", ",.1f"),
    CPU,
    *CPU_ROLES,
    *MEMORY,
)

SMALL = Workload(
    name="payload",
    label="P12",
    title="jobs with 10 KB of arguments",
    sizes={Length.QUICK: 1_000, Length.USUAL: 10_000, Length.LONG: 100_000},
    columns=_COLUMNS,
    measure=_measure(10_000),
    best=("per_s", True),
    needs=frozenset({Offer.RESULTS, Offer.PAYLOAD}),
    takes=("rabbitmq-shared", "spool-shared", "prototype-100-full"),
)
LARGE = Workload(
    name="payload-large",
    label="P12",
    title="jobs with 5 MB of arguments",
    sizes={Length.QUICK: 5, Length.USUAL: 40, Length.LONG: 100},
    columns=_COLUMNS,
    measure=_measure(5_000_000),
    best=("per_s", True),
    needs=frozenset({Offer.RESULTS, Offer.PAYLOAD}),
    takes=("rabbitmq-shared", "spool-shared", "prototype-1-full"),
)
