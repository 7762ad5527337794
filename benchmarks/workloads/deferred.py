"""Jobs that are due one after the other: how late each starts. And the same behind a backlog."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from benchmarks.contestant import Offer
from benchmarks.stage import Figures, Stage, percentile
from benchmarks.workloads.base import Column, Length, Peers, Workload

_LEAD = 4.0  # seconds before the first is due, so that all are sent by then
_STRETCH = 5.0  # seconds from the first to the last
_PATIENCE = 20.0  # seconds after the last was due
_HOUR = 3600.0
_SLICE = 2_000
_SOON = 2.0
_BEHIND = 100  # jobs that are due soon

_COLUMNS = (
    Column("ran", "ran"),
    Column("p50_ms", "p50 ms late", ".1f"),
    Column("p99_ms", "p99", ".1f"),
    Column("max_ms", "max", ".1f"),
    Column("min_ms", "min", ".1f"),
    Column("sending_s", "sending s", ".2f"),
)


def _lateness(stage: Stage, dues: Sequence[float]) -> Figures:
    """How late the jobs started whose arguments are the places of their instants."""
    starts = [
        (value, at) for value, at in stage.journal.marks() if value >= 0
    ]  # some warm up twice
    late = [(at - dues[value]) * 1e3 for value, at in starts]
    return {
        "ran": len(dict(starts)),
        "p50_ms": percentile(late, 50),
        "p99_ms": percentile(late, 99),
        "max_ms": max(late, default=float("nan")),
        "min_ms": min(late, default=float("nan")),
    }


def _measure(stage: Stage, size: int) -> Figures:
    begin = time.time()
    dues = [begin + _LEAD + _STRETCH * place / (size - 1) for place in range(size)]
    random.Random(1).shuffle(dues)
    stage.contestant.send_many("stamp", range(size), dues)
    sending = time.time() - begin
    stage.journal.wait(size, max(dues) - time.time() + _PATIENCE)
    return {"jobs": size, "sending_s": sending, **_lateness(stage, dues)}


def _measure_behind(stage: Stage, size: int) -> Figures:
    alone = _measure_burst(stage)
    far = time.time() + _HOUR
    begin = time.time()
    for start in range(0, size, _SLICE):
        count = min(_SLICE, size - start)
        stage.contestant.send_many("noop", range(start, start + count), [far] * count)
    sending = time.time() - begin
    time.sleep(_SOON)
    behind = _measure_burst(stage)
    return {
        "jobs": size,
        "sending_s": sending,
        "alone_ms": alone["p99_ms"],
        **behind,
        **stage.memory(),
    }


def _measure_burst(stage: Stage) -> Figures:
    """How late jobs start that are due in the same instant."""
    stage.journal.clear()
    dues = [time.time() + _SOON] * _BEHIND
    stage.contestant.send_many("stamp", range(_BEHIND), dues)
    stage.journal.wait(_BEHIND, _SOON + _PATIENCE / 2)
    return _lateness(stage, dues)


DEFERRED = Workload(
    name="deferred",
    label="P4",
    title="jobs due one after the other over 5 s: start minus due",
    sizes={Length.QUICK: 500, Length.USUAL: 2_000, Length.LONG: 2_000},
    columns=_COLUMNS,
    measure=_measure,
    best=("p99_ms", False),
    needs=frozenset({Offer.DELAYS}),
    takes=("rabbitmq-shared", "spool-shared"),
    peers=Peers.ONE_EACH,
)
BEHIND = Workload(
    name="behind",
    label="P13",
    title="100 jobs due in 2 s, behind many that are due in an hour",
    sizes={Length.QUICK: 4_000, Length.USUAL: 20_000, Length.LONG: 1_000_000},
    columns=(*_COLUMNS, Column("alone_ms", "p99 without them", ".1f")),
    measure=_measure_behind,
    best=("p99_ms", False),
    needs=frozenset({Offer.DELAYS}),
    takes=("rabbitmq-shared", "spool-shared"),
    peers=Peers.ONE_EACH,
    timeout=600.0,
)
