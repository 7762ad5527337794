"""What is true of the store in a SQLite file only: its name, its lock, its forks."""

from __future__ import annotations

import gc
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from schedulergodx.core.job import Status
from schedulergodx.core.view import JobFilter
from schedulergodx.errors import ConfigError, StoreError, StoreLocked
from schedulergodx.storage import make_store
from schedulergodx.storage.base import Store
from schedulergodx.storage.sqlite.bulk import LARGEST_CHUNK, Bulk
from tests.storage import processes
from tests.storage.making import COMPLETED_NOW, NOW, add, claim, finish, reopened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = make_store(path)
    store.open()
    yield store
    store.close()


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
        with pytest.raises(StoreError, match="file is not a database: name another file"):
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


# -- statements over many rows ---------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 255, 256, 257, 1000])
def test_few_texts_serve_any_number_of_rows(rows: int) -> None:
    bulk = Bulk("VALUES $rows", 2)
    chunks = list(bulk.chunks(list(range(2 * rows))))
    assert [value for _, values in chunks for value in values] == list(range(2 * rows))
    sizes = [len(values) // 2 for _, values in chunks]
    assert all(size & size - 1 == 0 and size <= LARGEST_CHUNK for size in sizes)
    assert all(text.count("?") == len(values) for text, values in chunks)
