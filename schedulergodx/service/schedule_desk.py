"""The desk for schedules: answers what is asked about them, and does what is wished."""

from __future__ import annotations

import logging
from itertools import islice, takewhile
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from schedulergodx.core.conditions.preview import fires as fires_of
from schedulergodx.core.envelope import UNREADABLE
from schedulergodx.core.identity import UID_BYTES, ulid
from schedulergodx.core.job import ErrorCode
from schedulergodx.core.message import TaskBody
from schedulergodx.core.policy import fault_of, is_open, runs_left
from schedulergodx.core.rule import circle_of, read_rule, read_zone, tasks_before, trouble_of
from schedulergodx.core.schedule import (
    LONGEST_NAME,
    AskAboutSchedule,
    AskBackfill,
    AskFires,
    AskNextFires,
    AskParams,
    AskPutSchedule,
    AskRunSchedule,
    AskSchedule,
    AskScheduleChanges,
    AskSchedules,
    AskTurnSchedule,
    AskUpdateSchedule,
    AskWhySchedule,
    FireReason,
    ScheduleState,
    ScheduleView,
)
from schedulergodx.core.why import Reason, Why
from schedulergodx.errors import BadRule, StoreError
from schedulergodx.service.answers import Instead, RefusedError
from schedulergodx.service.past import Past
from schedulergodx.service.schedule_explainer import why_schedule
from schedulergodx.storage.schedules import Fire, Fired, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schedulergodx.core.envelope import Header
    from schedulergodx.service.maker import Maker
    from schedulergodx.service.tick import Tick
    from schedulergodx.service.timekeeper import Timekeeper
    from schedulergodx.storage.base import NewJob, Store
    from schedulergodx.storage.schedules import Schedule

logger = logging.getLogger(__name__)

_LONGEST_PAGE = 1000
_BACKFILLED = 500  # jobs an answer
_BUMP = 1e-6  # seconds between runs that were asked for at one instant
_open_task = msgspec.msgpack.Decoder(TaskBody).decode
_encode = msgspec.msgpack.Encoder().encode


