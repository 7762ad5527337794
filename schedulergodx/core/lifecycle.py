"""The moves of a job: which there are, who makes them, and the rules that choose one.

`docs/lifecycle.md` draws this table.
"""

from __future__ import annotations

from dataclasses import dataclass

from schedulergodx.core.job import ErrorCode, Outcome, RetryRule, Status

S = Status

MOVES: dict[tuple[Status | None, Status], str] = {
    (None, S.SCHEDULED): "inbox",
    (None, S.BLOCKED): "inbox",
    (None, S.PENDING): "inbox",
    (None, S.FAILED): "inbox",  # it can't be run at all
    (None, S.CANCELLED): "desk",  # a cancel overtook it
    (S.BLOCKED, S.PENDING): "finisher",
    (S.SCHEDULED, S.PENDING): "scheduler",
    (S.SCHEDULED, S.EXPIRED): "scheduler",
    (S.PENDING, S.EXPIRED): "scheduler",
    (S.PENDING, S.RUNNING): "dispatcher",
    (S.RUNNING, S.PENDING): "dispatcher",  # claimed and not begun: given back at no cost
    (S.RUNNING, S.SCHEDULED): "finisher",  # another attempt
    (S.RUNNING, S.COMPLETED): "finisher",
    (S.RUNNING, S.FAILED): "finisher",
    (S.RUNNING, S.TIMEOUT): "finisher",
    (S.RUNNING, S.CANCELLED): "finisher",
    (S.SCHEDULED, S.CANCELLED): "desk",
    (S.BLOCKED, S.CANCELLED): "desk",
    (S.BLOCKED, S.COMPLETED): "scheduler",  # as the job that it was joined to, and the next three
    (S.BLOCKED, S.FAILED): "scheduler",
    (S.BLOCKED, S.TIMEOUT): "scheduler",
    (S.BLOCKED, S.EXPIRED): "scheduler",
    (S.PENDING, S.CANCELLED): "desk",
    (S.PENDING, S.SCHEDULED): "desk",  # its due was changed
    (S.FAILED, S.PENDING): "desk",  # requeued, as the next three
    (S.TIMEOUT, S.PENDING): "desk",
    (S.CANCELLED, S.PENDING): "desk",
    (S.EXPIRED, S.PENDING): "desk",
}


def first_status(due: float | None, now: float) -> Status:
    """Where a job begins."""
    return Status.PENDING if due is None or due <= now else Status.SCHEDULED


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when a job must have started, and what it is called when it has not.

    at: instant, None if it may start at any time
    code: EXPIRED or OVERDUE
    """

    at: float | None = None
    code: ErrorCode | None = None


NO_DEADLINE = Deadline()


def start_deadline(
    due: float | None, expires: float | None, *, enable_overdue: bool, grace: float
) -> Deadline:
    """The one deadline that comes from `expires` and from `enable_overdue`.

    A job without a delay was never planned for a moment, so it is never overdue.

    due, expires: instants
    grace: seconds that a job may be late where overdue ones are not wanted
    """
    overdue = None if enable_overdue or due is None else due + grace
    if overdue is not None and (expires is None or overdue < expires):
        return Deadline(overdue, ErrorCode.OVERDUE)
    if expires is not None:
        return Deadline(expires, ErrorCode.EXPIRED)
    return NO_DEADLINE


def retry_due(rule: RetryRule, attempt: int, now: float, chance: float) -> float:
    """When the attempt after `attempt` may begin.

    chance: 0 to 1, where in the range of the jitter it falls
    """
    try:
        wait = min(rule.delay * rule.backoff ** (attempt - 1), rule.max_delay)
    except OverflowError:
        wait = rule.max_delay
    return now + wait * (1 + rule.jitter * (2 * chance - 1))


def another_attempt(outcome: Outcome, rule: RetryRule, attempt: int, *, final: bool) -> bool:
    """Whether an attempt that ended like this is followed by another.

    attempt: the number of the one that ended, from 1
    final: whether the worker said that it must not be
    """
    if final or outcome.status not in (Status.FAILED, Status.TIMEOUT):
        return False
    return attempt < rule.attempts
