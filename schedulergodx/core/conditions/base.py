"""What a condition is, what it is asked about, and what it answers.

A condition is a value: a rule on (now, history). It says whether it holds and when that may become
different by time alone; all else that may change it are events. So whoever keeps schedules needs a
heap of instants and a map of events, and looks at a rule only when one of these is due:

    view = due(condition, moment)         fire if view.holds, for the instant view.since
    heap.push(view.changes)               look again then, if it is not None
    for event in wakes(condition): ...    and when one of these happens

A fire changes the history (`History.fired`, and what `condition.consumed(moment)` names), and by
that the rule does not hold any more. Instants are seconds since the epoch in UTC.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo


class Action(StrEnum):
    """What happens to a run of a task."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TERMINATED = "terminated"
    INACTED = "inacted"  # it chose to do nothing
    FINISHED = "finished"  # any of the last four


class Kind(StrEnum):
    """What may change a condition, beside time."""

    STARTED = "started"  # a run of the named task was launched, or has started
    FINISHED = "finished"  # a run of it has ended, however
    PARAM = "param"  # the parameter of that name was set
    OWN = "own"  # whoever registered the condition of that name says so


class Start(StrEnum):
    """When a new schedule fires first."""

    RULE = "rule"  # as its rule says
    NOW = "now"  # an interval, a fixed time and a cron line are due as soon as it is made
    NEXT = "next"  # a calendar rule whose window is open waits for the next window


@dataclass(frozen=True, slots=True)
class Event:
    """Something that may change a condition. name: None for the schedule's own task"""

    kind: Kind
    name: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What a condition says at one instant.

    holds: whether it is fulfilled; of a whole rule: whether to fire now
    changes: the earliest instant at which `holds` may become different by time alone, later than
        now; None if only an event can do that
    since: when it became so, never after now. It depends on the history alone, not on when it is
        asked: what the identity of a fire is made of, and what it is late against
    """

    holds: bool
    changes: float | None
    since: float


@dataclass(frozen=True, slots=True)
class Fire:
    """The last time that a rule fired. due: the `since` of its view. at: when it really fired"""

    due: float
    at: float


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a run of a task.

    number: grows with each that is recorded; a failure is one happening, FAILED and FINISHED
    """

    number: int
    at: float


@dataclass(frozen=True, slots=True)
class Consumed:
    """What a fire uses up: all happenings of that kind up to that number."""

    action: Action
    task: str
    number: int


class History(Protocol):
    """What the rules ask of the past of one schedule; a store answers each by an index.

    A task of None is that of the schedule itself. Runs by hand are happenings like others, and no
    fires.
    """

    @property
    def made(self) -> float:
        """When the schedule was made."""

    @property
    def start(self) -> Start:
        """When it fires first."""

    @property
    def fired(self) -> Fire | None:
        """The last fire of its rule."""

    @property
    def service_started(self) -> float:
        """When the service started."""

    @property
    def env(self) -> str | None:
        """The name of the service's environment."""

    @property
    def params(self) -> Mapping[str, object]:
        """The parameters of the session."""

    def latest(
        self, action: Action, task: str | None, nth: int = 1, before: float | None = None
    ) -> Happening | None:
        """The newest happening, the one before it for nth=2, and so on; all before that instant."""

    def unconsumed(self, action: Action, task: str) -> Happening | None:
        """The oldest one since the schedule was made that no fire has consumed."""

    def running(self, task: str | None) -> int:
        """How many runs were launched and have not ended; those that wait for a slot count."""


def _ask_nobody(name: str, arguments: Mapping[str, str]) -> View:
    raise LookupError(f"no condition {name!r} is registered here")


@dataclass(frozen=True, slots=True)
class Moment:
    """What a condition is asked about.

    now: instant
    zone: of the schedule
    ask: answers for the conditions of the user's own, by their name and the arguments in their text
    """

    now: float
    zone: ZoneInfo
    history: History
    ask: Callable[[str, Mapping[str, str]], View] = _ask_nobody


class Condition(ABC):
    """A rule: frozen, comparable, and its text reads back as an equal one."""

    __slots__ = ()

    @abstractmethod
    def view(self, moment: Moment) -> View:
        """What it says at that moment."""

    @abstractmethod
    def __str__(self) -> str:
        """Its text: `parse(str(condition)) == condition`."""

    def events(self) -> frozenset[Event]:
        """What may change it beside time."""
        return frozenset()

    def consumed(self, moment: Moment) -> tuple[Consumed, ...]:
        """What a fire at that moment uses up; it holds then."""
        return ()

    def counts(self, moment: Moment) -> bool:
        """Whether a fire at that moment ends a stretch of real time: of an instant that the clocks
        show again, since they were set back, that is another fire. It holds then."""
        return False

    @property
    def level(self) -> bool:
        """Whether it may hold on after a fire, as a window of time does; an interval does not."""
        return True

    def __and__(self, other: Condition) -> Condition:
        from schedulergodx.core.conditions.combined import All

        return All((self, other)) if isinstance(other, Condition) else NotImplemented

    def __or__(self, other: Condition) -> Condition:
        from schedulergodx.core.conditions.combined import Any

        return Any((self, other)) if isinstance(other, Condition) else NotImplemented

    def __invert__(self) -> Condition:
        from schedulergodx.core.conditions.combined import Not

        return Not(self)

    def __bool__(self) -> bool:
        raise TypeError("a condition is neither true nor false by itself: join them with & | ~")


def due(condition: Condition, moment: Moment) -> View:
    """Whether a schedule with that rule fires at that moment.

    A rule that a fire does not end (`true`, `time of day between 10:00 and 12:00`) fires again when
    the last run is over.
    """
    view = condition.view(moment)
    if not (view.holds and condition.level):
        return view
    if moment.history.running(None):
        return View(False, view.changes, view.since)
    ended = moment.history.latest(Action.FINISHED, None)
    return View(True, view.changes, max(view.since, ended.at if ended else moment.history.made))


def wakes(condition: Condition) -> frozenset[Event]:
    """At which events a schedule with that rule has to be looked at."""
    own = {Event(Kind.FINISHED)} if condition.level else set()
    return condition.events() | own
