"""The product as a keeper of schedules: a service on the embedded broker, and its client."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from benchmarks.functions import stamp
from benchmarks.keeper import TIMES, ZONES, Keeper
from schedulergodx.client import AsyncClient
from schedulergodx.core.conditions.base import Moment, due
from schedulergodx.core.identity import UidSource
from schedulergodx.core.job import Spec
from schedulergodx.core.message import JobItem, TaskBody
from schedulergodx.core.policy import Policy
from schedulergodx.core.rule import read_rule, read_zone, tasks_of
from schedulergodx.service.past import Past, Surroundings
from schedulergodx.storage import make_store
from schedulergodx.storage.base import Store
from schedulergodx.storage.schedules import Plan

RULES = (
    *TIMES,
    "every 3 days & ~task 'backup' is running",
    "after task 'load' & time of day between 10:00 and 12:00",
)
_DAY = 86400.0
_LOOKS = 9_000  # at most
_BEFORE = 1.0  # seconds: the interval that ends with a fire
_SERVICE = "import json, sys; from schedulergodx.service import Service; "
_SERVICE += "Service(**json.loads(sys.argv[1])).start()"


class Product(Keeper):
    """The schedules that wait are put into the database; those that fire go through a client."""

    _service: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self._service.pid

    @property
    def _database(self) -> str:
        return f"sqlite:///{self.place.path('jobs.db')}"

    @property
    def _broker(self) -> str:
        return f"spool:{self.place.path('spool')}"

    def fill(self, schedules: int) -> None:
        store = self._open()
        client, new_uid = store.client_id("benchmark"), UidSource()
        spec = Spec("benchmark", bytes(16), "cpython-311", "dill/0.4.1")
        body = msgspec.msgpack.encode(TaskBody(spec, {}, [JobItem(bytes(16), bytes(100))]))
        now = time.time()
        for number in range(schedules):
            rule, zone = str(read_rule(RULES[number % len(RULES)])), ZONES[number % len(ZONES)]
            plan = Plan(rule, zone, Policy(), "benchmark", "default", body)
            key = store.add_schedule(new_uid(), client, f"schedule {number}", plan, now)
            store.listen(key, tasks_of(rule, plan.task))
            store.plan_schedule(key, now + _DAY)
        store.commit()
        store.close()

    def look(self) -> float:
        """As the service does: read the schedule, ask its rule, write when to look again."""
        store = self._open()
        now = time.time()
        numbers = store.active_schedules(0, _LOOKS)
        spent = 0.0
        for _ in range(2):  # the second time counts: the rules have been read
            begin = time.process_time()
            for number in numbers:
                schedule = store.schedule(number)
                past = Past(store, schedule, Surroundings(now))
                plan = schedule.plan
                due(read_rule(plan.rule), Moment(now, read_zone(plan.zone), past))
                store.plan_schedule(number, now + _DAY)
            spent = time.process_time() - begin
        store.rollback()
        store.close()
        return spent / len(numbers)

    def start(self) -> None:
        settings = {"broker": self._broker, "db": self._database, "workers": 2}
        self._service = subprocess.Popen(
            [sys.executable, "-c", _SERVICE, json.dumps(settings)], stderr=subprocess.DEVNULL
        )
        health = self.place.path("jobs.db.health")
        while not (health.exists() and json.loads(health.read_text())["ready"]):
            time.sleep(0.05)

    def fire_at(self, dues: Sequence[float]) -> None:
        asyncio.run(self._schedule(dues))

    async def _schedule(self, dues: Sequence[float]) -> None:
        """All at once, so that they share commits."""

        async def one(place: int, instant: float) -> None:
            start = datetime.fromtimestamp(instant - _BEFORE, UTC)
            what = {"name": f"fire {place}", "start": start, "max_runs": 1, "args": (place,)}
            await client.schedule(f"every {_BEFORE:g} s", stamp, **what)

        async with AsyncClient("benchmark", broker=self._broker) as client:
            await asyncio.gather(*(one(place, instant) for place, instant in enumerate(dues)))

    def close(self) -> None:
        self._service.terminate()
        self._service.wait()

    def _open(self) -> Store:
        store = make_store(self._database)
        store.open()
        store.begin()
        return store
