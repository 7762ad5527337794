"""What a dispatcher asks of a store: jobs for free places."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from msgspec.json import Decoder

from schedulergodx.core.identity import ulid
from schedulergodx.core.results import ParentResult
from schedulergodx.storage.base import Claimed
from schedulergodx.storage.sqlite import flow_statements as flow_sql
from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.session import (
    NO_LIMIT_KEY,
    JobRow,
    Session,
    as_json,
    unpack_outcome,
    unpack_units,
)
from schedulergodx.storage.states import COMPLETED, PENDING, RUNNING, STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schedulergodx.core.job import Execution

_numbers = Decoder(list[int]).decode


class DispatcherVerbs(Session):
    """See `storage.base.Store`."""

    def pending(self) -> Mapping[tuple[str, Execution], int]:
        """How many are pending by queue and execution, from memory."""
        found: dict[tuple[str, Execution], int] = {}
        for lane, status, jobs in self._counters:
            if status == PENDING:
                queue, execution, _ = self._lanes.key(lane)
                found[queue, execution] = found.get((queue, execution), 0) + jobs
        return found

    def claim(
        self, execution: Execution, rooms: Mapping[str, int], workers: Sequence[int], now: float
    ) -> list[Claimed]:
        """pending -> running, highest priority first, then oldest.

        Hot: two statements and one pass. Arguments are read of what is claimed, and of no other.
        """
        rows = self._claimable(execution, rooms, len(workers), now)
        places: list[Any] = []
        claimed: list[Claimed] = []
        moves: list[tuple[int, int, int]] = []
        grouped: list[tuple[int, int, int]] = []
        results = self._results_of_parents([row[0] for row in rows if row[-1]])
        queue_of, remembered = self._queue, self._claimed
        for row, worker in zip(rows, workers, strict=False):
            seq, uid, label, client, reply, attempt, spec, lane = row[:8]
            code, children, batch, arguments, units, _ = row[8:]
            places += (seq, worker, now)
            moves.append((lane, PENDING, RUNNING))
            if batch is not None:
                grouped.append((batch, PENDING, RUNNING))
            remembered[seq] = JobRow(
                *(seq, uid, label, client, reply, attempt + 1, spec, lane, RUNNING, worker, now),
                *(code, children, batch),
            )
            claimed.append(
                Claimed(
                    *(seq, uid, label, client, reply, attempt + 1, spec, queue_of(lane), worker),
                    arguments or b"",
                    () if units is None else unpack_units(units),
                    tuple(results.get(seq, ())),
                )
            )
        self._counters.move_each(moves)
        self._batches.move_each(grouped)
        self._connection.bulk_write(sql.CLAIM, places)
        return claimed

    def _claimable(
        self, execution: Execution, rooms: Mapping[str, int], places: int, now: float
    ) -> list[Any]:
        """The rows of those that come first, over all lanes that have any."""
        lanes = [
            (lane, min(room, places))
            for queue, room in rooms.items()
            if (lane := self._lanes.known((queue, execution, NO_LIMIT_KEY))) is not None
            and self._counters.jobs(lane, PENDING)
        ]
        rows = self._connection.rows
        if len(lanes) == 1:
            [(lane, most)] = lanes
            return rows(sql.CLAIMABLE_OF_LANE, (lane, most, now))
        found = [job for lane in lanes for job in rows(sql.FIRST_OF_LANE, lane)]  # priority, seq
        found.sort(key=lambda job: (-job[0], job[1]))
        first = [value for _, seq in found[:places] for value in (seq, now)]
        return self._connection.bulk_rows(sql.CLAIMABLE, first)

    def give_back(self, jobs: Sequence[tuple[int, int]]) -> None:
        """running -> pending for (seq, attempt), at the cost of no attempt.

        A wish to cancel stays with the job, and `cancel_asked` says so when it runs again.
        """
        rows = self._running_attempts(jobs)
        self._connection.bulk_write(sql.GIVE_BACK, [job.seq for job in rows])
        self._move(rows, PENDING)

    def _results_of_parents(self, children: list[int]) -> dict[int, list[ParentResult]]:
        """What became of the parents of jobs that want it, in the order of their seqs.

        Each is read once, whoever wants it.
        """
        found: dict[int, list[ParentResult]] = defaultdict(list)
        if children:
            rows = self._connection.rows(flow_sql.RESULTS_OF_PARENTS, (as_json(children),))
            for wanted_by, *parent in rows:
                result = self._parent_result(*parent)
                for child in _numbers(wanted_by):
                    found[child].append(result)
        return found

    def _parent_result(
        self, uid: bytes, label: str | None, status: int, spec: int, packed: bytes | None
    ) -> ParentResult:
        named = self._specs.key(spec).named
        id = label or ulid(uid)
        if packed is None or status != COMPLETED:
            return ParentResult(uid, id, STATUSES[status], named=named)
        outcome = unpack_outcome(packed)
        return ParentResult(uid, id, STATUSES[status], outcome.value, outcome.units, named)
