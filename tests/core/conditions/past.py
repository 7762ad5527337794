"""A history that is made by hand, and moments in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from schedulergodx.core.conditions.base import (
    Action,
    Condition,
    Fire,
    Happening,
    Moment,
    Start,
    View,
    due,
)

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
ENDS = (Action.SUCCEEDED, Action.FAILED, Action.TERMINATED, Action.INACTED)


def instant(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> float:
    """The instant of "2027-03-28 02:30" on the clocks of a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


@dataclass
class Past:
    """All that the rules may ask of one schedule."""

    made: float = 0.0
    start: Start = Start.RULE
    fired: Fire | None = None
    service_started: float = 0.0
    env: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    happened: list[tuple[int, Action, str | None, float]] = field(default_factory=list)
    cursors: dict[tuple[Action, str], int] = field(default_factory=dict)
    under_way: dict[str | None, int] = field(default_factory=dict)

    def add(self, action: Action, at: float, task: str | None = None) -> None:
        """Let something happen."""
        number = len(self.happened) + 1
        self.happened.append((number, action, task, at))
        if action in ENDS:
            self.happened.append((number, Action.FINISHED, task, at))

    def fire(self, condition: Condition, now: float, zone: ZoneInfo = BERLIN) -> None:
        """Do what who keeps schedules does: note the fire and what it consumes."""
        moment = self.at(now, zone)
        view = due(condition, moment)
        assert view.holds, f"{condition} does not fire at {now}"
        for used in condition.consumed(moment):
            self.cursors[used.action, used.task] = used.number
        self.fired = Fire(view.since, now)

    def at(self, now: float, zone: ZoneInfo = BERLIN) -> Moment:
        return Moment(now, zone, self)

    def due(self, condition: Condition, now: float, zone: ZoneInfo = BERLIN) -> View:
        return due(condition, self.at(now, zone))

    def latest(
        self, action: Action, task: str | None, nth: int = 1, before: float | None = None
    ) -> Happening | None:
        found = [
            Happening(number, at)
            for number, what, whose, at in self.happened
            if what is action and whose == task and (before is None or at < before)
        ]
        return found[-nth] if len(found) >= nth else None

    def unconsumed(self, action: Action, task: str) -> Happening | None:
        after = self.cursors.get((action, task), 0)
        for number, what, whose, at in self.happened:
            if what is action and whose == task and number > after and at >= self.made:
                return Happening(number, at)
        return None

    def running(self, task: str | None) -> int:
        return self.under_way.get(task, 0)
