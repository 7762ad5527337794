"""The state of a process that a job finds, and that the next one must find again."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGCHLD)
_LAST_MOMENTS = 0.02  # seconds for threads that are about to end

_getsignal = sys.modules["_signal"].getsignal  # the public one makes enums, for ten times the time


class Room:
    """Remembers how it was when the worker was forked."""

    def __init__(self) -> None:
        self._directory = _directory()
        self._environment = dict(_environment())
        self._handlers = [(number, _getsignal(number)) for number in _SIGNALS]
        self._mask = _read_mask()
        self._threads = threading.active_count()
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._logging = logging.root.level, list(logging.root.handlers)

    def restore(self) -> bool:
        """Make it as it was. False if that can't be done."""
        if _directory() != self._directory:
            with suppress(OSError):  # it was removed: it is nobody's any more
                os.chdir(self._directory)
        if _environment() != self._environment:
            os.environ.clear()
            os.environ.update(
                {os.fsdecode(k): os.fsdecode(v) for k, v in self._environment.items()}
            )
        for number, handler in self._handlers:
            if _getsignal(number) is not handler:
                signal.signal(number, handler)
        os.umask(self._mask)
        sys.stdin, sys.stdout, sys.stderr = self._streams
        level, logging.root.handlers[:] = self._logging
        if logging.root.level != level:
            logging.root.setLevel(level)
        return not self._has_threads()

    def _has_threads(self) -> bool:
        """Whether the job left threads that would keep an ordinary program from ending."""
        if threading.active_count() == self._threads:
            return False
        until = time.monotonic() + _LAST_MOMENTS
        for thread in threading.enumerate():
            if not thread.daemon and thread is not threading.main_thread():
                thread.join(max(0.0, until - time.monotonic()))
                if thread.is_alive():
                    return True
        return False


def _environment() -> dict[bytes, bytes]:
    """What `os.environ` is made of: to compare it as it is costs a third of a microsecond."""
    inner: dict[bytes, bytes] = vars(os.environ)["_data"]
    return inner


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 (a path object costs more than the call)
    except FileNotFoundError:
        return ""


def _read_mask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
