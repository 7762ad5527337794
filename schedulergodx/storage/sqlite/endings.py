"""How a job ends: the same rows, whoever ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schedulergodx.storage.base import Told
from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.annotations import AnnotationVerbs
from schedulergodx.storage.sqlite.dependents import Dependents
from schedulergodx.storage.sqlite.session import End, pack, unpack_outcome
from schedulergodx.storage.states import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schedulergodx.core.job import Outcome
    from schedulergodx.storage.verdicts import Cause


class Endings(AnnotationVerbs, Dependents):
    """Writes ends, and reads them."""

    _firsts: set[bytes]  # jobs to which others are joined
    _over: set[bytes]  # those of them that may have ended

    def _end(self, ends: Sequence[End]) -> list[Told]:
        """Move jobs to their final status, and with them what depends on them.

        The answer is what is told of them, and then of what was doomed by them.
        """
        told: list[Told] = []
        batches: set[int] = set()
        causes: dict[int, Cause] = {}
        now = ends[0].finished if ends else 0.0
        while ends:
            told += self._write_ends(ends)
            batches.update(end.job.batch for end in ends if end.job.batch is not None)
            ends = self._follow(ends, causes)
        if batches:
            self._end_batches(batches, now)
        return told

    def _write_ends(self, ends: Sequence[End]) -> list[Told]:
        """Write final statuses, results and lines in the outbox.

        One tight loop, because it is hot: each job goes through it once.
        """
        jobs: list[Any] = []
        results: list[Any] = []
        lines: list[int] = []
        told: list[Told] = []
        moves: list[tuple[int, int, int]] = []
        grouped: list[tuple[int, int, int]] = []
        name_of = self._clients.key
        for job, outcome, started, finished in ends:
            seq, uid, label, client, reply, attempt, _, lane, was, *_ = job
            status = NUMBERS[outcome.status]
            jobs += (seq, status, started, finished, code_of(outcome))
            results += (seq, pack(outcome))
            if reply:
                lines.append(seq)
            moves.append((lane, was, status))
            if job.batch is not None:
                grouped.append((job.batch, was, status))
            told.append(
                Told(seq, uid, label, name_of(client), reply, attempt, started, finished, outcome)
            )
        if self._happenings.tasks:
            self._happenings.end(ends)
        if self._firsts:
            ended = self._firsts.intersection(one.uid for one in told)
            self._over |= ended
            self._firsts -= ended
        if self._with_checkpoint:
            self._drop_checkpoints(one.seq for one in told)
        self._counters.move_each(moves)
        self._batches.move_each(grouped)
        connection = self._connection
        connection.bulk_write(sql.END_JOBS, jobs)
        connection.bulk_write(sql.ADD_RESULTS, results)
        connection.bulk_write(sql.ADD_LINES, lines)
        return told

    def _told(self, rows: Iterable[Any]) -> list[Told]:
        """What clients are told, from rows of TOLD_OF_UIDS or TOLD_OF_SEQS."""
        name_of = self._clients.key
        return [
            Told(
                *(seq, uid, label, name_of(client), reply, attempt, started, finished),
                unpack_outcome(outcome),
            )
            for seq, uid, label, client, reply, attempt, started, finished, outcome in rows
        ]


def code_of(outcome: Outcome) -> int | None:
    """The number that a row keeps of an outcome, so that a list needs not open it."""
    return None if outcome.failure is None else int(outcome.failure.code)
