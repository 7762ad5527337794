"""The past of a schedule, as its rule asks for it: a `History` over the store."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schedulergodx.core.conditions.base import Fire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schedulergodx.core.conditions.base import Action, Happening, Start
    from schedulergodx.storage.base import Store
    from schedulergodx.storage.schedules import Consumption, Fired, Schedule


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all rules of a service share.

    started: when it was
    env: the name of its environment
    params: gives the parameters of its session
    """

    started: float
    env: str | None = None
    params: Callable[[], Mapping[str, object]] = dict


class Past:
    """See `core.conditions.base.History`. It goes on with each fire."""

    def __init__(self, store: Store, schedule: Schedule, surroundings: Surroundings) -> None:
        self._store = store
        self._schedule = schedule
        self._surroundings = surroundings
        self.last: Fired | None = schedule.last
        self.consumed: Consumption = dict(schedule.consumed)
        policy = schedule.plan.policy
        self.made = max(schedule.since, -math.inf if policy.start is None else policy.start)

    @property
    def start(self) -> Start:
        """When it fires first."""
        return self._schedule.plan.policy.first

    @property
    def fired(self) -> Fire | None:
        """The last fire of its rule."""
        return None if self.last is None else Fire(self.last.instant, self.last.at)

    @property
    def service_started(self) -> float:
        """When the service started."""
        return self._surroundings.started

    @property
    def env(self) -> str | None:
        """The name of the service's environment."""
        return self._surroundings.env

    @property
    def params(self) -> Mapping[str, object]:
        """The parameters of the session."""
        return self._surroundings.params()

    def latest(
        self, action: Action, task: str | None, nth: int = 1, before: float | None = None
    ) -> Happening | None:
        """The newest happening, the one before it for nth=2, and so on; all before that instant."""
        bound = math.inf if before is None else before
        return self._store.latest(action, task or self._schedule.plan.task, nth, bound)

    def unconsumed(self, action: Action, task: str) -> Happening | None:
        """The oldest one since the schedule was made that no fire has consumed."""
        begin = self._schedule.heard.get(task, 0)
        return self._store.first_after(
            action, task, max(begin, self.consumed.get((action, task), 0))
        )

    def running(self, task: str | None) -> int:
        """How many runs were launched and have not ended."""
        if task is None:
            return len(self._store.unfinished(self._schedule.number))
        return self._store.running_of(task)
