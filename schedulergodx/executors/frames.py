"""What a service and one of its workers say to each other, over a stream socket.

A frame is a kind and a length, then that many bytes. Nothing here is trusted by the service: a
worker runs foreign code, so each field of its frames is checked while it is read.
"""

from __future__ import annotations

import struct
from enum import IntEnum, StrEnum

import msgspec
from msgspec import Struct

from schedulergodx.core.job import Execution, Outcome, Spec, Status
from schedulergodx.core.results import ParentResult
from schedulergodx.executors.base import Ended

_LATEST = 1e11  # instant, some thousand years from now
_CODES = 1000
_ENDINGS = frozenset({Status.COMPLETED, Status.FAILED, Status.TIMEOUT, Status.CANCELLED})


class Tell(IntEnum):
    """From a service to a worker."""

    JOBS = 1  # Jobs
    DROP = 2  # tokens of jobs that were taken back
    STOP = 3  # Stop
    ACCEPTED = 4  # Accepted
    RESPONSE = 5  # an envelope, for the client inside of a job
    PING = 6  # answered by what begins jobs there
    SAVED = 7  # Saved


class Say(IntEnum):
    """From a worker to its service."""

    FINISHED = 1  # Finished
    SEND = 2  # Send
    WAITING = 3  # a bool: a job begins to wait for another one, or goes on
    RETIRE = 4  # it begins no more jobs and wants to be replaced
    PONG = 5  # to a PING
    EXITED = 6  # the process of the hard job that finished last is gone
    PROGRESS = 7  # Progress
    KEEP = 8  # Keep
    RECALL = 9  # Recall
    PRINTED = 10  # Printed


class Order(Struct, frozen=True, array_like=True):
    """One job for a worker; `spec` is the number of one that the worker was told."""

    token: int
    seq: int
    attempt: int
    uid: bytes
    label: str | None
    client: str
    spec: int
    arguments: bytes
    units: tuple[bytes, ...]
    results: tuple[ParentResult, ...] = ()


class Jobs(Struct, frozen=True, array_like=True):
    """Jobs, with what the worker does not have yet.

    forget: drop all units that were kept before these
    specs: by number
    units: by hash
    """

    forget: bool
    specs: dict[int, Spec]
    units: dict[bytes, bytes]
    orders: list[Order]


class Why(StrEnum):
    """Why a job is stopped."""

    CANCELLED = "cancelled"
    OVERDUE = "overdue"


class Stop(Struct, frozen=True, array_like=True):
    """Stop a job that runs as a thread or a coroutine."""

    token: int
    why: Why


class Accepted(Struct, frozen=True, array_like=True):
    """What a job sent is on disk, or `error` says why not."""

    number: int
    error: str | None


class Finished(Struct, frozen=True, array_like=True):
    """An attempt is over. Its fields are those of `base.Ended`."""

    token: int
    outcome: Outcome
    final: bool
    started: float
    finished: float
    units: dict[bytes, bytes] = {}

    def of(self, seq: int, attempt: int) -> Ended:
        """The report of it. Raises: FrameError if no attempt can end like that"""
        if not self._is_sound():
            raise FrameError(f"no attempt ends like that: {self.outcome.status}")
        return Ended(
            seq, attempt, self.outcome, self.final, self.started, self.finished, self.units
        )

    def _is_sound(self) -> bool:
        """Whether a store can keep it and a client can read it. Hot, and for what is foreign."""
        outcome = self.outcome
        if not (0.0 <= self.started < _LATEST and 0.0 <= self.finished < _LATEST):
            return False  # nor is it, if one is no number
        if outcome.status is Status.COMPLETED:
            return outcome.value is not None
        failure = outcome.failure
        return outcome.status in _ENDINGS and failure is not None and 0 <= failure.code < _CODES


class Send(Struct, frozen=True, array_like=True):
    """An envelope that a job sends."""

    number: int
    address: str
    body: bytes


class Progress(Struct, frozen=True, array_like=True):
    """How far a job is, by its own word; None and "" leave what it said before."""

    token: int
    done: float | None
    total: float | None
    note: str


