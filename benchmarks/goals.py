"""The goals, and how near the figures come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks.registry import Group
from benchmarks.runner import Result
from benchmarks.slow_disk import MS

_WITHOUT_BROKER = ("apscheduler", "apscheduler-memory", "huey", "gigq")


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure that was wanted, and what it is. more: whether more is better"""

    label: str
    says: str
    wanted: float
    value: float
    more: bool

    @property
    def is_met(self) -> bool:
        """Whether it is reached."""
        return self.value >= self.wanted if self.more else self.value <= self.wanted


class Figures:
    """Looks up figures; what was not measured is None."""

    def __init__(self, results: Iterable[Result]) -> None:
        self._results = {(result.workload, result.entry): result for result in results}

    def get(self, workload: str, entry: str, key: str) -> float | None:
        """One figure."""
        result = self._results.get((workload, entry))
        return None if result is None else result.figures.get(key)

    def peers(self, workload: str, key: str, *, without: tuple[str, ...] = ()) -> list[float]:
        """That of all peers that have it."""
        return [
            result.figures[key]
            for (name, entry), result in self._results.items()
            if name == workload
            and result.group is Group.PEER
            and key in result.figures
            and not entry.startswith(without)
        ]


def judge(results: Iterable[Result]) -> list[Goal]:
    """All goals of which enough was measured."""
    figures = Figures(results)
    parts = (
        _throughput,
        _bulk,
        _latency,
        _deferred,
        _kinds,
        _idle,
        _embedded,
        _payload,
        _slow,
        _million,
    )
    return [goal for part in parts for goal in part(figures)]


def _ratio(
    label: str, says: str, wanted: float, one: float | None, other: float | None, *, more: bool
) -> Iterator[Goal]:
    """A goal for one figure divided by another, if both are there."""
    if one is not None and other:
        yield Goal(label, says, wanted, one / other, more)


def _plain(
    label: str, says: str, wanted: float, value: float | None, *, more: bool = False
) -> Iterator[Goal]:
    if value is not None:
        yield Goal(label, says, wanted, value, more)


def _throughput(figures: Figures) -> Iterator[Goal]:
    for workload, of in (("throughput", ""), ("code", ", a function of 10 KB")):
        own = figures.get(workload, "rabbitmq-single", "per_s")
        bare = figures.get(workload, "prototype-1", "per_s")
        yield from _ratio(
            "P1", f"of the prototype, a job an envelope{of}", 0.5, own, bare, more=True
        )
    own = figures.get("throughput", "rabbitmq-single", "per_s")
    peer = max(figures.peers("throughput", "per_s"), default=None)
    yield from _ratio("P1", "times the best peer", 3, own, peer, more=True)


def _bulk(figures: Figures) -> Iterator[Goal]:
    own = figures.get("bulk", "rabbitmq-map", "per_s")
    bare = figures.get("bulk", "prototype-100", "per_s")
    peer = max(figures.peers("throughput", "per_s"), default=None)
    yield from _ratio("P2", "of the prototype with 100 jobs a message", 0.2, own, bare, more=True)
    yield from _ratio("P2", "times the best peer", 8, own, peer, more=True)


def _latency(figures: Figures) -> Iterator[Goal]:
    own = figures.get("latency", "rabbitmq-single", "p50_ms")
    bare = figures.get("latency", "prototype-1-full", "p50_ms")
    peers = figures.peers("latency", "p50_ms", without=("dramatiq",))
    slow = figures.get("latency", "rabbitmq-single", "p99_ms")
    yield from _ratio("P3", "p50, times the prototype's (FULL)", 1.3, own, bare, more=False)
    yield from _ratio(
        "P3", "p50, of the best peer but Dramatiq", 1, own, min(peers, default=None), more=False
    )
    yield from _ratio("P3", "p99, times p50", 2, slow, own, more=False)


