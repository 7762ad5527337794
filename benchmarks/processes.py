"""What the kernel says of processes: what they use of the processors, and of memory."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


def family(pid: int) -> list[int]:
    """A process with all that descends from it."""
    found = [pid]
    for one in found:
        with suppress(*_GONE):
            for children in Path(f"/proc/{one}/task").glob("*/children"):
                found += map(int, children.read_text().split())
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """What processes used of the processors, with those of their children that have ended."""
    ticks = 0
    for pid in pids:
        with suppress(*_GONE):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))  # Source: proc(5)
    return ticks / _TICKS


def machine_seconds() -> float:
    """What all processes of the machine, and the kernel, used of the processors since its start."""
    user, nice, system, _idle, _waiting, *rest = map(int, _first_line("/proc/stat").split()[1:9])
    return (user + nice + system + sum(rest)) / _TICKS  # Source: proc(5)


def _first_line(path: str) -> str:
    return Path(path).read_text().partition("\n")[0]


def memory_mb(pids: Iterable[int]) -> float:
    """The memory of processes in MB; what they share with others counts in part (PSS)."""
    kilobytes = 0
    for pid in pids:
        with suppress(*_GONE):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kilobytes += int(line.split()[1])
    return kilobytes / 1024


def end(pid: int, *, grace: float = 0.0) -> None:
    """End a process with all that descends from it; first ask, if there is grace."""
    members = family(pid)
    if grace:
        with suppress(*_GONE):
            os.kill(pid, signal.SIGTERM)
        _await_gone(pid, grace)
    for member in members:
        with suppress(*_GONE):
            os.kill(member, signal.SIGKILL)


def _await_gone(pid: int, timeout: float) -> None:
    limit = time.monotonic() + timeout
    while time.monotonic() < limit:
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except _GONE:
            return
        if state == "Z":
            return
        time.sleep(0.01)
