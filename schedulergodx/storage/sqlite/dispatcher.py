"""What a dispatcher asks of a store: jobs for free places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schedulergodx.storage.base import CLAIM_BYTES, NO_BOUNDS, Bounds, Claimed
from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.choosing import LimitedLanes, PlainLane, choose
from schedulergodx.storage.sqlite.parent_results import ResultsOfParents
from schedulergodx.storage.sqlite.session import NO_LIMIT_KEY, JobRow, unpack_units
from schedulergodx.storage.states import PENDING, RUNNING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from schedulergodx.core.job import Execution
    from schedulergodx.storage.sqlite.choosing import Source

_ARGUMENTS = 11  # where they stand in a row of CLAIMABLE


class DispatcherVerbs(ResultsOfParents):
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
        prompt: Mapping[Execution, int] | None = None,
        rated: Collection[str] = (),
    ) -> list[Claimed]:
        """pending -> running, highest priority first, then oldest, as far as limits let them."""
        self._limits.look(now)
        claimed: list[Claimed] = []
        wanted = self._claimable(places, rooms, now, bounds, prompt or {}, rated)
        for execution, rows in wanted.items():
            claimed += self._claim(rows, places[execution], now)
        self._limits.settle()
        return claimed

    def _claim(self, rows: list[Any], workers: Sequence[int], now: float) -> list[Claimed]:
        """Hot: one pass, and two statements with the one that has read the rows."""
        places: list[Any] = []
        claimed: list[Claimed] = []
        moves: list[tuple[int, int, int]] = []
        grouped: list[tuple[int, int, int]] = []
        rows, results = self._with_results(rows)
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
                    results.get(seq, ()),
                )
            )
        self._counters.move_each(moves)
        self._batches.move_each(grouped)
        self._connection.bulk_write(sql.CLAIM, places)
        if self._happenings.tasks:
            self._happenings.start(claimed, now)
        return claimed

    def _claimable(
        self,
        places: Mapping[Execution, Sequence[int]],
        rooms: Mapping[str, int],
        now: float,
        bounds: Bounds,
        prompt: Mapping[Execution, int],
        rated: Collection[str],
    ) -> dict[Execution, list[Any]]:
        """The rows of those that come first, by what runs them."""
        free = {execution: len(workers) for execution, workers in places.items()}
        sites = [(queue, execution) for execution in places for queue in rooms]
        limited = [site for site in sites if self._limits.head(site) is not None]
        plain = [(site, lane) for site in sites if (lane := self._waiting_lane(site)) is not None]
        if len(plain) == 1 and not limited and bounds is NO_BOUNDS:
            [((queue, execution), lane)] = plain
            most = min(rooms[queue], free[execution])
            if queue in rated:
                most = min(most, prompt.get(execution, most))
            return {execution: self._rows_within(sql.CLAIMABLE_OF_LANE, (lane, most, now))}
        sources: list[Source] = [
            LimitedLanes(site, self._limits, now, rated=site[0] in rated) for site in limited
        ]
        for (queue, execution), lane in plain:
            most = min(rooms[queue], free[execution])
            first = self._connection.rows(sql.FIRST_OF_LANE, (lane, most))
            sources.append(PlainLane((queue, execution), first, rated=queue in rated))
        chosen = choose(sources, free, rooms, prompt, bounds)
        return {execution: self._rows(seqs, now) for execution, seqs in chosen.items() if seqs}

    def _rows(self, seqs: list[int], now: float) -> list[Any]:
        """The first of these jobs, as many as one claim may hold.

        The others stay as they are; a start that was counted for them is lost.
        """
        found: list[Any] = []
        size = 0
        for text, values in sql.CLAIMABLE.chunks([x for seq in seqs for x in (seq, now)]):
            rows = self._rows_within(text, values, CLAIM_BYTES - size)
            found += rows
            size += sum(len(row[_ARGUMENTS] or b"") for row in rows)
            if size >= CLAIM_BYTES:
                break
        return found

    def _rows_within(self, text: str, values: Sequence[Any], most: int = CLAIM_BYTES) -> list[Any]:
        return self._connection.rows_within(text, values, _ARGUMENTS, most)

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
