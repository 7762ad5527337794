"""What a workload is given: a contestant that runs, the journal, and the meter."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks import machine, processes
from benchmarks.contestant import Offer, Role

if TYPE_CHECKING:
    from benchmarks.contestant import Contestant, Handle
    from benchmarks.journal import Journal
    from benchmarks.servers.base import Running

_WARM = 40
_WARM_SECONDS = 60.0
_SETTLE = 0.3


@dataclass(slots=True)
class Span:
    """What a stretch of time cost.

    seconds: of wall clock
    cpu: seconds by role
    machine: seconds of all processors, of everybody
    """

    seconds: float = 0.0
    cpu: Mapping[Role, float] = field(default_factory=dict)
    machine: float = 0.0

    @property
    def others_percent(self) -> float:
        """How much of the machine others used meanwhile."""
        others = max(0.0, self.machine - sum(self.cpu.values()))
        return 100 * others / self.seconds / machine.cores()

    def cpu_per_job(self, jobs: int) -> dict[str, float]:
        """Microseconds of processor a job, of all and by role."""
        figures = {f"cpu_{role}": spent / jobs * 1e6 for role, spent in self.cpu.items()}
        return {"cpu": sum(figures.values()), **figures}


@dataclass(frozen=True, slots=True)
class Stage:
    """One contestant on its place.

    client: the process that sends
    """

    contestant: Contestant
    journal: Journal
    servers: tuple[Running, ...]
    client: int

    def pids(self) -> dict[Role, list[int]]:
        """The processes that count, by role."""
        found: dict[Role, list[int]] = {Role.CLIENT: [self.client]}
        found |= self.contestant.pids()
        brokers = [pid for server in self.servers for pid in server.pids()]
        return found | ({Role.BROKER: brokers} if brokers else {})

    def cpu(self) -> dict[Role, float]:
        """Seconds of processor that each role has used."""
        return {role: processes.cpu_seconds(pids) for role, pids in self.pids().items()}

    def memory(self) -> dict[str, float]:
        """MB that each role holds now, as figures."""
        return {f"mb_{role}": processes.memory_mb(pids) for role, pids in self.pids().items()}

    @contextmanager
    def span(self) -> Iterator[Span]:
        """Measure a block."""
        span = Span()
        before, of_all, begin = self.cpu(), processes.machine_seconds(), time.perf_counter()
        yield span
        span.seconds = time.perf_counter() - begin
        after = self.cpu()
        span.machine = processes.machine_seconds() - of_all
        span.cpu = {role: after[role] - before.get(role, 0.0) for role in after}

    def warm(self) -> None:
        """Have every worker up and every connection made. Raises: TimeoutError"""
        self.contestant.send_many("stamp", range(-_WARM, 0))
        if not self.journal.wait(_WARM, _WARM_SECONDS):
            raise TimeoutError(f"{self.journal.count()} of {_WARM} jobs ran to warm it up")
        time.sleep(_SETTLE)
        self.journal.clear()

    def finish(self, handles: list[Handle], timeout: float) -> None:
        """Until all results are here, or where there are none, until all jobs have started."""
        if Offer.RESULTS in self.contestant.offers:
            self.contestant.wait(handles, timeout)
        elif not self.journal.wait(len(handles), timeout):
            raise TimeoutError(f"{self.journal.count()} of {len(handles)} jobs ran")


Figures = dict[str, Any]


def percentile(values: list[float], percent: float) -> float:
    """The value below which so many percent lie; nan of nothing."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
