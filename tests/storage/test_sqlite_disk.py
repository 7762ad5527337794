"""What the store in a SQLite file does when its file or its disk is not as it should be."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schedulergodx.core.job import Execution, Status
from schedulergodx.core.view import JobFilter
from schedulergodx.errors import StoreError, StoreFull
from schedulergodx.storage import make_store
from schedulergodx.storage.base import Store
from schedulergodx.storage.sqlite import connection
from tests.storage import processes
from tests.storage.making import COMPLETED_NOW, NOW, add, claim, finish, new_job, reopened, size_of

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts and becomes others")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = make_store(path)
    store.open()
    yield store
    store.close()


# -- what can be wrong with a file -----------------------------------------------------------------


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE task (id)")
    other.execute("CREATE TABLE client (id)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"another program.*\(it has client, task\): name another"):
        make_store(path).open()
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no/store\.db.*No such file.*directory that exists"):
        make_store(tmp_path / "no" / "store.db").open()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Is a directory"):
        make_store(tmp_path).open()


def test_a_damaged_file_is_a_clear_error(store: Store, path: Path) -> None:
    add(store, 500)
    store.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(StoreError, match="damaged: restore a copy"):
        make_store(path).open()


def open_up(folder: Path) -> None:
    """The folders of tests are closed to others; the process without rights must come through."""
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.geteuid() and parent.name.startswith(
            ("pytest", "popen", "test")
        ):
            parent.chmod(0o755)


def test_a_folder_that_can_not_be_written_is_a_clear_error(path: Path) -> None:
    open_up(path.parent)
    path.parent.chmod(0o555)
    said = processes.run("open_without_rights", path).stdout
    assert said.startswith("StoreError")
    assert "Permission denied" in said
    assert "may write to" in said


def test_a_file_that_can_not_be_written_is_a_clear_error(store: Store, path: Path) -> None:
    store.close()
    path.chmod(0o444)
    lock = path.with_name("store.db.lock")
    lock.chmod(0o666)
    open_up(path.parent)
    said = processes.run("open_without_rights", path).stdout
    assert said.startswith("StoreError")
    assert f"{path}: Permission denied" in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        pytest.skip("this root may not mount")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@ROOT_ONLY
def test_a_full_disk_refuses_and_loses_nothing(small_disk: Path) -> None:
    store = make_store(small_disk / "store.db")
    store.open()
    stored = 0
    with pytest.raises(StoreFull, match="is full: free some of it"):
        while True:
            store.begin()
            store.add_jobs([new_job(store, arguments=bytes(200_000))])
            store.commit()
            stored += 1
    assert 0 < stored < 40
    assert store.counts() == {("default", Status.PENDING): stored}
    store.checkpoint()  # it may not raise: what it can't do now is done later
    assert len(store.list_jobs(JobFilter())) == stored  # reading goes on
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    add(store)  # and so does writing, once there is room
    store = reopened(store)
    assert store.counts() == {("default", Status.PENDING): stored + 1}
    store.close()


@ROOT_ONLY
def test_a_disk_that_becomes_read_only_is_a_clear_error(small_disk: Path) -> None:
    store = make_store(small_disk / "store.db")
    store.open()
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreError, match="Read-only file system"):
        make_store(small_disk / "store.db").open()


def test_a_limit_on_files_refuses_and_loses_nothing(path: Path) -> None:
    filled = processes.run("fill_limited", path)
    assert filled.returncode == 0, filled.stderr
    said, numbers = filled.stdout.splitlines()
    assert said.startswith("Store")
    assert "limit on the size of files" in said or "is full" in said
    stored, counted = map(int, numbers.split())
    assert stored == counted > 0
    store = make_store(path)
    store.open()
    assert store.counts() == {("default", Status.PENDING): stored}
    store.close()


def test_another_program_that_writes_is_a_clear_error(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    monkeypatch.setattr(connection, "_PRAGMAS", (*connection._PRAGMAS, "busy_timeout = 10"))
    store = make_store(path)
    store.open()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another program writes to it"):
        store.begin()
    other.execute("ROLLBACK")
    add(store)
    store.close()
    other.close()


def test_a_value_that_can_not_be_stored_says_nothing_of_the_store(store: Store) -> None:
    store.begin()
    with pytest.raises(ValueError, match="can't hold one of the values"), store.savepoint():
        store.add_jobs([new_job(store, created=float("nan"))])
    with pytest.raises(OverflowError), store.savepoint():
        store.add_jobs([new_job(store, priority=1 << 70)])
    store.commit()
    assert store.counts() == {}


def test_a_verb_that_writes_needs_a_transaction(store: Store) -> None:
    with pytest.raises(StoreError, match=r"begin\(\) was not called"):
        store.set_note("a", "b")
    assert store.get_note("a") is None


def test_a_store_that_is_not_open_says_so() -> None:
    store = make_store("sqlite:///:memory:")
    with pytest.raises(StoreError, match=r"call open\(\)"):
        store.begin()
    store.close()


# -- size ------------------------------------------------------------------------------------------


def test_a_prune_in_slices_gives_the_size_of_the_file_back(store: Store, path: Path) -> None:
    add(store, 100, arguments=bytes(10))
    for _ in range(10):
        add(store, 150, arguments=bytes(20_000), priority=1)
        finish(store, *claim(store, 150))
    store.checkpoint()
    full = size_of(path)
    assert full > 30_000_000
    store.begin()
    while store.prune(COMPLETED_NOW, NOW + 9, 100):
        store.commit()
        store.checkpoint()
        store.begin()
    store.commit()
    sizes = []
    while not sizes or size_of(path) != sizes[-1]:
        sizes.append(size_of(path))
        store.checkpoint()
    assert sizes[-1] < 10_000_000
    assert store.counts() == {("default", Status.PENDING): 100}


def test_the_log_does_not_grow_for_ever(store: Store, path: Path) -> None:
    log = path.with_name("store.db-wal")
    largest = 0
    for _ in range(60):
        add(store, 10, arguments=bytes(30_000))
        store.checkpoint()
        largest = max(largest, log.stat().st_size)
    assert largest < 2 * connection.LOG_BYTES
    assert path.stat().st_size > 12_000_000


def test_a_reader_that_stays_only_delays_the_log(store: Store, path: Path) -> None:
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM job").fetchone()
    for _ in range(20):
        add(store, 10, arguments=bytes(60_000))
        store.checkpoint()
    assert path.with_name("store.db-wal").stat().st_size > 2 * connection.LOG_BYTES
    reader.close()
    store.checkpoint()
    add(store)
    assert path.with_name("store.db-wal").stat().st_size <= 2 * connection.LOG_BYTES


def test_a_claim_beside_large_arguments_is_quick(store: Store) -> None:
    add(store, arguments=bytes(5 << 20))
    add(store, 20, priority=1)
    times = []
    for _ in range(20):
        store.begin()
        begin = time.perf_counter()
        [job] = store.claim({Execution.PROCESS: [1]}, {"default": 5}, NOW)
        times.append(time.perf_counter() - begin)
        store.commit()
        assert job.arguments == b"arguments"
    assert min(times) < 0.001


def test_what_is_large_is_not_written_again_when_its_job_moves(store: Store, path: Path) -> None:
    large = bytes(5 << 20)
    add(store, arguments=large)
    store.checkpoint()
    log = path.with_name(path.name + "-wal")
    before = log.read_bytes()
    [job] = claim(store)
    finish(store, job)
    assert job.arguments == large
    changed = sum(a != b for a, b in zip(_pages(before), _pages(log.read_bytes()), strict=False))
    assert changed < 50


def _pages(log: bytes) -> list[bytes]:
    return [log[at : at + 4096] for at in range(0, len(log), 4096)]
