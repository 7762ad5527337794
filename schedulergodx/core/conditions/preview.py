"""When a rule will fire, as far as time alone decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from schedulergodx.core.conditions.base import Action, Fire, Happening, Moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from schedulergodx.core.conditions.base import Condition, History, Start

_STEPS = 10_000  # looks at a rule between two fires, after which none is expected
_FURTHEST = 1000 * 365.25 * 86400.0  # seconds: calendars end


def next_fires(
    condition: Condition, after: float, zone: ZoneInfo, history: History, n: int
) -> list[float]:
    """The next n instants at which a rule will fire, from `after` on; fewer if no more are known.

    Each run is taken to start at once and to succeed before the next; no event is expected. A rule
    that holds on after a fire is listed once for each stretch in which it holds.
    """
    return list(islice(fires(condition, after, zone, history), n))


def fires(condition: Condition, after: float, zone: ZoneInfo, history: History) -> Iterator[float]:
    """The same without an end, but a thousand years."""
    moment = Moment(after, zone, _Foreseen(history))
    steps, fired = 0, False
    while steps < _STEPS:
        steps += 1
        view = condition.view(moment)
        if view.holds and not fired:
            yield moment.now
            steps = 0
            fire = Fire(view.since, moment.now)
            moment = replace(moment, history=_Foreseen(history, fire))
            view = condition.view(moment)
        fired = view.holds
        if view.changes is None or view.changes > after + _FURTHEST:
            return
        moment = replace(moment, now=view.changes)


@dataclass(frozen=True, slots=True)
class _Foreseen:
    """A history that goes on with one more fire."""

    past: History
    fire: Fire | None = None

    @property
    def made(self) -> float:
        return self.past.made

    @property
    def start(self) -> Start:
        return self.past.start

    @property
    def fired(self) -> Fire | None:
        return self.fire or self.past.fired

    @property
    def service_started(self) -> float:
        return self.past.service_started

    @property
    def env(self) -> str | None:
        return self.past.env

    @property
    def params(self) -> Mapping[str, object]:
        return self.past.params

    def latest(
        self, action: Action, task: str | None, nth: int = 1, before: float | None = None
    ) -> Happening | None:
        known = (Action.STARTED, Action.SUCCEEDED, Action.FINISHED)
        fire = self.fire
        if fire is None or task is not None or action not in known:
            return self.past.latest(action, task, nth, before)
        if before is not None and before <= fire.at:
            return self.past.latest(action, task, nth, before)
        if nth > 1:
            return self.past.latest(action, task, nth - 1, before)
        newest = self.past.latest(action, task)
        return Happening(newest.number + 1 if newest else 1, fire.at)

    def unconsumed(self, action: Action, task: str) -> Happening | None:
        return None if self.fire else self.past.unconsumed(action, task)

    def running(self, task: str | None) -> int:
        return self.past.running(task) if self.fire is None or task is not None else 0
