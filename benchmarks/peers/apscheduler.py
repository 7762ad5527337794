"""APScheduler 3, which runs jobs in the program that schedules them: no broker, no results."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from apscheduler.schedulers.background import BackgroundScheduler

from benchmarks.contestant import Contestant, Handle, Offer
from benchmarks.functions import FUNCTIONS


class Apscheduler(Contestant):
    """Settings: `sqlite` or `memory`."""

    offers: ClassVar = frozenset({Offer.DELAYS})
    module: ClassVar = "apscheduler.schedulers.background"

    def open(self) -> None:
        stores = {"default": {"type": "sqlalchemy", "url": f"sqlite:///{self.place.path('a.db')}"}}
        kept = {"jobstores": stores} if self.setting == "sqlite" else {}
        self._scheduler = BackgroundScheduler(job_defaults={"misfire_grace_time": None}, **kept)
        self._scheduler.start()

    def close(self) -> None:
        self._scheduler.shutdown(wait=False)

    def send(self, function: str, value: Any, due: float | None = None) -> Handle:
        at = datetime.now() if due is None else datetime.fromtimestamp(due)
        return self._scheduler.add_job(FUNCTIONS[function], "date", run_date=at, args=(value,))
