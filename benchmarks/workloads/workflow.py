"""Jobs that wait for each other: what it costs to submit them, and to end one with children."""

from __future__ import annotations

import time

from benchmarks.contestant import TIMEOUT, Offer
from benchmarks.stage import Figures, Stage
from benchmarks.workloads.base import CPU, CPU_ROLES, Column, Length, Workload


def _measure(stage: Stage, size: int) -> Figures:
    contestant = stage.contestant
    with stage.span() as span:
        begin, cpu = time.perf_counter(), time.process_time()
        last = contestant.send_diamond("noop", size)
        submitting, cpu = time.perf_counter() - begin, time.process_time() - cpu
        contestant.wait([last], TIMEOUT)
    return {
        "jobs": size,
        "submit_s": submitting,
        "submit_cpu_s": cpu,
        "per_s": size / span.seconds,
        **span.cpu_per_job(size),
    }


WORKFLOW = Workload(
    name="workflow",
    label="W1",
    title="a workflow: one job, many that wait for it, one that waits for those",
    sizes={Length.QUICK: 1_000, Length.USUAL: 10_000, Length.LONG: 10_000},
    columns=(
        Column("submit_s", "submit s", ".2f"),
        Column("submit_cpu_s", "CPU of it", ".2f"),
        Column("per_s", "done/s"),
        CPU,
        *CPU_ROLES,
    ),
    measure=_measure,
    best=("submit_cpu_s", False),
    needs=frozenset({Offer.WORKFLOWS}),
    takes=("rabbitmq-shared", "spool-shared"),
)
