"""How a job ends where its store decides it, in the words of every store."""

from __future__ import annotations

from typing import NamedTuple

from schedulergodx.core.identity import ulid
from schedulergodx.core.job import ErrorCode, Failure, Outcome, Spec, Status

EXPIRED = Outcome(
    Status.EXPIRED,
    failure=Failure(
        ErrorCode.EXPIRED,
        "it was not started before it expired: launch it again, with a later expiry if it still "
        "matters, or give its queue more workers",
    ),
)
OVERDUE = Outcome(
    Status.EXPIRED,
    failure=Failure(
        ErrorCode.OVERDUE,
        "it came due while nobody could run it, and overdue jobs are not wanted: launch it again, "
        "or set enable_overdue",
    ),
)
CALLED_OFF = Outcome(
    Status.CANCELLED, failure=Failure(ErrorCode.CANCELLED, "it was called off while it waited")
)

# Of a job whose cancel came before it: nobody knows yet what it would have run.
UNKNOWN_SPEC = Spec(name="(unknown)", function=b"", python="", serializer="")


def expiry(code: int | None) -> Outcome:
    """The end of a job that was not started by its deadline; the code says what that was."""
    return OVERDUE if code == ErrorCode.OVERDUE else EXPIRED


_LONGEST_REASON = 200  # characters
_ENDED = {
    Status.FAILED: "failed",
    Status.TIMEOUT: "ran out of time",
    Status.CANCELLED: "was cancelled",
    Status.EXPIRED: "expired",
}


class Cause(NamedTuple):
    """A job that did not complete, as those are told that depend on it.

    id: as people call it
    reason: why, where that is known
    root: the sentence about the job that is to blame, if that is another one
    """

    id: str
    task: str
    status: Status
    reason: str = ""
    root: str = ""

    @property
    def sentence(self) -> str:
        """What is to blame, to be told to all that depend on it, at whatever distance."""
        if self.root:
            return self.root
        reason = self.reason.strip().partition("\n")[0][:_LONGEST_REASON]
        return f"{self}: {reason}" if reason else str(self)

    def __str__(self) -> str:
        return f"job {self.id} of task {self.task!r} {_ENDED[self.status]}"


def parent_failed(cause: Cause) -> Outcome:
    """The end of a job that depends on one that did not complete."""
    text = f"{cause}, since {cause.root}" if cause.root else cause.sentence
    text = f"it depends on a job that did not complete: {text}. Requeue that job to go on from it"
    return Outcome(Status.CANCELLED, failure=Failure(ErrorCode.PARENT_FAILED, text))


def unknown_parent(uid: bytes) -> Outcome:
    """The end of a job that depends on one that is not there."""
    text = (
        f"it depends on job {ulid(uid)}, and this store has no such job of its client: launch what "
        "a job depends on before it, as the same client and through the same service, and launch "
        "it before its parent is removed"
    )
    return Outcome(Status.FAILED, failure=Failure(ErrorCode.UNKNOWN_PARENT, text))
