"""Limits in SQLite: over restarts, for very many keys, and what is left of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schedulergodx.core.job import Execution, LimitRule, Status
from schedulergodx.core.limit import Rate, key_of_limit, key_of_queue
from schedulergodx.storage import make_store
from schedulergodx.storage.base import Retention, Store
from schedulergodx.storage.sqlite.connection import Connection
from tests.storage.making import NOW, add, claim, finish, new_job, reopened
from tests.storage.stores import new_file
from tests.storage.test_store_limits import SLOW, add_limited, start, uids

ONE = LimitRule("user", concurrency=1)
MANY = 10_000
AT_ONCE = Retention(dict.fromkeys((Status.COMPLETED, Status.CANCELLED), 0.0))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    path = tmp_path / "store.db"
    path.write_bytes(new_file())
    store = make_store(path)
    store.open()
    return store


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many statements there were."""
    counter: Counter[str] = Counter()
    original = Connection.rows

    def rows(self: Connection, text: str, values: Any = ()) -> list[Any]:
        counter["all"] += 1
        return original(self, text, values)

    monkeypatch.setattr(Connection, "rows", rows)
    return counter


def add_users(store: Store, users: int, jobs: int = 2) -> None:
    """So many jobs for each of so many users."""
    store.begin()
    store.set_limit(ONE)
    store.add_jobs(
        [
            new_job(store, limit_key=key_of_limit(ONE, f"user {user}"))
            for user in range(users)
            for _ in range(jobs)
        ]
    )
    store.commit()


def table(store: Store, text: str) -> list[Any]:
    return store._connection.rows(text)  # type: ignore[attr-defined, no-any-return]  # from inside


def test_limits_hold_over_a_restart(store: Store) -> None:
    jobs = add_limited(store, 3)
    assert uids(claim(store, 9)) == jobs[:2]
    store = reopened(store)
    assert claim(store, 9) == []
    [first, _] = store.running()
    store.begin()
    store.give_back([(first.seq, first.attempt)])
    store.commit()
    assert uids(claim(store, 9)) == jobs[:1]
    store.close()


def test_a_rate_is_exact_over_a_restart(store: Store) -> None:
    jobs = add_limited(store, 4, rule=SLOW)
    seen = []
    for second in range(21):
        store = reopened(store)
        seen += [(job.uid, second) for job in start(store, now=NOW + second)]
    assert seen == list(zip(jobs, (0, 5, 10, 15), strict=True))
    store.close()


def test_a_pause_holds_over_a_restart(store: Store) -> None:
    store.begin()
    store.pause("mail", NOW)
    store.commit()
    store = reopened(store)
    assert store.paused() == {"mail": NOW}
    store.close()


def test_the_next_start_is_known_until_its_time_has_come(store: Store) -> None:
    add_limited(store, 3, rule=SLOW)
    assert store.next_start() is None
    start(store)
    start(store)
    assert store.next_start() == NOW + 5
    store.begin()
    store.release_rates(NOW + 5)
    store.commit()
    assert store.next_start() is None, "a service that has no place must not wake for it again"
    assert len(start(store, now=NOW + 5)) == 1


def test_the_next_start_of_a_queue_is_known(store: Store) -> None:
    key, rate = key_of_queue("mail"), Rate(1, 60.0)
    store.begin()
    store.spend(key, rate, 1, NOW)
    assert store.allowance(key, rate, NOW + 1) == 0
    assert store.next_start() == NOW + 60
    store.commit()


def test_a_clock_that_is_set_back_wakes_what_waits_for_a_rate(store: Store) -> None:
    add_limited(store, 3, rule=SLOW)
    start(store)
    start(store)
    back = NOW - 86400
    assert start(store, now=back) == []
    assert store.next_start() == back + 5
    assert len(start(store, now=back + 5)) == 1


def test_ten_thousand_keys_at_their_limit_cost_a_claim_nothing(
    store: Store, statements: Counter[str]
) -> None:
    add_users(store, MANY)
    running = claim(store, MANY)
    assert len(running) == MANY
    assert claim(store, 9) == []
    statements.clear()
    for _ in range(100):
        assert claim(store, 9) == []
    assert statements["all"] <= 100 * 4  # begin, commit, and whether there is a lane without one
    others = add(store, 1)
    statements.clear()
    assert uids(claim(store, 9)) == others
    assert statements["all"] <= 8
    finish(store, *running[:3])
    statements.clear()
    assert len(claim(store, 9)) == 3
    assert statements["all"] <= 16
    store.close()


def test_ten_thousand_keys_that_may_start_cost_a_claim_what_it_starts(
    store: Store, statements: Counter[str]
) -> None:
    add_users(store, MANY)
    first = claim(store, 4)
    statements.clear()
    for _ in range(100):
        finish(store, *first)
        first = claim(store, 4)
        assert len(first) == 4
    assert statements["all"] <= 100 * 24
    store.close()


