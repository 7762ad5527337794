"""Rocketry as a keeper of schedules: it looks at all of them ten times a second."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Sequence
from functools import partial

from rocketry import Rocketry as App
from rocketry.conds import cron, daily, every, false, monthly, weekly
from rocketry.core import BaseCondition

from benchmarks.functions import noop, stamp
from benchmarks.keeper import TIMES, Keeper
from benchmarks.place import Place

_RULES = {
    "daily at 03:00": daily.at("03:00"),
    "daily between 22:00 and 23:00": daily.between("22:00", "23:00"),
    "weekly on Mon": weekly.on("Monday"),
    "monthly on 5th": monthly.on("5th"),
    "cron 0 4 * * MON-FRI": cron("0 4 * * MON-FRI"),
    "cron */10 5 1 1 *": cron("*/10 5 1 1 *"),
    "every 20 hours": every("20 hours"),
}


class Rocketry(Keeper):
    """Its functions run on its loop, which is its quickest way."""

    most = 2_000

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._app = App(config={"task_execution": "main"})

    def fill(self, schedules: int) -> None:
        """A rule of which it has not fired yet holds for it: `false` keeps it from firing."""
        for number in range(schedules):
            rule = _RULES[TIMES[number % len(TIMES)]] & false
            self._app.task(rule, name=f"schedule {number}", func=partial(noop, number))

    def look(self) -> float:
        """It knows no next fire: whether one is due now is all that it can be asked."""
        tasks = list(self._app.session.tasks)
        begin = time.process_time()
        for task in tasks:
            task.start_cond.observe(task=task)
        return (time.process_time() - begin) / len(tasks)

    def start(self) -> None:
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._app.serve())

    def fire_at(self, dues: Sequence[float]) -> None:
        """On its loop, between two cycles: it walks through its set of tasks."""
        asyncio.run_coroutine_threadsafe(self._add(dues), self._loop).result()

    async def _add(self, dues: Sequence[float]) -> None:
        for place, instant in enumerate(dues):
            self._app.task(_Once(instant), name=f"fire {place}", func=partial(stamp, place))

    def close(self) -> None:
        self._app.session.shut_down()


class _Once(BaseCondition):
    """From an instant on, once."""

    def __init__(self, due: float) -> None:
        self._due = due

    def observe(self, **_: object) -> bool:
        holds = time.time() >= self._due
        if holds:
            self._due = math.inf
        return holds
