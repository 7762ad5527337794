"""The timekeeper: looks at the rules of schedules when they may have changed, and fires them.

A rule is looked at when its next instant is over, or when something has happened that it listens
to; so a schedule that waits costs nothing. What a fire makes is stored in the transaction that
moves its schedule on: both are on disk, or neither.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from schedulergodx.core.conditions.base import Moment, due
from schedulergodx.core.conditions.preview import fires as fires_of
from schedulergodx.core.policy import Missed, is_missed, is_open, runs_left
from schedulergodx.core.rule import NO_TASK, read_rule, read_zone, tasks_of, trouble_of
from schedulergodx.core.schedule import FireReason, ScheduleState
from schedulergodx.errors import StoreError
from schedulergodx.service.params import Params
from schedulergodx.service.past import Past, Surroundings
from schedulergodx.service.tick import Tick
from schedulergodx.storage.schedules import Fire, Fired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schedulergodx.core.conditions.base import Condition, View
    from schedulergodx.service.maker import Maker
    from schedulergodx.storage.base import Store
    from schedulergodx.storage.schedules import Schedule

logger = logging.getLogger(__name__)

_SLICE = 500  # schedules a round: others are served in between
_MOST_FIRES = 100  # of one schedule a round
_TOLERANCE = 1.0  # seconds by which a clock may go back without being set
_AGAIN = 60.0  # seconds after which a rule is looked at again that could not be told
_BUMP = 1e-6  # seconds between fires that belong to one instant
_CLOCK_NOTE = "schedules.clock"


@dataclass(slots=True)
class _Look:
    """One look at a schedule."""

    schedule: Schedule
    condition: Condition
    past: Past
    moment: Moment
    tick: Tick


class Timekeeper:
    """Fires schedules.

    silent: whether a rule that can't be told is only logged; else the service is to `stop`
    """

    def __init__(
        self, store: Store, maker: Maker, *, silent: bool, env: str | None, stop: Callable[[], None]
    ) -> None:
        self._store = store
        self._maker = maker
        self._silent = silent
        self._env = env
        self._params = Params(store)
        self._stop = stop
        self._started: float | None = None
        self._clock = 0.0
        self._walk: int | None = None  # number of the last one that was set back; None at rest
        self._more = False

    def keep(self, tick: Tick) -> None:
        """Inside a round: look at what may have changed."""
        self._watch_clock(tick.now)
        numbers = dict.fromkeys(self._set_back(tick))
        numbers |= dict.fromkeys(self._store.due_schedules(tick.now, _SLICE))
        numbers |= dict.fromkeys(sorted(self._store.heard()))
        self._more = len(numbers) >= _SLICE
        for number in numbers:
            self.look(number, tick)

    def next_moment(self) -> float | None:
        """When the clock alone gives it something to do; None for never."""
        return 0.0 if self._more or self._walk is not None else self._store.next_change()

    def surroundings(self, now: float) -> Surroundings:
        """What rules are told of this service."""
        return Surroundings(
            now if self._started is None else self._started, self._env, self._params.all
        )

    def set_params(
        self, change: dict[str, Any], remove: Iterable[str], tick: Tick
    ) -> dict[str, Any]:
        """Change the parameters; the answer is all of them. Raises: RefusedError"""
        before = self._params.all()
        params = self._params.change(change, remove)
        if params != before:
            for number in sorted(self._store.listeners(NO_TASK)):
                self.look(number, tick)
        return params

    def begin(self, number: int, tick: Tick) -> None:
        """A schedule is new, or its rule is, or it is active again."""
        schedule = self._store.schedule(number)
        plan = schedule.plan
        tasks = set(tasks_of(plan.rule, plan.task))
        if plan.policy.end_cond:
            tasks.update(tasks_of(plan.policy.end_cond, plan.task))
        self._store.listen(number, sorted(tasks))
        self.look(number, tick)

    def look(self, number: int, tick: Tick) -> None:
        """Fire a schedule if its rule says so, and plan when it is looked at next."""
        schedule = self._store.schedule(number)
        if schedule.state is not ScheduleState.ACTIVE:
            return
        part = Tick(tick.now)
        try:
            with self._store.savepoint():
                look = self._begin_look(schedule, part)
                next = self._end_runs(look, self._fire(look))
                self._store.plan_schedule(number, next)
        except StoreError:
            raise
        except Exception as error:
            self._note_trouble(schedule, error, tick.now)
        else:
            tick.absorb(part)

    # -- one look --------------------------------------------------------------------------------

    def _begin_look(self, schedule: Schedule, tick: Tick) -> _Look:
        plan = schedule.plan
        past = Past(self._store, schedule, self.surroundings(tick.now))
        moment = Moment(tick.now, read_zone(plan.zone), past)
        return _Look(schedule, read_rule(plan.rule), past, moment, tick)

    def _fire(self, look: _Look) -> float | None:
        """Fire as often as the rule says; the answer is when to look next."""
        policy = look.schedule.plan.policy
        now = look.tick.now
        if policy.start is not None and now < policy.start:
            return policy.start
        made, number = 0, look.schedule.number
        next: float | None = now
        for _ in range(_MOST_FIRES):
            left = runs_left(look.schedule.fires + made, policy)
            if left == 0 or not is_open(now, policy):
                next = None
                break
            view = due(look.condition, look.moment)
            if not view.holds:
                next = view.changes
                break
            fires = self._fire_once(look, view, left)
            self._store.fire_schedule(number, fires, now)
            made += sum(fire.job is not None for fire in fires)
        if look.past.last is not look.schedule.last and look.past.last is not None:
            self._store.set_last(number, look.past.last, look.past.consumed)
            self._store.set_note(_CLOCK_NOTE, repr(now))
        return next if next is None or policy.end is None or next < policy.end else None

    def _end_runs(self, look: _Look, next: float | None) -> float | None:
        """End its runs if that is due; the answer is when to look next. next: for its rule"""
        schedule = look.schedule
        if not schedule.plan.policy.end_cond or not self._store.unfinished(schedule.number):
            return next
        view = read_rule(schedule.plan.policy.end_cond).view(look.moment)
        if view.holds:
            self._maker.end_all(schedule, look.tick)
            return next
        if view.changes is None or next is None:
            return view.changes if next is None else next
        return min(next, view.changes)

    def _fire_once(self, look: _Look, view: View, left: int | None) -> list[Fire]:
        """What is made of one time that the rule holds; its past goes on."""
        schedule, past, now = look.schedule, look.past, look.tick.now
        policy = schedule.plan.policy
        consumed = look.condition.consumed(look.moment)
        late = is_missed(view.since, now, policy) and not consumed
        if policy.missed is Missed.RUN_ALL and not consumed:
            instants = self._passed(look, left)
            if len(instants) > 1 or (instants and late):
                return self._catch_up(look, instants, left)
        instant = self._free_instant(look, view.since, uses_event=bool(consumed))
        past.last = Fired(view.since, now)
        past.consumed |= {(one.action, one.task): one.number for one in consumed}
        if instant is None:
            return []
        if late and policy.missed is Missed.SKIP:
            return [Fire(instant, FireReason.PASSED_BY)]
        why = FireReason.MISSED if late else FireReason.DUE
        return [self._maker.fire(schedule, instant, why, look.tick, uses_event=bool(consumed))]

    def _passed(self, look: _Look, left: int | None) -> list[float]:
        """The instants since the last fire at which the rule fired or would have, the first ones
        of very many."""
        past, policy = look.past, look.schedule.plan.policy
        begin = past.made if past.last is None else past.last.at
        coming = fires_of(look.condition, begin, look.moment.zone, past)
        passed = takewhile(lambda instant: instant <= look.tick.now, coming)
        return list(islice(passed, _bound(policy.limit, left)))

    def _catch_up(self, look: _Look, instants: list[float], left: int | None) -> list[Fire]:
        """A job for each instant that was missed, one after the other."""
        schedule, past, now = look.schedule, look.past, look.tick.now
        whole = len(instants) < _bound(schedule.plan.policy.limit, left)
        past.last = Fired(instants[-1], instants[-1]) if whole else Fired(now, now)
        return self.make_all(schedule, instants, FireReason.MISSED, look.tick)

    def make_all(
        self, schedule: Schedule, instants: list[float], why: FireReason, tick: Tick
    ) -> list[Fire]:
        """Jobs for instants that are over, at most `max_instances` of them at once."""
        known = self._store.fired(schedule.number, instants)
        most = schedule.plan.policy.max_instances
        line = self._store.unfinished(schedule.number)
        fires: list[Fire] = []
        for instant in instants:
            if instant in known:
                continue
            before = line[-most] if most is not None and len(line) >= most else None
            fire = self._maker.make(schedule, instant, why, tick, before=before)
            assert fire.job is not None
            line.append(fire.job)
            fires.append(fire)
        return fires

    def _free_instant(self, look: _Look, since: float, *, uses_event: bool) -> float | None:
        """The instant that a fire belongs to; None if that fire was made already.

        Twice at one instant is no repetition where its rule knows of the first time and holds
        again, as after two jobs that ended at once, nor where it counts real time.
        """
        last, instant = look.past.last, since
        while self._store.fired(look.schedule.number, [instant]):
            known = uses_event or (last is not None and last.instant == since)
            if instant == since and not (known or look.condition.counts(look.moment)):
                return None
            instant += _BUMP
        return instant

    def _note_trouble(self, schedule: Schedule, error: Exception, now: float) -> None:
        """The rule could not be told: it counts as not fulfilled, and is looked at again later."""
        text = trouble_of(error)
        logger.error("the rule of schedule %s can't be told: %s", schedule.name, text)
        self._store.plan_schedule(schedule.number, now + _AGAIN, text)
        if not self._silent:
            self._stop()

    # -- a clock that is set ---------------------------------------------------------------------

    def _watch_clock(self, now: float) -> None:
        if self._started is None:
            self._started = now
            self._clock = float(self._store.get_note(_CLOCK_NOTE) or 0.0)
        if now < self._clock - _TOLERANCE:
            logger.warning(
                "the clock went back by %.0f s: schedules count on from now", self._clock - now
            )
            self._walk = 0
            self._started = min(self._started, now)
        self._clock = now

    def _set_back(self, tick: Tick) -> list[int]:
        """Some of those that have to learn that the clock was set back."""
        if self._walk is None:
            return []
        numbers = self._store.active_schedules(self._walk, _SLICE)
        for number in numbers:
            self._store.set_back(number, tick.now)
        done = len(numbers) < _SLICE
        if done:
            self._store.set_note(_CLOCK_NOTE, repr(tick.now))
        tick.later.append(lambda: self._go_on(None if done else numbers[-1]))
        return numbers

    def _go_on(self, walk: int | None) -> None:
        self._walk = walk


def _bound(limit: int, left: int | None) -> int:
    return limit if left is None else min(limit, left)
