"""The client of the prototype: one connection, whose loop runs while it sends or waits."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pika
from pika.adapters.select_connection import SelectConnection

from benchmarks.prototype.wire import ANSWERS, REQUESTS, decode, encode

_PREFETCH = 1000
_CROWD = 2000  # jobs that may be unconfirmed
_PERSISTENT = pika.BasicProperties(delivery_mode=2)


class Client:
    """Sends jobs in messages of `jobs` each, as many at once as the broker confirms in time."""

    def __init__(self, url: str, jobs: int) -> None:
        self._jobs = jobs
        self._window = max(4, _CROWD // jobs)
        self._ids = itertools.count(1)
        self._missing: set[int] = set()
        self._sent = self._confirmed = 0
        self._ended: Callable[[], bool] = bool
        self._connection = SelectConnection(
            pika.URLParameters(url),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self._on_open),
        )
        self._ready = False
        self._run_until(lambda: self._ready)

    def send(self, function: str, code: bytes, values: Iterable[Any]) -> list[int]:
        """Send a job for each value; their ids, when all are confirmed."""
        jobs = [(next(self._ids), value) for value in values]
        self._missing.update(job for job, _ in jobs)
        starts = iter(range(0, len(jobs), self._jobs))

        def pump() -> bool:
            while self._sent - self._confirmed < self._window:
                start = next(starts, None)
                if start is None:
                    return self._sent == self._confirmed
                message = (function, code, jobs[start : start + self._jobs])
                self._channel.basic_publish("", REQUESTS, encode(message), _PERSISTENT)
                self._sent += 1
            return False

        if not pump():
            self._run_until(pump)
        return [job for job, _ in jobs]

    def wait(self) -> None:
        """Until the results of all that was sent are here."""
        if self._missing:
            self._run_until(lambda: not self._missing)

    def close(self) -> None:
        """Disconnect."""
        self._connection.add_on_close_callback(lambda *_: self._connection.ioloop.stop())
        self._connection.close()
        self._connection.ioloop.start()

    def _run_until(self, ended: Callable[[], bool]) -> None:
        self._ended = ended
        self._connection.ioloop.start()
        self._ended = bool

    def _look(self) -> None:
        if self._ended():
            self._connection.ioloop.stop()

    def _on_open(self, channel: Any) -> None:
        self._channel = channel
        channel.queue_declare(ANSWERS, durable=True)
        channel.queue_declare(REQUESTS, durable=True)
        channel.basic_qos(prefetch_count=_PREFETCH)
        channel.basic_consume(ANSWERS, self._on_answers)
        channel.confirm_delivery(self._on_confirm, callback=self._on_ready)

    def _on_ready(self, _frame: Any) -> None:
        self._ready = True
        self._look()

    def _on_confirm(self, frame: Any) -> None:
        self._confirmed = max(self._confirmed, frame.method.delivery_tag)
        self._look()

    def _on_answers(self, channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        self._missing.difference_update(job for job, _ in decode(body))
        channel.basic_ack(method.delivery_tag)
        self._look()
