"""The scheduler: what is due now may run, and what was not started in time will not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schedulergodx.service.tick import Tick
    from schedulergodx.storage.base import Store

_SLICE = 1000  # rows a tick: others are served in between


class Scheduler:
    """Watches the clock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._more = False
        self._next_deadline: float | None = 0.0  # as of the last round; at first, at once
        self._next_due: float | None = 0.0

    def release(self, tick: Tick) -> None:
        """scheduled -> pending; scheduled, pending -> expired; blocked -> as another one ended."""
        deadline = self._store.next_deadline()
        if deadline is not None and deadline <= tick.now:
            tick.told += self._store.expire(tick.now, _SLICE)
            deadline = self._store.next_deadline()
        due = self._store.next_due()
        if due is not None and due <= tick.now:
            self._store.release_due(tick.now, _SLICE)
            due = self._store.next_due()
        self._next_deadline, self._next_due = deadline, due
        self._store.release_rates(tick.now)
        joined = self._store.end_joined(tick.now, _SLICE)
        self._more = len(joined) >= _SLICE
        tick.told += joined

    def next_moment(self) -> float | None:
        """When the clock alone gives this service something to do; None for never.

        What follows `release` in a round can only put it off, so that it may be in vain.
        """
        if self._more:
            return 0.0
        moments = (self._next_due, self._next_deadline, self._store.next_start())
        return min((moment for moment in moments if moment is not None), default=None)
