"""What a client or an operator asks of a service, one struct for each, and the type of its answer.

Every field is checked while it is read; what is not as its struct says is an EnvelopeError.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from schedulergodx.core.batch import (
    AskBatch,
    AskBatches,
    AskCancelBatch,
    AskCloseBatch,
    AskJobsOfBatch,
    AskRequeueBatch,
)
from schedulergodx.core.envelope import UNREADABLE
from schedulergodx.core.follow import AskFollow, JobNews
from schedulergodx.core.job import Failure, Status
from schedulergodx.core.schedule import SCHEDULE_ANSWERS, AskAboutSchedule
from schedulergodx.core.view import (
    BatchView,
    CancelAnswer,
    Change,
    JobFilter,
    JobView,
    QueueView,
)
from schedulergodx.core.why import AskWhy, Why
from schedulergodx.errors import EnvelopeError

LONGEST_NOTE = 1000  # characters


class AskOutcomes(Struct, frozen=True, tag="outcomes"):
    """Tell again what ended of these, as RESPONSES; the ANSWER says how many were found."""

    uids: list[bytes]


class AskStatus(Struct, frozen=True, tag="status"):
    """Where a job is; answered by a Status or None. The id: a label, a ULID or a hex uid."""

    id: str


class AskCancel(Struct, frozen=True, tag="cancel"):
    """Call a job off; answered by a CancelAnswer.

    bury: remember the cancel where the job is not known, because it may still be on its way here
    waiting: leave one alone that runs
    """

    id: str
    force: bool = False
    bury: bytes | None = None
    waiting: bool = False


class AskChange(Struct, frozen=True, tag="change"):
    """Change a job that has not started; answered by True or False."""

    id: str
    change: Change


class AskRequeue(Struct, frozen=True, tag="requeue"):
    """Run a job again that failed, timed out, expired or was cancelled; answered by a bool."""

    id: str


class AskAnnotate(Struct, frozen=True, tag="annotate"):
    """Note beside a job how it stands, in words; answered by a bool. Its status is not moved.

    note: at most `LONGEST_NOTE` characters
    """

    id: str
    note: str


class AskView(Struct, frozen=True, tag="view"):
    """Everything about a job; answered by a JobView or None."""

    id: str


class AskList(Struct, frozen=True, tag="list"):
    """Jobs, newest first; answered by a list of JobView."""

    which: JobFilter


class AskCounts(Struct, frozen=True, tag="counts"):
    """How many jobs by queue and status; answered by a list of (queue, status, number)."""


class AskClear(Struct, frozen=True, tag="clear"):
    """Forget jobs that completed or were cancelled; answered by how many.

    before: instant until which they had ended; None for all
    """

    before: float | None = None


class AskPause(Struct, frozen=True, tag="pause"):
    """Start nothing of a queue any more, or go on; answered by whether that was news."""

    queue: str
    paused: bool


class AskQueues(Struct, frozen=True, tag="queues"):
    """The queues that are served; answered by a list of QueueView."""


class AskStop(Struct, frozen=True, tag="stop"):
    """Have a service drain and end, and begin anew if that is said; answered by True.

    force: end the jobs that run, and wait for none
    """

    restart: bool = False
    force: bool = False


Request = (
    AskOutcomes
    | AskStatus
    | AskCancel
    | AskChange
    | AskRequeue
    | AskView
    | AskList
    | AskCounts
    | AskBatch
    | AskBatches
    | AskJobsOfBatch
    | AskCloseBatch
    | AskCancelBatch
    | AskRequeueBatch
    | AskAnnotate
    | AskClear
    | AskPause
    | AskQueues
    | AskFollow
    | AskWhy
    | AskAboutSchedule
    | AskStop
)

ANSWERS: dict[type[Struct], object] = {
    AskOutcomes: int,
    AskStatus: Status | None,
    AskCancel: CancelAnswer,
    AskChange: bool,
    AskRequeue: bool,
    AskView: JobView | None,
    AskList: list[JobView],
    AskCounts: list[tuple[str, Status, int]],
    AskBatch: BatchView | None,
    AskBatches: list[BatchView],
    AskJobsOfBatch: list[JobView],
    AskCloseBatch: BatchView | None,
    AskCancelBatch: int,
    AskRequeueBatch: int,
    AskAnnotate: bool,
    AskClear: int,
    AskPause: bool,
    AskQueues: list[QueueView],
    AskFollow: JobNews | None,
    AskWhy: Why | None,
    AskStop: bool,
    **SCHEDULE_ANSWERS,
}


class Answer(Struct, frozen=True, omit_defaults=True):
    """The answer to a REQUEST.

    request: uid of its envelope
    value: of the type that `ANSWERS` names for it
    failure: why there is none
    known: False where this store does not know the job: another store may
    """

    request: bytes
    value: msgspec.Raw = msgspec.Raw(b"\xc0")
    failure: Failure | None = None
    known: bool = True


_open: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)


def read_request(body: bytes) -> Request:
    """The body of a REQUEST. Raises: EnvelopeError"""
    try:
        return _open.decode(body)
    except UNREADABLE as error:
        raise EnvelopeError(f"the request can't be read: {error}") from error
