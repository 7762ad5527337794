"""APScheduler 3 as a keeper of schedules, in the program that has their functions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from benchmarks.functions import noop, stamp
from benchmarks.keeper import TIMES, ZONES, Keeper
from benchmarks.place import Place

_FIELDS = {
    "daily at 03:00": {"hour": 3},
    "daily between 22:00 and 23:00": {"hour": 22},
    "weekly on Mon": {"day_of_week": "mon", "hour": 0},
    "monthly on 5th": {"day": 5, "hour": 0},
}
_DAY = timedelta(days=1)
_LOOKS = 9_000  # at most


class Apscheduler(Keeper):
    """Settings: `sqlite`, where each schedule is a commit, or `memory`."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        stores = {"default": {"type": "sqlalchemy", "url": f"sqlite:///{place.path('a.db')}"}}
        kept = {"jobstores": stores} if place.setting == "sqlite" else {}
        self.most = 10_000 if kept else self.most
        self._scheduler = BackgroundScheduler(job_defaults={"misfire_grace_time": None}, **kept)
        self._triggers: list[BaseTrigger] = []

    def fill(self, schedules: int) -> None:
        self._scheduler.start(paused=True)
        later = datetime.now(UTC) + _DAY
        for number in range(schedules):
            trigger = _trigger(TIMES[number % len(TIMES)], ZONES[number % len(ZONES)])
            self._triggers.append(trigger)
            self._scheduler.add_job(noop, trigger, args=(number,), next_run_time=later)

    def look(self) -> float:
        now = datetime.now(UTC)
        looked = self._triggers[:_LOOKS]
        begin = time.process_time()
        for trigger in looked:
            trigger.get_next_fire_time(now, now)
        spent = time.process_time() - begin
        self._triggers.clear()
        return spent / len(looked)

    def start(self) -> None:
        self._scheduler.resume()

    def fire_at(self, dues: Sequence[float]) -> None:
        for place, instant in enumerate(dues):
            at = datetime.fromtimestamp(instant, UTC)
            self._scheduler.add_job(stamp, "date", run_date=at, args=(place,))

    def close(self) -> None:
        self._scheduler.shutdown(wait=False)


def _trigger(rule: str, zone: str) -> BaseTrigger:
    if rule in _FIELDS:
        return CronTrigger(**_FIELDS[rule], timezone=zone)
    if rule.startswith("cron "):
        return CronTrigger.from_crontab(rule.removeprefix("cron ").lower(), timezone=zone)
    return IntervalTrigger(hours=20, timezone=ZoneInfo(zone))
