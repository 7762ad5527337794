"""Huey on SQLite, its polling tuned from seconds down to milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from huey import SqliteHuey

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
from benchmarks.functions import FUNCTIONS, PLAIN
from benchmarks.place import Place

_POLLING = ["-d", "0.002", "-m", "0.01", "-b", "1.0"]

queue = SqliteHuey(filename=str(Place.here().path("huey.db")), results=True, timeout=30)
TASKS = {name: queue.task(name=name, retries=0)(FUNCTIONS[name]) for name in PLAIN}


class Huey(Contestant):
    """It has one setting here."""

    offers: ClassVar = frozenset({Offer.RESULTS, Offer.DELAYS, Offer.WORKERS})
    module: ClassVar = "huey"

    def commands(self) -> Sequence[Sequence[str]]:
        program = [script("huey_consumer"), "benchmarks.peers.huey.queue", "-q", "-n"]
        return [[*program, "-w", str(WORKERS), "-k", "process", *_POLLING]]

    def send(self, function: str, value: Any, due: float | None = None) -> Handle:
        task = TASKS[function]
        return task(value) if due is None else task.schedule((value,), delay=delay_until(due))

    def wait(self, handles: Sequence[Handle], timeout: float = TIMEOUT) -> None:
        for handle in handles:
            poll(lambda handle=handle: handle.get() is not None, timeout, 0.001)
