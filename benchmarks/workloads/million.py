"""A great many jobs: held for an hour, and due all at once."""

from __future__ import annotations

import threading
import time

from benchmarks.contestant import Contestant, Offer, Role
from benchmarks.stage import Figures, Stage, percentile
from benchmarks.workloads.base import MEMORY, Column, Length, Workload

_HOUR = 3600.0
_LEAD = 20.0
_SLICE = 50_000
_PROBE = 10_000  # immediate jobs, on an empty store and on a full one
_LONG = 1800.0


def _hold(stage: Stage, size: int) -> Figures:
    contestant = stage.contestant
    empty = _immediate_rate(contestant)
    before = stage.memory()
    sending = _fill(contestant, "noop", size, time.time() + _HOUR)
    _settle(stage)
    after = stage.memory()
    contestant.close()
    contestant.stop()
    begin = time.perf_counter()
    contestant.start()
    restart = time.perf_counter() - begin
    contestant.open()
    full = _immediate_rate(contestant)
    grown = {f"grown_{key}": after[key] - before.get(key, 0.0) for key in after}
    return {
        "jobs": size,
        "sent_per_s": size / sending,
        "restart_s": restart,
        "empty_per_s": empty,
        "full_per_s": full,
        "ratio": full / empty,
        **grown,
    }


def _flood(stage: Stage, size: int) -> Figures:
    """All due in one second, while one job of a higher priority after the other is called."""
    contestant = stage.contestant
    _fill(contestant, "stamp", size, time.time() + _LEAD + size / 20_000)
    before = stage.memory()
    taken: list[float] = []
    ended = threading.Event()
    caller = threading.Thread(target=_call_beside, args=(contestant, taken, ended))
    caller.start()
    stage.journal.wait(1, _LONG)
    begin = time.perf_counter()
    stage.journal.wait(size, _LONG)
    seconds = time.perf_counter() - begin
    ended.set()
    caller.join()
    after = stage.memory()
    role = f"mb_{Role.SERVICE}"
    return {
        "jobs": size,
        "per_s": size / seconds,
        "beside_p50_ms": percentile(taken, 50),
        "beside_max_ms": max(taken, default=float("nan")),
        "grown_mb_service": after[role] - before[role],
        **after,
    }


def _fill(contestant: Contestant, function: str, size: int, due: float) -> float:
    """Send so many jobs that are due together; the seconds that it took."""
    begin = time.perf_counter()
    for start in range(0, size, _SLICE):
        count = min(_SLICE, size - start)
        contestant.send_many(function, range(start, start + count), [due] * count)
    return time.perf_counter() - begin


def _immediate_rate(contestant: Contestant) -> float:
    begin = time.perf_counter()
    contestant.wait(contestant.send_many("noop", range(_PROBE)))
    return _PROBE / (time.perf_counter() - begin)


def _settle(stage: Stage) -> None:
    """Until the service has taken in what was sent."""
    while True:
        with stage.span() as span:
            time.sleep(1)
        if span.cpu[Role.SERVICE] < 0.1:
            return


def _call_beside(contestant: Contestant, taken: list[float], ended: threading.Event) -> None:
    while not ended.is_set():
        begin = time.perf_counter()
        contestant.call_first("noop", 0)
        taken.append((time.perf_counter() - begin) * 1e3)


HOLD = Workload(
    name="hold",
    label="P5",
    title="a million jobs deferred by an hour: memory, restart, and others beside them",
    sizes={Length.LONG: 1_000_000},
    columns=(
        Column("sent_per_s", "sent/s"),
        Column("restart_s", "restart s", ".2f"),
        Column("empty_per_s", "others/s, empty"),
        Column("full_per_s", "others/s, full"),
        Column("ratio", "ratio", ".2f"),
        Column("grown_mb_service", "service MB more"),
        Column("grown_mb_broker", "broker MB more"),
    ),
    measure=_hold,
    best=("sent_per_s", True),
    needs=frozenset({Offer.RESULTS, Offer.DELAYS, Offer.RESTART}),
    takes=("rabbitmq-map", "spool-map"),
    timeout=_LONG,
)
FLOOD = Workload(
    name="flood",
    label="P9",
    title="a million jobs due in the same second: how fast they are done, and others beside them",
    sizes={Length.LONG: 1_000_000},
    columns=(
        Column("per_s", "done/s"),
        Column("beside_p50_ms", "others p50 ms", ".1f"),
        Column("beside_max_ms", "max", ".1f"),
        Column("grown_mb_service", "service MB more"),
        *MEMORY,
    ),
    measure=_flood,
    best=("per_s", True),
    needs=frozenset({Offer.RESULTS, Offer.DELAYS}),
    takes=("rabbitmq-map", "spool-map"),
    timeout=_LONG,
)
