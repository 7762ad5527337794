"""The store in one SQLite file: its life, and its transactions."""

from __future__ import annotations

import os
import uuid
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from schedulergodx.errors import StoreError
from schedulergodx.storage.migrations import migrate
from schedulergodx.storage.sqlite import flow_statements as flow_sql
from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.batches import BatchVerbs
from schedulergodx.storage.sqlite.caretaker import CaretakerVerbs
from schedulergodx.storage.sqlite.children import ChildVerbs
from schedulergodx.storage.sqlite.dispatcher import DispatcherVerbs
from schedulergodx.storage.sqlite.finisher import FinisherVerbs
from schedulergodx.storage.sqlite.holding import HoldingVerbs
from schedulergodx.storage.sqlite.lock import FileLock
from schedulergodx.storage.sqlite.outbox import OutboxVerbs
from schedulergodx.storage.sqlite.scheduler import SchedulerVerbs
from schedulergodx.storage.sqlite.schedules import ScheduleVerbs
from schedulergodx.storage.sqlite.wishes import WishVerbs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.storage.sqlite.session import Mark

_UID_NOTE = "store.uid"


class SQLiteStore(
    WishVerbs,
    ChildVerbs,  # and those of the inbox
    SchedulerVerbs,
    DispatcherVerbs,
    FinisherVerbs,
    BatchVerbs,  # and the questions, and requeueing
    OutboxVerbs,
    CaretakerVerbs,
    HoldingVerbs,
    ScheduleVerbs,
):
    """Keeps jobs in `path`; in memory, for tests, if that is "".

    One process has it open, by a lock on `<path>.lock`. It is opened after all forks of that
    process, never before.
    """

    def __init__(self, path: str) -> None:
        super().__init__(str(Path(path).absolute()) if path else "")
        self.path = self._connection.path
        self.uid = ""
        self._lock = FileLock(f"{self.path}.lock") if path else None
        self._begun: Mark | None = None

    # -- its life --------------------------------------------------------------------------------

    def open(self) -> None:
        """Take the lock, migrate the schema, load what is remembered in memory.

        Raises: StoreLocked, StoreTooNew, StoreError
        """
        if self._lock:
            self._lock.take()
        _open_stores.add(self)
        try:
            self._connection.open()
            with self._connection.errors():
                migrate(self._connection.raw, self.path or "the database in memory")
            self._load()
            self.uid = self.get_note(_UID_NOTE) or self._make_uid()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Checkpoint and let go of the lock. What was not committed is undone."""
        with suppress(StoreError):
            self.rollback()
            self._connection.rows("PRAGMA wal_checkpoint(PASSIVE)")
        self._connection.close()
        if self._lock:
            self._lock.release()
        _open_stores.discard(self)

    def get_note(self, key: str) -> str | None:
        """A fact that a service keeps about itself, as the boot id."""
        rows = self._connection.rows(sql.NOTE, (key,))
        return str(rows[0][0]) if rows else None

    def set_note(self, key: str, text: str) -> None:
        """Keep a fact."""
        self._connection.write(sql.SET_NOTE, (key, text))

    # -- its transactions ------------------------------------------------------------------------

    def begin(self) -> None:
        """Start a transaction."""
        self._connection.rows("BEGIN IMMEDIATE")
        self._begun = self._mark()

    def commit(self) -> None:
        """End it, durably. Raises: StoreFull, StoreError; then it was rolled back."""
        try:
            self._connection.bulk_write(sql.COUNT, self._counters.changes())
            self._connection.bulk_write(flow_sql.COUNT_BATCHES, self._batches.changes())
            self._connection.rows("COMMIT")
        except BaseException:
            self.rollback()
            raise
        self._keep()
        self._begun = None

    def rollback(self) -> None:
        """Undo it, and what was remembered since `begin`."""
        try:
            if self._connection.raw.in_transaction:  # some errors end it by themselves
                self._connection.rows("ROLLBACK")
        finally:
            if self._begun is not None:
                self._undo(self._begun)
                self._begun = None

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of a transaction that is undone alone when it raises."""
        mark = self._mark()
        self._connection.write("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.raw.in_transaction:
                self._connection.rows("ROLLBACK TO part")
                self._connection.rows("RELEASE part")
            self._undo(mark)
            raise
        self._connection.rows("RELEASE part")

    def _make_uid(self) -> str:
        uid = uuid.uuid4().hex
        self.begin()
        self.set_note(_UID_NOTE, uid)
        self.commit()
        return uid

    def _leave_to_parent(self) -> None:
        """In a forked child: the file and its lock are the parent's."""
        self._connection.leave_to_parent()
        if self._lock:
            self._lock.release()


_open_stores: weakref.WeakSet[SQLiteStore] = weakref.WeakSet()


def _leave_all_to_parent() -> None:
    for store in list(_open_stores):
        store._leave_to_parent()
    _open_stores.clear()


os.register_at_fork(after_in_child=_leave_all_to_parent)
