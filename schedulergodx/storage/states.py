"""How a database writes what is an enum elsewhere, as the status of a job: as a small integer.

The numbers stand in files of users and, as literals, in partial indexes: they never change. What
waits is below RUNNING, what has ended is above it.
"""

from __future__ import annotations

from schedulergodx.core.conditions.base import Action
from schedulergodx.core.job import OnFailure, Status
from schedulergodx.core.schedule import ScheduleState
from schedulergodx.core.view import BatchState

SCHEDULED = 1
BLOCKED = 2
PENDING = 3
RUNNING = 4
COMPLETED = 5
FAILED = 6
TIMEOUT = 7
CANCELLED = 8
EXPIRED = 9

NUMBERS: dict[Status, int] = {
    Status.SCHEDULED: SCHEDULED,
    Status.BLOCKED: BLOCKED,
    Status.PENDING: PENDING,
    Status.RUNNING: RUNNING,
    Status.COMPLETED: COMPLETED,
    Status.FAILED: FAILED,
    Status.TIMEOUT: TIMEOUT,
    Status.CANCELLED: CANCELLED,
    Status.EXPIRED: EXPIRED,
}
STATUSES: dict[int, Status] = {number: status for status, number in NUMBERS.items()}

ON_FAILURE_CANCEL = 1
ON_FAILURE_WAIT = 2
ON_FAILURE_RUN = 3

ON_FAILURE: dict[OnFailure, int] = {
    OnFailure.CANCEL: ON_FAILURE_CANCEL,
    OnFailure.WAIT: ON_FAILURE_WAIT,
    OnFailure.RUN: ON_FAILURE_RUN,
}
ON_FAILURES: dict[int, OnFailure] = {number: wish for wish, number in ON_FAILURE.items()}

BATCH_OPEN = 0
BATCH_CLOSED = 1
BATCH_CANCELLED = 2

BATCH_STATES: dict[int, BatchState] = {
    BATCH_OPEN: BatchState.OPEN,
    BATCH_CLOSED: BatchState.CLOSED,
    BATCH_CANCELLED: BatchState.CANCELLED,
}

ACTIVE = 1
DELETED = 4

SCHEDULE_NUMBERS: dict[ScheduleState, int] = {
    ScheduleState.ACTIVE: ACTIVE,
    ScheduleState.PAUSED: 2,
    ScheduleState.DISABLED: 3,
    ScheduleState.DELETED: DELETED,
}
SCHEDULE_STATES: dict[int, ScheduleState] = {n: state for state, n in SCHEDULE_NUMBERS.items()}

ACTIONS: dict[Action, int] = {
    Action.STARTED: 1,
    Action.SUCCEEDED: 2,
    Action.FAILED: 3,
    Action.TERMINATED: 4,
    Action.INACTED: 5,
    Action.FINISHED: 6,
}
