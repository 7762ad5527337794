"""Jobs that did not complete begin again, and with them what was cancelled because of them."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from schedulergodx.storage.sqlite import flow_statements as sql
from schedulergodx.storage.sqlite import statements
from schedulergodx.storage.sqlite import unique_statements as unique_sql
from schedulergodx.storage.sqlite.keys import KeyVerbs
from schedulergodx.storage.sqlite.session import as_json
from schedulergodx.storage.states import BLOCKED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Ended(NamedTuple):
    """A job that can be requeued."""

    seq: int
    uid: bytes
    lane: int
    batch: int | None
    status: int
    due: float | None


class RequeueVerbs(KeyVerbs):
    """See `storage.base.Store`."""

    def requeue(self, uid: bytes, now: float) -> bool:
        """failed, timeout, cancelled, expired -> pending or blocked, with no attempt used.

        The job gets a new seq. Its attempts are numbered from 1 again, and what still comes in for
        the old seq, an outcome or a confirm of its old response, finds no job. It is due now and
        has no deadline. What it tried before stays in its history. The answer is False for others,
        and while another job holds its key.
        """
        rows = self._connection.rows(sql.REQUEUEABLE_JOB, (uid,))
        return bool(self._requeue([Ended._make(row)._replace(due=now) for row in rows], now))

    def _requeue(self, jobs: Sequence[Ended], now: float) -> int:
        """The same for several, which keep their due where it is still to come.

        The answer is how many, those included that were cancelled because of them.
        """
        again: dict[int, Ended] = {}  # by their new seqs
        while jobs:
            moved = self._renumber(jobs, now)
            again |= moved
            rows = self._connection.rows(sql.REVIVED, (as_json(moved),))
            jobs = sorted(map(Ended._make, rows))
        if again:
            self._wait_again(again, now)
        return len(again)

    def _renumber(self, jobs: Sequence[Ended], now: float) -> dict[int, Ended]:
        """Give jobs new seqs and no past, and their keys; the answer is the jobs by these.

        One whose key another job holds is left alone.
        """
        moved: dict[int, Ended] = {}
        for job in jobs:
            if self._take_key(job.seq, self._last_seq + 1, job.uid, now):
                self._last_seq += 1
                moved[self._last_seq] = job
                if job.uid in self._over:  # those that were joined to it wait for it again
                    self._firsts.add(job.uid)
        old = [job.seq for job in moved.values()]
        pairs = list(chain.from_iterable((job.seq, new) for new, job in moved.items()))
        dues = [(job.seq, new, max(job.due or now, now)) for new, job in moved.items()]
        write = self._connection.bulk_write
        write(statements.REMOVE_RESULTS, old)
        write(statements.REMOVE_LINES, old)
        write(statements.REMOVE_PROGRESS, old)
        write(unique_sql.REMOVE_JOINED, old)
        write(sql.REQUEUE, list(chain.from_iterable(dues)))
        for move in sql.MOVES:
            write(move, pairs)
        return moved

    def _wait_again(self, again: dict[int, Ended], now: float) -> None:
        """Find out for whom they wait, and who waits for them."""
        children = self._connection.rows(sql.CHILDREN, (as_json(again),))
        affected = {*again, *(child for (child,) in children)}
        rows = self._connection.write(sql.WAIT_AGAIN, (now, as_json(affected)))
        statuses = dict(rows) | dict.fromkeys(self._callbacks(again), BLOCKED)
        moves = [(job.lane, job.batch, job.status, statuses[new]) for new, job in again.items()]
        self._counters.move_each((lane, was, status) for lane, _, was, status in moves)
        self._batches.move_each(
            (batch, was, status) for _, batch, was, status in moves if batch is not None
        )

    def _callbacks(self, again: dict[int, Ended]) -> Iterable[int]:
        """The seqs of those that are callbacks of batches under way, for which they wait again."""
        uids = [job.uid for job in again.values()]
        for batch, callback in self._connection.bulk_rows(sql.BATCHES_OF_CALLBACKS, uids):
            if not self._is_over(batch):
                [(seq,)] = self._connection.write(sql.WAIT_FOR_BATCH, (callback,))
                yield seq
