"""What a worker has begun and how it ended, in a file that outlives it.

Each worker maps one file. It marks a job there before any user code runs, with two plain writes to
memory that survive a SIGKILL of everybody. The service maps the same file and sees what runs since
when without asking a worker that may be busy.

A job given to a worker has a token, a number that this worker has not had before; the slot of a
job is its token modulo the number of slots. A slot is used again when all others were, and there
are four times as many as jobs may be outstanding: so a mark is there until its outcome is on disk.
Behind the slots the worker keeps its last outcomes, in a ring: what had ended when the service died
is not interrupted. Behind them the interpreter of the worker writes its last words when it crashes.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from schedulergodx.core.envelope import UNREADABLE
from schedulergodx.executors.frames import Finished, FrameError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.executors.base import Ended, Marks

_MAGIC = int.from_bytes(b"SGXMark1", "little")
_HEAD = struct.Struct("<QQ")  # the magic number, how many slots
# token + 1, seq, attempt, instant, monotonic, asked to stop, where its outcome is (0: nowhere);
# behind `asked` a byte that says whether somebody follows it
_SLOT = struct.Struct("<Qqqdd?3xI")
_JOB = struct.Struct("<qqdd")
_TOKEN = struct.Struct("<Q")
_ASKED = 40  # offset of that byte in its slot
_FOLLOWED = 41  # offset of that byte
_ENDED = 44  # and of where the outcome is
_WHERE = struct.Struct("<I")
_RECORD = struct.Struct("<QII")  # of an outcome: token, its bytes, their checksum
_RING = 1 << 20  # bytes for outcomes
_LARGEST = _RING >> 4  # a larger outcome is not kept here: it is only sent
_read_finished = msgspec.msgpack.Decoder(Finished).decode
_LAST_WORDS = 16 << 10  # bytes of them that are read

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class MarkPage:
    """The marks of one worker, in the worker and in its service."""

    def __init__(self, descriptor: int) -> None:
        self._map = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
        self.slots: int = _HEAD.unpack_from(self._map)[1]
        self._ring = _HEAD.size + self.slots * _SLOT.size
        self._next: int | None = None  # where in the ring the next outcome goes
        self._keeping = threading.Lock()

    def mark(self, token: int, seq: int, attempt: int) -> float:
        """Say that a job begins, before it does. In the worker. The answer is the instant."""
        slot = self._offset(token)
        now = time.time()
        _WHERE.pack_into(self._map, slot + _ENDED, 0)
        _JOB.pack_into(self._map, slot + _TOKEN.size, seq, attempt, now, time.monotonic())
        _TOKEN.pack_into(self._map, slot, token + 1)  # last: only now is there a mark
        return now

    def keep(self, token: int, outcome: bytes | memoryview) -> None:
        """Keep how a job ended, before it is told. In the worker."""
        size = _RECORD.size + len(outcome)
        if size > _LARGEST:
            return
        with self._keeping:
            self._keep(token, outcome, size)

    def _keep(self, token: int, outcome: bytes | memoryview, size: int) -> None:
        if self._next is None:  # not where the process before, of a hard job, has its own
            self._next = token % (_RING // _LARGEST) * _LARGEST
        if self._next + size > _RING:
            self._next = 0
        at = self._ring + self._next
        _RECORD.pack_into(self._map, at, token, len(outcome), crc32(outcome))
        self._map[at + _RECORD.size : at + size] = outcome
        _WHERE.pack_into(self._map, self._offset(token) + _ENDED, self._next + 1)
        self._next += size

    def began(self, token: int) -> tuple[float, float] | None:
        """When a job began, by the wall clock and the monotonic one; None if it has not."""
        mark: tuple[int, int, int, float, float, bool]
        mark = _SLOT.unpack_from(self._map, self._offset(token))
        return (mark[3], mark[4]) if mark[0] == token + 1 else None

    def ask(self, token: int, wanted: bool = True) -> None:
        """Ask a job to stop, or make its slot ready for another."""
        self._map[self._offset(token) + _ASKED] = wanted

    def asked(self, token: int) -> bool:
        """Whether a job was asked to stop."""
        return self._map[self._offset(token) + _ASKED] != 0

    def follow(self, token: int, wanted: bool = True) -> None:
        """Want to know at once what a job prints, or make its slot ready for another."""
        self._map[self._offset(token) + _FOLLOWED] = wanted

    def followed(self, token: int) -> bool:
        """Whether somebody wants to know at once what a job prints."""
        return self._map[self._offset(token) + _FOLLOWED] != 0

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()

    def _offset(self, token: int) -> int:
        return _HEAD.size + token % self.slots * _SLOT.size


class MarkDirectory:
    """The files of the workers of one service."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self) -> None:
        """Remove what the service before left, and note the boot that marks belong to."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in self._path.glob("worker-*.marks"):
            file.unlink()
        (self._path / "boot").write_text(_BOOT_ID.read_text())

    def create(self, worker: int, outstanding: int) -> int:
        """Make the file of a worker; a descriptor of it, at whose end last words are appended.

        outstanding: how many jobs it may have at once

        Raises: OSError, as where the disk has no room
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._file(worker), flags, 0o600)
        slots = 4 * outstanding
        try:
            # with its room on the disk: a write to a page that has none would end who writes it
            os.posix_fallocate(descriptor, 0, _size(slots))
            with mmap.mmap(descriptor, _HEAD.size) as page:
                _HEAD.pack_into(page, 0, _MAGIC, slots)
        except BaseException:
            os.close(descriptor)
            self.remove(worker)
            raise
        return descriptor

    def remove(self, worker: int) -> None:
        """Remove the file of a worker whose jobs are all settled."""
        self._file(worker).unlink(missing_ok=True)

    def last_words(self, worker: int) -> str:
        """What the interpreter of a worker wrote when it crashed."""
        data = self._read(worker)
        return data[_size(_slots(data)) :][:_LAST_WORDS].decode(errors="replace")

    def old_marks(self) -> Marks:
        """What the workers of the service before had begun."""
        try:
            same_boot = (self._path / "boot").read_text() == _BOOT_ID.read_text()
        except FileNotFoundError:
            same_boot = False
        return _OldMarks(self, same_boot)

    def marked(self, worker: int) -> frozenset[tuple[int, int]] | None:
        """(seq, attempt) of all that a worker has marked; None if its file can't tell."""
        data = self._read(worker)
        end = _size(_slots(data))
        if len(data) < end or end == _HEAD.size:
            return None
        slots = _SLOT.iter_unpack(data[_HEAD.size : end - _RING])
        return frozenset((seq, attempt) for token, seq, attempt, *_ in slots if token)

    def outcomes(self, worker: int) -> Iterator[tuple[int, int, bytes]]:
        """(seq, attempt, what was kept) of all jobs whose outcome a worker kept."""
        data = self._read(worker)
        end = _size(_slots(data))
        if _HEAD.size < end <= len(data):
            yield from _kept(data[_HEAD.size : end - _RING], data[end - _RING : end])

    def _read(self, worker: int) -> bytes:
        try:
            return self._file(worker).read_bytes()
        except FileNotFoundError:
            return b""

    def _file(self, worker: int) -> Path:
        return self._path / f"worker-{worker}.marks"


