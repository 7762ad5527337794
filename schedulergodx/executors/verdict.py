"""What became of a job whose worker is gone. One rule, whatever ended the worker.

A job without a mark never began and comes back. One with a mark was stopped on purpose, or stood
beside one that was, or died with its worker.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from msgspec import Struct

from schedulergodx.core.job import ErrorCode, Failure, Outcome, Status
from schedulergodx.executors.base import Ended, Returned
from schedulergodx.executors.frames import Why

if TYPE_CHECKING:
    from schedulergodx.core.job import Limits
    from schedulergodx.executors.worker import Given

_REMEDY = (
    "Give the task max_attempts above 1 if it may be run again, or run it with hard=True if it "
    "should have a process of its own"
)


class Death(Struct, frozen=True):
    """How a worker ended.

    at: instant
    status: as `os.waitpid` gives it; None where nobody knows
    alone: whether a hard job had it to itself
    running: how many jobs it was running
    wanted: it was ended on purpose, for the sake of a job that has a `why`
    stopping: it was ended because its service ends
    cause: in words, where the status does not tell
    last_words: of its interpreter
    """

    at: float
    status: int | None = None
    alone: bool = False
    running: int = 1
    wanted: bool = False
    stopping: bool = False
    cause: str = ""
    last_words: str = ""


def verdict(given: Given, started: float | None, death: Death) -> Ended | Returned:
    """started: the instant of its mark, None if there is none"""
    if given.why is Why.CANCELLED and (started is None or death.wanted):
        return _end(given, started, death, cancelled())
    if started is None:
        return Returned(given.work.seq, given.work.attempt)
    if given.why is Why.OVERDUE and death.wanted:
        return _end(given, started, death, _overdue(given.work.spec.lifetime))
    if death.stopping:
        return _end(given, started, death, _interrupted())
    if death.wanted:
        return Returned(given.work.seq, given.work.attempt)  # it stood beside the one meant
    return _end(given, started, death, _died(given.work.spec.limits, death))


def _end(given: Given, started: float | None, death: Death, outcome: Outcome) -> Ended:
    final = outcome.status is Status.CANCELLED
    return Ended(given.work.seq, given.work.attempt, outcome, final, started, death.at)


def cancelled() -> Outcome:
    """Of a job that was called off and did not tell itself."""
    failure = Failure(ErrorCode.CANCELLED, "the job was called off")
    return Outcome(Status.CANCELLED, failure=failure)


def _overdue(lifetime: float | None) -> Outcome:
    text = f"it ran longer than its lifetime of {lifetime or 0:g} s, and was ended"
    return Outcome(Status.TIMEOUT, failure=Failure(ErrorCode.TASK_TIMEOUT_ERROR, text))


def _interrupted() -> Outcome:
    text = (
        "its service stopped while it ran, and it was still running when the grace was over. "
        "Give the task max_attempts above 1 if it may be run again"
    )
    return Outcome(Status.FAILED, failure=Failure(ErrorCode.INTERRUPTED, text))


def _died(limits: Limits | None, death: Death) -> Outcome:
    if _used_up_cpu(limits, death):
        assert limits is not None
        text = f"it computed for longer than its limit of {limits.cpu_time:g} s"
        return Outcome(Status.FAILED, failure=Failure(ErrorCode.RESOURCE_LIMIT, text))
    text = f"the process that ran it {death.cause or _how(death.status)}"
    if death.running > 1:
        text += (
            f", and {death.running - 1} other jobs with it; which one was the cause is not known"
        )
    failure = Failure(ErrorCode.WORKER_DIED, f"{text}. {_REMEDY}", traceback=death.last_words)
    return Outcome(Status.FAILED, failure=failure)


def _used_up_cpu(limits: Limits | None, death: Death) -> bool:
    if not death.alone or limits is None or limits.cpu_time is None:
        return False
    return _signal(death.status) == signal.SIGXCPU


def _how(status: int | None) -> str:
    if status is None:
        return "is gone with the fork server"
    number = _signal(status)
    if number is None:
        return f"ended by itself with exit status {os.waitstatus_to_exitcode(status)}"
    if number == signal.SIGKILL:
        return "was killed by SIGKILL (by hand, or for want of memory)"
    return f"was killed by {_name(number)}"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time one
        return f"signal {number}"


def _signal(status: int | None) -> int | None:
    return os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None
