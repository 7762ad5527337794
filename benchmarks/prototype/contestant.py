"""The bare prototype as a contestant."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from benchmarks import processes
from benchmarks.contestant import TIMEOUT, Contestant, Handle, Offer, Role
from benchmarks.functions import TABLE
from benchmarks.prototype.client import Client


class Prototype(Contestant):
    """Settings: the number of jobs a message, and `synchronous` of SQLite."""

    offers: ClassVar = frozenset({Offer.RESULTS, Offer.WORKERS, Offer.PAYLOAD})

    def commands(self) -> Sequence[Sequence[str]]:
        return [[sys.executable, "-m", "benchmarks.prototype.service"]]

    def pids(self) -> Mapping[Role, list[int]]:
        service, *workers = processes.family(self._started[0].pid)
        return {Role.SERVICE: [service], Role.WORKERS: workers}

    def open(self) -> None:
        self._client = Client(self.place.rabbitmq, int(self.setting.split()[0]))

    def close(self) -> None:
        self._client.close()

    def send(self, function: str, value: Any, due: float | None = None) -> Handle:
        return self.send_many(function, [value])[0]

    def send_many(
        self, function: str, values: Iterable[Any], dues: Sequence[float] | None = None
    ) -> list[Handle]:
        code = TABLE if function == "tabled" else b""
        jobs: list[Handle] = self._client.send(function, code, values)
        return jobs

    def wait(self, handles: Sequence[Handle], timeout: float = TIMEOUT) -> None:
        self._client.wait()
