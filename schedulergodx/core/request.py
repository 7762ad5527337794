"""What a client or an operator asks of a service about jobs and queues, and what it is answered.

One struct for each question, and in it the type of its `answer`. What is asked about batches,
schedules, and the rest is beside these; `core.any_request` has all of it.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec import Struct

from schedulergodx.core.job import Failure, Status
from schedulergodx.core.view import (
    CancelAnswer,
    Change,
    JobFilter,
    JobView,
    QueueView,
)

LONGEST_NOTE = 1000  # characters


class AskOutcomes(Struct, frozen=True, tag="outcomes"):
    """Tell again what ended of these, as RESPONSES; the ANSWER says how many were found."""

    answer: ClassVar[object] = int

    uids: list[bytes]


class AskStatus(Struct, frozen=True, tag="status"):
    """Where a job is; answered by a Status or None. The id: a label, a ULID or a hex uid."""

    answer: ClassVar[object] = Status | None

    id: str


class AskCancel(Struct, frozen=True, tag="cancel"):
    """Call a job off; answered by a CancelAnswer.

    bury: remember the cancel where the job is not known, because it may still be on its way here
    waiting: leave one alone that runs
    """

    answer: ClassVar[object] = CancelAnswer

    id: str
    force: bool = False
    bury: bytes | None = None
    waiting: bool = False


class AskChange(Struct, frozen=True, tag="change"):
    """Change a job that has not started; answered by True or False."""

    answer: ClassVar[object] = bool

    id: str
    change: Change


class AskRequeue(Struct, frozen=True, tag="requeue"):
    """Run a job again that failed, timed out, expired or was cancelled; answered by a bool."""

    answer: ClassVar[object] = bool

    id: str


class AskAnnotate(Struct, frozen=True, tag="annotate"):
    """Note beside a job how it stands, in words; answered by a bool. Its status is not moved.

    note: at most `LONGEST_NOTE` characters
    """

    answer: ClassVar[object] = bool

    id: str
    note: str


class AskView(Struct, frozen=True, tag="view"):
    """Everything about a job; answered by a JobView or None."""

    answer: ClassVar[object] = JobView | None

    id: str


class AskList(Struct, frozen=True, tag="list"):
    """Jobs, newest first; answered by a list of JobView."""

    answer: ClassVar[object] = list[JobView]

    which: JobFilter


class AskCounts(Struct, frozen=True, tag="counts"):
    """How many jobs by queue and status; answered by a list of (queue, status, number)."""

    answer: ClassVar[object] = list[tuple[str, Status, int]]


class AskClear(Struct, frozen=True, tag="clear"):
    """Forget jobs that completed or were cancelled; answered by how many.

    before: instant until which they had ended; None for all
    """

    answer: ClassVar[object] = int

    before: float | None = None


class AskPause(Struct, frozen=True, tag="pause"):
    """Start nothing of a queue any more, or go on; answered by whether that was news."""

    answer: ClassVar[object] = bool

    queue: str
    paused: bool


class AskQueues(Struct, frozen=True, tag="queues"):
    """The queues that are served; answered by a list of QueueView."""

    answer: ClassVar[object] = list[QueueView]


class AskStop(Struct, frozen=True, tag="stop"):
    """Have a service drain and end, and begin anew if that is said; answered by True.

    force: end the jobs that run, and wait for none
    """

    answer: ClassVar[object] = bool

    restart: bool = False
    force: bool = False


class Answer(Struct, frozen=True, omit_defaults=True):
    """The answer to a REQUEST.

    request: uid of its envelope
    value: of the type that the `answer` of the request names
    failure: why there is none
    known: False where this store does not know the job: another store may
    """

    request: bytes
    value: msgspec.Raw = msgspec.Raw(b"\xc0")
    failure: Failure | None = None
    known: bool = True
