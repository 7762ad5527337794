"""What becomes of a job whose key another one has."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from schedulergodx.core.job import Conflict, ErrorCode, Failure, Outcome, Status

if TYPE_CHECKING:
    from schedulergodx.core.job import Unique

KEY_BYTES = 16


class Verdict(Enum):
    """What a job with a key gets."""

    FREE = "free"  # the key
    JOIN = "join"  # the outcome of who has it
    REFUSE = "refuse"  # an error
    REPLACE = "replace"  # the key; who has it is cancelled


def judge(unique: Unique, status: Status | None, until: float | None, now: float) -> Verdict:
    """What a job gets, by the one that had its key last.

    status: of that one; None if it was removed, which leaves a key that is held by time
    until: when it lets go of the key whatever it does; None for never
    """
    if until is not None and until <= now:
        return Verdict.FREE
    if status is None:
        return Verdict.FREE if until is None else Verdict.REFUSE
    if status not in unique.states:
        return Verdict.FREE
    if unique.conflict is Conflict.REPLACE:
        return Verdict.REPLACE if status.waiting else Verdict.JOIN
    return Verdict.REFUSE if unique.conflict is Conflict.REFUSE else Verdict.JOIN


def refused(holder: str) -> Outcome:
    """The end of a job that may not be beside another. holder: the id of that one"""
    text = (
        f"job {holder} has its key, and this task refuses a second one: wait for that job, or give "
        'the task conflict="join"'
    )
    return Outcome(Status.FAILED, failure=Failure(ErrorCode.NOT_UNIQUE, text))


def removed() -> Outcome:
    """The end of a job whose work was done by one that is not kept any more."""
    text = (
        "another job had its key, which is not free yet, and was removed with its outcome: keep "
        "what has ended at least as long as keys are held (see the settings of retention)"
    )
    return Outcome(Status.FAILED, failure=Failure(ErrorCode.NOT_UNIQUE, text))


def replaced(by: str) -> Outcome:
    """The end of a job that waited. by: the id of the one that has its key now"""
    text = f"job {by} was launched with the same key and took its place"
    return Outcome(Status.CANCELLED, failure=Failure(ErrorCode.CANCELLED, text))


def unique_fault(unique: Unique) -> str | None:
    """What is wrong with a key; a client of ours sends none of these."""
    if len(unique.key) != KEY_BYTES:
        return f"its key has {len(unique.key)} bytes and must have {KEY_BYTES}"
    if unique.seconds is not None and not 0 < unique.seconds < float("inf"):
        return f"a key that is held for {unique.seconds} s is none: give more than 0"
    return None