def test_many_keys_are_claimed_by_age_over_all_of_them(store: Store) -> None:
    add_users(store, 50, jobs=3)
    seqs = []
    while running := claim(store, 7):
        seqs += [job.seq for job in running]
        finish(store, *running)
    # each user's jobs one after the other, the oldest that may start first
    assert seqs[:7] == [1, 4, 7, 10, 13, 16, 19]
    assert sorted(seqs) == list(range(1, 151))


def test_nothing_is_left_of_a_key_whose_jobs_are_gone(store: Store) -> None:
    add_users(store, 5, jobs=1)
    add_limited(store, 1, "ann", rule=SLOW)
    finish(store, *claim(store, 9))
    for _ in range(3):
        store.begin()
        store.prune(AT_ONCE, NOW + 100, 100)
        store.sweep(NOW + 100, 100)
        store.commit()
    assert table(store, "SELECT count(*) FROM lane WHERE key <> ''") == [(0,)]
    assert table(store, "SELECT count(*) FROM rate") == [(0,)]
    assert table(store, "SELECT sum(jobs) FROM counter") in ([(0,)], [(None,)])
    add_users(store, 5)
    assert len(claim(store, 9)) == 5
    store.close()


def test_a_key_whose_jobs_are_gone_is_swept_after_a_restart_as_well(store: Store) -> None:
    add_users(store, 3, jobs=1)
    finish(store, *claim(store, 9))
    store.begin()
    store.prune(AT_ONCE, NOW + 100, 100)
    store.commit()
    store = reopened(store)
    store.begin()
    assert store.sweep(NOW + 100, 2) == 2
    assert store.sweep(NOW + 100, 2) == 1
    store.commit()
    assert table(store, "SELECT count(*) FROM lane WHERE key <> ''") == [(0,)]
    store.close()


def test_a_lane_that_was_swept_while_its_rate_was_waited_for_does_no_harm(store: Store) -> None:
    [first, second] = add_limited(store, 2, "ann", rule=LimitRule("api", rate=1, seconds=1000.0))
    finish(store, *start(store))
    assert start(store) == []
    store.begin()
    store.cancel(second, NOW)
    store.prune(AT_ONCE, NOW + 100, 100)
    store.commit()
    store.begin()
    store.sweep(NOW + 100, 100)
    store.commit()
    assert table(store, "SELECT count(*) FROM rate") == [(1,)], "it may not start before its time"
    store.begin()
    store.release_rates(NOW + 2000)
    assert store.claim({Execution.PROCESS: [1]}, {"default": 1}, NOW + 2000) == []
    store.commit()
    assert store.status(first) is None
    store.close()


# -- retention by queue ----------------------------------------------------------------------------


def test_jobs_of_a_queue_that_keeps_them_are_passed_by_once(
    store: Store,
) -> None:
    add(store, 300, queue="audit")
    add(store, 3)
    finish(store, *claim(store, 303, queues=("audit", "default")))
    retention = Retention({Status.COMPLETED: 0.0}, {"audit": {Status.COMPLETED: None}})

    def prune(now: float) -> tuple[int, int]:
        """How many jobs were removed, and about how many steps of SQLite that took."""
        steps = Counter[str]()
        raw = store._connection.raw  # type: ignore[attr-defined]  # looked at from inside
        raw.set_progress_handler(lambda: steps.update(["all"]), 10)
        store.begin()
        removed = store.prune(retention, now, 100)
        store.commit()
        raw.set_progress_handler(None, 0)
        return removed, steps["all"]

    removed, first = prune(NOW + 1000)
    again, second = prune(NOW + 1060)
    assert (removed, again) == (3, 0)
    assert second < first / 3
    removed, _ = prune(NOW + 1000 + 7200)  # walks begin anew now and then
    assert removed == 0
    store.close()


def test_a_walk_that_was_rolled_back_is_gone_again(store: Store) -> None:
    add(store, 3)
    finish(store, *claim(store, 3))
    retention = Retention({Status.COMPLETED: 0.0}, {"audit": {Status.COMPLETED: None}})
    store.begin()
    assert store.prune(retention, NOW + 1000, 100) == 3
    store.rollback()
    store.begin()
    assert store.prune(retention, NOW + 1060, 100) == 3
    store.commit()
    store.close()


# -- joined launches over a restart ----------------------------------------------------------------


def test_what_is_joined_is_known_after_a_restart(store: Store) -> None:
    [first] = add(store)
    store.begin()
    job = new_job(store, status=Status.BLOCKED)
    store.add_jobs([job])
    store.join([(job.uid, first)])
    store.commit()
    finish(store, *claim(store))
    store = reopened(store)
    store.begin()
    assert [told.uid for told in store.end_joined(NOW + 9, 10)] == [job.uid]
    store.commit()
    assert table(store, "SELECT count(*) FROM joined") == [(0,)]
    store.close()
