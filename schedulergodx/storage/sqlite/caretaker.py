"""What a caretaker asks of a store: to forget what is old, and to keep the file small."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from schedulergodx.errors import StoreError
from schedulergodx.storage.sqlite import flow_statements as flow_sql
from schedulergodx.storage.sqlite import limit_statements as limit_sql
from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite import unique_statements as unique_sql
from schedulergodx.storage.sqlite.connection import LOG_BYTES, size_of
from schedulergodx.storage.sqlite.endings import Endings
from schedulergodx.storage.sqlite.session import LAST_SEQ_NOTE, NO_LIMIT_KEY, as_json
from schedulergodx.storage.sqlite.walks import Walk, Walks, walks_of
from schedulergodx.storage.states import COMPLETED, NUMBERS

if TYPE_CHECKING:
    from schedulergodx.storage.base import Retention
    from schedulergodx.storage.sqlite.session import Mark

logger = logging.getLogger(__name__)

_LARGE_LOG_BYTES = 64 << 20  # above, readers are waited for
_PATIENCE = 100  # ms
_SPARE_PAGES = 1024  # 4 MiB of free pages stay in the file, to be used again
_SLICE_PAGES = 512  # given back at once; 2 MiB, a few milliseconds

# What goes with a job, and then the job. A key that is held until some time stays until then.
_REMOVALS = (
    sql.REMOVE_PAYLOADS,
    sql.REMOVE_RESULTS,
    sql.REMOVE_LINES,
    sql.REMOVE_PROGRESS,
    sql.REMOVE_ABOUTS,
    unique_sql.REMOVE_KEYS,
    unique_sql.REMOVE_JOINED,
    flow_sql.REMOVE_CHILDREN,
    sql.REMOVE_JOBS,
)


class CaretakerVerbs(Endings):
    """See `storage.base.Store`."""

    _may_have_free_pages = True  # after a prune, and from one before this store was opened
    _untidy = False  # the last checkpoint failed

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._walks = Walks(self._connection)
        self._left: set[int] = set()  # lanes of limits that lost jobs, and may be empty

    def prune(self, retention: Retention, now: float, limit: int) -> int:
        """Remove at most `limit` jobs whose time is over, with all that hangs on them.

        What they shared with others stays: clients, specs and units.
        """
        if self._over:  # who is joined to one of those is told first
            return 0
        removed = 0
        for walk in walks_of(retention):
            if removed < limit:
                removed += self._remove(walk, now, limit - removed)
        if removed:  # the newest may be among them, and no seq is given twice
            self._may_have_free_pages = True
            self._connection.write(sql.SET_NOTE, (LAST_SEQ_NOTE, str(self._last_seq)))
        return removed

    def _remove(self, walk: Walk, now: float, limit: int) -> int:
        status = NUMBERS[walk.status]
        found = self._walks.go(walk, now, limit)
        seqs = [seq for seq, *_ in found]
        if status == COMPLETED:
            self._connection.bulk_write(flow_sql.REMOVE_MET, seqs)
        for bulk in _REMOVALS:
            self._connection.bulk_write(bulk, seqs)
        for lane, jobs in Counter(lane for _, lane, _, _ in found).items():
            self._counters.add(lane, status, -jobs)
            if self._lanes.key(lane)[2] != NO_LIMIT_KEY:
                self._left.add(lane)
        self._remove_batches({batch for *_, batch in found if batch is not None})
        return len(seqs)

    def sweep(self, now: float, limit: int) -> int:
        """Remove what jobs have left behind that are gone: keys, rates, lanes of limits.

        The answer is how many rows that were, `limit` or a little more if there is more to do.
        """
        swept = len(self._connection.write(unique_sql.REMOVE_KEYS_UNTIL, (now, limit)))
        swept += self._limits.rates.remove(now, limit)
        lanes = [self._left.pop() for _ in range(min(limit, len(self._left)))]
        empty = {lane for lane in lanes if self._counters.is_empty(lane)}
        later = {lane for lane in empty if self._counters.is_changed(lane)}
        self._left |= later
        empty -= later
        for lane in empty:
            self._limits.drop(lane)
            self._counters.drop(lane)
            self._lanes.drop(lane)
        self._connection.bulk_write(limit_sql.REMOVE_LANES, list(empty))
        self._connection.bulk_write(limit_sql.REMOVE_COUNTERS, list(empty))
        return swept + len(lanes) - len(later)

    def _load(self) -> None:
        super()._load()
        self._walks.forget()
        self._left = {lane for (lane,) in self._connection.rows(limit_sql.EMPTY_LANES)}

    def _undo(self, mark: Mark) -> None:
        super()._undo(mark)
        self._walks.forget()

    def _remove_batches(self, batches: set[int]) -> None:
        """Those of which no job is left. Until then their counts are those of all that they had."""
        if not batches:
            return
        rows = self._connection.write(flow_sql.REMOVE_BATCHES, (as_json(batches),))
        if rows:
            gone = [batch for (batch,) in rows]
            self._connection.write(flow_sql.REMOVE_BATCH_COUNTS, (as_json(gone),))
            for batch in gone:
                self._batches.drop(batch)

    def checkpoint(self) -> None:
        """Between ticks, as often as one likes: move the log into the file, give back free pages.

        It costs a microsecond or two while there is nothing to do, and takes a slice of the free
        pages a call. What fails here is tried again; a full disk is told by `commit`.
        """
        if not self._connection.path:
            return
        try:
            self._tidy()
        except StoreError as error:
            if not self._untidy:
                logger.warning("the log stays beside the database for now: %s", error)
            self._untidy = True
        else:
            self._untidy = False

    def _tidy(self) -> None:
        freed = self._give_back_pages()
        log = size_of(f"{self._connection.path}-wal")
        if log > _LARGE_LOG_BYTES:
            self._begin_log_anew()
        elif log > LOG_BYTES or freed:
            self._connection.rows("PRAGMA wal_checkpoint(PASSIVE)")

    def _give_back_pages(self) -> bool:
        if not self._may_have_free_pages:
            return False
        [(free,)] = self._connection.rows("PRAGMA freelist_count")
        pages = min(free - _SPARE_PAGES, _SLICE_PAGES)
        self._may_have_free_pages = pages > 0
        if pages > 0:
            self._connection.vacuum(pages)
        return self._may_have_free_pages

    def _begin_log_anew(self) -> None:
        """A reader that never rests would let the log grow for ever: wait for it a moment."""
        [(patience,)] = self._connection.rows("PRAGMA busy_timeout")
        self._connection.rows(f"PRAGMA busy_timeout = {_PATIENCE}")
        try:
            self._connection.rows("PRAGMA wal_checkpoint(RESTART)")
        finally:
            self._connection.rows(f"PRAGMA busy_timeout = {patience}")
