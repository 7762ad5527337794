"""What the verbs of a store share: the connection, and what is remembered of its database."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from msgspec.msgpack import Decoder, Encoder

from schedulergodx.core.job import Execution, Outcome, Spec
from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.batch_counters import BatchCounters
from schedulergodx.storage.sqlite.connection import Connection
from schedulergodx.storage.sqlite.happenings import Happenings
from schedulergodx.storage.sqlite.interned import Interned
from schedulergodx.storage.sqlite.lane_counters import LaneCounters
from schedulergodx.storage.sqlite.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Lane = tuple[str, Execution, str]  # queue, execution, key of a limit ("" without one)

NO_LIMIT_KEY = ""
LAST_SEQ_NOTE = "store.last_seq"

pack = Encoder().encode
unpack_outcome = Decoder(Outcome).decode
unpack_units = Decoder(tuple[bytes, ...]).decode
_unpack_spec = Decoder(Spec).decode


class JobRow(NamedTuple):
    """What every verb that ends or moves a job wants to know of it."""

    seq: int
    uid: bytes
    label: str | None
    client: int
    reply: str
    attempt: int
    spec: int
    lane: int
    status: int
    worker: int
    started: float | None
    deadline_code: int | None
    children: int
    batch: int | None


class End(NamedTuple):
    """A job with its end."""

    job: JobRow
    outcome: Outcome
    started: float | None
    finished: float


class Mark(NamedTuple):
    """What was remembered at one moment of a transaction."""

    counters: dict[tuple[int, int], int]
    lanes: int
    clients: int
    specs: int
    last_seq: int
    batches: dict[tuple[int, int], int]


class Session:
    """A connection and its memory.

    path: of the file; "" for a database in memory
    """

    def __init__(self, path: str) -> None:
        self._connection = connection = Connection(path)
        self._lanes: Interned[Lane] = Interned(
            connection,
            table="lane",
            columns=("queue", "execution", "key"),
            pack=_pack_lane,
            unpack=_unpack_lane,
        )
        self._counters = LaneCounters(self._lanes.key)
        self._limits = Limits(connection, self._counters, self._lanes.key)
        self._clients: Interned[str] = Interned(
            connection, table="client", columns=("name",), pack=lambda name: (name,), unpack=str
        )
        self._specs: Interned[Spec] = Interned(
            connection,
            table="spec",
            columns=("hash", "name", "body"),
            pack=_pack_spec,
            unpack=lambda _hash, _name, body: _unpack_spec(body),
        )
        self._batches = BatchCounters(connection)
        self._happenings = Happenings(connection, self._specs.key)
        self._claimed: dict[int, JobRow] = {}  # what runs, as far as it is remembered
        self._last_seq = 0
        self._newest_uid = b""  # or a newer one that was rolled back: only known to be no older

    def _load(self) -> None:
        """Remember what must be known at all times, and forget all else."""
        self._claimed.clear()
        for interned in (self._lanes, self._clients, self._specs):
            interned.forget()
        rows = self._connection.rows
        self._counters.load(rows(sql.COUNTS))
        self._batches.forget()
        noted = rows(sql.NOTE, (LAST_SEQ_NOTE,))
        [(newest,)] = rows(sql.NEWEST_SEQ)
        self._last_seq = max(newest or 0, int(noted[0][0]) if noted else 0)
        [(uid,)] = rows(sql.NEWEST_UID)
        self._newest_uid = uid or b""
        self._limits.load()
        self._happenings.load()

    def _mark(self) -> Mark:
        return Mark(
            self._counters.mark(),
            self._lanes.mark(),
            self._clients.mark(),
            self._specs.mark(),
            self._last_seq,
            self._batches.mark(),
        )

    def _undo(self, mark: Mark) -> None:
        self._claimed.clear()  # some of it may not be true any more, and the rest can be read
        self._counters.undo(mark.counters)
        self._lanes.undo(mark.lanes)
        self._clients.undo(mark.clients)
        self._specs.undo(mark.specs)
        self._last_seq = mark.last_seq
        self._batches.undo(mark.batches)
        self._limits.load()
        self._happenings.undo()

    def _keep(self) -> None:
        for memory in (self._counters, self._batches, self._lanes, self._clients, self._specs):
            memory.keep()
        self._happenings.keep()

    def _running_attempts(self, attempts: Iterable[tuple[int, int]]) -> list[JobRow]:
        """The jobs of those (seq, attempt) that were not given up meanwhile; they run no more.

        Hot: nearly all are remembered from their claim, since only this writer moves them.
        """
        found: dict[int, JobRow | None] = {}
        unknown: list[int] = []
        for seq, attempt in attempts:
            job = self._claimed.pop(seq, None)
            if job is None or job.attempt != attempt:
                job = found.get(seq)  # unknown, but for a twin
                unknown += (seq, attempt)
            found[seq] = job
        for row in self._connection.bulk_rows(sql.RUNNING_ATTEMPTS, unknown):
            found[row[0]] = JobRow._make(row)
        return [job for job in found.values() if job is not None]

    def _move(self, jobs: Sequence[JobRow], status: int) -> None:
        """Count jobs that went to a status together."""
        self._counters.move_each((job.lane, job.status, status) for job in jobs)
        self._batches.move_each(
            (job.batch, job.status, status) for job in jobs if job.batch is not None
        )

    def _lane(self, queue: str, execution: Execution, key: str) -> int:
        return self._lanes.number((queue, execution, key))

    def _queue(self, lane: int) -> str:
        return self._lanes.key(lane)[0]


def as_json(numbers: Iterable[int]) -> str:
    """Numbers as an array for `json_each`."""
    return str(list(numbers))


def _pack_lane(lane: Lane) -> Sequence[str]:
    queue, execution, key = lane
    return queue, execution.value, key


def _unpack_lane(queue: str, execution: str, key: str) -> Lane:
    return queue, Execution(execution), key


def _pack_spec(spec: Spec) -> Sequence[object]:
    body = pack(spec)
    return hashlib.blake2b(body, digest_size=16).digest(), spec.name, body
