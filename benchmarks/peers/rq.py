"""RQ on Redis: with a fork a job, as it comes, or without."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, ClassVar

import redis
from rq import Queue

from benchmarks.contestant import (
    TIMEOUT,
    WORKERS,
    Contestant,
    Handle,
    Offer,
    delay_until,
    poll,
    script,
)
from benchmarks.functions import FUNCTIONS
from benchmarks.place import Place

_FORKS = Place.here().setting == "fork"
_KEPT = 600  # seconds


class Rq(Contestant):
    """Settings: `fork` or `simple`."""

    offers: ClassVar = frozenset(
        {Offer.RESULTS, Offer.DELAYS, Offer.WORKERS} | ({Offer.HARD} if _FORKS else set())
    )
    module: ClassVar = "rq"

    def commands(self) -> Sequence[Sequence[str]]:
        kind = [] if _FORKS else ["-w", "rq.worker.SimpleWorker"]
        command = [script("rq"), "worker", "-q", "--url", self.place.redis, "--with-scheduler"]
        return [[*command, *kind, "bench"]] * WORKERS

    def open(self) -> None:
        self._queue = Queue("bench", connection=redis.Redis.from_url(self.place.redis))

    def send(self, function: str, value: Any, due: float | None = None) -> Handle:
        return self.send_many(function, [value], None if due is None else [due])[0]

    def send_many(
        self, function: str, values: Iterable[Any], dues: Sequence[float] | None = None
    ) -> list[Handle]:
        run = FUNCTIONS[function]
        if dues is None:
            made = [Queue.prepare_data(run, (value,), result_ttl=_KEPT) for value in values]
            jobs: list[Handle] = self._queue.enqueue_many(made)
            return jobs
        return [
            self._queue.enqueue_in(timedelta(seconds=delay_until(due) or 0.0), run, value)
            for value, due in zip(values, dues, strict=True)
        ]

    def wait(self, handles: Sequence[Handle], timeout: float = TIMEOUT) -> None:
        for job in handles:
            poll(lambda job=job: job.return_value(refresh=True) is not None, timeout, 0.001)
