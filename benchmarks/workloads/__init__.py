"""All workloads, in the order in which they are run."""

from __future__ import annotations

from benchmarks.workloads.base import Workload
from benchmarks.workloads.computing import COMPUTING
from benchmarks.workloads.deferred import BEHIND, DEFERRED
from benchmarks.workloads.hard import HARD
from benchmarks.workloads.idle import IDLE
from benchmarks.workloads.latency import LATENCY
from benchmarks.workloads.million import FLOOD, HOLD
from benchmarks.workloads.payload import LARGE, SMALL
from benchmarks.workloads.slow_disk import SLOW_LATENCY, SLOW_THROUGHPUT
from benchmarks.workloads.throughput import BULK, CODE, THROUGHPUT
from benchmarks.workloads.waiting import COROUTINE, THREAD
from benchmarks.workloads.workflow import WORKFLOW

WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        THROUGHPUT,
        CODE,
        BULK,
        LATENCY,
        DEFERRED,
        COMPUTING,
        HARD,
        COROUTINE,
        THREAD,
        IDLE,
        SMALL,
        LARGE,
        SLOW_THROUGHPUT,
        SLOW_LATENCY,
        BEHIND,
        HOLD,
        FLOOD,
        WORKFLOW,
    )
}
