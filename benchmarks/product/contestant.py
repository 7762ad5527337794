"""The product: a service in a process of its own, and a client in this one."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from benchmarks import processes
from benchmarks.contestant import TIMEOUT, WORKERS, Contestant, Handle, Offer, Role, poll
from benchmarks.functions import FUNCTIONS
from benchmarks.place import Place

THREADS = 32
COROUTINES = 100
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "hard": {"hard": True},
    "nap": {"execution": "thread"},
}
_START = 30.0
_GRACE = 10.0


class Product(Contestant):
    """Settings: `single`, `shared` or `map` for the envelopes, `spool` before it for the broker."""

    offers: ClassVar = frozenset(Offer)
    module: ClassVar = "schedulergodx.client"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        words = self.setting.split()
        self._way = words[-1]
        self._broker = f"spool:{place.path('spool')}" if "spool" in words else place.rabbitmq
        self._secret = secrets.token_hex(16)

    # -- its service ------------------------------------------------------------------------------

    def commands(self) -> Sequence[Sequence[str]]:
        flags = {
            "db": f"sqlite:///{self.place.path('jobs.db')}",
            "workers": WORKERS,
            "hard-workers": WORKERS,
            "threads": THREADS,
            "coroutines": COROUTINES,
        }
        told = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
        return [[sys.executable, "-m", "schedulergodx", "service", "run", *told]]

    def environ(self) -> Mapping[str, str]:
        told = {"SCHEDULERGODX_BROKER": self._broker, "SCHEDULERGODX_SECRET": self._secret}
        return {**super().environ(), **told}

    def start(self) -> None:
        log = self.place.path("workers.log")
        seen = log.stat().st_size if log.exists() else 0
        super().start()
        poll(lambda: b" reads " in log.read_bytes()[seen:], _START, 0.01)

    def stop(self) -> None:
        for process in self._started:
            processes.end(process.pid, grace=_GRACE)
        super().stop()

    def pids(self) -> Mapping[Role, list[int]]:
        service, *workers = processes.family(self._started[0].pid)
        return {Role.SERVICE: [service], Role.WORKERS: workers}

    # -- its client -------------------------------------------------------------------------------

    def open(self) -> None:
        from schedulergodx.client import Client

        self._client = Client("bench", broker=self._broker, secret=self._secret)
        self._tasks: dict[str, Any] = {
            name: self._client.task(function, **_OPTIONS.get(name, {}))
            for name, function in FUNCTIONS.items()
        }

    def close(self) -> None:
        self._client.close()

    def send(self, function: str, value: Any, due: float | None = None) -> Handle:
        return self._launcher(function, due).launch(value)

    def send_many(
        self, function: str, values: Iterable[Any], dues: Sequence[float] | None = None
    ) -> list[Handle]:
        if dues is not None and len(set(dues)) > 1:
            return self._send_timed(function, values, dues)
        launcher = self._launcher(function, dues[0] if dues else None)
        if self._way == "map":
            jobs: list[Handle] = launcher.map(values)
            return jobs
        with self._client.pipeline(1 if self._way == "single" else None):
            return [launcher.launch(value) for value in values]

    def send_diamond(self, function: str, size: int) -> Handle:
        from schedulergodx.client import Job, Workflow

        flow = Workflow(f"of {size} at {time.time()}")
        run = FUNCTIONS[function]
        first = flow.add_job(Job("first", run, {"value": 0}))
        middle = [Job(f"number {n}", run, {"value": n}) for n in range(size - 2)]
        for job in middle:
            flow.add_job(job, depends_on=[first])
        last = flow.add_job(Job("last", run, {"value": size}), depends_on=middle)
        flow.submit_all(self._client)
        return last

    def wait(self, handles: Sequence[Handle], timeout: float = TIMEOUT) -> None:
        for job in handles:
            job.result(timeout)

    def call_first(self, function: str, value: Any) -> None:
        self._tasks[function].options(priority=9).launch(value).result(TIMEOUT)

    def _send_timed(
        self, function: str, values: Iterable[Any], dues: Sequence[float]
    ) -> list[Handle]:
        with self._client.pipeline():
            return [
                self._launcher(function, due).launch(value)
                for value, due in zip(values, dues, strict=True)
            ]

    def _launcher(self, function: str, due: float | None) -> Any:
        task = self._tasks[function]
        return task if due is None else task.options(run_at=datetime.fromtimestamp(due, UTC))
