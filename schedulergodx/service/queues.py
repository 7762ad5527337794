"""The queues that a service serves, as its operators see them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from schedulergodx.core.view import QueueView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schedulergodx.core.job import Status
    from schedulergodx.storage.base import Store


class Queues:
    """What is known of queues.

    names: those that are served
    limits: how many jobs of a queue may run at once
    rates: how many may start, in how many seconds
    """

    def __init__(
        self,
        store: Store,
        names: Sequence[str],
        *,
        limits: Mapping[str, int],
        rates: Mapping[str, tuple[int, float]],
    ) -> None:
        self._store = store
        self._names = tuple(names)
        self._limits = limits
        self._rates = rates

    def views(self) -> list[QueueView]:
        """Each queue, in the order of the settings."""
        paused = self._store.paused()
        counts: dict[str, dict[Status, int]] = defaultdict(dict)
        for (queue, status), jobs in self._store.counts().items():
            if jobs:
                counts[queue][status] = jobs
        return [
            QueueView(
                name,
                paused=paused.get(name),
                concurrency=self._limits.get(name),
                rate=self._rates.get(name),
                counts=counts[name],
            )
            for name in self._names
        ]

    def set_paused(self, name: str, paused: bool, now: float) -> bool:
        """Pause a queue, or go on with it; False if it was so already."""
        if paused == (name in self._store.paused()):
            return False
        if paused:
            self._store.pause(name, now)
        else:
            self._store.resume(name)
        return True
