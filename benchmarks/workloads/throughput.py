"""Jobs that do nothing, sent as fast as it goes, until all results are at the client."""

from __future__ import annotations

import time

from benchmarks.contestant import TIMEOUT, Offer
from benchmarks.stage import Figures, Stage
from benchmarks.workloads.base import CPU, CPU_ROLES, MEMORY, Column, Length, Peers, Workload

_COLUMNS = (
    Column("sent_per_s", "sent/s"),
    Column("per_s", "done/s"),
    CPU,
    *CPU_ROLES,
    *MEMORY,
)
_SINGLE = ("rabbitmq-single", "prototype-1", "prototype-1-full")
_SIZES = {Length.QUICK: 2_000, Length.USUAL: 10_000, Length.LONG: 50_000}


def _measure(stage: Stage, size: int, function: str) -> Figures:
    contestant = stage.contestant
    with stage.span() as span:
        begin = time.perf_counter()
        handles = contestant.send_many(function, range(size))
        sending = time.perf_counter() - begin
        stage.finish(handles, TIMEOUT)
    return {
        "jobs": size,
        "sent_per_s": size / sending,
        "per_s": size / span.seconds,
        **span.cpu_per_job(size),
        **stage.memory(),
    }


def _measure_noop(stage: Stage, size: int) -> Figures:
    results = Offer.RESULTS in stage.contestant.offers
    return _measure(stage, size, "noop" if results else "stamp")


def _measure_tabled(stage: Stage, size: int) -> Figures:
    return _measure(stage, size, "tabled")


THROUGHPUT = Workload(
    name="throughput",
    label="P1",
    title="jobs of nothing, one launch each, results read",
    sizes=_SIZES,
    columns=_COLUMNS,
    measure=_measure_noop,
    best=("per_s", True),
    takes=(*_SINGLE, "rabbitmq-shared", "spool-shared"),
    peers=Peers.ALL,
    needs=frozenset({Offer.WORKERS}),
)
CODE = Workload(
    name="code",
    label="P1",
    title="the same, of a function of 10 KB",
    sizes=_SIZES,
    columns=_COLUMNS,
    measure=_measure_tabled,
    best=("per_s", True),
    takes=(*_SINGLE, "rabbitmq-shared", "spool-shared"),
    needs=frozenset({Offer.WORKERS}),
)
BULK = Workload(
    name="bulk",
    label="P2",
    title="jobs of nothing, sent in bulk, results read",
    sizes={Length.QUICK: 10_000, Length.USUAL: 50_000, Length.LONG: 200_000},
    columns=_COLUMNS,
    measure=_measure_noop,
    best=("per_s", True),
    takes=("rabbitmq-map", "spool-map", "prototype-100", "prototype-100-full"),
    needs=frozenset({Offer.WORKERS}),
)