def _size(slots: int) -> int:
    return _HEAD.size + slots * _SLOT.size + _RING if slots else _HEAD.size


def _kept(slots: bytes, ring: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Outcomes of jobs that are still in their slots; what was written over is passed over."""
    for mark, seq, attempt, _, _, _, where in _SLOT.iter_unpack(slots):
        if not mark or not 0 < where <= len(ring) - _RECORD.size:
            continue
        token, size, checksum = _RECORD.unpack_from(ring, where - 1)
        outcome = ring[where - 1 + _RECORD.size :][:size]
        if token == mark - 1 and crc32(outcome) == checksum:
            yield seq, attempt, outcome


def _slots(data: bytes) -> int:
    """How many slots a file has; 0 if it is not one of ours."""
    if len(data) < _HEAD.size:
        return 0
    magic, slots = _HEAD.unpack_from(data)
    return int(slots) if magic == _MAGIC else 0


class _OldMarks:
    """`base.Marks` from files. After a reboot they may be older than what ran: all had begun."""

    def __init__(self, directory: MarkDirectory, same_boot: bool) -> None:
        self._directory = directory
        self._same_boot = same_boot
        self._known: dict[int, frozenset[tuple[int, int]] | None] = {}

    def began(self, worker: int, seq: int, attempt: int) -> bool:
        if not self._same_boot:
            return True
        if worker not in self._known:
            self._known[worker] = self._directory.marked(worker)
        marked = self._known[worker]
        return marked is None or (seq, attempt) in marked

    def ended(self, worker: int) -> Iterator[Ended]:
        kept = self._directory.outcomes(worker) if self._same_boot else ()
        for seq, attempt, outcome in kept:
            try:
                ended = _read_finished(outcome).of(seq, attempt)
            except (FrameError, *UNREADABLE):
                continue  # a job can write what it likes into the file of its worker
            yield ended
