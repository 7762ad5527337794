"""What a dispatcher asks of a store: jobs for free places."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from msgspec.json import Decoder

from schedulergodx.core.identity import ulid
from schedulergodx.core.results import ParentResult
from schedulergodx.storage.base import NO_BOUNDS, Bounds, Claimed
from schedulergodx.storage.sqlite import flow_statements as flow_sql
from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.choosing import LimitedLanes, PlainLane, choose
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
    from schedulergodx.storage.sqlite.choosing import Source

_numbers = Decoder(list[int]).decode


class DispatcherVerbs(Session):
    """See `storage.base.Store`."""

    def pending(self) -> Mapping[tuple[str, Execution], int]:
        """How many are pending by queue and execution, from memory."""
        return self._counters.pending

    def claim(
        self,
        places: Mapping[Execution, Sequence[int]],
        rooms: Mapping[str, int],
        now: float,
        *,
        bounds: Bounds = NO_BOUNDS,
    ) -> list[Claimed]:
        """pending -> running, highest priority first, then oldest, as far as limits let them."""
        self._limits.look(now)
        claimed: list[Claimed] = []
        for execution, rows in self._claimable(places, rooms, bounds, now).items():
            claimed += self._claim(rows, places[execution], now)
        self._limits.settle()
        return claimed

    def _claim(self, rows: list[Any], workers: Sequence[int], now: float) -> list[Claimed]:
        """Hot: one pass, and two statements with the one that has read the rows."""
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
        self,
        places: Mapping[Execution, Sequence[int]],
        rooms: Mapping[str, int],
        bounds: Bounds,
        now: float,
    ) -> dict[Execution, list[Any]]:
        """The rows of those that come first, by what runs them."""
        sites = [(queue, execution) for execution in places for queue in rooms]
        limited = [site for site in sites if self._limits.head(site) is not None]
        plain = [(site, lane) for site in sites if (lane := self._waiting_lane(site)) is not None]
        if len(plain) == 1 and not limited and bounds is NO_BOUNDS:
            [((queue, execution), lane)] = plain
            most = min(rooms[queue], len(places[execution]))
            return {execution: self._connection.rows(sql.CLAIMABLE_OF_LANE, (lane, most, now))}
        sources: list[Source] = [LimitedLanes(site, self._limits, now) for site in limited]
        for (queue, execution), lane in plain:
            most = min(rooms[queue], len(places[execution]))
            first = self._connection.rows(sql.FIRST_OF_LANE, (lane, most))
            sources.append(PlainLane((queue, execution), first))
        numbers = {execution: len(workers) for execution, workers in places.items()}
        chosen = choose(sources, numbers, rooms, bounds)
        return {execution: self._rows(seqs, now) for execution, seqs in chosen.items() if seqs}

    def _rows(self, seqs: list[int], now: float) -> list[Any]:
        return self._connection.bulk_rows(sql.CLAIMABLE, [x for seq in seqs for x in (seq, now)])

    def _waiting_lane(self, site: tuple[str, Execution]) -> int | None:
        """The lane without a limit, if it has jobs that are pending."""
        lane = self._lanes.known((*site, NO_LIMIT_KEY))
        return None if lane is None or not self._counters.jobs(lane, PENDING) else lane

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
