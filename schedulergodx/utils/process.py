"""Whether a process still lives of which somebody else noted the pid, which is given away again."""

from __future__ import annotations

import os
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BEGAN = 19  # the field of /proc/PID/stat, from the state on. Source: proc(5)


def place() -> str:
    """Where a pid means what it means here: this boot of this machine, or a container; "" nowhere.

    It is known on Linux only.
    """
    try:
        return f"{_BOOT_ID.read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def began(pid: int) -> int | None:
    """When a process began, in ticks since the boot; None where that can't be seen."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return -1 if fields[0] == "Z" else int(fields[_BEGAN])


def lives(pid: int, since: int | None) -> bool:
    """Whether the process of this place still runs that had that pid, and began then."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is somebody else's
    return began(pid) in (since, None)
