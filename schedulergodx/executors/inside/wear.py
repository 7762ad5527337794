"""When a worker has served long enough."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schedulergodx.executors.frames import WorkerSettings

_STATM = Path("/proc/self/statm")
_JOBS_A_LOOK = 64  # at the memory, which costs ten microseconds


class Wear:
    """Counts the jobs of a worker."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._most_jobs = settings.recycle_jobs
        self._most_memory = settings.recycle_memory
        self._jobs = 0
        self._worn = False

    def is_worn(self) -> bool:
        """Count one job more. True once, when it is time to be replaced."""
        self._jobs += 1
        if self._worn or not self._is_time():
            return False
        self._worn = True
        return True

    def _is_time(self) -> bool:
        if self._jobs >= self._most_jobs:
            return True
        return self._jobs % _JOBS_A_LOOK == 0 and resident_bytes() >= self._most_memory


def resident_bytes() -> int:
    """What this process has in memory."""
    return int(_STATM.read_bytes().split()[1]) * resource.getpagesize()
