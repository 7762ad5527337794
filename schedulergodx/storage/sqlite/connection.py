"""The one connection to the file, and its errors as those of the tree.

It is opened by the process that uses it, never before a fork. A child that was forked all the same
finds it closed there: two processes that write through one connection would ruin the file.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from schedulergodx.errors import StoreError, StoreFull

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schedulergodx.storage.sqlite.bulk import Bulk

OLDEST_SQLITE = (3, 35)  # RETURNING
APPLICATION_ID = 0x53475832  # "SGX2", in the header of the file: whose database it is
# The write-ahead log is cut back to this each time that it begins anew. So a longer one has grown
# since, and a commit mostly overwrites: that is twice as quick as to append.
LOG_BYTES = 4 << 20
_PATIENCE = 5000  # ms to wait for a foreign program that writes

_PRAGMAS = (
    "synchronous = FULL",
    "wal_autocheckpoint = 0",
    f"journal_size_limit = {LOG_BYTES}",
    f"busy_timeout = {_PATIENCE}",
    "cache_size = -32000",  # KiB
    "temp_store = MEMORY",
    "foreign_keys = ON",
)

# What SQLite's primary error codes mean to whoever runs the service.
_MEANINGS = {
    sqlite3.SQLITE_READONLY: "it can't be written: look at its owner, its mode and its disk",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened: its directory must be there and be writable",
    sqlite3.SQLITE_BUSY: "another program writes to it: a store is for one service only; end it",
    sqlite3.SQLITE_LOCKED: "another program writes to it: a store is for one service only; end it",
    sqlite3.SQLITE_IOERR: "its disk fails, or a limit on the size of files is reached",
    sqlite3.SQLITE_NOTADB: "name another file",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore a copy, or let `sqlite3 FILE .recover` try",
}

# Those that say nothing of the store: whoever gave the values is to blame.
_OF_VALUES = (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH)


class _NotOpen:
    """Stands in for a connection before it is opened, after it is closed, and in a fork."""

    in_transaction = False

    def execute(self, *_: object) -> Any:
        raise StoreError("the store is not open in this process: call open()")

    def close(self) -> None:
        pass


_NOT_OPEN = _NotOpen()


class Connection:
    """A connection to `path`; with "" to a database in memory.

    raw: what the standard library opened, for migrations
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.raw: Any = _NOT_OPEN
        self._cursor: Any = _NOT_OPEN

    def open(self) -> None:
        """Open the file, or make it. Raises: StoreError"""
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise StoreError(
                f"this Python has SQLite {sqlite3.sqlite_version}, and a store needs "
                f"{'.'.join(map(str, OLDEST_SQLITE))} or newer: install a newer one"
            )
        self._make_file()
        with self.errors():
            self.raw = sqlite3.connect(
                self.path or ":memory:",
                isolation_level=None,  # transactions are begun here, not by the module
                check_same_thread=False,  # commits may run in a thread
                cached_statements=512,
            )
        self._cursor = self.raw.cursor()
        self._recognise()
        self._write_ahead()
        for pragma in _PRAGMAS:
            self.rows(f"PRAGMA {pragma}")

    def close(self) -> None:
        """Close it; again does nothing."""
        raw, self.raw, self._cursor = self.raw, _NOT_OPEN, _NOT_OPEN
        raw.close()

    def rows(self, text: str, values: Sequence[Any] = ()) -> list[Any]:
        """What a statement answers; it may run outside of a transaction.

        Raises: StoreFull, StoreError; ValueError for a value that can't be stored
        """
        try:
            found: list[Any] = self._cursor.execute(text, values).fetchall()
        except sqlite3.Error as error:
            raise self._told_apart(error) from error
        return found

    def rows_within(self, text: str, values: Sequence[Any], column: int, most: int) -> list[Any]:
        """The same, up to the row with which a column of bytes has so many of them.

        The statement ends when another one is run.
        """
        found: list[Any] = []
        try:
            for row in self._cursor.execute(text, values):
                found.append(row)
                most -= len(row[column] or b"")
                if most <= 0:
                    break
        except sqlite3.Error as error:
            raise self._told_apart(error) from error
        return found

    def write(self, text: str, values: Sequence[Any] = ()) -> list[Any]:
        """The same for one that changes something: it must be inside of a transaction."""
        if not self.raw.in_transaction:
            raise self._no_transaction()
        return self.rows(text, values)

    def bulk_rows(self, bulk: Bulk, values: list[Any]) -> list[Any]:
        """What a statement over many rows answers; their values stand one after the other."""
        found: list[Any] = []
        for text, chunk in bulk.chunks(values):
            found += self.rows(text, chunk)
        return found

    def bulk_write(self, bulk: Bulk, values: list[Any]) -> None:
        """The same for one that changes something."""
        if not self.raw.in_transaction:
            raise self._no_transaction()
        for text, chunk in bulk.chunks(values):
            self.rows(text, chunk)

    def vacuum(self, pages: int) -> None:
        """Give so many free pages back to the disk; outside of a transaction."""
        with self.errors():
            # `execute` would stop after the first page: the pragma steps once for each
            self.raw.executescript(f"PRAGMA incremental_vacuum({pages})")

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Have what others do with the raw connection raise errors of the tree."""
        try:
            yield
        except Exception as error:
            cause = getattr(error, "orig", error)  # SQLAlchemy wraps it
            if isinstance(cause, sqlite3.Error):
                raise self._told_apart(cause) from error
            raise

    def _make_file(self) -> None:
        """SQLite would make it readable for all; what is in it is run."""
        if not self.path:
            return
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreError(
                f"{self.path}: {error.strerror}: a store needs a file that its service may write"
            ) from error

    def _recognise(self) -> None:
        """Leave databases of other programs alone, and mark a new one as ours."""
        [(application,)] = self.rows("PRAGMA application_id")
        if application == APPLICATION_ID:
            return
        tables = [
            name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        if application or tables:
            raise StoreError(
                f"{self.path} is a database of another program, or of version 1 of SchedulerGodX "
                f"(it has {', '.join(sorted(tables)[:5])}): name another file"
            )
        self.rows("PRAGMA auto_vacuum = INCREMENTAL")  # while the file has no page
        self.rows(f"PRAGMA application_id = {APPLICATION_ID}")

    def _write_ahead(self) -> None:
        [(mode,)] = self.rows("PRAGMA journal_mode = WAL")
        if self.path and mode != "wal":
            raise StoreError(
                f"{self.path}: its file system can't share memory between processes, so it can't "
                "keep a write-ahead log: name a file on a local disk"
            )

    def _told_apart(self, error: sqlite3.Error) -> Exception:
        name = self.path or "the database in memory"
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # above it: which kind of that error
        if code in _OF_VALUES:
            return ValueError(f"{name} can't hold one of the values: {error}")
        if code == sqlite3.SQLITE_FULL:
            return StoreFull(f"the disk under {name} is full: free some of it")
        meaning = _MEANINGS.get(code)
        return StoreError(f"{name}: {error}" + (f": {meaning}" if meaning else ""))

    def _no_transaction(self) -> StoreError:
        return StoreError(
            "no transaction is open: begin() was not called, or an error before this one ended it"
        )

    def leave_to_parent(self) -> None:
        """In a forked child. The connection is kept, since closing it would touch the file."""
        _of_parents.append(self.raw)
        self.raw = self._cursor = _NOT_OPEN


_of_parents: list[object] = []


def size_of(path: str) -> int:
    """Bytes of a file, 0 if it is not there. It is not opened: closing it would end its locks."""
    try:
        return os.stat(path).st_size  # noqa: PTH116 (asked each round: a path costs ten calls)
    except OSError:
        return 0
