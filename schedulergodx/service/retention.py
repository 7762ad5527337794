"""For how long a service keeps what has ended, as its settings say."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from schedulergodx.core.job import FINAL, Status
from schedulergodx.errors import ConfigError
from schedulergodx.storage.base import Retention

if TYPE_CHECKING:
    from schedulergodx.config import Settings


def retention_of(settings: Settings) -> Retention:
    """What the settings of retention say. Raises: ConfigError"""
    seconds = {
        Status.COMPLETED: settings.retention_completed,
        Status.FAILED: settings.retention_failed,
        Status.TIMEOUT: settings.retention_timeout,
        Status.CANCELLED: settings.retention_cancelled,
        Status.EXPIRED: settings.retention_expired,
    }
    queues: dict[str, dict[Status, float | None]] = defaultdict(dict)
    # The more general first, so that "mail/failed" has its way beside "mail".
    for name, kept in sorted(settings.retention_queues.items(), key=lambda row: "/" in row[0]):
        queue, slash, status = name.partition("/")
        for one in [_status(name, status)] if slash else seconds:
            queues[queue][one] = kept
    return Retention(seconds, queues)


def _status(name: str, status: str) -> Status:
    if status not in FINAL:
        raise ConfigError(
            f"retention_queues names {name!r}: after the slash stands how a job ended, one of "
            + ", ".join(sorted(FINAL))
        )
    return Status(status)
