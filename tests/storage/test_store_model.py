"""Any sequence of verbs, on the real store and on the model: both must say the same."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from schedulergodx.core.conditions.base import Action
from schedulergodx.core.envelope import Header, MessageType
from schedulergodx.core.job import (
    FINAL,
    WAITING,
    Conflict,
    ErrorCode,
    Execution,
    LimitRule,
    OnFailure,
    Outcome,
    Parent,
    RetryRule,
    Status,
    Unique,
)
from schedulergodx.core.limit import key_of_limit
from schedulergodx.core.message import BatchRef
from schedulergodx.core.policy import Policy
from schedulergodx.core.schedule import FireReason, ScheduleFilter, ScheduleState
from schedulergodx.core.view import BatchFilter, Change, JobFilter
from schedulergodx.service.gate import Gate
from schedulergodx.service.tick import Tick
from schedulergodx.storage import make_store
from schedulergodx.storage.base import (
    NO_BOUNDS,
    Again,
    Bounds,
    Ending,
    NewJob,
    Retention,
    Store,
)
from schedulergodx.storage.progress import Checkpoint, Said
from schedulergodx.storage.schedules import Fire, Fired, Plan
from schedulergodx.storage.states import STATUSES
from tests.storage.making import DONE, FAILED, NOW, SPEC, new_job, new_uid
from tests.storage.model import REQUEUEABLE, ModelStore, Row
from tests.storage.stores import unopened

QUEUES = ("a", "b")
EXECUTIONS = (Execution.PROCESS, Execution.ASYNC)
ENDS = (DONE, FAILED, replace(FAILED, status=Status.TIMEOUT), replace(FAILED, output=""))
ALL = JobFilter(limit=1000)
LIMIT = LimitRule("limit")
PLAN = Plan("every 1 hour", "UTC", Policy(), "greet", "default", b"a task")
WAITS_OR_RUNS = (*sorted(WAITING), Status.RUNNING)
MEMORY = Path("/dev/shm")  # no test here is about the disk

ways = st.sampled_from((OnFailure.CANCEL, OnFailure.WAIT, OnFailure.RUN))
whens = st.integers(-5, 5).map(lambda seconds: NOW + seconds)
picks = st.integers(0, 1 << 30)


class SameAsModel(RuleBasedStateMachine):
    """A transaction is always open; some are committed, some undone, some parts undone alone."""

    @initialize()
    def open(self) -> None:
        self.home = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.model = ModelStore()
        self.real = unopened("sqlite", Path(self.home.name))
        self.real.open()
        self.unused: list[tuple[int, int]] = []  # attempts that were given up
        self.clock = NOW
        self.both(lambda store: store.begin())
        uid = new_uid()
        self.both(lambda store: store.add_schedule(uid, store.client_id("ann"), "first", PLAN, NOW))
        self.both(lambda store: store.listen(1, ["greet"]))
        for queue in QUEUES:  # something to run and something that runs, from the start
            uids = [new_uid() for _ in range(4)]
            self.both(lambda store, uids=uids, queue=queue: self.begin_with(store, uids, queue))

    def begin_with(self, store: Store, uids: list[bytes], queue: str) -> object:
        jobs = [new_job(store, uid=uid, queue=queue) for uid in uids]
        return store.add_jobs(jobs), store.claim({Execution.PROCESS: range(3)}, {queue: 3}, NOW)

    def teardown(self) -> None:
        if hasattr(self, "real"):
            self.real.close()
            self.home.cleanup()

    def has(self, *statuses: Status) -> bool:
        return any(row.status in statuses for row in self.model.state.rows.values())

    def both(self, verb: Callable[[Store], object]) -> object:
        self.changed = True
        expected = verb(self.model)
        said = verb(self.real)
        assert said == expected
        return expected

    def row(self, pick: int, *statuses: Status) -> Row | None:
        rows = [row for row in self.model.state.rows.values() if row.status in statuses]
        return rows[pick % len(rows)] if rows else None

    def uid(self, pick: int, *statuses: Status) -> bytes:
        """Mostly of a job in one of these statuses, else of any, now and then of none."""
        row = self.row(pick, *statuses) or self.row(pick, *Status)
        return row.job.uid if row and pick % 10 != 9 else new_uid()

    # -- what a service does ---------------------------------------------------------------------

    @rule(
        number=st.integers(1, 9),
        queue=st.sampled_from(QUEUES),
        execution=st.sampled_from(EXECUTIONS),
        priority=st.integers(-1, 1),
        due=st.none() | whens,
        deadline=st.none() | whens,
        code=st.sampled_from((ErrorCode.EXPIRED, ErrorCode.OVERDUE)),
        label=st.none() | st.sampled_from(("1", "2")),
        client=st.sampled_from(("ann", "bob")),
        lifetime=st.sampled_from((None, 5.0)),
        reply=st.sampled_from(("", "desk")),
        stillborn=st.sampled_from((False, False, False, True)),
        twins=st.booleans(),
        old=picks,
        batch=st.none() | picks,
        limit_key=st.sampled_from(("", "", "a", "a", "b")),
    )
    def add(
        self,
        number: int,
        queue: str,
        execution: Execution,
        priority: int,
        due: float | None,
        deadline: float | None,
        code: ErrorCode,
        label: str | None,
        client: str,
        lifetime: float | None,
        reply: str,
        stillborn: bool,
        twins: bool,
        old: int,
        batch: int | None,
        limit_key: str,
    ) -> None:
        uids = [new_uid() for _ in range(number)]
        if twins:
            uids += (self.uid(old, *Status), uids[0])  # known, and twice in one call
        waits = Status.PENDING if due is None else Status.SCHEDULED

        def jobs(store: Store) -> list[NewJob]:
            client_number = store.client_id(client)
            spec = store.spec_id(replace(SPEC, lifetime=lifetime, retry=RetryRule(attempts=2)))
            return [
                NewJob(
                    uid,
                    label,
                    client_number,
                    reply,
                    spec,
                    queue,
                    execution,
                    priority,
                    Status.FAILED if stillborn else waits,
                    NOW,
                    due,
                    deadline,
                    None if deadline is None else code,
                    b"" if stillborn else b"arguments",
                    (b"u" * 16,) if priority else (),
                    FAILED if stillborn else None,
                    batch=self.batch(batch),
                    limit_key=limit_key and key_of_limit(LIMIT, limit_key),
                )
                for uid in uids
            ]

        self.both(lambda store: store.add_jobs(jobs(store)))

    @rule(
        children=st.lists(
            st.tuples(
                st.lists(st.tuples(picks, ways, st.booleans()), min_size=1, max_size=3),
                st.none() | whens,
            ),
            min_size=1,
            max_size=5,
        ),
        client=st.sampled_from(("ann", "ann", "ann", "bob")),
        queue=st.sampled_from(QUEUES),
        deadline=st.none() | st.none() | whens,
        stillborn=st.sampled_from((False, False, False, True)),
        batch=st.none() | picks,
    )
    def add_children(
        self,
        children: list[tuple[list[tuple[int, OnFailure, bool]], float | None]],
        client: str,
        queue: str,
        deadline: float | None,
        stillborn: bool,
        batch: int | None,
    ) -> None:
        """Each depends on some that are there or come before it, now and then on an unknown one."""
        uids = [new_uid() for _ in children]
        known = [row.job.uid for row in self.model.state.rows.values()]
        parents = [
            tuple(
                Parent(pick_of([*known, *uids[:place]], pick), way, result)
                for pick, way, result in wanted
            )
            for place, (wanted, _) in enumerate(children)
        ]

        def jobs(store: Store) -> list[NewJob]:
            return [
                new_job(
                    store,
                    uid=uid,
                    client=store.client_id(client),
                    queue=queue,
                    status=Status.PENDING if due is None else Status.SCHEDULED,
                    due=due,
                    deadline=deadline,
                    deadline_code=None if deadline is None else ErrorCode.EXPIRED,
                    parents=above,
                    batch=self.batch(batch),
                )
                for uid, above, (_, due) in zip(uids, parents, children, strict=True)
            ]

        def add(store: Store) -> object:
            some = jobs(store)
            if stillborn:
                failed = {"status": Status.FAILED, "outcome": FAILED, "arguments": b""}
                some[0] = replace(some[0], **failed)
            return store.add_children(some)

        self.both(add)

    @precondition(lambda self: self.has(Status.BLOCKED))
    @rule(pick=picks, old=picks, way=st.sampled_from(OnFailure), result=st.booleans())
    def add_parents(self, pick: int, old: int, way: OnFailure, result: bool) -> None:
        """A new one, and one that it may have already."""
        row, new = self.row(pick, Status.BLOCKED), new_uid()
        assert row is not None
        child = row.job.uid
        had = [self.model.state.rows[s].job.uid for s, _ in row.above if s in self.model.state.rows]
        parents = [Parent(new, way, result)]
        if had:
            parents.append(Parent(had[old % len(had)], way, result))

        def put_before(store: Store) -> object:
            store.add_jobs([new_job(store, uid=new)])
            return store.add_parents(child, parents)

        self.both(put_before)

    # -- batches ---------------------------------------------------------------------------------

    def batch(self, pick: int | None) -> int | None:
        batches = sorted(self.model.state.batches)
        return batches[pick % len(batches)] if batches and pick is not None else None

    @precondition(lambda self: len(self.model.state.batches) < 3)
    @rule(
        name=st.sampled_from(("x", "y")),
        client=st.sampled_from(("ann", "bob")),
        workflow=st.booleans(),
    )
    def make_batch(self, name: str, client: str, workflow: bool) -> None:
        ref = BatchRef(new_uid(), name, workflow)
        self.both(lambda store: store.make_batch(ref, store.client_id(client), NOW))

    @precondition(lambda self: self.model.state.batches)
    @rule(pick=picks, expected=st.integers(0, 9), with_callback=st.booleans(), now=whens)
    def close_batch(self, pick: int, expected: int, with_callback: bool, now: float) -> None:
        number = self.batch(pick)
        assert number is not None
        callback = None
        if with_callback and self.model.state.batches[number].callback is None:
            callback = new_uid()
            blocked = {"uid": callback, "status": Status.BLOCKED}
            self.both(lambda store: store.add_jobs([new_job(store, **blocked)]))
        self.both(lambda store: store.close_batch(number, expected, callback, now))

    @precondition(lambda self: self.model.state.batches)
    @rule(pick=picks, now=whens, limit=st.integers(1, 9))
    def cancel_batch(self, pick: int, now: float, limit: int) -> None:
        number = self.batch(pick)
        self.both(lambda store: store.cancel_batch(number, now, limit))

    @precondition(lambda self: self.model.state.batches)
    @rule(pick=picks, now=whens, limit=st.integers(1, 9), all=st.booleans())
    def requeue_batch(self, pick: int, now: float, limit: int, all: bool) -> None:
        number = self.batch(pick)
        before = self.model.last_seq() + 1 if all else self.model.last_seq() // 2
        self.both(lambda store: store.requeue_batch(number, before, now, limit))

    @rule(
        number=st.integers(1, 4),
        key=st.sampled_from((b"k" * 16, b"l" * 16)),
        conflict=st.sampled_from(Conflict),
        seconds=st.none() | st.sampled_from((2.0, 4.0)),
        states=st.sampled_from((WAITS_OR_RUNS, tuple(Status), (Status.PENDING,))),
        client=st.sampled_from(("ann", "bob")),
        old=picks,
        now=whens,
    )
    def add_unique(
        self,
        number: int,
        key: bytes,
        conflict: Conflict,
        seconds: float | None,
        states: tuple[Status, ...],
        client: str,
        old: int,
        now: float,
    ) -> None:
        uids = [new_uid() for _ in range(number)] + [self.uid(old, *Status)]
        uids.append(uids[0])
        unique = Unique(key, conflict, seconds, states)
        header = Header(2, MessageType.TASK, b"e" * 16, client, "desk", NOW, b"")

        def let_in(store: Store) -> object:
            jobs = [
                new_job(store, uid=uid, client=store.client_id(client), unique=unique)
                for uid in uids
            ]
            tick = Tick(now)
            gate = Gate(store, "one")
            admission = gate.admit(jobs, tick)
            known = store.add_jobs(admission.jobs)
            gate.close(admission, header, tick)
            return known, tick.told, tick.replies, admission

        self.both(let_in)

    # -- schedules -------------------------------------------------------------------------------

    def timer(self, pick: int) -> int | None:
        numbers = sorted(self.model.state.timers.by_number)
        return numbers[pick % len(numbers)] if numbers else None

    @precondition(lambda self: len(self.model.state.timers.by_number) < 4)
    @rule(name=st.sampled_from(("x", "y")), client=st.sampled_from(("ann", "bob")), now=whens)
    def add_schedule(self, name: str, client: str, now: float) -> None:
        if self.both(lambda store: store.find_schedule(client, name)) is None:
            uid = new_uid()
            self.both(
                lambda store: store.add_schedule(uid, store.client_id(client), name, PLAN, now)
            )

    @precondition(lambda self: self.model.state.timers.by_number)
    @rule(pick=picks, rule=st.sampled_from(("daily", "hourly")), anew=st.booleans(), now=whens)
    def revise_schedule(self, pick: int, rule: str, anew: bool, now: float) -> None:
        number = self.timer(pick)
        plan = replace(PLAN, rule=rule)
        self.both(lambda store: store.revise_schedule(number, plan, now, anew=anew))
        self.both(lambda store: store.note_change(number, "ann", rule, now))

    @precondition(lambda self: self.model.state.timers.by_number)
    @rule(pick=picks, state=st.sampled_from(ScheduleState), anew=st.booleans(), now=whens)
    def turn_schedule(self, pick: int, state: ScheduleState, anew: bool, now: float) -> None:
        number = self.timer(pick)
        assert number is not None
        old = self.model.schedule(number)
        if old.state is not ScheduleState.DELETED:
            self.both(lambda store: store.turn_schedule(number, state, now, anew=anew))

    @precondition(lambda self: self.model.state.timers.by_number)
    @rule(pick=picks, next=st.none() | whens, trouble=st.sampled_from(("", "why")))
    def plan_schedule(self, pick: int, next: float | None, trouble: str) -> None:
        number = self.timer(pick)
        self.both(lambda store: store.plan_schedule(number, next, trouble))

    @precondition(lambda self: self.model.state.timers.by_number)
    @rule(
        pick=picks,
        instants=st.lists(whens, max_size=3, unique=True),
        job=picks,
        why=st.sampled_from(FireReason),
        now=whens,
    )
    def fire(self, pick: int, instants: list[float], job: int, why: FireReason, now: float) -> None:
        number = self.timer(pick)
        uid = None if why is FireReason.STILL_RUNNING else self.uid(job, *Status)
        known = self.both(lambda store: store.fired(number, instants))
        fires = [Fire(instant, why, uid) for instant in instants if instant not in known]
        self.both(lambda store: store.fire_schedule(number, fires, now))
        last = Fired(now, now + 1)
        self.both(lambda store: store.set_last(number, last, {(Action.FINISHED, "greet"): job}))

    @precondition(lambda self: self.model.state.timers.by_number)
    @rule(pick=picks, now=whens)
    def set_back(self, pick: int, now: float) -> None:
        number = self.timer(pick)
        self.both(lambda store: store.set_back(number, now))

    @precondition(lambda self: self.model.state.timers.by_number)
    @rule(pick=picks, tasks=st.sampled_from(((), ("greet",), ("other",), ("greet", "other"))))
    def listen(self, pick: int, tasks: tuple[str, ...]) -> None:
        number = self.timer(pick)
        assert number is not None
        if self.model.schedule(number).state is not ScheduleState.DELETED:
            self.both(lambda store: store.listen(number, tasks))

    @rule(now=whens, limit=st.integers(1, 4))
    def look_at_schedules(self, now: float, limit: int) -> None:
        assert self.model.heard() <= self.real.heard()
        self.both(lambda store: store.next_change())
        self.both(lambda store: set(store.due_schedules(now, 1000)))
        self.both(lambda store: store.active_schedules(1, limit))
        for which in (ScheduleFilter(), ScheduleFilter(client="ann", name="x", limit=limit)):
            self.both(lambda store, which=which: store.list_schedules(which))
        deleted = ScheduleFilter(state=ScheduleState.DELETED)
        self.both(lambda store: store.list_schedules(deleted))
        self.both(lambda store: store.running_of("greet"))
        self.both(lambda store: store.listeners("greet"))
        for action in Action:
            self.both(lambda store, action=action: store.latest(action, "greet", 1, now))
            self.both(lambda store, action=action: store.first_after(action, "greet", limit))
        for number in self.model.state.timers.by_number:
            for look in (
                lambda store, number=number: store.schedule(number),
                lambda store, number=number: store.view_schedule(number),
                lambda store, number=number: store.unfinished(number),
                lambda store, number=number: store.fires_of(number, now, limit),
                lambda store, number=number: store.fires_of(number, None, 1000),
                lambda store, number=number: store.changes_of(number, limit),
            ):
                self.both(look)

    @rule(before=whens, limit=st.integers(1, 9))
    def sweep_schedules(self, before: float, limit: int) -> None:
        ages = [
            shot.at
            for timer in self.model.state.timers.by_number.values()
            for shot in timer.shots.values()
        ]
        if len(ages) == len(set(ages)):  # of equal ones, any may go first
            self.both(lambda store: store.sweep_schedules(before, limit))

    @rule(now=whens)
    def end_joined(self, now: float) -> None:
        self.both(lambda store: store.end_joined(now, 1000))

    @rule(
        name=st.just("limit"),
        concurrency=st.none() | st.integers(1, 3),
        rate=st.none() | st.integers(1, 3),
        seconds=st.sampled_from((1.0, 4.0)),
    )
    def set_limit(
        self, name: str, concurrency: int | None, rate: int | None, seconds: float
    ) -> None:
        rule = LimitRule(name, concurrency, rate, seconds)
        self.both(lambda store: store.set_limit(rule))

    @rule(queue=st.sampled_from(QUEUES), pause=st.booleans(), now=whens)
    def pause(self, queue: str, pause: bool, now: float) -> None:
        self.both(lambda store: store.pause(queue, now) if pause else store.resume(queue))
        self.both(lambda store: dict(store.paused()))

    @precondition(lambda self: self.has(Status.SCHEDULED))
    @rule(now=whens, limit=st.integers(1, 4))
    def release(self, now: float, limit: int) -> None:
        self.both(lambda store: store.release_due(now, limit))

    @precondition(lambda self: self.has(*WAITING))
    @rule(now=whens, limit=st.integers(1, 4))
    def expire(self, now: float, limit: int) -> None:
        self.both(lambda store: store.expire(now, limit))

    @precondition(lambda self: self.has(Status.PENDING))
    @rule(
        pick=picks,
        rooms=st.fixed_dictionaries(dict.fromkeys(QUEUES, st.sampled_from((3, 1, 0, 9)))),
        places=st.sampled_from((4, 1, 9, 0)),
        now=whens,
        together=st.booleans(),
        bounds=st.one_of(
            st.just(NO_BOUNDS),
            st.builds(
                Bounds,
                st.sampled_from((None, 0, 1, 2)),
                st.none() | st.integers(-1, 1),
            ),
        ),
        prompt=st.sampled_from((9, 1, 0, None)),
        rated=st.sampled_from(((), QUEUES[:1])),
    )
    def claim(
        self,
        pick: int,
        rooms: dict[str, int],
        places: int,
        now: float,
        together: bool,
        bounds: Bounds,
        prompt: int | None,
        rated: Sequence[str],
    ) -> None:
        row = self.row(pick, Status.PENDING)
        assert row is not None
        executions = EXECUTIONS if together else (row.job.execution,)
        free = dict.fromkeys(executions, range(10, 10 + places))
        self.clock = now = max(self.clock, now)  # one that is set back has a test of its own
        self.both(lambda store: store.release_rates(now))
        at_once = None if prompt is None else dict.fromkeys(executions, prompt)
        self.both(
            lambda store: store.claim(free, rooms, now, bounds=bounds, prompt=at_once, rated=rated)
        )

    @precondition(lambda self: self.has(Status.RUNNING))
    @rule(pick=picks)
    def give_back(self, pick: int) -> None:
        if row := self.row(pick, Status.RUNNING):
            attempts = [(row.seq, row.attempt)]
            self.unused += attempts
            self.both(lambda store: store.give_back(attempts))

    @precondition(lambda self: self.has(Status.RUNNING))
    @rule(number=st.integers(1, 4), outcome=st.sampled_from(ENDS), finished=whens)
    def finish(self, number: int, outcome: Outcome, finished: float) -> None:
        running = self.model.running()[:number]
        self.unused += [(job.seq, job.attempt) for job in running]
        endings = [Ending(job.seq, job.attempt, outcome, finished - 1, finished) for job in running]
        self.both(lambda store: store.finish(endings))

    @precondition(lambda self: self.has(Status.RUNNING))
    @rule(pick=picks, due=whens)
    def retry(self, pick: int, due: float) -> None:
        if row := self.row(pick, Status.RUNNING):
            self.unused.append((row.seq, row.attempt))
            again = Again(row.seq, row.attempt, due, FAILED, due - 2, due - 1)
            self.both(lambda store: store.retry([again]))

    @precondition(lambda self: self.unused)
    @rule(pick=picks)
    def late_outcome(self, pick: int) -> None:
        seq, attempt = self.unused[pick % len(self.unused)]
        row = self.model.state.rows.get(seq)
        if row and row.status is Status.RUNNING and row.attempt == attempt:
            return  # it was given back, and this is the same attempt again
        counts = self.real.counts()
        assert self.both(lambda store: store.finish([Ending(seq, attempt, DONE, NOW, NOW)])) == []
        self.both(lambda store: store.retry([Again(seq, attempt, NOW, FAILED, NOW, NOW)]))
        self.both(lambda store: store.give_back([(seq, attempt)]))
        assert self.real.counts() == counts

    # -- what people do --------------------------------------------------------------------------

    @precondition(lambda self: self.has(*WAITING, Status.RUNNING))
    @rule(pick=picks, now=whens)
    def cancel(self, pick: int, now: float) -> None:
        uid = self.uid(pick, *WAITING, Status.RUNNING)
        self.both(lambda store: store.cancel(uid, now))

    @rule(now=whens, reply=st.sampled_from(("", "desk")))
    def bury(self, now: float, reply: str) -> None:
        uid = new_uid()
        self.both(lambda store: store.bury(uid, store.client_id("ann"), reply, now))

    @precondition(lambda self: self.has(*WAITING))
    @rule(
        pick=picks,
        change=st.builds(
            Change,
            due=st.none() | st.just(0.0) | whens,
            priority=st.none() | st.integers(-1, 1),
            queue=st.none() | st.sampled_from(QUEUES),
            lifetime=st.none() | st.sampled_from((-1.0, 9.0)),
        ),
        now=whens,
    )
    def change(self, pick: int, change: Change, now: float) -> None:
        uid = self.uid(pick, *WAITING)
        self.both(lambda store: store.change(uid, change, now))

    @precondition(lambda self: self.has(*REQUEUEABLE))
    @rule(pick=picks, now=whens)
    def requeue(self, pick: int, now: float) -> None:
        uid = self.uid(pick, *REQUEUEABLE)
        self.both(lambda store: store.requeue(uid, now))

    @rule(pick=picks, now=whens)
    def annotate(self, pick: int, now: float) -> None:
        uid = self.uid(pick, *Status)
        self.both(lambda store: store.annotate(uid, f"{pick}", now))

    @precondition(lambda self: self.has(Status.RUNNING))
    @rule(
        number=st.integers(1, 3),
        late=st.integers(0, 1),
        done=st.none() | st.sampled_from((0.0, 1.5)),
        total=st.none() | st.just(9.0),
        note=st.sampled_from(("", "half")),
        now=whens,
    )
    def say(
        self,
        number: int,
        late: int,
        done: float | None,
        total: float | None,
        note: str,
        now: float,
    ) -> None:
        running = self.model.running()[:number]
        said = [Said(job.seq, job.attempt + late, done, total, note) for job in running]
        self.both(lambda store: store.note_progress(said, now))

    @precondition(lambda self: self.has(Status.RUNNING))
    @rule(pick=picks, late=st.integers(0, 3), now=whens)
    def keep_checkpoint(self, pick: int, late: int, now: float) -> None:
        if row := self.row(pick, Status.RUNNING):
            attempt = row.attempt + (late == 3)
            checkpoint = Checkpoint(str(pick).encode(), (b"u" * 16,) * (pick % 2))
            self.both(lambda store: store.keep_checkpoint(row.seq, attempt, checkpoint, now))

    @precondition(lambda self: self.model.state.outbox)
    @rule(pick=picks)
    def send(self, pick: int) -> None:
        seqs = sorted(self.model.state.outbox)
        some = seqs[: pick % (len(seqs) + 1)]
        self.both(lambda store: store.sent(some))

    @precondition(lambda self: self.has(*FINAL))
    @rule(
        seconds=st.dictionaries(
            st.sampled_from(sorted(FINAL)),
            st.none() | st.integers(0, 4).map(float),
        ),
        of_queues=st.dictionaries(
            st.sampled_from(QUEUES),
            st.dictionaries(
                st.sampled_from(sorted(FINAL)), st.none() | st.integers(0, 4).map(float)
            ),
        ),
        limit=st.integers(1, 5),
    )
    def prune(
        self,
        seconds: dict[Status, float | None],
        of_queues: dict[str, dict[Status, float | None]],
        limit: int,
    ) -> None:
        retention = Retention(seconds, of_queues)

        def prune(store: Store) -> object:
            store.end_joined(NOW + 3, 1000)
            removed = sum(iter(lambda: store.prune(retention, NOW + 3, limit), 0))
            while store.sweep(NOW + 3, limit) >= limit:
                pass
            return removed

        self.both(prune)

    # -- transactions ----------------------------------------------------------------------------

    @precondition(lambda self: self.changed)
    @rule(how=st.sampled_from(("commit", "commit", "rollback", "reopen")))
    def end_transaction(self, how: str) -> None:
        if how == "rollback":
            self.both(lambda store: store.rollback())
        else:
            self.both(lambda store: store.commit())
        if how == "reopen":
            self.real.close()
            self.real = make_store(self.real.path)
            self.real.open()
        self.compare_all()
        self.both(lambda store: store.begin())
        self.changed = False

    @precondition(lambda self: self.has(*WAITING))
    @rule(pick=picks, execution=st.sampled_from(EXECUTIONS))
    def undo_a_part(self, pick: int, execution: Execution) -> None:
        uid = self.uid(pick, *WAITING, *REQUEUEABLE)
        for store in (self.model, self.real):
            try:
                with store.savepoint():
                    store.client_id("eve")
                    store.claim({execution: [1, 2]}, dict.fromkeys(QUEUES, 3), NOW)
                    store.cancel(uid, NOW)
                    store.requeue(uid, NOW)
                    store.change(uid, Change(queue="c"), NOW)
                    raise LookupError
            except LookupError:
                pass

    # -- what must hold --------------------------------------------------------------------------

    @invariant()
    def compare(self) -> None:
        if hasattr(self, "real"):
            assert self.real.counts() == self.model.counts()
            assert self.real.pending() == self.model.pending()
            assert self.real.next_due() == self.model.next_due()
            assert self.real.next_deadline() == self.model.next_deadline()
            assert self.real.last_seq() == self.model.last_seq()
            for number in self.model.state.batches:
                assert self.real.view_batch(number) == self.model.view_batch(number)

    def compare_all(self) -> None:
        self.both(lambda store: store.list_jobs(ALL))
        self.both(lambda store: store.unsent(0, 1000))
        self.both(lambda store: store.running())
        rows = list(self.model.state.rows.values())
        uids = [row.job.uid for row in rows]
        self.both(lambda store: store.outcomes(uids))
        self.both(lambda store: store.cancel_asked([row.seq for row in rows]))
        for uid in uids:
            self.both(lambda store, uid=uid: store.view(uid))
            self.both(lambda store, uid=uid: store.view(uid, arguments=False))
        for row in rows:
            self.both(lambda store, seq=row.seq: store.kept_checkpoint(seq))
            self.both(lambda store, uid=row.job.uid: store.held_back(uid))
        for client in ("ann", None):
            self.both(lambda store, client=client: store.find(client, "1"))
        for status in Status:
            self.both(lambda store, status=status: store.list_jobs(JobFilter(status=status)))
        for row in rows:
            self.both(lambda store, row=row: store.list_jobs(JobFilter(since=row.job.created)))
        for number in self.model.state.batches:
            self.both(lambda store, number=number: store.batch(number))
            self.both(lambda store, number=number: store.jobs_of_batch(number, 3, 50))
        for active in (None, True, False):
            which = BatchFilter(active=active, client="ann" if active else None)
            self.both(lambda store, which=which: store.list_batches(which))
        for client in ("ann", None):
            self.both(lambda store, client=client: store.find_batch(client, "x"))
        self.both(lambda store: store.clients_of(uids))
        self.check_file()

    def check_file(self) -> None:
        """Counters are what counting says, and nothing is left of what is gone."""
        reader = sqlite3.connect(f"file:{self.real.path}?mode=ro", uri=True)
        counted = reader.execute(
            "SELECT queue, status, count(*) FROM job JOIN lane ON lane.id = lane GROUP BY 1, 2"
        ).fetchall()
        assert {(q, STATUSES[s]): n for q, s, n in counted} == self.model.counts()
        kept = Counter()
        for queue, status, jobs in reader.execute(
            "SELECT queue, status, jobs FROM counter JOIN lane ON lane.id = lane"
        ):
            kept[queue, STATUSES[status]] += jobs
        assert +kept == Counter(self.model.counts())
        for table in ("payload", "result", "outbox", "attempt", "progress", "joined"):
            [(orphans,)] = reader.execute(
                f"SELECT count(*) FROM {table} WHERE seq NOT IN (SELECT seq FROM job)"
            )
            assert orphans == 0, table
        for gone in (
            "dependency WHERE child NOT IN (SELECT seq FROM job)",
            "batch_counter WHERE batch NOT IN (SELECT id FROM batch)",
            "job WHERE batch IS NOT NULL AND batch NOT IN (SELECT id FROM batch)",
        ):
            assert reader.execute(f"SELECT count(*) FROM {gone}").fetchall() == [(0,)], gone
        keyed = {
            seq: bool(holds) for seq, holds in reader.execute("SELECT seq, holds FROM unique_key")
        }
        assert keyed == {seq: key.holds for seq, key in self.model.state.keys.items()}
        assert dict(reader.execute("SELECT seq, first FROM joined")) == self.model.state.joined
        assert reader.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        reader.close()


def pick_of(uids: list[bytes], pick: int) -> bytes:
    """Mostly one of these, the later ones more often; now and then none that is known."""
    return new_uid() if pick % 20 == 19 or not uids else uids[-1 - pick % len(uids)]


def test_the_store_does_what_the_model_does() -> None:
    run_state_machine_as_test(
        SameAsModel,
        settings=settings(
            max_examples=100,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
