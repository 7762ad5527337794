"""The limits of a hard job, and how its end is told from others."""

from __future__ import annotations

import errno
import math
import resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schedulergodx.core.job import Limits


def impose(limits: Limits) -> None:
    """Have the kernel hold this process to `limits`, but for the output."""
    if limits.memory is not None:
        _set_soft(resource.RLIMIT_AS, limits.memory)
    if limits.open_files is not None:
        _set_soft(resource.RLIMIT_NOFILE, limits.open_files)
    if limits.cpu_time is not None:
        seconds = math.ceil(limits.cpu_time)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # SIGXCPU would write one
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def exceeded(error: BaseException, limits: Limits | None) -> str:
    """Which limit an exception comes from, as a sentence; "" if from none."""
    if limits is None:
        return ""
    if isinstance(error, MemoryError) and limits.memory is not None:
        return f"it needed more memory than its limit of {limits.memory} bytes"
    if isinstance(error, OSError) and error.errno == errno.EMFILE and limits.open_files is not None:
        return f"it opened more files than its limit of {limits.open_files}"
    return ""


def excess_output(limit: int) -> str:
    """The sentence for a job that printed too much."""
    return f"it printed more than its limit of {limit} bytes"


def _set_soft(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY and (value == resource.RLIM_INFINITY or value > hard):
        value = hard
    resource.setrlimit(kind, (value, hard))
