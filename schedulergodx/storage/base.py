"""The seam between a service and its database.

A store is used by one service, from one loop. A tick calls `begin`, then the verbs of its stations,
then `commit`; only `commit` may run in another thread, and nothing else is called meanwhile. Each
verb is one move of jobs (`docs/lifecycle.md`), compare-and-set on (seq, status, attempt): it says
which rows it moved, and a row that had moved on is left alone. There is no general update.

Rows come and go as structs, which cost a tenth of a frozen dataclass to make.

What a store remembers in memory (ids of specs and clients, counts) is only true after a commit and
is dropped by a rollback.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from schedulergodx.core.view import CancelAnswer, Change, JobFilter, JobView
from schedulergodx.storage.flows import FlowStore
from schedulergodx.storage.holding import HoldingStore
from schedulergodx.storage.progress import ProgressStore
from schedulergodx.storage.schedules import ScheduleStore

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager

    from schedulergodx.core.job import (
        ErrorCode,
        Execution,
        Outcome,
        Parent,
        Spec,
        Status,
        Unique,
    )
    from schedulergodx.core.message import About
    from schedulergodx.core.results import ParentResult


CLAIM_BYTES = 8 << 20  # of arguments, by which one claim is bounded


class NewJob(Struct, frozen=True):
    """A job as the inbox stores it.

    uid: 16 bytes, the key
    label: the id that the client's own generator gave; None where the id is the uid's ULID
    client: `Store.client_id` of its client
    reply: the instance of the client that waits for it; "" for nobody
    spec: `Store.spec_id` of what it shares with others
    status: scheduled, pending, or a final one (with `outcome`)
    due: from when on it may run; None for one that was never deferred
    deadline: until when it must have started; `deadline_code` says why (EXPIRED, OVERDUE)
    units: hashes of the units that its arguments need
    outcome: of a job that ends where it begins: one that can't be run, or was cancelled before
    parents: jobs that it depends on; only `add_children` minds them
    batch: `Batch.number` of its batch
    unique: a key that no other job may have
    limit_key: what it shares a limit with, as `core.limit.key_of_limit` says; "" without a limit
    """

    uid: bytes
    label: str | None
    client: int
    reply: str
    spec: int
    queue: str
    execution: Execution
    priority: int
    status: Status
    created: float
    due: float | None = None
    deadline: float | None = None
    deadline_code: ErrorCode | None = None
    arguments: bytes = b""
    units: tuple[bytes, ...] = ()
    outcome: Outcome | None = None
    parents: tuple[Parent, ...] = ()
    batch: int | None = None
    unique: Unique | None = None
    limit_key: str = ""
    about: About | None = None


class Claimed(Struct, frozen=True):
    """A job that was given to a worker, with all that the worker needs.

    results: of the jobs that it depends on, where it wants them
    """

    seq: int
    uid: bytes
    label: str | None
    client: int
    reply: str
    attempt: int
    spec: int
    queue: str
    worker: int
    arguments: bytes
    units: tuple[bytes, ...]
    results: tuple[ParentResult, ...] = ()


class Bounds(Struct, frozen=True):
    """What bounds a claim beside places and rooms.

    most: jobs, over all places; None for as many as there are
    least: the lowest priority to take; None for any
    """

    most: int | None = None
    least: int | None = None


NO_BOUNDS = Bounds()


class Ending(Struct, frozen=True):
    """The end of a job, from (running, attempt)."""

    seq: int
    attempt: int
    outcome: Outcome
    started: float | None
    finished: float


class Again(Struct, frozen=True):
    """The end of an attempt that is followed by another: running -> scheduled."""

    seq: int
    attempt: int
    due: float
    outcome: Outcome
    started: float | None
    finished: float


class Running(Struct, frozen=True):
    """A job that a store found running, or that a caller asks about."""

    seq: int
    uid: bytes
    attempt: int
    spec: int
    worker: int
    started: float


class Told(Struct, frozen=True):
    """What a client is told of a job that has ended."""

    seq: int
    uid: bytes
    label: str | None
    client: str
    reply: str
    attempt: int
    started: float | None
    finished: float
    outcome: Outcome


class Cancelled(Struct, frozen=True):
    """The answer to a cancel.

    told: of one that was cancelled, then of those that depended on it
    running: of one that runs
    """

    answer: CancelAnswer
    told: Sequence[Told] = ()
    running: Running | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many seconds jobs are kept after their end, by status; None for ever.

    queues: the same for jobs of some queues, where that differs
    """

    seconds: Mapping[Status, float | None] = field(default_factory=dict)
    queues: Mapping[str, Mapping[Status, float | None]] = field(default_factory=dict)


