"""The lock that says which process has a store open.

It is a `flock` on a file beside the database, so it ends with its process, whatever ends that. The
lock file holds the pid, for people, and is never removed: another process may be about to lock it.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from schedulergodx.errors import StoreError, StoreLocked


class FileLock:
    """A lock on `path`, which is made if it is not there."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take it or raise. Raises: StoreLocked, StoreError"""
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _pid_in(descriptor)
            os.close(descriptor)
            raise StoreLocked(self._locked_text(holder)) from error
        self._descriptor = descriptor
        with suppress(OSError):  # a full disk has the lock, only not the name of its holder
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """Let go of it; in a forked child, leave it to the parent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"{self._path}: {error.strerror}: a store needs a directory that exists and that "
                "its service may write to; make it, or name another file"
            ) from error

    def _locked_text(self, holder: str) -> str:
        database = self._path.removesuffix(".lock")
        return (
            f"{database} is held by {holder}: ask that service, stop it, "
            "or give this one a database of its own"
        )


def _pid_in(descriptor: int) -> str:
    with suppress(OSError):
        text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        if text == str(os.getpid()):
            return "this process already"
        if text.isdigit():
            return f"process {text}"
    return "another process"
