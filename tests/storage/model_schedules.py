"""The schedules of the model: lists and dicts, and no index."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schedulergodx.core.conditions.base import Action, Happening
from schedulergodx.core.identity import uid_of
from schedulergodx.core.job import Outcome, Status
from schedulergodx.core.schedule import (
    ChangeView,
    FireReason,
    FireView,
    ScheduleState,
    ScheduleView,
)
from schedulergodx.storage.schedules import Consumption, Fire, Fired, Plan, Schedule

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from schedulergodx.core.schedule import ScheduleFilter
    from tests.storage.model import Row, State

KEPT = 100
ENDS = {
    Status.COMPLETED: Action.SUCCEEDED,
    Status.FAILED: Action.FAILED,
    Status.TIMEOUT: Action.TERMINATED,
    Status.CANCELLED: Action.TERMINATED,
}


@dataclass
class Shot:
    """A fire."""

    at: float
    why: FireReason
    job: bytes | None
    unfinished: bool


@dataclass
class Timer:
    """A schedule."""

    number: int
    uid: bytes
    client: int
    name: str
    made: float
    since: float
    versions: list[Plan]
    state: ScheduleState = ScheduleState.ACTIVE
    next: float | None = None
    last: Fired | None = None
    fires: int = 0
    consumed: Consumption = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)
    trouble: str = ""
    changes: list[ChangeView] = field(default_factory=list)
    shots: dict[float, Shot] = field(default_factory=dict)


@dataclass
class Timers:
    """All that a transaction may undo of them."""

    by_number: dict[int, Timer] = field(default_factory=dict)
    happenings: dict[tuple[str, Action], list[Happening]] = field(default_factory=dict)
    news: dict[str, int] = field(default_factory=dict)
    last_number: int = 0
    last_happening: int = 0


class ScheduleModel:
    """A part of `ModelStore`."""

    state: State

    @property
    def _timers(self) -> Timers:
        return self.state.timers

    def _timer(self, number: int) -> Timer:
        return self._timers.by_number[number]

    def _named(self) -> list[Timer]:
        return [
            timer
            for timer in self._timers.by_number.values()
            if timer.state is not ScheduleState.DELETED
        ]

    # -- what clients do with them ---------------------------------------------------------------

    def add_schedule(self, uid: bytes, client: int, name: str, plan: Plan, now: float) -> int:
        if any((timer.client, timer.name) == (client, name) for timer in self._named()):
            raise ValueError(name)
        number = max(self._timers.by_number, default=0) + 1
        self._timers.by_number[number] = Timer(number, uid, client, name, now, now, [plan])
        return number

    def find_schedule(self, client: str | None, id: str) -> int | None:
        uid = uid_of(id)
        for timer in self._timers.by_number.values():
            if timer.uid == uid:
                return timer.number
        found = [
            timer.number
            for timer in self._named()
            if timer.name == id and client in (None, self.client_name(timer.client))
        ]
        return found[-1] if found else None

    def client_name(self, number: int) -> str:
        raise NotImplementedError

    def revise_schedule(self, number: int, plan: Plan, now: float, *, anew: bool) -> int:
        timer = self._timer(number)
        timer.versions.append(plan)
        timer.trouble = ""
        if anew:
            self._begin_anew(timer, now)
        return len(timer.versions)

    def turn_schedule(
        self, number: int, state: ScheduleState, now: float, *, anew: bool = False
    ) -> None:
        timer = self._timer(number)
        timer.state = state
        timer.next = None
        if anew:
            self._begin_anew(timer, now)
        if state is ScheduleState.DELETED:
            timer.since = now
            timer.heard = {}

    def note_change(self, number: int, who: str, what: str, now: float) -> None:
        self._timer(number).changes.append(ChangeView(now, who, what))

    def _begin_anew(self, timer: Timer, now: float) -> None:
        timer.since = now
        timer.next = timer.last = None
        timer.consumed = {}
        timer.heard = {}

    # -- what fires them -------------------------------------------------------------------------

    def schedule(self, number: int) -> Schedule:
        timer = self._timer(number)
        return Schedule(
            *(number, timer.uid, timer.name, timer.client, timer.state, timer.since),
            *(len(timer.versions), timer.next, timer.last, timer.fires, timer.versions[-1]),
            dict(timer.consumed),
            dict(timer.heard),
        )

    def due_schedules(self, now: float, limit: int) -> list[int]:
        due = [timer for timer in self._waiting() if timer.next <= now]
        return [timer.number for timer in sorted(due, key=lambda t: (t.next, t.number))][:limit]

    def next_change(self) -> float | None:
        return min((timer.next for timer in self._waiting()), default=None)

    def _waiting(self) -> list[Timer]:
        return [
            timer
            for timer in self._timers.by_number.values()
            if timer.state is ScheduleState.ACTIVE and timer.next is not None
        ]

    def active_schedules(self, after: int, limit: int) -> list[int]:
        return [
            timer.number
            for timer in self._timers.by_number.values()
            if timer.state is ScheduleState.ACTIVE and timer.number > after
        ][:limit]

    def plan_schedule(self, number: int, next: float | None, trouble: str = "") -> None:
        timer = self._timer(number)
        timer.next, timer.trouble = next, trouble

    def fire_schedule(self, number: int, fires: Sequence[Fire], now: float) -> None:
        timer = self._timer(number)
        for fire in fires:
            shot = Shot(now, fire.why, fire.job, fire.job is not None)
            timer.shots.setdefault(fire.instant, shot)
            if fire.job is not None and fire.why not in (FireReason.BY_HAND, FireReason.BACKFILL):
                timer.fires += 1

    def set_last(self, number: int, last: Fired, consumed: Consumption) -> None:
        timer = self._timer(number)
        timer.last, timer.consumed = last, dict(consumed)

    def set_back(self, number: int, now: float) -> None:
        timer = self._timer(number)
        timer.since = min(timer.since, now)
        timer.next = now
        if timer.last is not None:
            timer.last = Fired(min(timer.last.instant, now), min(timer.last.at, now))

    def fired(self, number: int, instants: Collection[float]) -> set[float]:
        return self._timer(number).shots.keys() & set(instants)

    def unfinished(self, number: int) -> list[bytes]:
        found: list[bytes] = []
        for _, shot in sorted(self._timer(number).shots.items()):
            if not shot.unfinished:
                continue
            assert shot.job is not None
            row = self._row(shot.job)
            shot.unfinished = row is not None and not row.status.final
            if shot.unfinished:
                found.append(shot.job)
        return found

    def _row(self, uid: bytes) -> Row | None:
        raise NotImplementedError

    # -- what rules wait for ---------------------------------------------------------------------

    def listen(self, number: int, tasks: Collection[str]) -> None:
        timer = self._timer(number)
        last = self._timers.last_happening
        timer.heard = {task: timer.heard.get(task, last) for task in tasks}

    def _is_listened_to(self, task: str) -> bool:
        return any(task in timer.heard for timer in self._timers.by_number.values())

    def _happens(self, task: str, actions: tuple[Action, ...], at: float) -> None:
        if self._is_listened_to(task):
            self._timers.last_happening += 1
            self._timers.news[task] = self._timers.last_happening
            for action in actions:
                happening = Happening(self._timers.last_happening, at)
                self._timers.happenings.setdefault((task, action), []).append(happening)

    def _job_ends(self, row: Row, outcome: Outcome, finished: float) -> None:
        action = ENDS.get(outcome.status)
        if action is not None and row.attempt:
            task = self.state.specs[row.spec - 1].name
            self._happens(task, (action, Action.FINISHED), finished)

    def heard(self) -> set[int]:
        """Those that began to listen before it happened."""
        news, self._timers.news = self._timers.news, {}
        return {
            timer.number
            for timer in self._timers.by_number.values()
            if any(news.get(task, 0) > before for task, before in timer.heard.items())
        }

    def listeners(self, task: str) -> set[int]:
        timers = self._timers.by_number.values()
        return {timer.number for timer in timers if task in timer.heard}

    def latest(
        self, action: Action, task: str, nth: int = 1, before: float = math.inf
    ) -> Happening | None:
        known = self._timers.happenings.get((task, action), [])
        known = [one for one in known if one.at < before]
        return known[-nth] if len(known) >= nth else None

    def first_after(self, action: Action, task: str, number: int) -> Happening | None:
        known = self._timers.happenings.get((task, action), [])
        return next((one for one in known if one.number > number), None)

    def running_of(self, task: str) -> int:
        return sum(
            row.status in (Status.PENDING, Status.RUNNING)
            and self.state.specs[row.spec - 1].name == task
            for row in self.state.rows.values()
        )

    # -- what people look at ---------------------------------------------------------------------

    def view_schedule(self, number: int) -> ScheduleView:
        timer = self._timer(number)
        plan = timer.versions[-1]
        return ScheduleView(
            *(number, timer.uid, timer.name, self.client_name(timer.client), plan.task),
            *(plan.queue, plan.rule, plan.zone, plan.policy, timer.state, timer.made),
            *(len(timer.versions), timer.next, timer.last and timer.last.instant, timer.fires),
            timer.trouble,
        )

    def list_schedules(self, which: ScheduleFilter) -> list[ScheduleView]:
        timers = self._named() if which.state is None else list(self._timers.by_number.values())
        views = [self.view_schedule(timer.number) for timer in timers]
        return [
            view
            for view in views
            if view.number > which.after
            and which.state in (None, view.state)
            and which.client in (None, view.client)
            and which.name in (None, view.name)
        ][: max(0, which.limit)]

    def fires_of(self, number: int, before: float | None, limit: int) -> list[FireView]:
        bound = math.inf if before is None else before
        found = [
            FireView(instant, shot.at, shot.why, shot.job, self._status_of(shot.job))
            for instant, shot in sorted(self._timer(number).shots.items(), reverse=True)
            if instant < bound
        ]
        return found[: max(0, limit)]

    def _status_of(self, job: bytes | None) -> str | None:
        row = None if job is None else self._row(job)
        return None if row is None else row.status

    def changes_of(self, number: int, limit: int) -> list[ChangeView]:
        changes = self._timer(number).changes
        return changes[max(0, len(changes) - max(0, limit)) :]

    def sweep_schedules(self, before: float, limit: int) -> int:
        timers = self._timers
        old = [
            (shot.at, timer.number, instant)
            for timer in timers.by_number.values()
            for instant, shot in timer.shots.items()
            if shot.at < before and not shot.unfinished
        ]
        swept = 0
        for _, number, instant in sorted(old)[:limit]:
            del timers.by_number[number].shots[instant]
            swept += 1
        order = sorted(timers.happenings, key=lambda key: (key[0], list(Action).index(key[1])))
        for key in order:
            known = timers.happenings[key]
            if self._is_listened_to(key[0]):
                aged = [one for one in known[: max(0, len(known) - KEPT)] if one.at < before]
                gone = aged[: max(0, limit - swept)]
                timers.happenings[key] = [one for one in known if one not in gone]
                swept += len(gone)
        deleted = [
            (timer.since, timer.number)
            for timer in timers.by_number.values()
            if timer.state is ScheduleState.DELETED and timer.since < before and not timer.shots
        ]
        for _, number in sorted(deleted)[: max(0, limit - swept)]:
            del timers.by_number[number]
            swept += 1
        return swept
