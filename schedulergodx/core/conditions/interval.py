"""Rules that count real time: since the last fire, since the service started."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from schedulergodx.core.conditions.base import Action, Condition, Event, Kind, Start, View
from schedulergodx.core.conditions.words import duration_text

if TYPE_CHECKING:
    from schedulergodx.core.conditions.base import Moment


class Based(StrEnum):
    """From what an interval is counted."""

    RUN = "run"  # the start of the last fire
    FINISH = "finish"  # the end of the last run, however it ended
    SUCCESS = "success"
    FAIL = "fail"


_ACTIONS = {
    Based.FINISH: Action.FINISHED,
    Based.SUCCESS: Action.SUCCEEDED,
    Based.FAIL: Action.FAILED,
}


@dataclass(frozen=True, slots=True)
class Every(Condition):
    """When so many seconds have passed."""

    seconds: float
    based: Based = Based.RUN

    def view(self, moment: Moment) -> View:
        history = moment.history
        if self.based is not Based.RUN and history.running(None):
            return View(False, None, history.fired.at if history.fired else history.made)
        base = self._base(moment)
        due = base + self.seconds
        if moment.now >= due:
            return View(True, None, due)
        return View(False, due, base)

    def _base(self, moment: Moment) -> float:
        history = moment.history
        if self.based is not Based.RUN:
            last = history.latest(_ACTIONS[self.based], None)
            if last is not None:
                return last.at
        if history.fired is None:
            return history.made - (self.seconds if history.start is Start.NOW else 0.0)
        # A fire that was late by less than an interval does not shift those after it.
        late = history.fired.at - history.fired.due
        return history.fired.due if 0 <= late < self.seconds else history.fired.at

    def counts(self, moment: Moment) -> bool:
        return True

    def events(self) -> frozenset[Event]:
        return frozenset() if self.based is Based.RUN else frozenset({Event(Kind.FINISHED)})

    @property
    def level(self) -> bool:
        return False

    def __str__(self) -> str:
        based = "" if self.based is Based.RUN else f" based on {self.based}"
        return f"every {duration_text(self.seconds)}{based}"


@dataclass(frozen=True, slots=True)
class ServiceStarted(Condition):
    """While the service has been there for at most so many seconds."""

    seconds: float

    def view(self, moment: Moment) -> View:
        return _young(moment, self.seconds)

    def __str__(self) -> str:
        return f"scheduler started {duration_text(self.seconds)} ago"


@dataclass(frozen=True, slots=True)
class AfterServiceStart(Condition):
    """When the service has started, since the last fire or since the schedule was made."""

    def view(self, moment: Moment) -> View:
        history = moment.history
        started, last = history.service_started, history.fired
        if last is None and history.start is Start.NOW:
            return View(True, None, max(started, history.made))
        since = history.made if last is None else last.at
        return View(started > since, None, max(started, since))

    @property
    def level(self) -> bool:
        return False

    def __str__(self) -> str:
        return "scheduler started"


@dataclass(frozen=True, slots=True)
class ServiceHasRun(Condition):
    """From when the service has been there for so many seconds."""

    seconds: float

    def view(self, moment: Moment) -> View:
        view = _young(moment, self.seconds)
        return View(not view.holds, view.changes, view.since)

    def __str__(self) -> str:
        return f"scheduler has run over {duration_text(self.seconds)}"


def _young(moment: Moment, seconds: float) -> View:
    started = moment.history.service_started
    if moment.now < started + seconds:
        return View(True, started + seconds, started)
    return View(False, None, started + seconds)
