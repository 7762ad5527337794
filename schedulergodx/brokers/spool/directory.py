"""The directory of an embedded broker, and what is where in it.

    DIRECTORY/               0700
      secret                 32 random bytes, 0600: signs every message
      queues/QUEUE/
        inbox/               the messages, named by the time they were sent at
        partial/             messages that are being written
        kind                 of the queue; its time is when it was last used
        lock                 held by who reads
        unclean              there while somebody reads, and after a crash
        bell                 the socket that wakes the reader
      fanouts/EXCHANGE/QUEUE   an empty file for each queue behind an exchange
      owners/QUEUE           held by the owner of a queue
      spare/                 files of settled messages, to be written over: see `spare`

A queue is there as a whole or not at all: it is made and removed by renaming.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from schedulergodx.core.names import QueueKind, fanout_of
from schedulergodx.errors import BrokerUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.core.names import Queue

SECRET_BYTES = 32
UNUSED_SECONDS = 1800.0  # after which a queue of responses is removed
_ABANDONED_SECONDS = 3600.0  # after which what is half made belongs to a process that died
_REMOTE = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "beegfs"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs"}
)


class Directory:
    """Where one embedded broker lives."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().absolute()
        self._queues = self.path / "queues"
        self.spare = self.path / "spare"

    def open(self) -> bytes:
        """Make what is missing; the answer is the secret. Raises: BrokerUnavailable"""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._refuse_others()
            self._refuse_remote()
            for name in ("queues", "fanouts", "owners", "spare"):
                (self.path / name).mkdir(mode=0o700, exist_ok=True)
            return self._read_secret()
        except OSError as error:
            raise BrokerUnavailable(
                f"the spool directory {self.path} can't be used: {error.strerror or error}. Give "
                "spool: a directory of your own on a local disk"
            ) from error

    # -- queues -----------------------------------------------------------------------------------

    def folder(self, queue: str) -> Path:
        """Where a queue of that name is, if it is there."""
        return self._queues / _file_name(queue)

    def make_queue(self, queue: Queue) -> None:
        """Make a queue, or note that it is used. Raises: OSError"""
        folder = self.folder(queue.name)
        if not folder.is_dir():
            self._make_folder(folder, queue.kind)
        os.utime(folder / "kind")
        if queue.kind is QueueKind.CONTROL:
            fed = self.path / "fanouts" / _file_name(fanout_of(queue))
            fed.mkdir(mode=0o700, exist_ok=True)
            (fed / folder.name).touch()
            sync_directory(fed)
            sync_directory(fed.parent)

    def remove_queue(self, name: str) -> None:
        """Remove a queue with what is in it. Raises: OSError"""
        for mark in (self.path / "fanouts").glob(f"*/{_file_name(name)}"):
            mark.unlink(missing_ok=True)
        self._remove_folder(self.folder(name))

    def fed_by(self, exchange: str) -> list[Path]:
        """The folders of the queues behind an exchange."""
        marks = self.path / "fanouts" / _file_name(exchange)
        try:
            return sorted(self._queues / mark.name for mark in marks.iterdir())
        except FileNotFoundError:
            return []

    def sweep(self, now: float) -> None:
        """Remove the queues of responses that nobody has used for 30 minutes. Raises: OSError"""
        for folder in list(self._queues.iterdir()):
            if folder.name.startswith("."):
                if folder.stat().st_mtime < now - _ABANDONED_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
            elif (lock := self._lock_unused(folder, now)) is not None:
                with lock:
                    self._remove_folder(folder)

    def owner_lock(self, name: str) -> Path:
        """The file that the owner of a queue holds."""
        return self.path / "owners" / _file_name(name)

    def _make_folder(self, folder: Path, kind: QueueKind) -> None:
        new = self._queues / f".new-{secrets.token_hex(8)}"
        for part in ("inbox", "partial"):
            (new / part).mkdir(mode=0o700, parents=True)
        (new / "kind").write_text(kind.value)
        (new / "lock").touch(mode=0o600)
        sync_directory(new)
        try:
            new.rename(folder)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            if not folder.is_dir():  # else another process was faster
                raise
        sync_directory(self._queues)

    def _remove_folder(self, folder: Path) -> None:
        gone = self._queues / f".gone-{secrets.token_hex(8)}"
        with suppress(FileNotFoundError):
            folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def _lock_unused(self, folder: Path, now: float) -> IO[bytes] | None:
        with suppress(FileNotFoundError):
            kind = folder / "kind"
            unused = kind.stat().st_mtime < now - UNUSED_SECONDS
            if unused and kind.read_text() == QueueKind.RESPONSES.value:
                return try_lock(folder / "lock")
        return None

    # -- its own ----------------------------------------------------------------------------------

    def _read_secret(self) -> bytes:
        path = self.path / "secret"
        if not path.exists():
            self._make_secret(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise PermissionError(0, f"others can read {path}: chmod 600, or make a new one")
        secret = path.read_bytes()
        if len(secret) < SECRET_BYTES:
            raise OSError(0, f"{path} is no secret of {SECRET_BYTES} bytes: remove it")
        return secret

    def _make_secret(self, path: Path) -> None:
        """Written aside and linked in: of two processes that come first, one wins, whole."""
        aside = path.with_name(f".secret-{secrets.token_hex(8)}")
        descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            os.write(descriptor, secrets.token_bytes(SECRET_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with suppress(FileExistsError):
            os.link(aside, path)
        aside.unlink()
        sync_directory(self.path)

    def _refuse_others(self) -> None:
        if stat.S_IMODE(self.path.stat().st_mode) & 0o022:
            raise PermissionError(0, f"others can write to it: chmod 700 {self.path}")

    def _refuse_remote(self) -> None:
        kind = _file_system(self.path)
        if kind in _REMOTE:
            raise OSError(0, f"it is on a file system of type {kind}, whose locks can't be trusted")


def try_lock(path: Path) -> IO[bytes] | None:
    """Lock a file; None if another has. Raises: OSError"""
    return _try_lock(path, fcntl.LOCK_EX)


def is_locked(path: Path) -> bool:
    """Whether somebody holds a file. Raises: OSError"""
    lock = _try_lock(path, fcntl.LOCK_SH)
    if lock is not None:
        lock.close()
    return lock is None


def _try_lock(path: Path, mode: int) -> IO[bytes] | None:
    file = path.open("ab")
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_abandoned(path: Path) -> bool:
    """Whether a file is so old that who was writing it is gone."""
    with suppress(FileNotFoundError):
        # Not st_mtime, which a spare file keeps from its last use.
        return path.stat().st_ctime < time.time() - _ABANDONED_SECONDS
    return False


def _file_name(name: str) -> str:
    """A queue's name as the name of a file: never hidden, never a path, never a pattern."""
    quoted = quote(name, safe=" @:+,=")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted


def _file_system(path: Path) -> str:
    """Its type, as Linux calls it; "" where that can't be known."""
    if not sys.platform.startswith("linux"):
        return ""
    device = path.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError):
        for fields in _mounts():
            if fields[2] == wanted:
                return fields[fields.index("-") + 1]
    return ""


def _mounts() -> Iterator[list[str]]:
    with Path("/proc/self/mountinfo").open() as file:
        for line in file:
            yield line.split()
