"""The service of the prototype: `python -m benchmarks.prototype.service`.

What was read in one turn of the loop is stored in one transaction, then acknowledged and handed to
the workers; what they return in one turn is stored in one transaction, then sent.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pika
from pika.adapters.select_connection import SelectConnection

from benchmarks.contestant import WORKERS
from benchmarks.place import Place
from benchmarks.prototype.wire import ANSWERS, ANSWERS_A_MESSAGE, REQUESTS, decode, encode
from benchmarks.prototype.worker import fork_worker

_SCHEMA = (
    "create table job(id integer primary key, status int, due real, function text,"
    " value blob, result blob)",
    "create index job_due on job(status, due)",
    "create table function(name text primary key, code blob)",
)
_ADD = "insert into job values(?, 1, ?, ?, ?, null)"
_FINISH = "update job set status = 2, result = ? where id = ?"
_PREFETCH = 1000
_FRAME = 100  # jobs
_PERSISTENT = pika.BasicProperties(delivery_mode=2)


class Service:
    """One store, one connection, some workers.

    synchronous: of SQLite, NORMAL or FULL
    """

    def __init__(self, place: Place, synchronous: str) -> None:
        self._workers = [fork_worker() for _ in range(WORKERS)]
        self._busy = [0] * WORKERS
        self._store = _open_store(place, synchronous)
        self._known: set[str] = set()
        self._requests: list[tuple[str, bytes, list[tuple[int, Any]]]] = []
        self._answers: list[tuple[int, Any]] = []
        self._tag = 0
        self._due: set[Callable[[], None]] = set()
        self._connection = SelectConnection(
            pika.URLParameters(place.rabbitmq), on_open_callback=self._on_open
        )

    def run(self) -> None:
        """Serve until it is killed."""
        self._connection.ioloop.start()

    def _on_open(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        loop = self._connection.ioloop
        for index, frames in enumerate(self._workers):
            loop.add_handler(frames.stream.fileno(), self._reader(index), loop.READ)
        channel.queue_declare(ANSWERS, durable=True)
        channel.queue_declare(REQUESTS, durable=True)
        channel.basic_qos(
            prefetch_count=_PREFETCH,
            callback=lambda _: channel.basic_consume(REQUESTS, self._on_request),
        )

    def _on_request(self, _channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        self._requests.append(decode(body))
        self._tag = method.delivery_tag
        self._soon(self._accept)

    def _reader(self, index: int) -> Callable[[int, int], None]:
        def read(_file: int, _events: int) -> None:
            for results in self._workers[index].receive():
                self._busy[index] -= len(results)
                self._answers += results
            self._soon(self._answer)

        return read

    def _soon(self, step: Callable[[], None]) -> None:
        if step not in self._due:
            self._due.add(step)
            self._connection.ioloop.call_later(0, step)

    def _accept(self) -> None:
        self._due.discard(self._accept)
        requests, self._requests = self._requests, []
        now = time.time()
        store = self._store
        store.execute("begin")
        for function, code, jobs in requests:
            if function not in self._known:
                self._known.add(function)
                store.execute("insert or ignore into function values(?, ?)", (function, code))
            rows = [(job, now, function, encode(value)) for job, value in jobs]
            store.executemany(_ADD, rows)
        store.execute("commit")
        self._channel.basic_ack(self._tag, multiple=True)
        self._dispatch(requests)

    def _dispatch(self, requests: list[tuple[str, bytes, list[tuple[int, Any]]]]) -> None:
        waiting: dict[str, list[tuple[int, Any]]] = {}
        for function, _, jobs in requests:
            waiting.setdefault(function, []).extend(jobs)
        for function, jobs in waiting.items():
            for start in range(0, len(jobs), _FRAME):
                part = jobs[start : start + _FRAME]
                index = self._busy.index(min(self._busy))
                self._busy[index] += len(part)
                self._workers[index].send((function, part))

    def _answer(self) -> None:
        self._due.discard(self._answer)
        answers, self._answers = self._answers, []
        store = self._store
        store.execute("begin")
        store.executemany(_FINISH, [(encode(result), job) for job, result in answers])
        store.execute("commit")
        for start in range(0, len(answers), ANSWERS_A_MESSAGE):
            body = encode(answers[start : start + ANSWERS_A_MESSAGE])
            self._channel.basic_publish("", ANSWERS, body, _PERSISTENT)


def _open_store(place: Place, synchronous: str) -> sqlite3.Connection:
    store = sqlite3.connect(place.path("prototype.db"), isolation_level=None)
    store.execute("pragma journal_mode = wal")
    store.execute(f"pragma synchronous = {synchronous}")
    store.execute("pragma cache_size = -64000")
    for statement in _SCHEMA:
        store.execute(statement)
    return store


if __name__ == "__main__":
    here = Place.here()
    Service(here, here.setting.split()[1]).run()
