"""How SQLite finds the rows of each statement: never by looking at all, never by sorting them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

import pytest

from schedulergodx.core.job import Status
from schedulergodx.core.view import JobFilter
from schedulergodx.storage import make_store
from schedulergodx.storage.base import Store
from schedulergodx.storage.sqlite import (
    flow_statements,
    limit_statements,
    schedule_statements,
    unique_statements,
)
from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.bulk import Bulk

BY_SEQ = "SEARCH job USING INTEGER PRIMARY KEY"
# What each statement must look its rows up by. Those that are not here have no rows of `job` to
# find; a test below finds the ones that were forgotten.
LOOKUPS = {
    "KNOWN_UIDS": "SEARCH job USING INDEX job_uid",
    "COUNT_DUE": "SEARCH job USING INDEX job_scheduled",
    "RELEASE_DUE": "SEARCH job USING INDEX job_scheduled",
    "NEXT_DUE": "SCAN job USING INDEX job_scheduled",
    "TOO_LATE": "SEARCH job USING INDEX job_deadline",
    "NEXT_DEADLINE": "SEARCH job USING INDEX job_deadline",
    "FIRST_OF_LANE": "SEARCH job USING INDEX job_pending",
    "CLAIMABLE_OF_LANE": "SEARCH job USING INDEX job_pending",
    "CLAIMABLE": BY_SEQ,
    "CLAIM": BY_SEQ,
    "GIVE_BACK": BY_SEQ,
    "RUNNING_ATTEMPTS": BY_SEQ,
    "END_JOBS": BY_SEQ,
    "RETRY_JOBS": BY_SEQ,
    "CANCEL_ASKED": BY_SEQ,
    "ALL_RUNNING": "SCAN job USING INDEX job_running",
    "JOB_OF_UID": "SEARCH job USING INDEX job_uid",
    "ASK_TO_CANCEL": BY_SEQ,
    "WAITING_JOB": "SEARCH job USING INDEX job_uid",
    "CHANGE": BY_SEQ,
    "NEWEST_OF_LABEL": "SEARCH job USING INDEX job_label",
    "NEWEST_OF_CLIENT": "SEARCH job USING INDEX job_label",
    "IS_KNOWN": "SEARCH job USING INDEX job_uid",
    "STATUS": "SEARCH job USING INDEX job_uid",
    "TOLD_OF_UIDS": "SEARCH job USING INDEX job_uid",
    "ANNOTATE": "SEARCH job USING INDEX job_uid",
    "NOTE_PROGRESS": BY_SEQ,
    "KEEP_CHECKPOINT": BY_SEQ,
    "VIEW": "SEARCH job USING INDEX job_uid",
    "TOLD_OF_SEQS": BY_SEQ,
    "KEPT_LONG_ENOUGH": "SEARCH job USING INDEX job_ended",
    "REMOVE_JOBS": BY_SEQ,
    "KEPT_OF_QUEUE": "SEARCH job USING INDEX job_ended",
    "KEPT_OF_OTHERS": "SEARCH job USING INDEX job_ended",
    "NEWEST_SEQ": "SEARCH job",
    "NEWEST_UID": "SEARCH job USING INDEX job_uid",
    "PARENTS": "SEARCH job USING INDEX job_uid",
    "CLIENTS": "SEARCH job USING INDEX job_uid",
    "SET_CHILDREN": BY_SEQ,
    "SET_WAITS": BY_SEQ,
    "RELEASE": BY_SEQ,
    "RELEASE_ALL_THE_SAME": BY_SEQ,
    "DOOMED": BY_SEQ,
    "RELEASE_CALLBACK": "SEARCH job USING INDEX job_uid",
    "RESULTS_OF_PARENTS": BY_SEQ,
    "WAITING_CHILD": "SEARCH job USING INDEX job_uid",
    "WAIT_FOR_MORE": "SEARCH job USING INTEGER PRIMARY KEY",
    "REQUEUEABLE_JOB": "SEARCH job USING INDEX job_uid",
    "REQUEUEABLE_OF_BATCH": "SEARCH job USING INDEX job_batch",
    "REVIVED": BY_SEQ,
    "REQUEUE": BY_SEQ,
    "WAIT_AGAIN": BY_SEQ,
    "WAIT_FOR_BATCH": "SEARCH job USING INDEX job_uid",
    "WAITING_OF_BATCH": "SEARCH job USING INDEX job_batch",
    "RUNNING_OF_BATCH": "SEARCH job USING INDEX job_batch",
    "JOBS_OF_BATCH": "SEARCH job USING INDEX job_batch",
    "EDGES": BY_SEQ,
    "REMOVE_BATCHES": "SEARCH job USING INDEX job_batch",
    "HEADS": BY_SEQ,
    "HELD_BACK": "SEARCH job USING INDEX job_uid",
    "RUNNING_OF_LANES": "SCAN job USING INDEX job_running",
    "HOLDERS": BY_SEQ,
    "ADD_KEYS": "SEARCH job USING INDEX job_uid",
    "ADD_JOINED": "SEARCH job USING INDEX job_uid",
    "JOINED_TO_ENDED": "SEARCH job USING INDEX job_uid",
    "JOINED_JOBS": BY_SEQ,
    "STARTED": BY_SEQ,
    "UNFINISHED": "SEARCH job USING INDEX job_uid",
    "FIRES": "SEARCH job USING INDEX job_uid",
    "RUNNING_OF": "SCAN job USING INDEX job_running",
}
SORTS = {
    "NEWEST_OF_LABEL",  # a label of all clients: as many rows as clients that use it
    "BATCH_OF_NAME",  # the same of batches
    "SCHEDULE_OF_NAME",  # and of schedules
    "COUNT_DUE",  # groups at most `limit` rows by lane
    # These group the dependencies of the jobs that they are given.
    *("RELEASE", "RELEASE_ALL_THE_SAME", "RESULTS_OF_PARENTS", "REVIVED", "WAIT_AGAIN", "CHILDREN"),
    "SIZES_OF_RESULTS",
}
STATEMENTS = {
    name: value
    for module in (sql, flow_statements, limit_statements, unique_statements, schedule_statements)
    for name, value in vars(module).items()
    if name.isupper() and not name.startswith("_") and isinstance(value, (str, Bulk))
    if name not in {"JOB", "VIEW_COLUMNS", "IS_ACTIVE"}  # parts of others
} | {f"MOVES_{place}": move for place, move in enumerate(flow_statements.MOVES)}
NUMBERS = "given|place|ending|ended|again|claimed|json_each|wanted|met"  # that came with it
SCANS = re.compile(rf"SCAN (?!CONSTANT|\d|{NUMBERS}|\(subquery)(\w+)")
WHOLE_TABLES = {
    "COUNTS": "counter",
    "RULES": "limit_rule",
    "PAUSED": "queue",
    "EMPTY_LANES": "lane",
    "FIRSTS": "joined",
    "LISTENERS": "listener",
    "WITH_CHECKPOINT": "progress",
    "KEPT_OF_OTHERS": "json_each",
}


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = make_store("sqlite:///:memory:")
    store.open()
    yield store
    store.close()


def plan(store: Store, text: str) -> list[str]:
    raw: sqlite3.Connection = store._connection.raw  # type: ignore[attr-defined]  # its own tests
    values = [None] * text.count("?")
    return [without_covering(row[3]) for row in raw.execute(f"EXPLAIN QUERY PLAN {text}", values)]


def without_covering(step: str) -> str:
    """Whether the row itself is read as well differs between versions of SQLite."""
    return step.replace("COVERING ", "")


def text_of(name: str) -> str:
    statement = STATEMENTS[name]
    return statement.text(4) if isinstance(statement, Bulk) else statement


@pytest.mark.parametrize("name", LOOKUPS)
def test_jobs_are_found_by_their_index(store: Store, name: str) -> None:
    steps = plan(store, text_of(name))
    assert any(step.startswith(LOOKUPS[name]) for step in steps), steps


@pytest.mark.parametrize("name", STATEMENTS)
def test_nothing_is_found_by_looking_at_all(store: Store, name: str) -> None:
    scans = [
        found.group(1)
        for step in plan(store, text_of(name))
        if (found := SCANS.match(step)) and "INDEX job_" not in step
    ]
    allowed = {"outbox"} if name == "LINES" else set()
    assert set(scans) <= allowed | {WHOLE_TABLES.get(name, "")}


@pytest.mark.parametrize("name", [name for name in STATEMENTS if name not in SORTS])
def test_nothing_is_sorted(store: Store, name: str) -> None:
    steps = plan(store, text_of(name))
    assert not [step for step in steps if "TEMP B-TREE" in step], steps


def test_every_statement_about_jobs_has_its_lookup_here() -> None:
    of_jobs = {name for name in STATEMENTS if re.search(r"(FROM|UPDATE|JOIN) job\b", text_of(name))}
    assert of_jobs == set(LOOKUPS)


@pytest.mark.parametrize("status", [None, *Status])
def test_a_list_never_sorts_many(
    store: Store, status: Status | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    which = JobFilter(status=status, queue="a", task="t", client="c", before=9, since=1.0)
    for many in (False, True):
        monkeypatch.setattr(
            store._counters,  # type: ignore[attr-defined]
            "total",
            lambda _, many=many: 1 << 30 if many else 1,
        )
        index, conditions, _ = store._search(which)  # type: ignore[attr-defined]
        steps = plan(store, sql.list_jobs(index, conditions))
        sorts = [step for step in steps if "TEMP B-TREE FOR ORDER BY" in step]
        assert not (many and sorts), steps
        if many or status in (None, Status.BLOCKED):
            assert any(BY_SEQ in step or step == "SCAN job" for step in steps), steps
        else:
            assert any(f"INDEX {index}" in step for step in steps), steps
