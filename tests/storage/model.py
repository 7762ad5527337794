"""A store in plain Python: nothing is quick and nothing is kept, but what it says is right.

The conformance suite runs on it too, so that it and the suite hold each other.
"""

from __future__ import annotations

import copy
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from msgspec import structs

from schedulergodx.core.conditions.base import Action
from schedulergodx.core.dependency import is_fatal, is_met
from schedulergodx.core.identity import uid_of, ulid
from schedulergodx.core.job import (
    Conflict,
    ErrorCode,
    Execution,
    Failure,
    LimitRule,
    Outcome,
    Parent,
    Spec,
    Status,
    Unique,
)
from schedulergodx.core.limit import Rate, name_of_limit, rate_of
from schedulergodx.core.message import BatchRef
from schedulergodx.core.results import ParentResult
from schedulergodx.core.unique import Verdict, judge
from schedulergodx.core.view import (
    AttemptView,
    BatchFilter,
    BatchState,
    BatchView,
    CancelAnswer,
    Change,
    JobFilter,
    JobView,
    Progress,
)
from schedulergodx.storage.base import (
    CLAIM_BYTES,
    NO_BOUNDS,
    Again,
    Bounds,
    Cancelled,
    Claimed,
    Ending,
    NewJob,
    Retention,
    Running,
    Told,
)
from schedulergodx.storage.flows import Added, Batch, BatchCancelled
from schedulergodx.storage.holding import HeldBack, Holder, Key
from schedulergodx.storage.progress import Checkpoint, Said
from schedulergodx.storage.verdicts import (
    CALLED_OFF,
    UNKNOWN_SPEC,
    Cause,
    expiry,
    parent_failed,
    unknown_parent,
)
from tests.storage.model_schedules import ScheduleModel, Timers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

NOT_STARTED = (Status.SCHEDULED, Status.BLOCKED, Status.PENDING)
REQUEUEABLE = (Status.FAILED, Status.TIMEOUT, Status.CANCELLED, Status.EXPIRED)


@dataclass
class Row:
    """A job: what was stored of it, and where it is."""

    seq: int
    job: NewJob
    spec: int
    queue: str
    priority: int
    status: Status
    due: float | None
    deadline: float | None
    attempt: int = 0
    worker: int | None = None
    started: float | None = None
    finished: float | None = None
    outcome: Outcome | None = None
    cancel_asked: bool = False
    attempts: list[AttemptView] = field(default_factory=list)
    above: list[tuple[int, Parent]] = field(default_factory=list)  # seqs of its parents
    for_batch: bool = False  # a callback that waits
    note: str = ""
    done: float | None = None
    total: float | None = None
    checkpoint: Checkpoint | None = None

    @property
    def code(self) -> int | None:
        failure = self.outcome.failure if self.outcome else None
        return failure.code if failure else None


@dataclass
class Group:
    """A batch."""

    number: int
    ref: BatchRef
    client: int
    created: float
    state: BatchState = BatchState.OPEN
    expected: int = 0
    callback: bytes | None = None
    removed: Counter[Status] = field(default_factory=Counter)


End = tuple[Row, Outcome, float | None, float]


@dataclass
class State:
    """All that a transaction may undo."""

    rows: dict[int, Row] = field(default_factory=dict)
    clients: list[str] = field(default_factory=list)
    specs: list[Spec] = field(default_factory=list)
    units: dict[bytes, bytes] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    outbox: set[int] = field(default_factory=set)
    keys: dict[int, Key] = field(default_factory=dict)
    joined: dict[int, bytes] = field(default_factory=dict)
    rules: dict[str, LimitRule] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    paused: dict[str, float] = field(default_factory=dict)
    last_seq: int = 0
    batches: dict[int, Group] = field(default_factory=dict)
    timers: Timers = field(default_factory=Timers)


