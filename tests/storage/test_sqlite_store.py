"""What is true of the store in a SQLite file only: its file, its lock, its disk, its forks."""

from __future__ import annotations

import gc
import os
import sqlite3
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schedulergodx.core.job import Execution, Status
from schedulergodx.core.view import JobFilter
from schedulergodx.errors import ConfigError, StoreError, StoreFull, StoreLocked
from schedulergodx.storage import make_store
from schedulergodx.storage.base import Retention, Store
from schedulergodx.storage.sqlite import connection
from schedulergodx.storage.sqlite.bulk import LARGEST_CHUNK, Bulk
from tests.storage import processes
from tests.storage.making import NOW, add, claim, finish, new_job, size_of

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts and becomes others")
COMPLETED_NOW = Retention({Status.COMPLETED: 0.0})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = make_store(path)
    store.open()
    yield store
    store.close()


def reopened(store: Store) -> Store:
    store.close()
    store = make_store(store.path)
    store.open()
    return store


# -- names -----------------------------------------------------------------------------------------


def test_the_form_of_the_document_is_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert make_store("sqlite:///SchedulerGodX.db").path == str(tmp_path / "SchedulerGodX.db")
    assert make_store("jobs.db").path == str(tmp_path / "jobs.db")


def test_four_slashes_are_absolute(tmp_path: Path) -> None:
    assert make_store(f"sqlite:///{tmp_path}/a.db").path == f"{tmp_path}/a.db"
    assert make_store(tmp_path / "a.db").path == f"{tmp_path}/a.db"


def test_a_store_in_memory_has_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = make_store("sqlite:///:memory:")
    store.open()
    add(store)
    store.checkpoint()
    store.close()
    assert store.path == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "sqlite:///", "sqlite://", "postgresql://host/db", "x://y"])
def test_another_form_is_refused_with_those_that_work(name: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///FILE"):
        make_store(name)


# -- what is kept ----------------------------------------------------------------------------------


def test_all_is_there_when_it_is_opened_again(store: Store) -> None:
    uid = store.uid
    add(store, 3, queue="a")
    finish(store, claim(store, queues=["a"])[0])
    claim(store, queues=["a"])
    views, counts, unsent = store.list_jobs(JobFilter()), store.counts(), store.unsent(0, 9)
    store = reopened(store)
    assert store.uid == uid
    assert store.list_jobs(JobFilter()) == views
    assert (store.counts(), store.unsent(0, 9)) == (counts, unsent)
    assert len(store.running()) == 1
    store.close()


def test_two_stores_have_two_uids(store: Store, tmp_path: Path) -> None:
    other = make_store(tmp_path / "other.db")
    other.open()
    assert other.uid != store.uid
    other.close()


def test_no_seq_is_given_twice_after_a_restart(store: Store) -> None:
    add(store, 3)
    jobs = claim(store, 3)
    finish(store, *jobs)
    store.begin()
    store.prune(COMPLETED_NOW, NOW + 9, 9)
    store.commit()
    store = reopened(store)
    add(store)
    assert claim(store)[0].seq > max(job.seq for job in jobs)
    store.close()


def test_a_prune_leaves_nothing_of_a_job(store: Store, path: Path) -> None:
    add(store, 20)
    jobs = claim(store, 20)
    store.begin()
    store.give_back([(job.seq, job.attempt) for job in jobs[10:]])
    store.commit()
    finish(store, *jobs[:10])
    finish(store, *claim(store, 10))
    store.begin()
    assert store.prune(COMPLETED_NOW, NOW + 9, 100) == 20
    store.commit()
    reader = sqlite3.connect(path)
    for table in ("job", "payload", "result", "outbox", "attempt"):
        assert reader.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    reader.close()


def test_a_kill_in_a_transaction_leaves_the_last_commit(path: Path) -> None:
    died = processes.run("die_inside", path)
    assert died.returncode == -9, died.stderr
    store = make_store(path)
    store.open()  # the lock died with its holder
    assert store.counts() == {("default", Status.PENDING): 5}
    assert len(claim(store, 10)) == 5
    store.close()
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_only_its_owner_can_read_a_store(store: Store, path: Path) -> None:
    add(store)
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


# -- the lock --------------------------------------------------------------------------------------


def test_a_second_process_is_told_who_holds_the_store(path: Path) -> None:
    holder = processes.start("hold", path)
    try:
        with pytest.raises(StoreLocked, match=f"held by process {holder.pid}: ask .* stop it"):
            make_store(path).open()
    finally:
        holder.communicate("")
    store = make_store(path)
    store.open()
    store.close()


def test_the_same_process_is_refused_as_well(store: Store, path: Path) -> None:
    other = make_store(path)
    with pytest.raises(StoreLocked, match="held by this process already"):
        other.open()
    other.close()
    add(store)  # the first is none the worse


def test_a_store_that_could_not_be_opened_is_not_locked(path: Path) -> None:
    path.write_text("not a database " * 100)
    for _ in range(2):
        with pytest.raises(StoreError, match="not a SQLite database: name another file"):
            make_store(path).open()


# -- forks -----------------------------------------------------------------------------------------


def test_a_fork_can_not_use_the_store_and_does_not_keep_its_lock(store: Store, path: Path) -> None:
    add(store)
    answer, say = os.pipe()
    wait, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        os.write(say, b"refused" if is_refused(store) else b"served")
        os.read(wait, 1)  # until the test is over, with all that it inherited
        os._exit(0)
    assert os.read(answer, 10) == b"refused"
    add(store)  # the parent's connection is as it was
    assert store.counts() == {("default", Status.PENDING): 2}
    store.close()
    other = make_store(path)
    other.open()  # while the child is alive
    other.close()
    for descriptor in (answer, say, wait, end):
        os.close(descriptor)
    os.waitpid(child, 0)


def is_refused(store: Store) -> bool:
    try:
        store.begin()
    except StoreError:
        store.close()
        gc.collect()
        return True
    return False


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
        if parent.stat().st_uid == os.geteuid() and parent.name.startswith(("pytest", "test")):
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
    (small_disk / "store.db.lock").write_bytes(b"")
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
    assert sizes[-1] < 8_000_000
    assert store.counts() == {("default", Status.PENDING): 100}


def test_the_log_does_not_grow_for_ever(store: Store, path: Path) -> None:
    log = path.with_name("store.db-wal")
    largest = 0
    for _ in range(60):
        add(store, 10, arguments=bytes(10_000))
        store.checkpoint()
        largest = max(largest, log.stat().st_size)
    assert largest < 2 * connection.LOG_BYTES
    assert path.stat().st_size > 5_000_000


def test_a_reader_that_stays_only_delays_the_log(store: Store, path: Path) -> None:
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM job").fetchone()
    for _ in range(20):
        add(store, 10, arguments=bytes(20_000))
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
        [job] = store.claim(Execution.PROCESS, {"default": 5}, [1], NOW)
        times.append(time.perf_counter() - begin)
        store.commit()
        assert job.arguments == b"arguments"
    assert min(times) < 0.001


# -- statements over many rows ---------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 255, 256, 257, 1000])
def test_few_texts_serve_any_number_of_rows(rows: int) -> None:
    bulk = Bulk("VALUES $rows", 2)
    chunks = list(bulk.chunks(list(range(2 * rows))))
    assert [value for _, values in chunks for value in values] == list(range(2 * rows))
    sizes = [len(values) // 2 for _, values in chunks]
    assert all(size & size - 1 == 0 and size <= LARGEST_CHUNK for size in sizes)
    assert all(text.count("?") == len(values) for text, values in chunks)
