"""Celery on RabbitMQ, durable and persistent, results by RabbitMQ too (`rpc://`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from celery import Celery as App

from benchmarks.contestant import (
    TIMEOUT,
    WORKERS,
    Contestant,
    Handle,
    Offer,
    delay_until,
    script,
)
from benchmarks.functions import FUNCTIONS, PLAIN
from benchmarks.place import Place

_HERE = Place.here()
_PREFETCH = 64  # jobs a worker process; its default of 4 is slower here
_THREADS = 8

app = App("bench", broker=_HERE.rabbitmq, backend="rpc://")
app.conf.update(
    task_default_queue="bench",
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=_PREFETCH,
    broker_transport_options={"confirm_publish": _HERE.setting == "confirm"},
)
TASKS = {name: app.task(name=name)(FUNCTIONS[name]) for name in PLAIN}


class Celery(Contestant):
    """Settings: `confirm` for confirms and processes, `threads` for neither."""

    offers: ClassVar = frozenset({Offer.RESULTS, Offer.DELAYS, Offer.WORKERS})
    module: ClassVar = "celery.app.base"

    def commands(self) -> Sequence[Sequence[str]]:
        pool = ("threads", _THREADS) if self.setting == "threads" else ("prefork", WORKERS)
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]
        command = [script("celery"), "-A", "benchmarks.peers.celery", "worker"]
        return [[*command, "-P", pool[0], "-c", str(pool[1]), *quiet]]

    def send(self, function: str, value: Any, due: float | None = None) -> Handle:
        return TASKS[function].apply_async((value,), countdown=delay_until(due))

    def wait(self, handles: Sequence[Handle], timeout: float = TIMEOUT) -> None:
        for handle in handles:
            handle.get(timeout=timeout)
