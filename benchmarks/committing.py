"""What a busy event loop costs a thread that writes: rows a second, by how the thread writes.

    python -m benchmarks.committing [SECONDS]

SQLite's module lets go of the GIL at each step of a statement and must have it back after it. A
thread that computes gives it up only at the end of its switch interval, so that whoever steps once
a row gets a row an interval. The service hands nothing but COMMIT to a thread, and that only where
the disk is slow (`service/loop.py`).
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

ROWS = 500  # a transaction
WIDTH = 256  # rows a statement
_BODY = bytes(500)
_INSERT = "INSERT INTO row VALUES "
_DEFAULT = sys.getswitchinterval()
_SHORT = 0.0005

Write = Callable[[sqlite3.Connection, threading.Thread | None], None]


def row_by_row(connection: sqlite3.Connection) -> None:
    """`executemany`: a step a row."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(f"{_INSERT} (?)", [(_BODY,)] * ROWS)
    connection.execute("COMMIT")


def in_statements(connection: sqlite3.Connection) -> None:
    """Few statements of many rows, as the store writes."""
    connection.execute("BEGIN IMMEDIATE")
    for start in range(0, ROWS, WIDTH):
        rows = min(WIDTH, ROWS - start)
        connection.execute(_INSERT + ", ".join(["(?)"] * rows), [_BODY] * rows)
    connection.execute("COMMIT")


WAYS: dict[str, Callable[[sqlite3.Connection], None]] = {
    "a step a row": row_by_row,
    "many rows a statement": in_statements,
}


def measure(way: Callable[[sqlite3.Connection], None], seconds: float, folder: Path) -> float:
    """Rows a second of a thread that writes in that way."""
    written = 0

    def write() -> None:
        nonlocal written
        with closing(_open(folder)) as connection:
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                way(connection)
                written += ROWS

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    return written / seconds


def measure_commits(seconds: float, folder: Path) -> float:
    """Rows a second where a computing thread writes, and another one only commits."""
    written = 0
    with closing(_open(folder)) as connection:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            connection.execute("BEGIN IMMEDIATE")
            for start in range(0, ROWS, WIDTH):
                rows = min(WIDTH, ROWS - start)
                connection.execute(_INSERT + ", ".join(["(?)"] * rows), [_BODY] * rows)
            thread = threading.Thread(target=connection.execute, args=("COMMIT",))
            thread.start()
            while thread.is_alive():  # what the loop does meanwhile
                _compute(1_000)
            thread.join()
            written += ROWS
    return written / seconds


@contextmanager
def busy() -> Iterator[None]:
    """A thread that computes all the time, as a loop under load does."""
    ended = False

    def compute() -> None:
        while not ended:
            _compute(10_000)

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        yield
    finally:
        ended = True
        thread.join()


def _compute(turns: int) -> None:
    for _ in range(turns):
        pass


def _open(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "rows.db", isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS row (body BLOB)")
    return connection


def _print(name: str, rate: float, alone: float) -> None:
    print(f"  {name:<44} {rate:>10,.0f} rows/s  {rate / alone:>6.1%} of alone", flush=True)


def main(seconds: float) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for said, way in WAYS.items():
            alone = measure(way, seconds, folder)
            _print(f"{said}, alone", alone, alone)
            for interval in (_DEFAULT, _SHORT):
                sys.setswitchinterval(interval)
                with busy():
                    rate = measure(way, seconds, folder)
                sys.setswitchinterval(_DEFAULT)
                _print(f"{said}, beside a busy one, {interval * 1e3:g} ms", rate, alone)
        for interval in (_DEFAULT, _SHORT):
            sys.setswitchinterval(interval)
            _print(
                f"only COMMIT in the thread, {interval * 1e3:g} ms",
                measure_commits(seconds, folder),
                alone,
            )
        sys.setswitchinterval(_DEFAULT)


if __name__ == "__main__":
    main(float(sys.argv[1]) if sys.argv[1:] else 2.0)
