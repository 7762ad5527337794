"""The watchers: clients that wait for batches are told how these stand, some times a second.

Who watches is only remembered here. A client that misses a message, or outlives this service, asks
again; it does so every now and then anyway, since it is forgotten if it does not.
"""

from __future__ import annotations

import time
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from schedulergodx.core.batch import WAIT_SECONDS, BatchBody
from schedulergodx.core.envelope import MessageType
from schedulergodx.service.tick import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.core.envelope import Header
    from schedulergodx.core.view import BatchView
    from schedulergodx.service.tick import Tick
    from schedulergodx.storage.base import Store

_INTERVAL = 0.2  # seconds between two messages about one batch, but for the last


class _Watcher(NamedTuple):
    client: str
    instance: str


class Watchers:
    """Tells clients of batches.

    clock: monotonic
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._watched: dict[int, dict[_Watcher, float]] = {}  # until when each is told
        self._told: dict[int, float] = {}  # when all were told of it last
        self._news: set[int] = set()  # batches that changed since

    def watch(self, number: int, header: Header, tick: Tick) -> None:
        """Tell an instance of a client of a batch from now on."""
        watcher = _Watcher(header.client, header.instance)
        tick.later.append(partial(self._add, number, watcher))

    def tell(self, tick: Tick) -> None:
        """Inside a round, at its end: say what has changed, where it is time."""
        if not self._watched:
            return
        self._news |= self._store.changed_batches() & self._watched.keys()
        now = self._clock()
        views = {number: self._view(number) for number in self._news}
        due = {
            number: view
            for number, view in views.items()
            if view is None or view.ended or now >= self._next(number)
        }
        for watcher, batches in self._by_watcher(due, now).items():
            body = BatchBody(batches)
            tick.replies.append(Reply(watcher.client, watcher.instance, MessageType.BATCH, body))
        if due:
            tick.later.append(partial(self._note, due, now))

    @property
    def patience(self) -> float:
        """Seconds until there is something to tell."""
        first = min(map(self._next, self._news), default=float("inf"))
        return max(0.0, first - self._clock())

    def _view(self, number: int) -> BatchView | None:
        """How a batch stands; None if it was removed."""
        try:
            return self._store.view_batch(number)
        except KeyError:
            return None

    def _next(self, number: int) -> float:
        return self._told.get(number, 0.0) + _INTERVAL

    def _by_watcher(
        self, views: dict[int, BatchView | None], now: float
    ) -> dict[_Watcher, list[BatchView]]:
        found: dict[_Watcher, list[BatchView]] = defaultdict(list)
        for number, view in views.items():
            for watcher, until in self._watched.get(number, {}).items():
                if view is not None and now < until:
                    found[watcher].append(view)
        return found

    def _add(self, number: int, watcher: _Watcher) -> None:
        self._watched.setdefault(number, {})[watcher] = self._clock() + WAIT_SECONDS

    def _note(self, told: dict[int, BatchView | None], now: float) -> None:
        """That was told: forget what is over, and who has not asked for long."""
        self._news.difference_update(told)
        for number, view in told.items():
            self._told[number] = now
            watchers = self._watched.get(number, {})
            stale = [watcher for watcher, until in watchers.items() if now >= until]
            for watcher in stale:
                del watchers[watcher]
            if view is None or view.ended or not watchers:
                self._watched.pop(number, None)
                self._told.pop(number, None)
