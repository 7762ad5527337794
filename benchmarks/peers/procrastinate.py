"""Procrastinate on PostgreSQL. It keeps no results; jobs are counted as they start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, ClassVar

from procrastinate import App, PsycopgConnector

from benchmarks.contestant import WORKERS, Handle, Offer, delay_until, script
from benchmarks.functions import FUNCTIONS, PLAIN
from benchmarks.peers.loop import LoopContestant
from benchmarks.place import Place

_BULK = 500
_AT_ONCE = "20"

app = App(connector=PsycopgConnector(conninfo=Place.here().postgres))


def _task(name: str) -> Any:
    run: Callable[[Any], Any] = FUNCTIONS[name]

    async def body(value: Any) -> None:
        run(value)

    return app.task(name=name, queue="bench", retry=False)(body)


TASKS = {name: _task(name) for name in PLAIN}


class Procrastinate(LoopContestant):
    """It has one setting here."""

    offers: ClassVar = frozenset({Offer.DELAYS, Offer.WORKERS})
    module: ClassVar = "procrastinate"
    slice: ClassVar = 20

    def commands(self) -> Sequence[Sequence[str]]:
        program = [script("procrastinate"), "--app", "benchmarks.peers.procrastinate.app"]
        return [[*program, "worker", "-c", _AT_ONCE, "-q", "bench"]] * WORKERS

    def start(self) -> None:
        self._run(self._apply_schema())
        super().start()

    async def connect(self) -> None:
        await app.open_async()

    async def disconnect(self) -> None:
        await app.close_async()

    async def launch(self, function: str, value: Any, due: float | None) -> Handle:
        when = {"seconds": delay_until(due) or 0.0}
        return await TASKS[function].configure(schedule_in=when).defer_async(value=value)

    def send_many(
        self, function: str, values: Iterable[Any], dues: Sequence[float] | None = None
    ) -> list[Handle]:
        if dues is not None:
            return super().send_many(function, values, dues)
        return self._run(self._send_bulk(function, values))

    async def _send_bulk(self, function: str, values: Iterable[Any]) -> list[Handle]:
        sent: list[Handle] = []
        rest = iter(values)
        while part := [{"value": value} for value in islice(rest, _BULK)]:
            sent += await TASKS[function].batch_defer_async(*part)
        return sent

    async def _apply_schema(self) -> None:
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
