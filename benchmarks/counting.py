"""Counts what the product does for its jobs: statements, commits, messages, bytes, frames, calls.

The service runs in a thread of this process, on the broker in memory and a real database, with real
workers. Its seams are watched from outside; nothing in the product knows of it.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from schedulergodx.brokers.memory import MemoryBroker
from schedulergodx.client import Client
from schedulergodx.config import load_settings
from schedulergodx.executors.line import Line
from schedulergodx.executors.pool import ProcessExecutor
from schedulergodx.service import Service
from schedulergodx.storage.sqlite.connection import Connection
from schedulergodx.storage.sqlite.store import SQLiteStore

_RESPONSES = "service-client."
_FRAMING = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA")  # they are no statements about jobs
_START = 30.0
_names = itertools.count(1)

Counts = Counter[str]


class Counting:
    """A service and a client, watched.

    calls: whether to count the functions that the service's thread calls, which slows it down
    """

    def __init__(self, folder: Path, *, calls: bool = False) -> None:
        name = f"counting-{next(_names)}"
        self.counts: Counts = Counter()
        self._calls = calls
        settings = load_settings(
            environ={}, broker=f"memory:{name}", db=f"sqlite:///{folder}/{name}.db", workers=2
        )
        self._service = Service(settings=settings)
        self._thread = threading.Thread(target=self._serve, name=name)
        self._broker = f"memory:{name}"

    def __enter__(self) -> Client:
        self._watching = ExitStack()
        self._watching.enter_context(self._watch())
        self._thread.start()
        if not self._service.wait_ready(_START):
            raise TimeoutError(f"the service was not ready within {_START:g} s")
        return Client("counting", broker=self._broker)

    def __exit__(self, *_: object) -> None:
        self._service.stop(0)
        self._thread.join()
        self._watching.close()

    def taken(self) -> Counts:
        """What was counted since the last call."""
        counts, self.counts = self.counts.copy(), Counter()
        return counts

    def _serve(self) -> None:
        if self._calls:
            sys.setprofile(self._count_call)
        self._service.start()

    def _count_call(self, frame: object, event: str, argument: object) -> None:
        if event == "call":
            self.counts["calls"] += 1

    @contextmanager
    def _watch(self) -> Iterator[None]:
        with ExitStack() as stack:
            for owner, name, note in (
                (Connection, "rows", self._note_statement),
                (SQLiteStore, "commit", lambda *_: self._add("commits")),
                (MemoryBroker, "publish", self._note_message),
                (Line, "send", lambda *_: self._add("frames to workers")),
                (ProcessExecutor, "_hear", lambda *_: self._add("frames from workers")),
            ):
                stack.enter_context(mock.patch.object(owner, name, _noting(owner, name, note)))
            yield

    def _add(self, what: str, number: int = 1) -> None:
        self.counts[what] += number

    def _note_statement(self, _: Connection, text: str, *values: object) -> None:
        if not text.startswith(_FRAMING):
            self._add("statements")

    def _note_message(self, _: MemoryBroker, address: str, body: bytes) -> None:
        way = "responses" if address.startswith(_RESPONSES) else "requests"
        self._add(f"messages of {way}")
        self._add(f"bytes of {way}", len(body))


def _noting(owner: type, name: str, note: Callable[..., None]) -> Callable[..., Any]:
    """A method that is noted and then does what it does."""
    original: Callable[..., Any] = getattr(owner, name)

    def noted(*args: Any, **kwargs: Any) -> Any:
        note(*args)
        return original(*args, **kwargs)

    return noted
