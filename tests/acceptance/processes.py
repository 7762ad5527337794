"""What the kernel says of processes: whether they live, what they use, what they started."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_GONE = (FileNotFoundError, ProcessLookupError)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return _fields(pid)[0] != "Z"
    except _GONE:
        return False


def family(pid: int) -> list[int]:
    """A process with all that descends from it."""
    found = [pid]
    for one in found:
        with suppress(*_GONE):
            for children in Path(f"/proc/{one}/task").glob("*/children"):
                found += map(int, children.read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """What a process with all that descends from it has used of the processors."""
    ticks = 0
    for one in family(pid):
        with suppress(*_GONE):
            ticks += sum(map(int, _fields(one)[11:13]))
    return ticks / _TICKS


def thread_count(pid: int) -> int:
    """How many threads a process has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


class Growth:
    """How much more memory processes hold at once than at the beginning, in bytes."""

    def __init__(self, *pids: int) -> None:
        for pid in pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # begin anew. Source: proc(5)
        self._before = {pid: _peak(pid) for pid in pids}

    @property
    def most(self) -> int:
        """Of the one that grew the most, at its largest."""
        return max(_peak(pid) - before for pid, before in self._before.items())


def _peak(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _fields(pid: int) -> list[str]:
    """Of /proc/PID/stat, from the state on. Source: proc(5)"""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
