"""Keys that no two jobs have at once, and launches that were joined to another job."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from schedulergodx.core.job import Conflict, Status, Unique
from schedulergodx.core.unique import Verdict, judge
from schedulergodx.storage.holding import Holder
from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite import unique_statements as unique_sql
from schedulergodx.storage.sqlite.endings import Endings
from schedulergodx.storage.sqlite.session import End, JobRow, unpack_outcome
from schedulergodx.storage.states import NUMBERS, RUNNING, STATUSES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from schedulergodx.core.job import Outcome
    from schedulergodx.storage.base import Told
    from schedulergodx.storage.holding import Key
    from schedulergodx.storage.sqlite.session import Mark


class KeyVerbs(Endings):
    """See `storage.base.Store`."""

    def known(self, uids: Sequence[bytes]) -> set[bytes]:
        """Those that are there."""
        older = [uid for uid in uids if uid <= self._newest_uid]
        return {uid for (uid,) in self._connection.bulk_rows(sql.KNOWN_UIDS, older)}

    def holders(self, keys: Collection[bytes]) -> dict[bytes, Holder]:
        """Who holds a key, or held it last."""
        rows = self._connection.bulk_rows(unique_sql.HOLDERS, list(keys))
        return {
            key: Holder(uid, label, None if status is None else STATUSES[status], until)
            for key, uid, label, status, until in rows
        }

    def hold(self, keys: Sequence[Key]) -> None:
        """Give jobs that were stored their keys, and take them from who held them."""
        self._connection.bulk_write(unique_sql.LET_GO, [key.key for key in keys if key.holds])
        values = [(key.uid, key.key, key.until, _mask(key.states), key.holds) for key in keys]
        self._connection.bulk_write(unique_sql.ADD_KEYS, list(chain.from_iterable(values)))

    def join(self, joined: Sequence[tuple[bytes, bytes]]) -> None:
        """Note of blocked jobs to which other one each is joined: (uid, uid of that one)."""
        self._connection.bulk_write(unique_sql.ADD_JOINED, list(chain.from_iterable(joined)))
        self._firsts.update(first for _, first in joined)
        self._over.update(first for _, first in joined)  # it may have ended already

    def end_joined(self, now: float, limit: int) -> list[Told]:
        """blocked -> as the job ended that they are joined to; at most so many."""
        told: list[Told] = []
        room = limit
        for first in sorted(self._over):
            rows = self._connection.rows(unique_sql.JOINED_TO_ENDED, (first, room))
            if rows:
                told += self._end_as([seq for seq, _ in rows], first=rows[0][1], now=now)
            room -= len(rows)
            if room <= 0:
                break
            self._over.discard(first)
        return told

    def replace(self, uid: bytes, outcome: Outcome, now: float) -> list[Told]:
        """scheduled, blocked, pending -> as the outcome says. One that runs is left alone."""
        jobs = map(JobRow._make, self._connection.rows(sql.JOB_OF_UID, (uid,)))
        return self._end([End(job, outcome, None, now) for job in jobs if job.status < RUNNING])

    def _end_as(self, joined: list[int], *, first: int, now: float) -> list[Told]:
        """End those that still wait as the first one did, and forget that they were joined."""
        [(packed,)] = self._connection.rows(sql.RESULT, (first,))
        [(started,)] = self._connection.rows(unique_sql.STARTED, (first,))
        outcome = unpack_outcome(packed)
        rows = self._connection.bulk_rows(unique_sql.JOINED_JOBS, joined)
        self._connection.bulk_write(unique_sql.REMOVE_JOINED, joined)
        return self._end([End(JobRow._make(row), outcome, started, now) for row in rows])

    def _take_key(self, old: int, new: int, uid: bytes, now: float) -> bool:
        """Have a job that is requeued hold its key again; False if another one holds it."""
        rows = self._connection.rows(unique_sql.KEY_OF_JOB, (old,))
        if not rows:
            return True
        [(key, until, states)] = rows
        holder = self.holders([key]).get(key)
        if holder is not None and holder.uid != uid and (until is None or until > now):
            wanted = Unique(key, Conflict.REFUSE, states=tuple(_statuses(states)))
            if judge(wanted, holder.status, holder.until, now) is not Verdict.FREE:
                return False
        self._connection.bulk_write(unique_sql.LET_GO, [key])
        self._connection.write(unique_sql.TAKE_KEY, (new, old))
        return True

    def _load(self) -> None:
        super()._load()
        self._load_joined()

    def _undo(self, mark: Mark) -> None:
        super()._undo(mark)
        self._load_joined()

    def _load_joined(self) -> None:
        self._firsts = {first for (first,) in self._connection.rows(unique_sql.FIRSTS)}
        self._over = set(self._firsts)  # some may have ended: they are looked at


def _mask(states: Iterable[Status]) -> int:
    return sum({1 << NUMBERS[status] for status in states})


def _statuses(mask: int) -> list[Status]:
    return [status for status, number in NUMBERS.items() if mask & 1 << number]
