"""How a database writes the status of a job: as a small integer.

The numbers stand in files of users and, as literals, in partial indexes: they never change. What
waits is below RUNNING, what has ended is above it.
"""

from __future__ import annotations

from schedulergodx.core.job import Status

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
