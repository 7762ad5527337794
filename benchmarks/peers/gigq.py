"""GigQ on SQLite, its polling tuned from seconds to milliseconds. It knows no deferred jobs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from gigq import Job, JobQueue, Worker

from benchmarks.contestant import TIMEOUT, WORKERS, Contestant, Handle, Offer, poll
from benchmarks.functions import FUNCTIONS
from benchmarks.place import Place

_POLLING = 0.005  # seconds; its default is 5


class Gigq(Contestant):
    """It has one setting here."""

    offers: ClassVar = frozenset({Offer.RESULTS, Offer.WORKERS})
    module: ClassVar = "gigq"

    def commands(self) -> Sequence[Sequence[str]]:
        return [[sys.executable, "-m", "benchmarks.peers.gigq"]] * WORKERS

    def start(self) -> None:
        self._queue = JobQueue(_path(self.place))
        super().start()

    def send(self, function: str, value: Any, due: float | None = None) -> Handle:
        return self._queue.submit(Job(function, FUNCTIONS[function], params={"value": value}))

    def wait(self, handles: Sequence[Handle], timeout: float = TIMEOUT) -> None:
        for handle in handles:
            poll(lambda handle=handle: self._queue.get_result(handle) is not None, timeout, 0.002)


def _path(place: Place) -> str:
    return str(place.path("gigq.db"))


if __name__ == "__main__":
    Worker(_path(Place.here()), polling_interval=_POLLING).start()