class ModelStore(ScheduleModel):
    """See `storage.base.Store`."""

    uid = "0" * 32
    path = ""

    def __init__(self) -> None:
        self.state = State()
        self._begun: State | None = None

    def open(self) -> None:
        pass

    def close(self) -> None:
        self.rollback()

    def begin(self) -> None:
        self._begun = copy.deepcopy(self.state)

    def commit(self) -> None:
        self._begun = None

    def rollback(self) -> None:
        if self._begun is not None:
            self.state, self._begun = self._begun, None

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        before = copy.deepcopy(self.state)
        try:
            yield
        except BaseException:
            self.state = before
            raise

    def get_note(self, key: str) -> str | None:
        return self.state.notes.get(key)

    def set_note(self, key: str, text: str) -> None:
        self.state.notes[key] = text

    # -- inbox -----------------------------------------------------------------------------------

    def client_id(self, name: str) -> int:
        return _number(self.state.clients, name)

    def client_name(self, number: int) -> str:
        return self.state.clients[number - 1]

    def spec_id(self, spec: Spec) -> int:
        return _number(self.state.specs, spec)

    def spec(self, number: int) -> Spec:
        return self.state.specs[number - 1]

    def add_units(self, units: Mapping[bytes, bytes]) -> None:
        self.state.units = {**units, **self.state.units}

    def missing_units(self, hashes: Collection[bytes]) -> set[bytes]:
        return set(hashes) - self.state.units.keys()

    def units(self, hashes: Collection[bytes]) -> dict[bytes, bytes]:
        return {key: self.state.units[key] for key in hashes if key in self.state.units}

    def add_jobs(self, jobs: Sequence[NewJob]) -> set[bytes]:
        known = {row.job.uid for row in self._rows}
        added: set[bytes] = set()
        for job in jobs:
            if job.uid not in known | added:
                self._add(job)
                added.add(job.uid)
        self._end_batches({job.batch for job in jobs}, jobs[-1].created if jobs else 0.0)
        return known & {job.uid for job in jobs}

    def add_children(self, jobs: Sequence[NewJob]) -> Added:
        known = {row.job.uid for row in self._rows}
        ended = []
        for job in jobs:
            if self._row(job.uid) is None:
                row = self._add_child(job)
                if row.outcome is not None:
                    ended.append(job.uid)
        self._end_batches({job.batch for job in jobs}, jobs[-1].created if jobs else 0.0)
        return Added(known & {job.uid for job in jobs}, ended)

    def _add_child(self, job: NewJob) -> Row:
        parents = {parent.uid: parent for parent in job.parents}
        rows = {uid: self._row(uid) for uid in parents}
        unknown = [u for u, row in rows.items() if row is None or row.job.client != job.client]
        if job.outcome is not None:
            return self._add(job)
        if unknown:
            outcome = unknown_parent(unknown[0])
            job = structs.replace(job, arguments=b"", outcome=outcome, status=outcome.status)
            return self._add(job)
        for uid, parent in parents.items():
            row = rows[uid]
            assert row is not None
            if is_fatal(parent.on_failure, row.status):
                outcome = parent_failed(Cause(self._id(row), self.spec(row.spec).name, row.status))
                job = structs.replace(job, outcome=outcome, status=outcome.status)
                break
        added = self._add(job)
        added.above = sorted((rows[uid].seq, parent) for uid, parent in parents.items())
        if added.outcome is None and self._unmet(added):
            added.status = Status.BLOCKED
        return added

    def add_parents(self, child: bytes, parents: Sequence[Parent]) -> bool:
        row = self._row(child)
        if row is None or row.status is not Status.BLOCKED or not row.above:
            return False
        had = {seq for seq, _ in row.above}
        new = [(self._row(parent.uid).seq, parent) for parent in parents]
        row.above = sorted([*row.above, *(edge for edge in new if edge[0] not in had)])
        return True

    def clients_of(self, uids: Collection[bytes]) -> dict[bytes, int]:
        return {row.job.uid: row.job.client for row in self._rows if row.job.uid in uids}

    def _unmet(self, row: Row) -> list[Parent]:
        above = [(self.state.rows.get(seq), parent) for seq, parent in row.above]
        return [
            parent
            for found, parent in above
            if found is None or not is_met(parent.on_failure, found.status)
        ]

    def _id(self, row: Row) -> str:
        return row.job.label or ulid(row.job.uid)

    def _add(self, job: NewJob) -> Row:
        self.state.last_seq = seq = self.state.last_seq + 1
        row = Row(
            seq,
            job,
            job.spec,
            job.queue,
            job.priority,
            job.status,
            job.due,
            job.deadline,
            finished=job.created if job.outcome else None,
            outcome=job.outcome,
            for_batch=job.status is Status.BLOCKED,
        )
        if job.outcome and job.reply:
            self.state.outbox.add(seq)
        self.state.rows[seq] = row
        return row

    # -- keys ------------------------------------------------------------------------------------

    def known(self, uids: Sequence[bytes]) -> set[bytes]:
        return {uid for uid in uids if self._row(uid)}

    def holders(self, keys: Collection[bytes]) -> dict[bytes, Holder]:
        held = {k.key: (seq, k) for seq, k in self.state.keys.items() if k.holds and k.key in keys}
        found = {}
        for name, (seq, key) in held.items():
            row = self.state.rows.get(seq)
            found[name] = Holder(
                row and row.job.uid, row and row.job.label, row and row.status, key.until
            )
        return found

    def hold(self, keys: Sequence[Key]) -> None:
        for key in keys:
            if key.holds:
                self._let_go(key.key)
        for key in keys:
            row = self._row(key.uid)
            assert row is not None
            self.state.keys[row.seq] = key

    def join(self, joined: Sequence[tuple[bytes, bytes]]) -> None:
        for uid, first in joined:
            row = self._row(uid)
            assert row is not None
            self.state.joined[row.seq] = first

    def end_joined(self, now: float, limit: int) -> list[Told]:
        told = []
        room = limit
        for first in sorted(set(self.state.joined.values())):
            one = self._row(first)
            if one is None or one.outcome is None or not room:
                continue
            seqs = sorted(seq for seq, other in self.state.joined.items() if other == first)[:room]
            room -= len(seqs)
            rows = [self.state.rows[seq] for seq in seqs if seq in self.state.rows]
            for seq in seqs:
                del self.state.joined[seq]
            waiting = [row for row in rows if row.status is Status.BLOCKED]
            told += self._end([(row, one.outcome, one.started, now) for row in waiting])
        return told

    def replace(self, uid: bytes, outcome: Outcome, now: float) -> list[Told]:
        row = self._row(uid)
        if row is None or not row.status.waiting:
            return []
        return self._end([(row, outcome, None, now)])

    def _let_go(self, key: bytes) -> None:
        for seq, other in self.state.keys.items():
            if other.key == key:
                self.state.keys[seq] = structs.replace(other, holds=False)

    def _take_key(self, row: Row, now: float) -> bool:
        key = self.state.keys.get(row.seq)
        if key is None:
            return True
        holder = self.holders([key.key]).get(key.key)
        over = key.until is not None and key.until <= now
        if holder and holder.uid != row.job.uid and not over:
            wanted = Unique(key.key, Conflict.REFUSE, states=key.states)
            if judge(wanted, holder.status, holder.until, now) is not Verdict.FREE:
                return False
        self._let_go(key.key)
        self.state.keys[row.seq] = structs.replace(key, holds=True)
        return True

    # -- scheduler -------------------------------------------------------------------------------

    def release_due(self, now: float, limit: int) -> int:
        due = [row for row in self._in(Status.SCHEDULED) if row.due is not None and row.due <= now]
        due = sorted(due, key=lambda row: (row.due, row.seq))[:limit]
        for row in due:
            row.status = Status.PENDING
        return len(due)

    def next_due(self) -> float | None:
        return min((row.due for row in self._in(Status.SCHEDULED)), default=None)

    def expire(self, now: float, limit: int) -> list[Told]:
        late = [row for row in self._with_deadline() if row.deadline <= now]
        late.sort(key=lambda row: (row.deadline, row.seq))
        return self._end([(row, expiry(row.job.deadline_code), None, now) for row in late[:limit]])

    def next_deadline(self) -> float | None:
        return min((row.deadline for row in self._with_deadline()), default=None)

    def _with_deadline(self) -> list[Row]:
        waiting = self._in(*NOT_STARTED)
        return [row for row in waiting if row.deadline is not None and not row.attempt]

    # -- dispatcher ------------------------------------------------------------------------------

    def pending(self) -> Mapping[tuple[str, Execution], int]:
        return dict(Counter((row.queue, row.job.execution) for row in self._in(Status.PENDING)))

    def claim(
        self,
        places: Mapping[Execution, Sequence[int]],
        rooms: Mapping[str, int],
        now: float,
        *,
        bounds: Bounds = NO_BOUNDS,
        prompt: Mapping[Execution, int] | None = None,
        rated: Collection[str] = (),
    ) -> list[Claimed]:
        left = dict(rooms)
        free = {execution: len(workers) for execution, workers in places.items()}
        taken: Counter[str] = Counter()
        chosen: Counter[Execution] = Counter()
        first: list[Row] = []
        self._bound_rates(now)
        for row in sorted(self._in(Status.PENDING), key=lambda row: (-row.priority, row.seq)):
            if len(first) == bounds.most or row.priority < (
                -1000 if bounds.least is None else bounds.least
            ):
                break
            execution, key = row.job.execution, row.job.limit_key
            room = min(free.get(execution, 0), left.get(row.queue, 0))
            if room > 0 and self._may_start(key, taken[key], now):
                has_rate = row.queue in rated or self._has_rate(key)
                if has_rate and prompt is not None and chosen[execution] >= prompt[execution]:
                    free[execution] = 0  # what comes after it waits as well
                    continue
                chosen[execution] += 1
                free[execution] -= 1
                left[row.queue] -= 1
                first.append(row)
                self._take_of_limit(key, taken, now)
        # One that may not start any more takes its place in the order and no worker.
        first = [row for row in first if not _too_late(row, now)]
        return [
            self._start(row, worker, now)
            for execution, workers in places.items()
            for row, worker in zip(
                _within([row for row in first if row.job.execution is execution]),
                workers,
                strict=False,
            )
        ]

    def _has_rate(self, key: str) -> bool:
        rule = self.state.rules.get(name_of_limit(key)[0])
        return bool(key and rule and rate_of(rule))

    def _may_start(self, key: str, taken: int, now: float) -> bool:
        """Whether a limit lets another one start, when so many were taken in this claim."""
        rule = self.state.rules.get(name_of_limit(key)[0])
        if not key or rule is None:
            return True
        running = sum(row.job.limit_key == key for row in self._in(Status.RUNNING))
        if rule.concurrency is not None and running + taken >= rule.concurrency:
            return False
        rate = rate_of(rule)
        return rate is None or rate.room(self.state.rates.get(key, 0.0), now) > 0

    def _bound_rates(self, now: float) -> None:
        """A limit may have another rate than when its last job started."""
        for key in {
            row.job.limit_key for row in self._in(Status.PENDING)
        } & self.state.rates.keys():
            rule = self.state.rules.get(name_of_limit(key)[0])
            if rule and (rate := rate_of(rule)):
                self.state.rates[key] = min(self.state.rates[key], rate.latest(now))

    def _take_of_limit(self, key: str, taken: Counter[str], now: float) -> None:
        taken[key] += 1
        rule = self.state.rules.get(name_of_limit(key)[0])
        if key and rule and (rate := rate_of(rule)):
            self.state.rates[key] = rate.after(self.state.rates.get(key, 0.0), now, 1)

    def _start(self, row: Row, worker: int, now: float) -> Claimed:
        row.status, row.worker, row.started = Status.RUNNING, worker, now
        row.attempt += 1
        if row.attempt == 1:
            self._happens(self.spec(row.spec).name, (Action.STARTED,), now)
        job = row.job
        return Claimed(
            row.seq,
            job.uid,
            job.label,
            job.client,
            job.reply,
            row.attempt,
            row.spec,
            row.queue,
            worker,
            job.arguments,
            job.units,
            tuple(
                self._parent_result(self.state.rows[seq])
                for seq, parent in sorted(row.above)
                if parent.result and seq in self.state.rows
            ),
        )

    def _parent_result(self, row: Row) -> ParentResult:
        outcome = row.outcome or Outcome(row.status)
        value, units = outcome.value, outcome.units
        return ParentResult(row.job.uid, self._id(row), row.status, value, units)

    def give_back(self, jobs: Sequence[tuple[int, int]]) -> None:
        for row in self._running(jobs):
            row.status, row.worker, row.started = Status.PENDING, None, None
            row.attempt -= 1

    # -- what holds jobs back --------------------------------------------------------------------

    def set_limit(self, rule: LimitRule) -> None:
        if rule.concurrency is not None or rule.rate is not None:
            self.state.rules[rule.name] = rule

    def allowance(self, key: str, rate: Rate, now: float) -> int:
        return rate.room(self.state.rates.get(key, 0.0), now)

    def opens(self, key: str, rate: Rate) -> float:
        return rate.opens(self.state.rates.get(key, 0.0))

    def held_back(self, uid: bytes) -> HeldBack:
        row = self._row(uid)
        if row is None:
            return HeldBack()
        joined = self.state.joined.get(row.seq)
        for_batch = row.status is Status.BLOCKED and any(g.callback == uid for g in self._groups)
        shared = row.job.limit_key
        name, key = name_of_limit(shared)
        rule = self.state.rules.get(name) if shared else None
        if rule is None:
            return HeldBack(joined, for_batch)
        running = [r.job.uid for r in self._in(Status.RUNNING) if r.job.limit_key == shared]
        rate = rate_of(rule)
        opens = None if rate is None else self.opens(shared, rate)
        return HeldBack(joined, for_batch, rule, key, len(running), tuple(running[:10]), opens)

    def spend(self, key: str, rate: Rate, starts: int, now: float) -> None:
        self.state.rates[key] = rate.after(self.state.rates.get(key, 0.0), now, starts)

    def release_rates(self, now: float) -> None:
        pass

    def next_start(self) -> float | None:
        return None

    def pause(self, queue: str, now: float) -> None:
        self.state.paused.setdefault(queue, now)

    def resume(self, queue: str) -> None:
        self.state.paused.pop(queue, None)

    def paused(self) -> Mapping[str, float]:
        return self.state.paused

    # -- finisher --------------------------------------------------------------------------------

    def finish(self, endings: Sequence[Ending]) -> list[Told]:
        ends: list[End] = []
        first: dict[tuple[int, int], Ending] = {}
        for end in endings:
            first.setdefault((end.seq, end.attempt), end)
        for end in first.values():
            for row in self._running([(end.seq, end.attempt)]):
                if end.outcome.failure or row.attempt > 1:
                    self._remember(row, end)
                ends.append((row, end.outcome, end.started, end.finished))
        return self._end(ends)

    def retry(self, agains: Sequence[Again]) -> None:
        for end in agains:
            for row in self._running([(end.seq, end.attempt)]):
                self._remember(row, end)
                row.status, row.due, row.worker, row.started = (
                    Status.SCHEDULED,
                    end.due,
                    None,
                    None,
                )

    def cancel_asked(self, seqs: Collection[int]) -> set[int]:
        running = self._in(Status.RUNNING)
        return {row.seq for row in running if row.cancel_asked and row.seq in seqs}

    def running(self) -> list[Running]:
        return [_running(row) for row in self._in(Status.RUNNING)]

    def _remember(self, row: Row, end: Ending | Again) -> None:
        failure = end.outcome.failure or Failure(0, "")
        row.attempts.append(
            AttemptView(
                row.attempt,
                row.worker or 0,
                end.outcome.status.value,
                end.started,
                end.finished,
                end.outcome.failure and failure.code,
                failure.text,
                failure.traceback,
            )
        )

    # -- what clients and operators ask ----------------------------------------------------------

    def cancel(self, uid: bytes, now: float) -> Cancelled:
        row = self._row(uid)
        if row is None:
            return Cancelled(CancelAnswer.UNKNOWN)
        if row.status.final:
            return Cancelled(CancelAnswer.TOO_LATE)
        if row.status is Status.RUNNING:
            row.cancel_asked = True
            return Cancelled(CancelAnswer.ASKED, running=_running(row))
        return Cancelled(CancelAnswer.CANCELLED, self._end([(row, CALLED_OFF, None, now)]))

    def bury(self, uid: bytes, client: int, reply: str, now: float) -> Told:
        spec = self.spec_id(UNKNOWN_SPEC)
        job = NewJob(
            uid,
            None,
            client,
            reply,
            spec,
            "default",
            Execution.PROCESS,
            0,
            Status.CANCELLED,
            now,
            outcome=CALLED_OFF,
        )
        return self._told(self._add(job))

    def change(self, uid: bytes, change: Change, now: float) -> bool:
        row = self._row(uid)
        if row is None or not row.status.waiting:
            return False
        if change.due is not None:
            due = max(change.due, now)
            overdue = row.job.deadline_code == ErrorCode.OVERDUE and row.deadline is not None
            if overdue and row.due is not None:
                row.deadline += due - row.due
            row.due = due
            if row.status is not Status.BLOCKED:
                row.status = Status.SCHEDULED if due > now else Status.PENDING
        if change.priority is not None:
            row.priority = change.priority
        if change.queue is not None:
            row.queue = change.queue
        if change.lifetime is not None:
            lifetime = None if change.lifetime < 0 else change.lifetime
            row.spec = self.spec_id(structs.replace(self.spec(row.spec), lifetime=lifetime))
        return True

    def requeue(self, uid: bytes, now: float) -> bool:
        row = self._row(uid)
        if row is None or not self._can_be_requeued(row):
            return False
        was, row.due = row.due, now
        if self._requeue([row], now):
            return True
        row.due = was
        return False

    def _can_be_requeued(self, row: Row) -> bool:
        if row.status not in REQUEUEABLE or not self._has_arguments(row):
            return False
        return all(seq in self.state.rows for seq, _ in row.above)

    def _has_arguments(self, row: Row) -> bool:
        return row.job.outcome is None or bool(row.job.arguments)

    def _requeue(self, rows: list[Row], now: float) -> int:
        again: list[Row] = []
        while rows:
            fresh = [self._begin_again(row, now) for row in rows if self._take_key(row, now)]
            again += fresh
            rows = [row for row in self._rows if self._is_revived(row, {r.seq for r in fresh})]
        for row in again:
            group = next((g for g in self._groups if g.callback == row.job.uid), None)
            row.for_batch = group is not None and not self._is_over(group)
            if not row.for_batch and not self._unmet(row):
                row.status = self._ready(row, now)
        return len(again)

    def _begin_again(self, row: Row, now: float) -> Row:
        del self.state.rows[row.seq]
        self.state.outbox.discard(row.seq)
        self.state.joined.pop(row.seq, None)
        key = self.state.keys.pop(row.seq, None)
        self.state.last_seq = seq = self.state.last_seq + 1
        for other in self._rows:
            other.above = [(seq if s == row.seq else s, parent) for s, parent in other.above]
        self.state.rows[seq] = again = Row(
            seq,
            structs.replace(row.job, deadline_code=None, outcome=None),
            row.spec,
            row.queue,
            row.priority,
            Status.BLOCKED,
            max(row.due or now, now),
            None,
            attempts=row.attempts,
            above=row.above,
        )
        if key is not None:
            self.state.keys[seq] = key
        return again

    def _is_revived(self, row: Row, parents: set[int]) -> bool:
        """Whether it was cancelled because of these, and because of no other parent."""
        if row.code != ErrorCode.PARENT_FAILED or not self._can_be_requeued(row):
            return False
        above = [(seq, p.on_failure, self.state.rows[seq].status) for seq, p in row.above]
        fatal = any(is_fatal(on_failure, status) for _, on_failure, status in above)
        return not fatal and any(s in parents and o == "cancel" for s, o, _ in above)

    def _ready(self, row: Row, now: float) -> Status:
        return Status.SCHEDULED if row.due is not None and row.due > now else Status.PENDING

    def annotate(self, uid: bytes, note: str, now: float) -> bool:
        row = self._row(uid)
        if row is not None:
            row.note = note
        return row is not None

    def note_progress(self, said: Sequence[Said], now: float) -> None:
        for one in said:
            row = next(iter(self._running([(one.seq, one.attempt)])), None)
            if row is None:
                continue
            row.total = row.total if one.total is None else one.total
            row.done = row.done if one.done is None else one.done
            row.note = one.note or row.note

    def keep_checkpoint(self, seq: int, attempt: int, checkpoint: Checkpoint, now: float) -> bool:
        row = next(iter(self._running([(seq, attempt)])), None)
        if row is not None:
            row.checkpoint = checkpoint
        return row is not None

    def kept_checkpoint(self, seq: int) -> Checkpoint | None:
        row = self.state.rows.get(seq)
        return row and row.checkpoint

    def find(self, client: str | None, id: str) -> bytes | None:
        uid = uid_of(id)
        if uid and self._row(uid):
            return uid
        named = [
            row
            for row in self._rows
            if row.job.label == id and client in (None, self.client_name(row.job.client))
        ]
        newest = max(named, key=lambda row: (row.job.created, row.seq), default=None)
        return newest and newest.job.uid

    def status(self, uid: bytes) -> Status | None:
        row = self._row(uid)
        return row.status if row else None

    def outcomes(self, uids: Sequence[bytes]) -> list[Told]:
        rows = [self._row(uid) for uid in uids]
        return [self._told(row) for row in rows if row and row.outcome]

    def view(self, uid: bytes, *, arguments: bool = True) -> JobView | None:
        row = self._row(uid)
        if row is None:
            return None
        outcome = row.outcome or Outcome(row.status)
        failure = outcome.failure or Failure(0, "")
        return structs.replace(
            self._view(row),
            text=failure.text,
            output=outcome.output,
            traceback=failure.traceback,
            attempts=tuple(row.attempts),
            **self._place(row),
            note=row.note,
            progress=None if row.done is None else Progress(row.done, row.total, row.note),
            arguments=row.job.arguments if arguments and self._has_arguments(row) else b"",
            description=row.job.about.description if row.job.about else "",
        )

    def _place(self, row: Row) -> dict[str, object]:
        """Its parents and its batch, as a view has them."""
        rows = [(self.state.rows.get(seq), parent) for seq, parent in sorted(row.above)]
        parents = tuple(structs.replace(p, uid=r.job.uid) for r, p in rows if r is not None)
        group = self.state.batches.get(row.job.batch or 0)
        return {"parents": parents, "batch": group and group.ref.uid}

    def list_jobs(self, which: JobFilter) -> list[JobView]:
        views = [self._view(row) for row in reversed(self._rows)]
        return [
            view
            for view in views
            if which.status in (None, view.status)
            and which.queue in (None, view.queue)
            and which.task in (None, view.task)
            and which.client in (None, view.client)
            and (which.before is None or view.seq < which.before)
            and (which.since is None or view.created >= which.since)
        ][: which.limit]

    def counts(self) -> dict[tuple[str, Status], int]:
        return dict(Counter((row.queue, row.status) for row in self._rows))

    # -- batches ---------------------------------------------------------------------------------

    @property
    def _groups(self) -> list[Group]:
        return [self.state.batches[number] for number in sorted(self.state.batches)]

    def make_batch(self, ref: BatchRef, client: int, now: float) -> Batch:
        number = max(self.state.batches, default=0) + 1
        self.state.batches[number] = Group(number, ref, client, now)
        return self.batch(number)

    def batch(self, number: int) -> Batch:
        group = self.state.batches[number]
        counts = self._counts(group)
        return Batch(
            number,
            group.ref.uid,
            group.client,
            group.ref.name,
            group.state,
            group.expected,
            group.callback,
            sum(counts.values()),
            sum(jobs for status, jobs in counts.items() if not status.final),
        )

    def batch_of_uid(self, uid: bytes) -> int | None:
        return next((g.number for g in self._groups if g.ref.uid == uid), None)

    def batch_of_name(self, client: int, name: str) -> int | None:
        mine = [g.number for g in self._groups if (g.client, g.ref.name) == (client, name)]
        return max(mine, default=None)

    def find_batch(self, client: str | None, id: str) -> int | None:
        uid = uid_of(id)
        for group in reversed(self._groups):
            if group.ref.uid == uid:
                return group.number
        for group in reversed(self._groups):
            if group.ref.name == id and client in (None, self.client_name(group.client)):
                return group.number
        return None

    def close_batch(self, number: int, expected: int, callback: bytes | None, now: float) -> None:
        group = self.state.batches[number]
        if group.state is BatchState.OPEN:
            group.state = BatchState.CLOSED
        group.expected = max(expected, group.expected)
        group.callback = callback or group.callback
        self._end_batches({number}, now)

    def cancel_batch(self, number: int, now: float, limit: int) -> BatchCancelled:
        group = self.state.batches[number]
        group.state = BatchState.CANCELLED
        rows = [row for row in reversed(self._rows) if row.job.batch == number]
        waiting = [row for row in rows if row.status.waiting][:limit]
        told = self._end([(row, CALLED_OFF, None, now) for row in waiting])
        running = [r for r in rows if r.status is Status.RUNNING and not r.cancel_asked]
        running = running[: limit - len(waiting)]
        for row in running:
            row.cancel_asked = True
        callback = self._row(group.callback) if group.callback else None
        if len(waiting) + len(running) < limit and callback and callback.status.waiting:
            told += self._end([(callback, CALLED_OFF, None, now)])
        return BatchCancelled(told, [_running(row) for row in running])

    def requeue_batch(self, number: int, before: int, now: float, limit: int) -> int:
        group = self.state.batches[number]
        if group.state is BatchState.CANCELLED:
            group.state = BatchState.CLOSED
        mine = [r for r in self._rows if r.job.batch == number and r.seq < before]
        rows = [row for row in mine if self._can_be_requeued(row)][:limit]
        callback = self._row(group.callback) if group.callback else None
        if not rows and callback and callback.seq < before and self._can_be_requeued(callback):
            rows = [callback]
        return self._requeue(rows, now)

    def view_batch(self, number: int) -> BatchView:
        group = self.state.batches[number]
        return BatchView(
            group.ref.uid,
            group.ref.name,
            self.client_name(group.client),
            group.ref.workflow,
            group.created,
            group.state,
            self._counts(group),
            group.expected,
            group.callback,
        )

    def list_batches(self, which: BatchFilter) -> list[BatchView]:
        uids = [group.ref.uid for group in self._groups]
        place = uids.index(which.before) if which.before in uids else len(uids)
        groups = self._groups[:place] if which.before is not None else self._groups
        views = [self.view_batch(group.number) for group in reversed(groups)]
        return [
            view
            for view in views
            if which.client in (None, view.client)
            and which.name in (None, view.name)
            and which.workflow in (None, view.workflow)
            and which.active in (None, any(not status.final for status in view.counts))
        ][: which.limit]

    def jobs_of_batch(self, number: int, after: int, limit: int) -> list[JobView]:
        rows = [row for row in self._rows if row.job.batch == number and row.seq > after]
        return [structs.replace(self._view(row), **self._place(row)) for row in rows[:limit]]

    def changed_batches(self) -> set[int]:
        raise NotImplementedError  # what is said of it is tested with the real store alone

    def last_seq(self) -> int:
        return self.state.last_seq

    def _counts(self, group: Group) -> dict[Status, int]:
        rows = (row.status for row in self._rows if row.job.batch == group.number)
        return dict(Counter(rows) + group.removed)

    def _is_over(self, group: Group) -> bool:
        counts = self._counts(group)
        return all(status.final for status in counts) and sum(counts.values()) >= group.expected

    def _end_batches(self, batches: set[int | None], now: float) -> None:
        for group in self._groups:
            callback = self._row(group.callback) if group.callback else None
            if group.number in batches and callback and callback.for_batch:
                is_over = group.state is BatchState.CLOSED and self._is_over(group)
                if is_over and callback.status is Status.BLOCKED:
                    callback.for_batch = False
                    callback.status = self._ready(callback, now)

    # -- outbox and caretaker --------------------------------------------------------------------

    def unsent(self, after: int, limit: int) -> list[Told]:
        seqs = sorted(seq for seq in self.state.outbox if seq > after)[:limit]
        return [self._told(self.state.rows[seq]) for seq in seqs]

    def sent(self, seqs: Sequence[int]) -> None:
        self.state.outbox.difference_update(seqs)

    def prune(self, retention: Retention, now: float, limit: int) -> int:
        if any(self._joined_to(uid) for uid in self.state.joined.values()):
            return 0
        needed = {s for row in self._rows if not row.status.final for s, _ in row.above}
        old = [row for row in self._rows if _is_old(row, retention, now)]
        old = [row for row in old if row.seq not in needed]
        old.sort(key=lambda row: row.finished)
        for row in old[:limit]:
            self._remove(row)
        return len(old[:limit])

    def sweep(self, now: float, limit: int) -> int:
        over = [seq for seq, key in self.state.keys.items() if key.until and key.until <= now]
        for seq in over[:limit]:
            del self.state.keys[seq]
        return len(over[:limit])

    def _joined_to(self, uid: bytes) -> bool:
        row = self._row(uid)
        return row is not None and row.status.final

    def _remove(self, row: Row) -> None:
        del self.state.rows[row.seq]
        self.state.outbox.discard(row.seq)
        self.state.joined.pop(row.seq, None)
        key = self.state.keys.get(row.seq)
        if key is not None and key.until is None:
            del self.state.keys[row.seq]
        if row.status is Status.COMPLETED:
            for other in self._rows:
                above = [(seq, p) for seq, p in other.above if seq != row.seq or p.result]
                other.above = above
        group = self.state.batches.get(row.job.batch or 0)
        if group is not None:
            group.removed[row.status] += 1
            if not any(other.job.batch == group.number for other in self._rows):
                del self.state.batches[group.number]

    def checkpoint(self) -> None:
        pass

    # -- the rows --------------------------------------------------------------------------------

    @property
    def _rows(self) -> list[Row]:
        return [self.state.rows[seq] for seq in sorted(self.state.rows)]

    def _row(self, uid: bytes) -> Row | None:
        return next((row for row in self._rows if row.job.uid == uid), None)

    def _in(self, *statuses: Status) -> list[Row]:
        return [row for row in self._rows if row.status in statuses]

    def _running(self, attempts: Iterable[tuple[int, int]]) -> list[Row]:
        rows = [(self.state.rows.get(seq), attempt) for seq, attempt in attempts]
        return [
            row
            for row, attempt in rows
            if row and row.status is Status.RUNNING and row.attempt == attempt
        ]

    def _end(self, ends: list[End]) -> list[Told]:
        """End jobs and, level by level, what does not run without them."""
        told = []
        causes: dict[int, Cause] = {}
        batches = set()
        now = ends[0][3] if ends else 0.0
        while ends:
            told += [self._end_one(*end) for end in ends]
            batches |= {row.job.batch for row, *_ in ends}
            self._release({row.seq for row, *_ in ends}, ends[0][3])
            ends = self._doomed(ends, causes)
        self._end_batches(batches, now)
        return told

    def _release(self, parents: set[int], now: float) -> None:
        for row in self._in(Status.BLOCKED):
            if any(seq in parents for seq, _ in row.above) and not self._unmet(row):
                row.status = self._ready(row, now)

    def _doomed(self, ends: list[End], causes: dict[int, Cause]) -> list[End]:
        by_seq = {row.seq: (row, outcome, finished) for row, outcome, _, finished in ends}
        doomed: list[End] = []
        for row in self._in(Status.BLOCKED):
            fatal = [
                seq
                for seq, parent in sorted(row.above)
                if seq in by_seq and is_fatal(parent.on_failure, by_seq[seq][0].status)
            ]
            if fatal:
                parent, outcome, finished = by_seq[fatal[0]]
                causes[row.seq] = cause = self._cause(parent, outcome, causes.get(parent.seq))
                doomed.append((row, parent_failed(cause), None, finished))
        return doomed

    def _cause(self, parent: Row, outcome: Outcome, before: Cause | None) -> Cause:
        failure = outcome.failure
        reason = failure.text if failure and failure.code != ErrorCode.PARENT_FAILED else ""
        task = self.spec(parent.spec).name
        root = before.sentence if before else ""
        return Cause(self._id(parent), task, outcome.status, reason, root)

    def _end_one(self, row: Row, outcome: Outcome, started: float | None, finished: float) -> Told:
        row.status, row.outcome, row.checkpoint = outcome.status, outcome, None
        self._job_ends(row, outcome, finished)
        row.started, row.finished = started, finished
        if row.job.reply:
            self.state.outbox.add(row.seq)
        return self._told(row)

    def _told(self, row: Row) -> Told:
        assert row.outcome is not None
        assert row.finished is not None
        return Told(
            row.seq,
            row.job.uid,
            row.job.label,
            self.client_name(row.job.client),
            row.job.reply,
            row.attempt,
            row.started,
            row.finished,
            row.outcome,
        )

    def _view(self, row: Row) -> JobView:
        spec = self.spec(row.spec)
        return JobView(
            seq=row.seq,
            uid=row.job.uid,
            label=row.job.label,
            client=self.client_name(row.job.client),
            task=spec.name,
            queue=row.queue,
            execution=row.job.execution.value,
            status=row.status,
            priority=row.priority,
            created=row.job.created,
            due=row.due,
            deadline=row.deadline,
            started=row.started,
            finished=row.finished,
            attempt=row.attempt,
            max_attempts=spec.retry.attempts,
            lifetime=spec.lifetime,
            worker=row.worker,
            cancel_asked=row.cancel_asked,
            code=row.code,
            text="",
            name=row.job.about.name if row.job.about else "",
        )


def _number(known: list, value: object) -> int:
    if value not in known:
        known.append(value)
    return known.index(value) + 1


def _is_old(row: Row, retention: Retention, now: float) -> bool:
    times = retention.queues.get(row.queue, {})
    seconds = times.get(row.status, retention.seconds.get(row.status))
    if row.status in times:
        seconds = times[row.status]
    return row.finished is not None and seconds is not None and row.finished <= now - seconds


def _within(rows: list[Row]) -> list[Row]:
    """Those that one claim may hold."""
    sizes = accumulate(len(row.job.arguments) for row in rows)
    full = next((n for n, size in enumerate(sizes, 1) if size >= CLAIM_BYTES), len(rows))
    return rows[:full]


def _too_late(row: Row, now: float) -> bool:
    return row.deadline is not None and not row.attempt and row.deadline <= now


def _running(row: Row) -> Running:
    return Running(row.seq, row.job.uid, row.attempt, row.spec, row.worker, row.started)
