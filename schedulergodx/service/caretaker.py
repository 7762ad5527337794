"""The caretaker: prunes what was kept long enough, tidies the database, says that it is well."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.service.tick import Tick
    from schedulergodx.storage.base import Retention, Store

logger = logging.getLogger(__name__)

_SLICE = 500  # jobs pruned a round: others are served in between
_PRUNE_EVERY = 60.0
_PULSE_EVERY = 5.0


class Caretaker:
    """Keeps house, a little at a time.

    retention: how long what has ended is kept
    schedules: for how many seconds their fires are kept; None for ever
    pulse: says that the service is well, to whoever watches over it
    """

    def __init__(
        self,
        store: Store,
        retention: Retention,
        pulse: Callable[[], None],
        *,
        schedules: float | None,
    ) -> None:
        self._store = store
        self._schedules = schedules
        self._retention = retention
        self._pulse = pulse
        self._pruned = 0.0
        self._beat = 0.0
        self._more = False

    @property
    def patience(self) -> float:
        """Seconds until the house needs keeping again."""
        if self._more:
            return 0.0
        return max(0.0, self._beat + _PULSE_EVERY - time.monotonic())

    def tidy(self, tick: Tick) -> None:
        """Inside a round: prune a slice, when it is time."""
        if not self._more and time.monotonic() - self._pruned < _PRUNE_EVERY:
            return
        pruned = self._store.prune(self._retention, tick.now, _SLICE)
        swept = self._store.sweep(tick.now, _SLICE)
        if self._schedules is not None:
            swept = max(swept, self._store.sweep_schedules(tick.now - self._schedules, _SLICE))
        self._more = pruned >= _SLICE or swept >= _SLICE
        if not self._more:
            self._pruned = time.monotonic()

    def rest(self) -> None:
        """Between rounds: checkpoint, and say that all is well."""
        self._store.checkpoint()  # it looks at the size of the log, and mostly does nothing
        now = time.monotonic()
        if now - self._beat >= _PULSE_EVERY:
            self._beat = now
            self._pulse()
