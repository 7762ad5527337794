"""What a job is: its states, its numbers, and the values that describe it.

The values that travel are `msgspec.Struct`s: frozen, with slots, checked while they are read.
Instants are seconds since the epoch in UTC, durations are seconds, both as float.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from msgspec import Struct


class Status(StrEnum):
    """Where a job is in its life; `docs/lifecycle.md` has the picture."""

    SCHEDULED = "scheduled"  # waits for its time, first or after a failed attempt
    BLOCKED = "blocked"  # waits for jobs that it depends on
    PENDING = "pending"  # may run now, waits for a slot
    RUNNING = "running"  # an attempt is under way
    COMPLETED = "completed"  # returned
    FAILED = "failed"  # raised or was lost, and has no attempt left; or could not be run at all
    TIMEOUT = "timeout"  # outlived its lifetime, and has no attempt left
    CANCELLED = "cancelled"  # was called off
    EXPIRED = "expired"  # was not started in time

    @property
    def final(self) -> bool:
        """Whether nothing moves the job any more, unless somebody requeues it."""
        return self in FINAL

    @property
    def waiting(self) -> bool:
        """Whether no attempt is under way and one is still to come."""
        return self in WAITING


FINAL = frozenset(
    {Status.COMPLETED, Status.FAILED, Status.TIMEOUT, Status.CANCELLED, Status.EXPIRED}
)
WAITING = frozenset({Status.SCHEDULED, Status.BLOCKED, Status.PENDING})


JobStatus = Status  # as the document of GigQ calls it


class Execution(StrEnum):
    """What runs a job."""

    PROCESS = "process"  # a pooled worker process, one job at a time
    FORK = "fork"  # a fresh process of its own: a hard job
    THREAD = "thread"  # one of many threads of a worker process, for work that waits
    ASYNC = "async"  # the event loop of a worker process; every `async def` that is not hard
    MAIN = "main"  # the service itself, only for functions that its operator registered


class ErrorCode(IntEnum):
    """Why a job has no value. The first six numbers are those of version 1."""

    BAD_INITIALIZATION = 0
    INCORRECT_TYPE = 1
    UNREGISTERED_CLIENT = 2
    INVALID_TASK = 3
    ERROR_IN_TASK = 4
    TASK_TIMEOUT_ERROR = 5
    INTERRUPTED = 6  # the process that ran it died, and no attempt was left
    CANCELLED = 7
    EXPIRED = 8  # not started before `expires`
    OVERDUE = 9  # came due while nobody ran it, and `enable_overdue` is off
    MISSING_MODULE = 10  # the worker lacks an installed package that the code imports
    INCOMPATIBLE_PYTHON = 11  # bytecode of another Python minor version
    UNREADABLE_CODE = 12  # the function or its arguments can't be opened
    RESULT_NOT_SERIALIZABLE = 13
    RESULT_TOO_LARGE = 14
    WORKER_DIED = 15  # it crashed, or was killed from outside, while it ran this job
    RESOURCE_LIMIT = 16  # memory, CPU time, open files or output, as asked for
    UNKNOWN_FUNCTION = 17  # nothing is registered under that name
    BAD_SIGNATURE = 18
    UNKNOWN_QUEUE = 19
    QUEUE_NOT_SERVED = 20
    UNKNOWN_JOB = 21
    UNKNOWN_PARENT = 22  # it depends on a job that the store does not have
    PARENT_FAILED = 23  # a job that it depends on did not complete
    NOT_ALLOWED = 24  # a path outside the allow-list, or shipped code where none is taken
    NOT_UNIQUE = 25  # another job has its key, and it was to be refused then

    TASK_TIMEOT_ERROR = 5  # as version 1 spelled it


class RetryRule(Struct, frozen=True, omit_defaults=True):
    """When a failed attempt is followed by another.

    attempts: how many at the most, the first included
    delay: seconds before the second
    backoff: each further wait is this many times the one before
    max_delay: seconds, a bound on the wait
    jitter: a share of the wait that chance may add or take away, 0 to 1
    """

    attempts: int = 1
    delay: float = 0.0
    backoff: float = 1.0
    max_delay: float = 3600.0
    jitter: float = 0.0


class OnFailure(StrEnum):
    """What becomes of a job when one that it depends on does not complete."""

    CANCEL = "cancel"  # it is cancelled as well
    WAIT = "wait"  # it goes on waiting, since the other one may be requeued
    RUN = "run"  # it runs all the same


class Parent(Struct, frozen=True, array_like=True):
    """A job that another one depends on.

    uid: 16 bytes
    on_failure: what becomes of the other one if this one does not complete
    result: whether the other one is given its value
    """

    uid: bytes
    on_failure: OnFailure = OnFailure.CANCEL
    result: bool = False


class Conflict(StrEnum):
    """What a launch gets whose key another job has."""

    JOIN = "join"  # the other job: its outcome is the outcome of both
    REFUSE = "refuse"  # an error
    REPLACE = "replace"  # the other one is cancelled, if it has not started; else it is joined


class Unique(Struct, frozen=True, array_like=True):
    """A key that no two jobs have at once.

    key: 16 bytes, from the task's name and what makes its arguments the same
    seconds: for how long it is held, from the launch on; None as long as the job is in `states`
    states: in which the other job holds it
    """

    key: bytes
    conflict: Conflict = Conflict.JOIN
    seconds: float | None = None
    states: tuple[Status, ...] = (
        Status.SCHEDULED,
        Status.BLOCKED,
        Status.PENDING,
        Status.RUNNING,
    )


class LimitRule(Struct, frozen=True, omit_defaults=True):
    """How many of some jobs may run at once, and start in a while. None is no limit.

    name: what shares it: the task's name, or one that several tasks give
    concurrency: how many at once, for each key
    rate: how many starts in `seconds`, for each key
    """

    name: str
    concurrency: int | None = None
    rate: int | None = None
    seconds: float = 1.0


class Limits(Struct, frozen=True, omit_defaults=True):
    """What a hard job may use; None is no limit.

    memory: bytes of address space
    cpu_time: seconds
    open_files: descriptors
    output: bytes of captured output; more ends the job
    """

    memory: int | None = None
    cpu_time: float | None = None
    open_files: int | None = None
    output: int | None = None


class Spec(Struct, frozen=True, omit_defaults=True):
    """What many jobs of one task have in common. A store keeps equal ones once.

    name: the task
    function: hash of the unit that holds it
    python: interpreter tag of its bytecode, as "cpython-311"
    serializer: what wrote it, as "dill/0.4.1"
    execution: what runs it
    lifetime: seconds an attempt may run, None for no limit
    retry: when it is tried again
    enable_overdue: whether it runs when it came due while the service was away
    limits: of a hard job
    named: the worker finds the function by `name`, and no code travels; arguments and value are
        JSON. `function` is empty then, or says what else is to be run, see `core.kinds`
    limit: what its jobs share with others
    """

    name: str
    function: bytes
    python: str
    serializer: str
    execution: Execution = Execution.PROCESS
    lifetime: float | None = 300.0
    retry: RetryRule = RetryRule()
    enable_overdue: bool = True
    limits: Limits | None = None
    named: bool = False
    limit: LimitRule | None = None


class Failure(Struct, frozen=True, omit_defaults=True):
    """Why an attempt or a job has no value.

    code: an `ErrorCode`
    text: one sentence for a person: what happened, and what to do where something can be done
    type: dotted name of the exception's class, if there was one
    traceback: as text, the remote one
    exception: the pickled exception, if it could be pickled
    units: hashes of the units that the exception needs
    """

    code: int
    text: str
    type: str = ""
    traceback: str = ""
    exception: bytes | None = None
    units: tuple[bytes, ...] = ()


class Outcome(Struct, frozen=True, omit_defaults=True):
    """How an attempt or a job ended. It is what a store keeps and what a client is told.

    status: a final one
    value: of a completed one, pickled
    units: hashes of the units that the value needs
    failure: of one that did not complete
    output: what it printed and logged, bounded
    json: whether the value is JSON, as that of a named job is, and no pickle
    """

    status: Status
    value: bytes | None = None
    units: tuple[bytes, ...] = ()
    failure: Failure | None = None
    output: str = ""
    json: bool = False
