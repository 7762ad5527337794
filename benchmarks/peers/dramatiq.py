"""Dramatiq on RabbitMQ; it keeps results in Redis, for it has no way to send them by RabbitMQ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

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
_QUIET = ("stamp",)  # jobs whose results nobody reads

broker = RabbitmqBroker(url=_HERE.rabbitmq, confirm_delivery="confirm" in _HERE.setting)
broker.add_middleware(Results(backend=RedisBackend(url=_HERE.redis)))
dramatiq.set_broker(broker)


def _silent(function: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Without its result: Dramatiq warns of each that it throws away."""

    def run(value: Any) -> None:
        function(value)

    return run


def _actor(name: str) -> Any:
    function, silent = FUNCTIONS[name], name in _QUIET
    kept = {} if silent else {"store_results": True}
    made = _silent(function) if silent else function
    return dramatiq.actor(made, actor_name=name, queue_name="bench", **kept)


ACTORS = {name: _actor(name) for name in PLAIN}


class Dramatiq(Contestant):
    """Settings: with `confirm` or without."""

    offers: ClassVar = frozenset({Offer.RESULTS, Offer.DELAYS, Offer.WORKERS})
    module: ClassVar = "dramatiq.brokers.rabbitmq"

    def commands(self) -> Sequence[Sequence[str]]:
        program = [script("dramatiq"), "benchmarks.peers.dramatiq"]
        return [[*program, "-p", str(WORKERS), "-t", "8"]]

    def send(self, function: str, value: Any, due: float | None = None) -> Handle:
        delay = delay_until(due)
        milliseconds = None if delay is None else int(delay * 1000)
        return ACTORS[function].send_with_options(args=(value,), delay=milliseconds)

    def wait(self, handles: Sequence[Handle], timeout: float = TIMEOUT) -> None:
        for handle in handles:
            handle.get_result(block=True, timeout=int(timeout * 1000))
