"""Throughput and latency again, where each fsync takes 8 ms longer, as on a usual disk."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.slow_disk import MS
from benchmarks.workloads.base import Length, Peers
from benchmarks.workloads.latency import LATENCY
from benchmarks.workloads.throughput import THROUGHPUT

_SAYS = f", with {MS} ms added to each fsync"

SLOW_THROUGHPUT = replace(
    THROUGHPUT,
    name="slow-throughput",
    label="P14",
    title=THROUGHPUT.title + _SAYS,
    takes=("rabbitmq-single", "rabbitmq-shared", "spool-shared", "prototype-1-full"),
    peers=Peers.NONE,
    slow_disk=True,
)
SLOW_LATENCY = replace(
    LATENCY,
    name="slow-latency",
    label="P14",
    title=LATENCY.title + _SAYS,
    sizes={Length.QUICK: 50, Length.USUAL: 200, Length.LONG: 500},
    takes=("rabbitmq-single", "spool-shared", "prototype-1-full"),
    peers=Peers.NONE,
    slow_disk=True,
)
