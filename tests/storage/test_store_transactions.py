"""Transactions, and what a store remembers: what every store must do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schedulergodx.core.job import Execution, Status
from schedulergodx.core.policy import Policy
from schedulergodx.core.view import JobFilter
from schedulergodx.storage.base import Store
from schedulergodx.storage.schedules import Plan
from tests.storage.making import (
    NOW,
    SPEC,
    add,
    new_job,
    new_uid,
)


def test_a_store_has_a_uid_of_its_own(store: Store) -> None:
    assert len(store.uid) == 32
    assert bytes.fromhex(store.uid).hex() == store.uid


def test_a_rollback_undoes_jobs_and_counts(store: Store) -> None:
    [kept] = add(store)
    store.begin()
    job = new_job(store, queue="other")
    store.add_jobs([job])
    store.cancel(kept, NOW)
    store.rollback()
    assert store.status(job.uid) is None
    assert store.counts() == {("default", Status.PENDING): 1}
    assert store.pending() == {("default", Execution.PROCESS): 1}
    assert store.unsent(0, 10) == []


def test_a_rollback_forgets_the_numbers_that_were_given(store: Store) -> None:
    other = replace(SPEC, name="other")
    store.begin()
    store.client_id("bob")
    store.spec_id(other)
    store.rollback()
    store.begin()
    client, spec = store.client_id("bob"), store.spec_id(other)
    store.commit()
    assert store.client_name(client) == "bob"
    assert store.spec(spec) == other


def test_a_savepoint_that_raises_is_undone_alone(store: Store) -> None:
    store.begin()
    first = new_job(store)
    store.add_jobs([first])
    with pytest.raises(RuntimeError), store.savepoint():
        lost = new_job(store, client=store.client_id("bob"), queue="other")
        store.add_jobs([lost])
        store.cancel(first.uid, NOW)
        raise RuntimeError
    with store.savepoint():
        kept = new_job(store, client=store.client_id("eve"))
        store.add_jobs([kept])
    store.commit()
    assert store.status(lost.uid) is None
    assert store.counts() == {("default", Status.PENDING): 2}
    assert [view.client for view in store.list_jobs(JobFilter())] == ["eve", "ann"]


def test_a_savepoint_in_a_savepoint_is_undone_alone(store: Store) -> None:
    store.begin()
    with store.savepoint():
        outer = new_job(store)
        store.add_jobs([outer])
        with pytest.raises(RuntimeError), store.savepoint():
            store.add_jobs([new_job(store)])
            raise RuntimeError
    store.commit()
    assert [view.uid for view in store.list_jobs(JobFilter())] == [outer.uid]


def test_who_listens_is_forgotten_with_the_whole_after_a_part_of_it(store: Store) -> None:
    plan = Plan("daily", "UTC", Policy(), "greet", "default", b"a task")
    store.begin()
    number = store.add_schedule(new_uid(), store.client_id("ann"), "first", plan, NOW)
    store.listen(number, ["greet"])
    with pytest.raises(RuntimeError), store.savepoint():
        store.client_id("eve")
        raise RuntimeError
    assert store.listeners("greet") == {number}
    store.rollback()
    assert store.listeners("greet") == set()


def test_a_note_is_the_last_one_that_was_set(inside: Store) -> None:
    assert inside.get_note("boot") is None
    inside.set_note("boot", "one")
    inside.set_note("boot", "two")
    assert inside.get_note("boot") == "two"
