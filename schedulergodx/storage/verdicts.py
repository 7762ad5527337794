"""How a job ends where its store decides it, in the words of every store."""

from __future__ import annotations

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
