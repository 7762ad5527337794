"""Rules on what has happened to runs of tasks: those of others, and the schedule's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schedulergodx.core.conditions.base import Action, Condition, Consumed, Event, Kind, View
from schedulergodx.core.conditions.bounded import Bounded, span_of
from schedulergodx.core.conditions.cycles import this
from schedulergodx.core.conditions.span import WHOLE, Span, Unit
from schedulergodx.core.conditions.words import duration_text, interval, quoted
from schedulergodx.errors import BadRule

if TYPE_CHECKING:
    from datetime import timedelta

    from schedulergodx.core.conditions.base import Happening, Moment

MOST_TIMES = 10**9
_OTHER_ENDS = (Action.SUCCEEDED, Action.TERMINATED, Action.INACTED)


@dataclass(frozen=True, slots=True)
class Past:
    """The last so many seconds."""

    seconds: float

    def __str__(self) -> str:
        return f"past {duration_text(self.seconds)}"


@dataclass(frozen=True, slots=True)
class This:
    """The period that is now, or a span of it."""

    unit: Unit
    span: Span = WHOLE

    def __str__(self) -> str:
        name = "today" if self.unit is Unit.DAY else f"this {self.unit}"
        return f"{name} {self.span.text(self.unit)}".strip()


@dataclass(frozen=True, slots=True)
class Has(Condition, Bounded["Has"]):
    """When something has happened to a task at least so many times, ever or lately."""

    action: Action
    task: str | None = None
    times: int = 1
    period: Past | This | None = None

    def __post_init__(self) -> None:
        _check_times(self.times)

    def view(self, moment: Moment) -> View:
        history = moment.history
        if isinstance(self.period, This):
            return self._in_this(moment, self.period)
        found = history.latest(self.action, self.task, self.times)
        if found is None:
            return View(False, None, history.made)
        if self.period is None:
            return View(True, None, found.at)
        ends = found.at + self.period.seconds
        return View(True, ends, found.at) if moment.now < ends else View(False, None, ends)

    def _in_this(self, moment: Moment, period: This) -> View:
        whole, window = this(period.unit, period.span, moment.zone, moment.now)
        if window is None:
            return View(False, whole.close, whole.open)
        found = moment.history.latest(self.action, self.task, self.times, window.close)
        if found is None or found.at < window.open:
            return View(False, None, whole.open)
        return View(True, whole.close, found.at)

    def more_than(self, times: int) -> Has:
        """More often than that."""
        return replace(self, times=times + 1)

    def at_least(self, times: int) -> Has:
        """That often or more."""
        return replace(self, times=times)

    def less_than(self, times: int) -> Condition:
        """Less often than that."""
        return ~replace(self, times=times)

    def past(self, duration: str | float | timedelta) -> Has:
        """In the time until now that is so long: "2 hours", or seconds."""
        return replace(self, period=Past(interval(duration)))

    @property
    def this_minute(self) -> Has:
        return replace(self, period=This(Unit.MINUTE))

    @property
    def this_hour(self) -> Has:
        return replace(self, period=This(Unit.HOUR))

    @property
    def today(self) -> Has:
        return replace(self, period=This(Unit.DAY))

    @property
    def this_week(self) -> Has:
        return replace(self, period=This(Unit.WEEK))

    @property
    def this_month(self) -> Has:
        return replace(self, period=This(Unit.MONTH))

    def _bounded(self, text: str) -> Has:
        if not isinstance(self.period, This):
            raise BadRule("of which period? Say it first, such as .today or .this_week", text, 0)
        unit = self.period.unit
        return replace(self, period=This(unit, span_of(text, unit)))

    def events(self) -> frozenset[Event]:
        kind = Kind.STARTED if self.action is Action.STARTED else Kind.FINISHED
        return frozenset({Event(kind, self.task)})

    def __str__(self) -> str:
        whose = "" if self.task is None else f"task {quoted(self.task)} "
        times = "" if self.times == 1 else f" at least {self.times} times"
        when = "" if self.period is None else f" {self.period}"
        return f"{whose}has {self.action}{times}{when}"


@dataclass(frozen=True, slots=True)
class Running(Condition):
    """While at least so many runs of a task are under way."""

    task: str | None
    times: int = 1

    def __post_init__(self) -> None:
        _check_times(self.times)

    def view(self, moment: Moment) -> View:
        holds = moment.history.running(self.task) >= self.times
        action = Action.STARTED if holds else Action.FINISHED
        last = moment.history.latest(action, self.task)
        return View(holds, None, last.at if last else moment.history.made)

    def more_than(self, times: int) -> Running:
        """More than that."""
        return Running(self.task, times + 1)

    def at_least(self, times: int) -> Running:
        """That many or more."""
        return Running(self.task, times)

    def less_than(self, times: int) -> Condition:
        """Less than that."""
        return ~Running(self.task, times)

    def events(self) -> frozenset[Event]:
        return frozenset({Event(Kind.STARTED, self.task), Event(Kind.FINISHED, self.task)})

    def __str__(self) -> str:
        task = "" if self.task is None else f" {quoted(self.task)}"
        times = "" if self.times == 1 else f" at least {self.times} times"
        return f"task{task} is running{times}"


@dataclass(frozen=True, slots=True)
class After(Condition):
    """When tasks have ended in a certain way; each time counts once.

    all_of: whether it takes all of them; else each of them is enough
    """

    tasks: tuple[str, ...]
    action: Action = Action.SUCCEEDED
    all_of: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "all_of", self.all_of or len(self.tasks) == 1)

    def view(self, moment: Moment) -> View:
        history = moment.history
        found = [one.at for _, one in self._unconsumed(moment)]
        if not found or (self.all_of and len(found) < len(self.tasks)):
            return View(False, None, history.fired.at if history.fired else history.made)
        return View(True, None, max(found) if self.all_of else min(found))

    def consumed(self, moment: Moment) -> tuple[Consumed, ...]:
        """One task: its oldest end. Any of some: the oldest of all. All of some: all until now."""
        found = self._unconsumed(moment)
        if len(self.tasks) > 1 and self.all_of:
            found = [
                (task, moment.history.latest(self.action, task) or oldest) for task, oldest in found
            ]
        elif found:
            found = [min(found, key=lambda one: (one[1].at, one[1].number))]
        return tuple(Consumed(self.action, task, one.number) for task, one in found)

    def _unconsumed(self, moment: Moment) -> list[tuple[str, Happening]]:
        asked = ((task, moment.history.unconsumed(self.action, task)) for task in self.tasks)
        return [(task, one) for task, one in asked if one is not None]

    def events(self) -> frozenset[Event]:
        return frozenset(Event(Kind.FINISHED, task) for task in self.tasks)

    @property
    def level(self) -> bool:
        return False

    def __str__(self) -> str:
        how = "" if self.action is Action.SUCCEEDED else f" {self.action}"
        word = "task" if len(self.tasks) == 1 else "tasks" if self.all_of else "any tasks"
        return f"after {word} {', '.join(quoted(task) for task in self.tasks)}{how}"


@dataclass(frozen=True, slots=True)
class Retry(Condition):
    """When the last run has failed, at most so many times in a row; None: without an end."""

    times: int | None = None

    def __post_init__(self) -> None:
        _check_times(1 if self.times is None else self.times)

    def view(self, moment: Moment) -> View:
        history = moment.history
        failed = history.latest(Action.FAILED, None)
        ended = history.latest(Action.FINISHED, None)
        if failed is None or ended is None:
            return View(False, None, history.made)
        fired = history.fired
        again = (fired is not None and fired.at > failed.at) or history.running(None) > 0
        holds = failed.number == ended.number and not again and self._has_left(moment)
        return View(holds, None, ended.at)

    def _has_left(self, moment: Moment) -> bool:
        if self.times is None:
            return True
        history = moment.history
        too_many = history.latest(Action.FAILED, None, self.times + 1)
        if too_many is None:
            return True
        others = (history.latest(action, None) for action in _OTHER_ENDS)
        return any(other is not None and other.number > too_many.number for other in others)

    def events(self) -> frozenset[Event]:
        return frozenset({Event(Kind.FINISHED)})

    @property
    def level(self) -> bool:
        return False

    def __str__(self) -> str:
        return "retry" if self.times is None else f"retry({self.times})"


def _check_times(times: int) -> None:
    if not isinstance(times, int) or not 0 < times < MOST_TIMES:
        raise BadRule(f"{times!r} times are none: give a whole number from 1 on", "")
