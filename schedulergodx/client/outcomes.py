"""What became of a job, as a value or as the exception that its caller gets.

Values are unpickled here, in the thread that asks for one, and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schedulergodx.core.identity import ulid
from schedulergodx.core.job import ErrorCode, Failure, Outcome, Status
from schedulergodx.core.json_data import read_json
from schedulergodx.errors import (
    JobCancelled,
    JobError,
    JobExpired,
    JobInterrupted,
    JobRefused,
    JobTimeout,
    NotAllowed,
    RemoteError,
    UnknownFunction,
)

if TYPE_CHECKING:
    from schedulergodx.core.code import Unpacker
    from schedulergodx.core.message import Response


class RemoteTraceback(Exception):
    """Where a task raised, as its worker wrote it down; the cause of the exception itself."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n\n{self.text.rstrip()}\n"


class Ended(NamedTuple):
    """A value, or the exception that stands in its place."""

    value: object
    error: BaseException | None


_BY_STATUS: dict[Status, type[JobError]] = {
    Status.TIMEOUT: JobTimeout,
    Status.CANCELLED: JobCancelled,
    Status.EXPIRED: JobExpired,
}
_BY_CODE: dict[int, type[JobError]] = {
    ErrorCode.INTERRUPTED: JobInterrupted,
    ErrorCode.WORKER_DIED: JobInterrupted,
    ErrorCode.RESULT_NOT_SERIALIZABLE: JobError,  # these three did run
    ErrorCode.RESULT_TOO_LARGE: JobError,
    ErrorCode.RESOURCE_LIMIT: JobError,
    ErrorCode.UNKNOWN_FUNCTION: UnknownFunction,
    ErrorCode.NOT_ALLOWED: NotAllowed,
}
_NO_REASON = Failure(ErrorCode.ERROR_IN_TASK, "no reason was given")


def open_outcome(response: Response, unpacker: Unpacker) -> Ended:
    """The value of a job that returned, else the exception to raise.

    Raises: ShipError, ImportError and the like if the value can't be rebuilt here
    """
    outcome = response.outcome
    if outcome.status is Status.COMPLETED:
        return Ended(_open_value(outcome, unpacker), None)
    failure = outcome.failure or _NO_REASON
    kind = _BY_STATUS.get(outcome.status)
    if kind is None and failure.code == ErrorCode.ERROR_IN_TASK:
        return Ended(None, _own_exception(failure, unpacker))
    kind = kind or _BY_CODE.get(failure.code, JobRefused)
    id = response.id or ulid(response.uid)
    error = kind(f"job {id}: {failure.text}", failure.code)
    if failure.traceback:
        error.__cause__ = RemoteTraceback(failure.traceback)
    return Ended(None, error)


def _open_value(outcome: Outcome, unpacker: Unpacker) -> object:
    if not outcome.value:
        return None
    if outcome.json:
        return read_json(outcome.value)
    return unpacker.load_value(outcome.value, outcome.units)


def _own_exception(failure: Failure, unpacker: Unpacker) -> BaseException:
    """What the task raised, rebuilt; a RemoteError where that can't be done, or does harm."""
    error: object = None
    if failure.exception is not None:
        try:
            error = unpacker.load_value(failure.exception, failure.units)
        except Exception as reason:  # whatever the __init__ of a user's exception raises
            remote = _remote(failure)
            remote.add_note(f"It could not be rebuilt here: {reason!r}")
            return remote
    if not isinstance(error, BaseException):
        return _remote(failure)
    if _ends_who_asks(error):
        remote = _remote(failure)
        remote.add_note("It is not raised as itself: it would end whoever asks for the result.")
        return remote
    if failure.traceback:
        error.__cause__ = RemoteTraceback(failure.traceback)
    return error


def _ends_who_asks(error: BaseException) -> bool:
    """Whether it is an order to the process, coroutine or generator that it is raised in."""
    if isinstance(error, Exception):
        return False
    from asyncio import CancelledError  # late: few come here

    return isinstance(error, SystemExit | KeyboardInterrupt | GeneratorExit | CancelledError)


def _remote(failure: Failure) -> RemoteError:
    return RemoteError(failure.type, failure.text, failure.traceback, failure.code)
