"""What Linux offers to those who start processes, and the standard library does not wrap."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36

_LOOK = os.WEXITED | os.WNOHANG | os.WNOWAIT

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when `parent` dies; end it now if it is dead already.

    The parent must have one thread only: the signal comes when the thread that forked ends.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of each descendant whose own parent ends, so that none gets away."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def has_children() -> bool:
    """Whether this process has a child, dead or alive.

    Asked after each job: `os.waitid` would raise each time, which takes twice as long.
    """
    return bool(_libc.waitid(os.P_ALL, 0, None, _LOOK) == 0)


def raise_in_thread(ident: int, error: type[BaseException] | None) -> None:
    """Raise `error` in another thread at its next bytecode; None takes one back that waits.

    A thread that is inside of a C call sees it when the call returns.
    """
    wanted = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), wanted)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")
