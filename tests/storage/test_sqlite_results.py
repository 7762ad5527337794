"""Values of parents in a claim: bounded, and what does not fit has cost nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from schedulergodx.core.job import LimitRule, Parent
from schedulergodx.core.limit import key_of_limit
from schedulergodx.storage import make_store
from schedulergodx.storage.sqlite import parent_results
from tests.storage.making import DONE, add, claim, finish, new_job, new_uid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schedulergodx.storage.base import Store

LARGE = replace(DONE, value=b"x" * 100)
ONE_A_DAY = LimitRule("api", rate=1, seconds=86400.0)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(parent_results, "MOST_BYTES", 400)
    monkeypatch.setattr(parent_results, "LARGEST_BYTES", 600)
    store = make_store(f"sqlite:///{tmp_path}/jobs.db")
    store.open()
    yield store
    store.close()


def add_child(store: Store, parents: int, **fields: object) -> bytes:
    """A job that wants the large values of so many, which have completed."""
    above = add(store, parents, queue="mail")
    finish(store, *claim(store, parents, queues=["mail"]), outcome=LARGE)
    uid = new_uid()
    store.begin()
    wanted = tuple(Parent(parent, result=True) for parent in above)
    store.add_children([new_job(store, uid=uid, parents=wanted, **fields)])
    store.commit()
    return uid


def test_what_does_not_fit_waits_for_the_next_claim(store: Store) -> None:
    children = [add_child(store, 2) for _ in range(3)]
    plain = add(store)
    claims = [[job.uid for job in claim(store, 9)] for _ in range(4)]
    assert claims == [children[:1], children[1:2], [*children[2:], *plain], []]


def test_each_has_its_values_in_the_order_of_its_parents(store: Store) -> None:
    add_child(store, 2)
    [job] = claim(store, 9)
    assert [result.value for result in job.results] == [LARGE.value] * 2
    assert job.results[0].uid < job.results[1].uid


def test_what_does_not_fit_has_spent_no_start_of_its_rate(store: Store) -> None:
    first = add_child(store, 2, priority=9)
    store.begin()
    store.set_limit(ONE_A_DAY)
    store.commit()
    second = add_child(store, 2, limit_key=key_of_limit(ONE_A_DAY, ""))
    assert [job.uid for job in claim(store, 9)] == [first]
    assert [job.uid for job in claim(store, 9)] == [second]
    add_child(store, 0, limit_key=key_of_limit(ONE_A_DAY, ""))
    assert claim(store, 9) == []


def test_one_that_wants_too_much_is_claimed_without_it(store: Store) -> None:
    uid = add_child(store, 5)
    [job] = claim(store, 9)
    assert job.uid == uid
    assert [result.withheld for result in job.results] == [True]
