"""How an attempt ended, from what its function returned or raised."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING, NamedTuple

from schedulergodx.core.code import PackedValue, Packer
from schedulergodx.core.context import LARGEST_CHECKPOINT
from schedulergodx.core.job import ErrorCode, Failure, Outcome, Status
from schedulergodx.core.json_data import write_json
from schedulergodx.errors import JobCancelled, TooLarge
from schedulergodx.executors.frames import Why
from schedulergodx.executors.inside import limits
from schedulergodx.executors.inside.unopened import Unopened, safe_text

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from schedulergodx.core.job import Spec
    from schedulergodx.executors.inside.attempt import Attempt
    from schedulergodx.executors.inside.opening import Call

_LATELY = 300.0  # seconds for which a service surely has a unit
_LONGEST_TEXT = 64 << 10
_MACHINERY = ("schedulergodx.executors.", "asyncio.")  # modules that call the function
_CANCELLED_ERRORS = frozenset({"CancelledError"})  # by name: asyncio may not be imported


class JobStopped(BaseException):
    """Raised in a job that runs as a thread and has to stop."""


class Ending(NamedTuple):
    """An outcome without its output.

    final: whether no other attempt is to be made
    """

    outcome: Outcome
    final: bool = False


class Judge:
    """Packs what came of an attempt.

    limit: bytes of a value or an exception
    """

    def __init__(self, limit: int) -> None:
        self._packer = Packer(in_worker=True)
        self._limit = limit
        self._sent: set[bytes] = set()
        self._sent_since = 0.0

    def returned(self, attempt: Attempt, value: Any) -> Ending:
        """It returned a value."""
        if attempt.why is Why.OVERDUE:
            return _overdue(attempt)
        named = attempt.spec.named
        try:
            packed = self.pack(attempt.spec, value)
        except BaseException as error:
            text = f"task {attempt.spec.name!r} returned what can't travel: {safe_text(error)}"
            return _refused(ErrorCode.RESULT_NOT_SERIALIZABLE, text)
        if len(packed.body) > self._limit:
            return _refused(
                ErrorCode.RESULT_TOO_LARGE,
                f"task {attempt.spec.name!r} returned {len(packed.body)} bytes, and {self._limit} "
                "may travel: put it where its client can read it, and return the place",
            )
        return Ending(Outcome(Status.COMPLETED, packed.body, tuple(packed.units), json=named))

    def pack(self, spec: Spec, value: object) -> PackedValue:
        """A value of a job, as it travels. Raises: ShipError, and what a value does to be packed"""
        if spec.named:
            return PackedValue(write_json(value, "result"), ())
        return self._packer.pack_value(value)

    def pack_checkpoint(self, spec: Spec, value: object) -> PackedValue:
        """What a job keeps for its next attempt. Raises: as `pack`, and TooLarge"""
        packed = self.pack(spec, value)
        if len(packed.body) > LARGEST_CHECKPOINT:
            raise TooLarge(
                f"the checkpoint has {len(packed.body):,} bytes, and {LARGEST_CHECKPOINT:,} may be "
                "kept: put what is large where the next attempt can read it, and keep the place"
            )
        return packed

    def unit(self, hash: bytes) -> bytes:
        """The body of a unit of what was packed."""
        return self._packer.unit(hash)

    def raised(self, attempt: Attempt, error: BaseException, call: Call | None) -> Ending:
        """It raised; without a `call`, before its function was called."""
        excess = limits.exceeded(error, attempt.spec.limits)
        if excess:
            return _refused(ErrorCode.RESOURCE_LIMIT, excess, final=False)
        if isinstance(error, Unopened):
            return _refused(error.code, str(error))
        if attempt.why is Why.OVERDUE:
            return _overdue(attempt)
        if _means_cancelled(error) and attempt.asked():
            return cancelled(safe_text(error))
        failure = self._failure(error, pickled=not attempt.spec.named)
        return Ending(Outcome(Status.FAILED, failure=failure), _final(error, call))

    def _failure(self, error: BaseException, *, pickled: bool) -> Failure:
        kind = type(error)
        body, units = self._packed(error) if pickled else (None, ())
        return Failure(
            code=ErrorCode.ERROR_IN_TASK,
            text=_shortened(safe_text(error)),
            type=f"{kind.__module__}.{kind.__qualname__}",
            traceback=_shortened(_remote_traceback(error)),
            exception=body,
            units=units,
        )

    def _packed(self, error: BaseException) -> tuple[bytes | None, tuple[bytes, ...]]:
        try:
            packed = self._packer.pack_value(error)
        except BaseException:  # then its type, text and traceback must do
            return None, ()
        if len(packed.body) > self._limit:
            return None, ()
        return packed.body, tuple(packed.units)

    def new_units(self, outcome: Outcome) -> dict[bytes, bytes]:
        """The bodies of units that an outcome needs and that were not sent lately."""
        units = outcome.units if outcome.failure is None else outcome.failure.units
        if not units:
            return {}
        if time.monotonic() - self._sent_since > _LATELY:
            self._sent.clear()
            self._sent_since = time.monotonic()
        fresh = {hash: self._packer.unit(hash) for hash in units if hash not in self._sent}
        self._sent.update(fresh)
        return fresh


def cancelled(text: str) -> Ending:
    """It was called off."""
    text = text or "the job was called off"
    return Ending(Outcome(Status.CANCELLED, failure=Failure(ErrorCode.CANCELLED, text)), True)


def too_much_output(limit: int) -> Ending:
    """It printed more than it may."""
    return _refused(ErrorCode.RESOURCE_LIMIT, limits.excess_output(limit), final=False)


def _overdue(attempt: Attempt) -> Ending:
    text = f"it ran longer than its lifetime of {attempt.spec.lifetime:g} s, and was told to stop"
    failure = Failure(ErrorCode.TASK_TIMEOUT_ERROR, text)
    return Ending(Outcome(Status.TIMEOUT, failure=failure))


def _refused(code: ErrorCode, text: str, *, final: bool = True) -> Ending:
    return Ending(Outcome(Status.FAILED, failure=Failure(code, _shortened(text))), final)


def _means_cancelled(error: BaseException) -> bool:
    return isinstance(error, JobCancelled | JobStopped) or type(error).__name__ in _CANCELLED_ERRORS


def _final(error: BaseException, call: Call | None) -> bool:
    if call is None:
        return False
    try:
        if isinstance(error, call.give_up_on):
            return True
        return bool(call.retry_on) and not isinstance(error, call.retry_on)
    except BaseException:  # their metaclass is foreign code too
        return False


def _remote_traceback(error: BaseException) -> str:
    frames = error.__traceback__
    while frames is not None and _of_the_worker(frames):
        frames = frames.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, frames))
    except BaseException as second:
        return f"<no traceback: {type(second).__name__} while it was written>"


def _of_the_worker(frames: TracebackType) -> bool:
    return str(frames.tb_frame.f_globals.get("__name__")).startswith(_MACHINERY)


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    half = _LONGEST_TEXT // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"
