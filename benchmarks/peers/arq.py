"""arq on Redis, its polling tuned from half a second down to milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import func

from benchmarks.contestant import WORKERS, Handle, Offer, delay_until, script
from benchmarks.functions import FUNCTIONS, PLAIN
from benchmarks.peers.loop import LoopContestant
from benchmarks.place import Place

_POLLING = 0.005  # seconds; its default is 0.5
_REDIS = RedisSettings.from_dsn(Place.here().redis or "redis://127.0.0.1:1")


def _coroutine(function: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    async def run(_context: Any, value: Any) -> Any:
        return function(value)

    return run


class WorkerSettings:
    """What `arq` reads."""

    functions: ClassVar = [func(_coroutine(FUNCTIONS[name]), name=name) for name in PLAIN]
    redis_settings = _REDIS
    poll_delay = _POLLING
    max_jobs = 50
    log_results = False


class Arq(LoopContestant):
    """It has one setting here."""

    offers: ClassVar = frozenset({Offer.RESULTS, Offer.DELAYS, Offer.WORKERS})
    module: ClassVar = "arq"

    def commands(self) -> Sequence[Sequence[str]]:
        return [[script("arq"), "benchmarks.peers.arq.WorkerSettings"]] * WORKERS

    async def connect(self) -> None:
        self._pool = await create_pool(_REDIS)

    async def disconnect(self) -> None:
        await self._pool.aclose()

    async def launch(self, function: str, value: Any, due: float | None) -> Handle:
        return await self._pool.enqueue_job(function, value, _defer_by=delay_until(due))

    async def fetch(self, handle: Handle, timeout: float, *, alone: bool) -> None:
        await handle.result(timeout, poll_delay=0.001 if alone else 0.02)
