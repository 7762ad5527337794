"""What people ask of jobs, and what they see of them. Nobody stores these values; they travel."""

from __future__ import annotations

from enum import Enum, StrEnum

from msgspec import Struct

from schedulergodx.core.job import Parent, Status


class CancelAnswer(Enum):
    """What a store could do about a cancel."""

    CANCELLED = "cancelled"  # it waited, and will not run
    ASKED = "asked"  # it runs: the caller must stop its attempt
    TOO_LATE = "too late"  # it had ended
    UNKNOWN = "unknown"


class Change(Struct, frozen=True):
    """What may change of a job that has not started. None leaves a field as it is.

    due: instant; 0.0 for now
    lifetime: seconds; a negative number for no limit
    """

    due: float | None = None
    priority: int | None = None
    queue: str | None = None
    lifetime: float | None = None


class AttemptView(Struct, frozen=True):
    """One attempt, as people look at it. Kept from the first failure on."""

    number: int
    worker: int
    status: str
    started: float | None
    finished: float
    code: int | None
    text: str
    traceback: str
    runner: str = ""


class Progress(Struct, frozen=True):
    """How far a job is, by its own word: so much is done of so much, in its own unit.

    done, total: None where it has not said that
    note: in words
    """

    done: float | None
    total: float | None = None
    note: str = ""

    @property
    def fraction(self) -> float | None:
        """0 to 1; None where that is not known."""
        if self.done is None or not self.total:
            return None
        return min(1.0, max(0.0, self.done / self.total))

    def followed_by(self, done: float | None, total: float | None, note: str) -> Progress:
        """What is known when that is said next: what is left out stays what it was."""
        return Progress(
            self.done if done is None else done,
            self.total if total is None else total,
            note or self.note,
        )


class JobView(Struct, frozen=True):
    """One job, as people look at it.

    parents: jobs that it depends on; not in lists of jobs, but for those of a batch
    name, description: of one that was made by hand, "" for others
    arguments: as they travelled, not in lists of jobs
    batch: uid of the batch that it belongs to
    """

    seq: int
    uid: bytes
    label: str | None
    client: str
    task: str
    queue: str
    execution: str
    status: Status
    priority: int
    created: float
    due: float | None
    deadline: float | None
    started: float | None
    finished: float | None
    attempt: int
    max_attempts: int
    lifetime: float | None
    worker: int | None
    cancel_asked: bool
    code: int | None
    text: str
    output: str = ""
    traceback: str = ""
    attempts: tuple[AttemptView, ...] = ()
    parents: tuple[Parent, ...] = ()
    batch: bytes | None = None
    note: str = ""  # what was said of how it stands
    runner: str = ""  # the id of the `Worker` whose place it has, or had; "" for a service's own
    progress: Progress | None = None  # how far it is, by its own word
    name: str = ""
    description: str = ""
    arguments: bytes = b""


class JobFilter(Struct, frozen=True):
    """Which jobs to list: all fields that are set must hold. Newest first.

    before: seq of the last row of the page before
    since: instant; they were made then or later
    """

    status: Status | None = None
    queue: str | None = None
    task: str | None = None
    client: str | None = None
    before: int | None = None
    limit: int = 100
    since: float | None = None


class BatchState(StrEnum):
    """Whether jobs may still join a batch."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"  # what comes for it all the same is called off


class BatchView(Struct, frozen=True):
    """A batch, as people look at it.

    created: instant
    counts: how many of its jobs are in each status, those included that were removed since
    expected: how many it will have at the least, as was said when it was closed
    callback: uid of the job that runs at its end, which is not one of its own
    """

    uid: bytes
    name: str
    client: str
    workflow: bool
    created: float
    state: BatchState
    counts: dict[Status, int]
    expected: int = 0
    callback: bytes | None = None

    @property
    def jobs(self) -> int:
        """How many it has."""
        return sum(self.counts.values())

    @property
    def left(self) -> int:
        """How many have not ended, with those that are still on their way."""
        ended = sum(jobs for status, jobs in self.counts.items() if status.final)
        return max(self.jobs, self.expected) - ended

    @property
    def ended(self) -> bool:
        """Whether all have ended that are there or were announced; an open one may get more."""
        return self.left == 0


class BatchFilter(Struct, frozen=True):
    """Which batches to list: all fields that are set must hold. Newest first.

    active: whether jobs of it have not ended
    before: uid of the last one of the page before
    """

    client: str | None = None
    name: str | None = None
    workflow: bool | None = None
    active: bool | None = None
    before: bytes | None = None
    limit: int = 100


class QueueView(Struct, frozen=True):
    """A queue that a service serves, as people look at it.

    paused: since when nothing of it is started; None where it is not paused
    concurrency: how many of its jobs may run at once; None for no limit
    rate: how many may start, in how many seconds
    counts: how many of its jobs are in each status that any is in
    """

    name: str
    paused: float | None = None
    concurrency: int | None = None
    rate: tuple[int, float] | None = None
    counts: dict[Status, int] = {}
