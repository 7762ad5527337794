"""Ending a process with everything that it started.

A process is stopped first, then what it forked, until nothing new appears: what is stopped can't
fork, can't reap and can't move its children elsewhere. Then all of it is killed. Whoever does this
is a subreaper, so that a descendant that escaped the walk becomes its child and is found there.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_PATIENCE = 2.0  # seconds that the kernel may take to bring a killed process to its end


def children_of(pid: int) -> set[int]:
    """The children of a process, whichever of its threads forked them."""
    found: set[int] = set()
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 (hot, and names suffice)
            with suppress(FileNotFoundError, ProcessLookupError):
                found.update(_listed(pid, thread))
    return found


def _listed(pid: int, thread: str) -> Iterable[int]:
    descriptor = os.open(f"/proc/{pid}/task/{thread}/children", os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(descriptor, 65536):
            parts.append(part)
    finally:
        os.close(descriptor)
    return map(int, b"".join(parts).split())


def kill_tree(root: int) -> None:
    """Kill a process and its descendants, itself last."""
    everyone = _stop_tree(root)
    for pid in everyone - {root}:
        _send(pid, signal.SIGKILL)
    _send(root, signal.SIGKILL)


def _stop_tree(root: int) -> set[int]:
    """Go down from the root, then look at all of them again, until nothing new is found."""
    stopped: set[int] = set()
    fresh = {root}
    while fresh:
        while fresh:
            for pid in fresh:
                _send(pid, signal.SIGSTOP)
            stopped |= fresh
            fresh = {child for pid in fresh for child in children_of(pid)} - stopped
        fresh = {child for pid in stopped for child in children_of(pid)} - stopped
    return stopped


def end_children(keep: Collection[int] = ()) -> None:
    """Kill and reap all children of this process but `keep`, and the orphans that they leave."""
    me = os.getpid()
    until = time.monotonic() + _PATIENCE
    killed: set[int] = set()
    while (strays := children_of(me).difference(keep)) and time.monotonic() < until:
        alive = {pid for pid in strays if not _is_reaped(pid)}
        for pid in alive - killed:
            kill_tree(pid)
        if alive and alive <= killed:
            time.sleep(0.0002)  # not yet dead
        killed = alive


def _is_reaped(pid: int) -> bool:
    """Whether it was dead and is now gone, or somebody else reaped it."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def marked_with(variable: bytes) -> list[int]:
    """The processes of this user whose environment has `variable`, as b"NAME=text"."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # gone meanwhile, or another user's
                if variable in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def ancestors(pid: int) -> set[int]:
    """A process, its parent, and so on."""
    found: set[int] = set()
    while pid > 0 and pid not in found:
        found.add(pid)
        with suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text()
            pid = int(stat.rpartition(")")[2].split()[1])
    return found