class ScheduleDesk:
    """Answers requests about schedules.

    draft: the jobs of a task, as they would be stored
    """

    def __init__(
        self,
        store: Store,
        timekeeper: Timekeeper,
        maker: Maker,
        *,
        draft: Callable[[Header, TaskBody, float], list[NewJob]],
    ) -> None:
        self._store = store
        self._timekeeper = timekeeper
        self._maker = maker
        self._draft = draft

    def fulfil(self, request: AskAboutSchedule, header: Header, tick: Tick) -> object:
        """The value of the answer, or what stands for it. Raises: RefusedError"""
        if isinstance(request, AskSchedules):
            limit = min(request.which.limit, _LONGEST_PAGE)
            return self._store.list_schedules(replace(request.which, limit=limit))
        if isinstance(request, AskParams):
            return self._timekeeper.set_params(request.change, request.remove, tick)
        if isinstance(request, AskPutSchedule):
            try:
                return self._put(request, header, tick)
            except RefusedError as error:  # perhaps nobody waits for the answer
                logger.warning(
                    "schedule %r of %s is refused: %s", request.name, header.client, error
                )
                raise
        number = self._store.find_schedule(header.client, request.id)
        if number is None:
            number = self._store.find_schedule(None, request.id)
        if number is None:
            return Instead.UNKNOWN
        match request:
            case AskSchedule():
                return self._store.view_schedule(number)
            case AskNextFires(_, wanted, after):
                return self._next(self._store.schedule(number), wanted, after, tick.now)
            case AskFires(_, before, limit):
                return self._store.fires_of(number, before, min(limit, _LONGEST_PAGE))
            case AskScheduleChanges(_, limit):
                return self._store.changes_of(number, min(limit, _LONGEST_PAGE))
            case AskWhySchedule():
                return self._why(self._store.schedule(number), tick.now)
            case AskTurnSchedule(_, state):
                return self._turn(number, state, header, tick)
        self._check_lives(number)
        match request:
            case AskUpdateSchedule():
                return self._update(number, request, header, tick)
            case AskRunSchedule():
                return self._run(number, request, header, tick)
            case AskBackfill(_, begin, end):
                return self._backfill(number, begin, end, header, tick)

    # -- what it is ------------------------------------------------------------------------------

    def _put(self, request: AskPutSchedule, header: Header, tick: Tick) -> ScheduleView:
        name = request.name
        if not 0 < len(name) <= LONGEST_NAME:
            raise _refused(f"the name of a schedule has 1 to {LONGEST_NAME} characters")
        number = self._store.find_schedule(header.client, name)
        if number is not None and self._store.schedule(number).name != name:
            number = None  # the name looks like the uid of another one
        if number is not None and request.keep:
            return self._store.view_schedule(number)
        body = self._read_task(request.task, header, tick.now)
        plan = _plan(request.rule, request.zone, body, request)
        self._check_circle(plan, number)
        if number is None:
            client = self._store.client_id(header.client)
            number = self._store.add_schedule(header.uid, client, name, plan, tick.now)
            self._note(number, header, f"made: {plan.rule}", tick.now)
            self._timekeeper.begin(number, tick)
        else:
            self._revise(number, plan, header, tick)
        return self._store.view_schedule(number)

    def _update(
        self, number: int, request: AskUpdateSchedule, header: Header, tick: Tick
    ) -> ScheduleView:
        old = self._store.schedule(number).plan
        body = old.body
        if request.task is not None:
            body = self._read_task(request.task, header, tick.now)
        policy = old.policy if request.policy is None else request.policy
        rule, zone = request.rule or old.rule, request.zone or old.zone
        plan = _plan(rule, zone, body, AskPutSchedule("", rule, zone, b"", policy))
        self._check_circle(plan, number)
        self._revise(number, plan, header, tick)
        return self._store.view_schedule(number)

    def _revise(self, number: int, plan: Plan, header: Header, tick: Tick) -> None:
        """Make a new version of it, if it is one."""
        old = self._store.schedule(number).plan
        if plan == old:
            return
        version = self._store.revise_schedule(number, plan, tick.now, anew=False)
        self._note(number, header, f"version {version}: {_difference(old, plan)}", tick.now)
        self._timekeeper.begin(number, tick)

    def _check_circle(self, plan: Plan, number: int | None) -> None:
        """Refuse what would begin itself again for ever, or wait for itself. Raises: RefusedError

        number: of the schedule that is to have that plan
        """

        def after(task: str) -> list[str]:
            plans = [self._store.schedule(n).plan for n in self._store.listeners(task) - {number}]
            return [plan.task for plan in plans if task in tasks_before(plan.rule)]

        circle = circle_of(plan.task, tasks_before(plan.rule), after)
        if circle is not None:
            names = " after ".join(map(repr, [plan.task, *reversed(circle)]))
            raise _refused(
                f"{names}: that goes round without an end, or never begins. Leave one of these "
                "rules out, or have it come after a failure"
            )

    def _read_task(self, body: bytes, header: Header, now: float) -> bytes:
        """What is kept of a TASK; its units are kept apart. Raises: RefusedError"""
        try:
            task = _open_task(body)
        except UNREADABLE as error:
            raise _refused(f"its task can't be read: {error}") from error
        if len(task.jobs) != 1 or task.jobs[0].parents or task.batch is not None:
            raise _refused("the task of a schedule has one job, without parents and of no batch")
        item = replace(task.jobs[0], uid=bytes(UID_BYTES), due=None, deadline=None, id=None)
        [job] = self._draft(header, replace(task, jobs=[item]), now)
        failure = job.outcome and job.outcome.failure
        if failure:
            raise RefusedError(failure.code, f"its job can't be run: {failure.text}")
        return _encode(replace(task, jobs=[item], units={}))

    # -- whether it fires ------------------------------------------------------------------------

    def _turn(self, number: int, state: ScheduleState, header: Header, tick: Tick) -> bool:
        was = self._store.schedule(number).state
        if state is was or was is ScheduleState.DELETED:
            return False
        anew = was is ScheduleState.DISABLED and state is ScheduleState.ACTIVE
        self._store.turn_schedule(number, state, tick.now, anew=anew)
        self._note(number, header, state.value, tick.now)
        if state is ScheduleState.ACTIVE:
            self._timekeeper.begin(number, tick)
        return True

    def _run(self, number: int, request: AskRunSchedule, header: Header, tick: Tick) -> bool:
        if len(request.uid) != UID_BYTES:
            raise _refused(f"a uid has {UID_BYTES} bytes, and this one {len(request.uid)}")
        if self._store.known([request.uid]):
            return True  # the message came twice
        schedule = self._store.schedule(number)
        instance = header.instance if self._is_own(schedule, header) else ""
        self._maker.run_now(schedule, request, instance, tick)
        instant = tick.now
        while self._store.fired(number, [instant]):
            instant += _BUMP
        self._store.fire_schedule(
            number, [Fire(instant, FireReason.BY_HAND, request.uid)], tick.now
        )
        self._note(number, header, f"run by hand: job {ulid(request.uid)}", tick.now)
        self._timekeeper.look(number, tick)
        return True

    def _is_own(self, schedule: Schedule, header: Header) -> bool:
        """Whether the one who asks is told the outcome: jobs are of the schedule's client."""
        return self._store.client_name(schedule.client) == header.client

    # -- what it would do ------------------------------------------------------------------------

    def _next(
        self, schedule: Schedule, wanted: int, after: float | None, now: float
    ) -> list[float]:
        if schedule.state is ScheduleState.DELETED:
            return []
        left = runs_left(schedule.fires, schedule.plan.policy)
        most = min(wanted, _LONGEST_PAGE if left is None else left)
        return list(islice(self._coming(schedule, now if after is None else after), most))

    def _why(self, schedule: Schedule, now: float) -> Why:
        surroundings = self._timekeeper.surroundings(now)
        try:
            coming = self._next(schedule, 1, None, now)
            return why_schedule(self._store, schedule, now, coming, surroundings)
        except StoreError:
            raise
        except Exception as error:
            return Why(Reason.TROUBLE, f"its rule can't be told: {trouble_of(error)}")

    def _coming(
        self, schedule: Schedule, after: float, past: Past | None = None
    ) -> Iterator[float]:
        """The instants at which it would fire from one on, within its start and its end."""
        plan = schedule.plan
        policy = plan.policy
        begin = after if policy.start is None else max(after, policy.start)
        past = past or Past(self._store, schedule, self._timekeeper.surroundings(begin))
        coming = fires_of(read_rule(plan.rule), begin, read_zone(plan.zone), past)
        return takewhile(lambda instant: is_open(instant, policy), coming)

    def _backfill(
        self, number: int, begin: float, end: float, header: Header, tick: Tick
    ) -> tuple[int, float | None]:
        schedule = self._store.schedule(number)
        past = Past(self._store, schedule, self._timekeeper.surroundings(begin))
        past.made, past.last = begin, Fired(begin - _BUMP, begin - _BUMP)
        coming = self._coming(schedule, begin - _BUMP, past)
        wanted = takewhile(lambda instant: instant < min(end, tick.now), coming)
        instants = list(islice(wanted, _BACKFILLED + 1))
        goes_on = instants.pop() if len(instants) > _BACKFILLED else None
        fires = self._timekeeper.make_all(schedule, instants, FireReason.BACKFILL, tick)
        if fires:
            self._store.fire_schedule(number, fires, tick.now)
            self._note(number, header, f"backfilled: {len(fires)} jobs", tick.now)
        return len(fires), goes_on

    def _note(self, number: int, header: Header, what: str, now: float) -> None:
        self._store.note_change(number, header.client, what, now)

    def _check_lives(self, number: int) -> None:
        if self._store.schedule(number).state is ScheduleState.DELETED:
            raise _refused("this schedule was deleted: make it again")


def _plan(rule: str, zone: str, body: bytes, said: AskPutSchedule) -> Plan:
    """One version of a schedule, checked. Raises: RefusedError"""
    try:
        text = str(read_rule(rule))
        read_zone(zone)
        if said.policy.end_cond:
            read_rule(said.policy.end_cond)
    except BadRule as error:
        raise _refused(str(error)) from error
    fault = fault_of(said.policy)
    if fault:
        raise _refused(fault)
    task = _open_task(body)
    return Plan(text, zone, said.policy, task.spec.name, task.queue, body)


def _difference(old: Plan, new: Plan) -> str:
    """What a version changes, in words."""
    changes = [f"rule {new.rule}"] if new.rule != old.rule else []
    changes += [f"zone {new.zone}"] if new.zone != old.zone else []
    changes += ["policy"] if new.policy != old.policy else []
    changes += ["function, arguments or options"] if new.body != old.body else []
    return ", ".join(changes)


def _refused(text: str) -> RefusedError:
    return RefusedError(ErrorCode.INVALID_TASK, text)