def _deferred(figures: Figures) -> Iterator[Goal]:
    early = figures.get("deferred", "rabbitmq-shared", "min_ms")
    yield from _plain("P4", "ms late at the least", 0, early, more=True)
    for key in ("p50_ms", "p99_ms"):
        own = figures.get("deferred", "rabbitmq-shared", key)
        peers = figures.peers("deferred", key, without=_WITHOUT_BROKER)
        says = f"{key[:3]} late, of the best peer with a broker"
        yield from _ratio("P4", says, 1, own, min(peers, default=None), more=False)
    own = figures.get("deferred", "rabbitmq-shared", "p99_ms")
    behind = figures.get("behind", "rabbitmq-shared", "p99_ms")
    yield from _ratio("P13", "p99 late behind a backlog, times P4's", 1.5, behind, own, more=False)
    alone = figures.get("behind", "rabbitmq-shared", "alone_ms")
    yield from _ratio("P13", "p99 late, times that without it", 1.5, behind, alone, more=False)


def _kinds(figures: Figures) -> Iterator[Goal]:
    wanted = (("P6", "cpu", 1.05), ("P8", "coroutines", 1.3), ("P8", "threads", 1.3))
    for label, workload, limit in wanted:
        value = figures.get(workload, "rabbitmq-shared", "ratio")
        yield from _plain(label, f"{workload}: makespan, times the ideal", limit, value)
    forks = figures.get("hard", "rabbitmq-shared", "ratio")
    yield from _plain("P7", "hard jobs, of bare forks", 0.6, forks, more=True)


def _idle(figures: Figures) -> Iterator[Goal]:
    percent = figures.get("idle", "rabbitmq-shared", "percent")
    yield from _plain("P10", "idle, % of a core", 0.5, percent)
    import_ms = figures.get("idle", "rabbitmq-shared", "import_ms")
    yield from _plain("P10", "import, ms", 120, import_ms)


def _embedded(figures: Figures) -> Iterator[Goal]:
    for workload, way, key, more in (
        ("throughput", "shared", "per_s", True),
        ("bulk", "map", "per_s", True),
        ("latency", "shared", "p50_ms", False),
        ("deferred", "shared", "p99_ms", False),
    ):
        own = figures.get(workload, f"spool-{way}", key)
        against = "single" if workload == "latency" else way
        other = figures.get(workload, f"rabbitmq-{against}", key)
        says = f"embedded broker, {workload}, times RabbitMQ's"
        yield from _ratio("P11", says, 1, own, other, more=more)


def _payload(figures: Figures) -> Iterator[Goal]:
    for workload, bare in (
        ("payload", "prototype-100-full"),
        ("payload-large", "prototype-1-full"),
    ):
        own = figures.get(workload, "rabbitmq-shared", "per_s")
        moved = figures.get(workload, bare, "per_s")
        says = f"{workload}: time, times that of moving and writing"
        yield from _ratio("P12", says, 1.3, moved, own, more=False)


def _slow(figures: Figures) -> Iterator[Goal]:
    slow = figures.get("slow-throughput", "rabbitmq-single", "per_s")
    quick = figures.get("throughput", "rabbitmq-single", "per_s")
    says = "slow disk: throughput, of that on this disk"
    yield from _ratio("P14", says, 0.7, slow, quick, more=True)
    p50 = figures.get("slow-latency", "rabbitmq-single", "p50_ms")
    yield from _plain("P14", "slow disk: p50, ms (three fsyncs and 2)", 3 * MS + 2, p50)


def _million(figures: Figures) -> Iterator[Goal]:
    for key, says, wanted, more in (
        ("grown_mb_service", "held: service grows by MB", 50, False),
        ("grown_mb_broker", "held: broker grows by MB", 20, False),
        ("sent_per_s", "held: bulk intake /s", 30_000, True),
        ("restart_s", "held: restart to ready, s", 2, False),
        ("ratio", "held: others, of an empty store", 0.9, True),
    ):
        value = figures.get("hold", "rabbitmq-map", key)
        yield from _plain("P5", says, wanted, value, more=more)
    pause = figures.get("flood", "rabbitmq-map", "beside_max_ms")
    yield from _plain("P9", "due at once: longest wait of others, ms", 100, pause)