class Keep(Struct, frozen=True, array_like=True):
    """A checkpoint; ACCEPTED answers. Its fields are those of `base.Kept`."""

    number: int
    token: int
    value: bytes
    units: tuple[bytes, ...]
    bodies: dict[bytes, bytes]


class Recall(Struct, frozen=True, array_like=True):
    """A job wants its newest checkpoint; SAVED answers."""

    number: int
    token: int


class Saved(Struct, frozen=True, array_like=True):
    """The newest checkpoint of a job; None if it has none. bodies: of the units that it needs"""

    number: int
    value: bytes | None = None
    units: tuple[bytes, ...] = ()
    bodies: dict[bytes, bytes] = {}


class Printed(Struct, frozen=True, array_like=True):
    """Output of a job that is followed, from byte `start` of all that it has printed."""

    token: int
    start: int
    data: bytes


class WorkerSettings(Struct, frozen=True):
    """What every worker of an executor is told. See `ExecutorSettings`."""

    result_limit: int
    output_limit: int
    echo: bool
    recycle_jobs: int
    recycle_memory: int
    imports: list[str] = []
    accept_code: bool = True
    kinds: list[str] = []


class Spawn(Struct, frozen=True, array_like=True, tag="spawn"):
    """To the fork server: fork a worker. Its descriptors come along, in the order of `child`."""

    worker: int
    execution: Execution


class Kill(Struct, frozen=True, array_like=True, tag="kill"):
    """To the fork server: end a worker with all that it started."""

    worker: int


class Ready(Struct, frozen=True, array_like=True, tag="ready"):
    """From the fork server, once.

    failures: of modules that could not be preloaded
    broken: what is missing for functions with names
    """

    failures: list[str]
    broken: list[str] = []


class Registered(Struct, frozen=True, array_like=True, tag="registered"):
    """From the fork server, before it is ready: names of functions, some at a time."""

    names: list[str]


class Gone(Struct, frozen=True, array_like=True, tag="gone"):
    """From the fork server: a worker ended, and all that it started.

    status: as `os.waitpid` gives it; None if it could not be forked, and `text` says why
    """

    worker: int
    status: int | None
    text: str = ""


class FrameError(Exception):
    """The other end does not keep to the frames."""


_HEAD = struct.Struct("<BI")
_encoder = msgspec.msgpack.Encoder()


def frame(kind: Tell | Say, payload: object) -> bytearray:
    """The bytes of a frame."""
    data = bytearray(_HEAD.size)
    _encoder.encode_into(payload, data, _HEAD.size)
    _HEAD.pack_into(data, 0, kind, len(data) - _HEAD.size)
    return data


def frame_of(kind: int, payload: bytes) -> bytes:
    """The same of a payload that is encoded already."""
    return _HEAD.pack(kind, len(payload)) + payload


def payload_of(data: bytearray) -> memoryview:
    """What a frame carries, not copied."""
    return memoryview(data)[_HEAD.size :]


class FrameBuffer:
    """Takes bytes as they come and gives whole frames.

    limit: bytes of the largest frame that is believed
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._missing = 0  # bytes until the frame that `_rest` begins with is whole

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The (kind, payload) that are complete now. Raises: FrameError

        Hot. A large frame is put together without looking at it again for each piece.
        """
        if self._rest:
            self._rest += data
            self._missing -= len(data)
            if self._missing > 0:
                return []
            data = bytes(self._rest)
        frames: list[tuple[int, bytes]] = []
        start, end, size = 0, len(data), 0
        while end - start >= _HEAD.size:
            kind, size = _HEAD.unpack_from(data, start)
            if size > self._limit:
                raise FrameError(f"a frame of {size} bytes, where {self._limit} are the most")
            if end - start - _HEAD.size < size:
                break
            start += _HEAD.size + size
            frames.append((kind, data[start - size : start]))
            size = 0
        self._rest = bytearray(data[start:])
        self._missing = _HEAD.size + size - len(self._rest)
        return frames
