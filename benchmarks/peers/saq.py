"""SAQ on Redis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from saq import Queue

from benchmarks.contestant import WORKERS, Handle, Offer, script
from benchmarks.functions import FUNCTIONS, PLAIN
from benchmarks.peers.loop import LoopContestant
from benchmarks.place import Place

_URL = Place.here().redis or "redis://127.0.0.1:1"
_KEPT = 600  # seconds


def _coroutine(name: str) -> tuple[str, Callable[..., Any]]:
    async def run(_context: Any, *, value: Any) -> Any:
        return FUNCTIONS[name](value)

    return name, run


settings = {
    "queue": Queue.from_url(_URL),
    "functions": [_coroutine(name) for name in PLAIN],
    "concurrency": 20,
}


class Saq(LoopContestant):
    """It has one setting here."""

    offers: ClassVar = frozenset({Offer.RESULTS, Offer.DELAYS, Offer.WORKERS})
    module: ClassVar = "saq"

    def commands(self) -> Sequence[Sequence[str]]:
        return [[script("saq"), "benchmarks.peers.saq.settings", "--quiet"]] * WORKERS

    async def connect(self) -> None:
        self._queue = Queue.from_url(_URL)
        await self._queue.connect()

    async def disconnect(self) -> None:
        await self._queue.disconnect()

    async def launch(self, function: str, value: Any, due: float | None) -> Handle:
        later = {} if due is None else {"scheduled": due}
        return await self._queue.enqueue(function, value=value, ttl=_KEPT, timeout=60, **later)

    async def fetch(self, handle: Handle, timeout: float, *, alone: bool) -> None:
        await handle.refresh(until_complete=timeout)

    def call(self, function: str, value: Any) -> None:
        self._run(self._queue.apply(function, value=value, timeout=60, poll_interval=0.001))
