"""What is asked of a store about schedules."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Any

from msgspec.msgpack import Decoder

from schedulergodx.core.conditions.base import Action
from schedulergodx.core.identity import uid_of
from schedulergodx.core.policy import Policy
from schedulergodx.core.schedule import (
    ChangeView,
    FireReason,
    FireView,
    ScheduleState,
    ScheduleView,
)
from schedulergodx.storage.schedules import Consumption, Fired, Plan, Schedule
from schedulergodx.storage.sqlite import schedule_statements as sql
from schedulergodx.storage.sqlite.session import Session, pack
from schedulergodx.storage.states import (
    DELETED,
    RUNNING,
    SCHEDULE_NUMBERS,
    SCHEDULE_STATES,
    STATUSES,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from schedulergodx.core.conditions.base import Happening
    from schedulergodx.core.schedule import ScheduleFilter
    from schedulergodx.storage.schedules import Fire
    from schedulergodx.storage.sqlite.session import Mark

_NOT_COUNTED = frozenset({FireReason.BY_HAND, FireReason.BACKFILL})
_unpack_policy = Decoder(Policy).decode
_unpack_last = Decoder(Fired).decode
_unpack_consumed = Decoder(list[tuple[Action, str, int]]).decode


class ScheduleVerbs(Session):
    """See `storage.base.Store`."""

    _next_change: float | None = None
    _is_known = False  # whether `_next_change` is

    # -- what clients do with them ---------------------------------------------------------------

    def add_schedule(self, uid: bytes, client: int, name: str, plan: Plan, now: float) -> int:
        """A new schedule, active and without a next instant; the answer is its number."""
        row = (uid, client, name, now, now)
        [(number,)] = self._connection.write(sql.ADD_SCHEDULE, row)
        self._add_version(number, 1, plan, now)
        return int(number)

    def find_schedule(self, client: str | None, id: str) -> int | None:
        """The number of the schedule of that ULID or hex uid, or of that client and name."""
        uid = uid_of(id)
        rows = [] if uid is None else self._connection.rows(sql.SCHEDULE_OF_UID, (uid,))
        if not rows and client is None:
            rows = self._connection.rows(sql.SCHEDULE_OF_NAME, (id,))
        elif not rows:
            rows = self._connection.rows(sql.SCHEDULE_OF_CLIENT, (id, client))
        return rows[0][0] if rows else None

    def revise_schedule(self, number: int, plan: Plan, now: float, *, anew: bool) -> int:
        """Another version of it, whose number is the answer. anew: it begins to count anew"""
        [(version,)] = self._connection.write(sql.REVISE, (number,))
        self._add_version(number, version, plan, now)
        if anew:
            self._begin_anew(number, now)
        return int(version)

    def turn_schedule(
        self, number: int, state: ScheduleState, now: float, *, anew: bool = False
    ) -> None:
        """Another state, without a next instant. What was deleted listens to nothing."""
        self._connection.write(sql.TURN, (SCHEDULE_NUMBERS[state], number))
        if anew:
            self._begin_anew(number, now)
        if state is ScheduleState.DELETED:
            self._connection.write(sql.DELETED_AT, (now, number))
            self.listen(number, ())
        self._is_known = False

    def note_change(self, number: int, who: str, what: str, now: float) -> None:
        """A line for its history: the name of a client, and what it did, in words."""
        self._connection.write(sql.NOTE_CHANGE, (number, now, who, what))

    # -- what fires them -------------------------------------------------------------------------

    def schedule(self, number: int) -> Schedule:
        """The schedule of that number. Raises: KeyError"""
        rows = self._connection.rows(sql.SCHEDULE, (number,))
        if not rows:
            raise KeyError(number)
        [(uid, name, client, state, since, version, next, last, fires, consumed, *plan)] = rows
        rule, zone, policy, *job = plan
        return Schedule(
            *(number, uid, name, client, SCHEDULE_STATES[state], since, version, next),
            None if last is None else _unpack_last(last),
            fires,
            Plan(rule, zone, _unpack_policy(policy), *job),
            _read_consumed(consumed),
            dict(self._connection.rows(sql.HEARD_BEFORE, (number,))),
        )

    def due_schedules(self, now: float, limit: int) -> list[int]:
        """Active ones whose next instant is over, the earliest first."""
        next = self.next_change()
        if next is None or next > now:
            return []
        return [number for (number,) in self._connection.rows(sql.DUE, (now, limit))]

    def next_change(self) -> float | None:
        """The earliest next instant of an active one."""
        if not self._is_known:
            rows = self._connection.rows(sql.NEXT_CHANGE)
            self._next_change = rows[0][0] if rows else None
            self._is_known = True
        return self._next_change

    def active_schedules(self, after: int, limit: int) -> list[int]:
        """Active ones by number, from the one after `after` on."""
        return [number for (number,) in self._connection.rows(sql.ACTIVE_AFTER, (after, limit))]

    def plan_schedule(self, number: int, next: float | None, trouble: str = "") -> None:
        """When it is to be looked at next, and why its rule could not be told, if so."""
        self._connection.write(sql.PLAN, (next, trouble, number))
        self._is_known = False

    def fire_schedule(self, number: int, fires: Sequence[Fire], now: float) -> None:
        """Note fires in its history; one of an instant that is there already is left out."""
        rows = [
            (number, fire.instant, now, fire.why.value, fire.job, int(fire.job is not None))
            for fire in fires
        ]
        self._connection.bulk_write(sql.ADD_FIRES, list(chain.from_iterable(rows)))
        counted = sum(fire.job is not None and fire.why not in _NOT_COUNTED for fire in fires)
        if counted:
            self._connection.write(sql.COUNT_FIRES, (counted, number))

    def set_last(self, number: int, last: Fired, consumed: Consumption) -> None:
        """What its rule has to count from."""
        used = [(action, task, upto) for (action, task), upto in consumed.items()]
        row = (pack(last), pack(used) if used else None, number)
        self._connection.write(sql.SET_LAST, row)

    def set_back(self, number: int, now: float) -> None:
        """The clock was set back: nothing that it has done is later than now."""
        schedule = self.schedule(number)
        last = schedule.last
        if last is not None:
            last = Fired(min(last.instant, now), min(last.at, now))
        row = (now, None if last is None else pack(last), now, number)
        self._connection.write(sql.SET_BACK, row)
        self._is_known = False

    def fired(self, number: int, instants: Collection[float]) -> set[float]:
        """Those instants that are in its history already."""
        values = [value for instant in instants for value in (number, instant)]
        return {instant for (instant,) in self._connection.bulk_rows(sql.FIRED, values)}

    def unfinished(self, number: int) -> list[bytes]:
        """The uids of its jobs that have not ended, the oldest first."""
        rows = self._connection.rows(sql.UNFINISHED, (number,))
        over = [
            value
            for instant, _, status in rows
            if status is None or status > RUNNING
            for value in (number, instant)
        ]
        self._connection.bulk_write(sql.HAS_ENDED, over)
        return [job for _, job, status in rows if status is not None and status <= RUNNING]

    # -- what rules wait for ---------------------------------------------------------------------

    def listen(self, number: int, tasks: Collection[str]) -> None:
        """Have what happens to jobs of these tasks kept for it, and of no others."""
        self._happenings.listen(number, tasks)

    def heard(self) -> set[int]:
        """Those that listen to what has happened since this was asked last."""
        return self._happenings.heard()

    def listeners(self, task: str) -> set[int]:
        """Those that listen to a task."""
        return set(self._happenings.tasks.get(task, ()))

    def latest(
        self, action: Action, task: str, nth: int = 1, before: float = math.inf
    ) -> Happening | None:
        """The newest happening of a task before an instant; the one before that for nth=2."""
        return self._happenings.latest(action, task, nth, before)

    def first_after(self, action: Action, task: str, number: int) -> Happening | None:
        """The oldest happening with a greater number."""
        return self._happenings.first_after(action, task, number)

    def running_of(self, task: str) -> int:
        """How many jobs of a task run or could run."""
        [(jobs,)] = self._connection.rows(sql.RUNNING_OF, (task, task))
        return int(jobs)

    # -- what people look at ---------------------------------------------------------------------

    def view_schedule(self, number: int) -> ScheduleView:
        """A schedule, as people look at it. Raises: KeyError"""
        rows = self._connection.rows(sql.SCHEDULE_VIEW, (number,))
        if not rows:
            raise KeyError(number)
        return self._schedule_view(*rows[0])

    def list_schedules(self, which: ScheduleFilter) -> list[ScheduleView]:
        """Schedules by number; deleted ones only if that is asked for."""
        state = f"state < {DELETED}"
        if which.state is not None:
            state = f"state = {SCHEDULE_NUMBERS[which.state]}"
        conditions = ["schedule.id > ?", state]
        values: list[Any] = [which.after]
        for condition, value in (
            ("schedule.client = (SELECT id FROM client WHERE name = ?)", which.client),
            ("schedule.name = ?", which.name),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        rows = self._connection.rows(sql.list_schedules(conditions), (*values, max(0, which.limit)))
        return [self._schedule_view(*row) for row in rows]

    def fires_of(self, number: int, before: float | None, limit: int) -> list[FireView]:
        """Its fires, the newest instant first."""
        bound = math.inf if before is None else before
        return [
            FireView(
                instant, at, FireReason(why), job, None if status is None else STATUSES[status]
            )
            for instant, at, why, job, status in self._connection.rows(
                sql.FIRES, (number, bound, max(0, limit))
            )
        ]

    def changes_of(self, number: int, limit: int) -> list[ChangeView]:
        """Its newest changes, the oldest of these first."""
        rows = self._connection.rows(sql.CHANGES, (number, max(0, limit)))
        return [ChangeView(*row) for row in reversed(rows)]

    def sweep_schedules(self, before: float, limit: int) -> int:
        """Forget fires that were made before an instant, and what happened to tasks before it."""
        swept = len(self._connection.write(sql.REMOVE_FIRES, (before, limit)))
        swept += self._happenings.sweep(before, max(0, limit - swept))
        gone = self._connection.write(sql.REMOVE_SCHEDULES, (before, max(0, limit - swept)))
        for bulk in (sql.REMOVE_VERSIONS, sql.REMOVE_CHANGES):
            self._connection.bulk_write(bulk, [number for (number,) in gone])
        return swept + len(gone)

    # -- inside ----------------------------------------------------------------------------------

    def _add_version(self, number: int, version: int, plan: Plan, now: float) -> None:
        row = (number, version, now, plan.rule, plan.zone, pack(plan.policy))
        self._connection.write(sql.ADD_VERSION, (*row, plan.task, plan.queue, plan.body))

    def _begin_anew(self, number: int, now: float) -> None:
        self._connection.write(sql.BEGIN_ANEW, (now, number))
        self.listen(number, ())
        self._is_known = False

    def _schedule_view(
        self, number: int, uid: bytes, name: str, client: int, task: str, queue: str, *more: Any
    ) -> ScheduleView:
        rule, zone, policy, state, made, version, next, last, fires, trouble = more
        return ScheduleView(
            *(number, uid, name, self._clients.key(client), task, queue, rule, zone),
            *(_unpack_policy(policy), SCHEDULE_STATES[state], made, version, next),
            None if last is None else _unpack_last(last).instant,
            *(fires, trouble),
        )

    def _undo(self, mark: Mark) -> None:
        super()._undo(mark)
        self._is_known = False


def _read_consumed(packed: bytes | None) -> Consumption:
    if packed is None:
        return {}
    return {(action, task): number for action, task, number in _unpack_consumed(packed)}