class Store(FlowStore, HoldingStore, ProgressStore, ScheduleStore, Protocol):
    """Keeps jobs, and moves them."""

    uid: str  # of the store itself: 32 hex digits, made with it
    path: str  # of its file, for messages and for what lies beside it; "" where there is none

    # -- its own life ----------------------------------------------------------------------------

    def open(self) -> None:
        """Take the lock, migrate the schema, load what is remembered in memory.

        Raises: StoreLocked, StoreTooNew, StoreError (can't be opened or written)
        """

    def close(self) -> None:
        """Checkpoint and let go of the lock."""

    def begin(self) -> None:
        """Start a transaction."""

    def commit(self) -> None:
        """End it, durably. Raises: StoreFull, StoreError; then it was rolled back."""

    def rollback(self) -> None:
        """Undo it, and what was remembered since `begin`."""

    def savepoint(self) -> AbstractContextManager[None]:
        """A part of a transaction that is undone alone when it raises."""

    def get_note(self, key: str) -> str | None:
        """A fact that a service keeps about itself, as the boot id."""

    def set_note(self, key: str, text: str) -> None:
        """Keep a fact."""

    # -- inbox -----------------------------------------------------------------------------------

    def client_id(self, name: str) -> int:
        """The number of a client; a new name gets one."""

    def client_name(self, number: int) -> str:
        """The client of that number."""

    def spec_id(self, spec: Spec) -> int:
        """The number of a spec; a new one gets one."""

    def spec(self, number: int) -> Spec:
        """The spec of that number."""

    def add_units(self, units: Mapping[bytes, bytes]) -> None:
        """Keep units by their hashes; known ones are left alone."""

    def missing_units(self, hashes: Collection[bytes]) -> set[bytes]:
        """Those of the hashes that are not kept."""

    def units(self, hashes: Collection[bytes]) -> dict[bytes, bytes]:
        """The bodies of units."""

    def add_jobs(self, jobs: Sequence[NewJob]) -> set[bytes]:
        """Store jobs; the answer is the uids that were there before, which are left alone.

        A job with an `outcome` gets its result and its line in the outbox.
        """

    # -- scheduler -------------------------------------------------------------------------------

    def release_due(self, now: float, limit: int) -> int:
        """scheduled -> pending, for what is due; the answer is how many."""

    def next_due(self) -> float | None:
        """When the next scheduled job is due."""

    def expire(self, now: float, limit: int) -> list[Told]:
        """scheduled, blocked, pending -> expired, for what was not started by its deadline.

        The answer has what ends with them as well.
        """

    def next_deadline(self) -> float | None:
        """When the next deadline of a waiting job is."""

    # -- dispatcher ------------------------------------------------------------------------------

    def pending(self) -> Mapping[tuple[str, Execution], int]:
        """How many are pending by queue and execution, from memory."""

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
        """pending -> running, highest priority first, then oldest, as far as limits let them.

        It ends, for each execution, with the job that makes `CLAIM_BYTES` of arguments full.

        places: a worker's number for each free place; the first job goes to the first of them
        rooms: queues to take from, each with how many more of it may run
        prompt: how many of the first places begin at once what they are given; all if left out.
            A job that has a rate is given to no other place: in its turn it waits for one, and what
            comes after it waits with it
        rated: queues whose jobs all have a rate
        """

    def give_back(self, jobs: Sequence[tuple[int, int]]) -> None:
        """running -> pending for (seq, attempt), at the cost of no attempt."""

    # -- finisher --------------------------------------------------------------------------------

    def finish(self, endings: Sequence[Ending]) -> list[Told]:
        """running -> a final status, with the result and its line in the outbox.

        The answer is what the clients are told, of those that were still (running, attempt). What
        depends on them moves along, as with every verb that ends jobs: blocked -> pending or
        scheduled where nothing else is waited for, and blocked -> cancelled, which the answer has
        as well.
        """

    def retry(self, agains: Sequence[Again]) -> None:
        """running -> scheduled, and the attempt goes into the history.

        One for which a cancel was asked must not be given to this verb.
        """

    def cancel_asked(self, seqs: Collection[int]) -> set[int]:
        """Those for which a cancel was asked while they ran."""

    def running(self) -> list[Running]:
        """All that is marked as running: after a crash, what has to be settled."""

    # -- what clients and operators ask -----------------------------------------------------------

    def cancel(self, uid: bytes, now: float) -> Cancelled:
        """scheduled, blocked, pending -> cancelled; running: the wish is noted."""

    def bury(self, uid: bytes, client: int, reply: str, now: float) -> Told:
        """Store a cancelled row for an unknown uid: a cancel that overtakes its job wins."""

    def change(self, uid: bytes, change: Change, now: float) -> bool:
        """Change what waits. The answer is False if it is unknown, runs or has ended."""

    def requeue(self, uid: bytes, now: float) -> bool:
        """failed, timeout, cancelled, expired -> pending, with no attempt used and no result.

        Or -> blocked, while a parent is not met. What was cancelled because of it is requeued as
        well, and what is still blocked waits for it again. The answer is False for what can't be
        run again: it has no arguments, a parent that it needs was removed, or another job holds
        its key.
        """

    def find(self, client: str | None, id: str) -> bytes | None:
        """The uid of the newest job of that id: a label of that client, or a ULID or hex uid."""

    def status(self, uid: bytes) -> Status | None:
        """Where a job is."""

    def outcomes(self, uids: Sequence[bytes]) -> list[Told]:
        """What is to be told of those that have ended."""

    def view(self, uid: bytes, *, arguments: bool = True) -> JobView | None:
        """One job with its attempts and output, and, if wanted, its arguments."""

    def list_jobs(self, which: JobFilter) -> list[JobView]:
        """Jobs without their attempts and output."""

    def counts(self) -> dict[tuple[str, Status], int]:
        """How many by queue and status, without counting rows."""

    # -- outbox ----------------------------------------------------------------------------------

    def unsent(self, after: int, limit: int) -> list[Told]:
        """What nobody was told yet, by seq, from the one after `after` on."""

    def sent(self, seqs: Sequence[int]) -> None:
        """These were told, or nobody is there to be told: the client asks when it is back."""

    # -- caretaker -------------------------------------------------------------------------------

    def prune(self, retention: Retention, now: float, limit: int) -> int:
        """Remove at most `limit` jobs whose time is over, with all that hangs on them.

        A job is kept while one that depends on it has not ended. A batch goes with its last job.
        """

    def sweep(self, now: float, limit: int) -> int:
        """Remove what jobs have left behind that are gone: keys, rates, lanes of limits.

        The answer is how many rows that were, `limit` or a little more if there is more to do.
        """

    def checkpoint(self) -> None:
        """Between ticks: move the log into the file, give back free pages."""
