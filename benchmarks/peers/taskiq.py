"""taskiq on RabbitMQ by aio-pika, with confirms; results in Redis, if taskiq-redis is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from taskiq_aio_pika import AioPikaBroker, Queue, QueueType

from benchmarks.contestant import WORKERS, Handle, Offer, delay_until, script
from benchmarks.functions import FUNCTIONS, PLAIN
from benchmarks.peers.loop import LoopContestant
from benchmarks.place import Place

_HERE = Place.here()
_PREFETCH = 200  # its default of 10 is slower here
_RESULTS = "results" in _HERE.setting


def _queue(name: str) -> Queue:
    return Queue(name=name, type=QueueType.CLASSIC)


broker = AioPikaBroker(
    _HERE.rabbitmq,
    qos=_PREFETCH,
    task_queues=[_queue("bench")],
    delay_queue=_queue("bench.delay"),
    dead_letter_queue=_queue("bench.dead"),
)
if _RESULTS:
    from taskiq_redis import RedisAsyncResultBackend

    broker = broker.with_result_backend(RedisAsyncResultBackend(_HERE.redis, result_ex_time=600))


def _coroutine(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def run(value: Any) -> Any:
        return function(value)

    return run


TASKS = {name: broker.task(task_name=name)(_coroutine(FUNCTIONS[name])) for name in PLAIN}


class Taskiq(LoopContestant):
    """Settings: with `results` or without."""

    offers: ClassVar = frozenset(
        {Offer.DELAYS, Offer.WORKERS} | ({Offer.RESULTS} if _RESULTS else set())
    )
    module: ClassVar = "taskiq_aio_pika"
    slice: ClassVar = 200

    def commands(self) -> Sequence[Sequence[str]]:
        program = [script("taskiq"), "worker", "benchmarks.peers.taskiq:broker"]
        return [[*program, "--workers", str(WORKERS), "--log-level", "WARNING"]]

    async def connect(self) -> None:
        await broker.startup()

    async def disconnect(self) -> None:
        await broker.shutdown()

    async def launch(self, function: str, value: Any, due: float | None) -> Handle:
        kicker = TASKS[function].kicker()
        if due is not None:
            kicker = kicker.with_labels(delay=delay_until(due))
        return await kicker.kiq(value)

    async def fetch(self, handle: Handle, timeout: float, *, alone: bool) -> None:
        await handle.wait_result(check_interval=0.001 if alone else 0.02, timeout=timeout)
