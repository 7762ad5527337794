"""What people ask of jobs, and what they see of them. Nobody stores these values; they travel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from msgspec import Struct

from schedulergodx.core.job import Status


class CancelAnswer(Enum):
    """What a store could do about a cancel."""

    CANCELLED = "cancelled"  # it waited, and will not run
    ASKED = "asked"  # it runs: the caller must stop its attempt
    TOO_LATE = "too late"  # it had ended
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """What may change of a job that has not started. None leaves a field as it is.

    due: instant; 0.0 for now
    lifetime: seconds; a negative number for no limit
    """

    due: float | None = None
    priority: int | None = None
    queue: str | None = None
    lifetime: float | None = None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt, as people look at it. Kept from the first failure on."""

    number: int
    worker: int
    status: str
    started: float | None
    finished: float
    code: int | None
    text: str
    traceback: str


@dataclass(frozen=True, slots=True)
class JobView:
    """One job, as people look at it."""

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


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list: all fields that are set must hold. Newest first.

    before: seq of the last row of the page before
    """

    status: Status | None = None
    queue: str | None = None
    task: str | None = None
    client: str | None = None
    before: int | None = None
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
