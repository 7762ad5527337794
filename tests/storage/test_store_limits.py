"""Limits, rates and paused queues: what every store must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from schedulergodx.core.job import Execution, LimitRule, Status
from schedulergodx.core.limit import Rate, key_of_limit, key_of_queue
from schedulergodx.core.view import Change
from tests.storage.making import NOW, add, again, claim, finish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schedulergodx.storage.base import Claimed, Store

TWO = LimitRule("api", concurrency=2)
SLOW = LimitRule("api", rate=2, seconds=10.0)  # one in five seconds
BOTH = (Execution.PROCESS, Execution.ASYNC)


def add_limited(
    store: Store, number: int = 1, key: str = "", rule: LimitRule = TWO, **fields: object
) -> list[bytes]:
    store.begin()
    store.set_limit(rule)
    store.commit()
    return add(store, number, limit_key=key_of_limit(rule, key), **fields)


def start(
    store: Store, places: int = 9, *, now: float = NOW, executions: Sequence[Execution] = BOTH
) -> list[Claimed]:
    """Claim for several executions at once, for as many places each."""
    store.begin()
    store.release_rates(now)
    free = {execution: range(1, places + 1) for execution in executions}
    claimed = store.claim(free, dict.fromkeys(("default", "mail"), 1 << 30), now)
    store.commit()
    return claimed


def uids(claimed: Sequence[Claimed]) -> list[bytes]:
    return [job.uid for job in claimed]


def test_no_more_run_at_once_than_a_limit_says(store: Store) -> None:
    jobs = add_limited(store, 5)
    first = claim(store, 9)
    assert uids(first) == jobs[:2]
    assert claim(store, 9) == []
    finish(store, first[0])
    assert uids(claim(store, 9)) == jobs[2:3]


def test_what_is_at_its_limit_lets_others_of_lower_priority_by(store: Store) -> None:
    urgent = add_limited(store, 5, priority=9)
    others = add(store, 3, priority=-9)
    assert uids(claim(store, 4)) == urgent[:2] + others[:2]
    assert uids(claim(store, 4)) == others[2:]


def test_each_key_has_a_limit_of_its_own(store: Store) -> None:
    ann = add_limited(store, 3, "ann")
    bob = add_limited(store, 3, "bob")
    assert set(uids(claim(store, 9))) == {*ann[:2], *bob[:2]}


def test_a_limit_is_shared_by_queues_and_by_what_runs_jobs(store: Store) -> None:
    add_limited(store, 1, queue="mail")
    add_limited(store, 1, execution=Execution.ASYNC)
    add_limited(store, 1)
    assert len(start(store)) == 2
    assert start(store) == []


def test_within_a_limit_priority_and_age_decide_whatever_runs_the_jobs(store: Store) -> None:
    rule = LimitRule("api", concurrency=1)
    order = [
        *add_limited(store, rule=rule, execution=Execution.ASYNC),
        *add_limited(store, rule=rule, queue="mail"),
        *add_limited(store, rule=rule),
    ]
    urgent = add_limited(store, rule=rule, queue="mail", execution=Execution.ASYNC, priority=1)
    started = []
    for _ in range(4):
        [job] = start(store)
        started.append(job.uid)
        finish(store, job)
    assert started == [*urgent, *order]


def test_one_that_can_not_start_does_not_hold_up_what_shares_its_limit(store: Store) -> None:
    rule = LimitRule("api", concurrency=1)
    add_limited(store, rule=rule, execution=Execution.ASYNC, priority=9)
    [job] = add_limited(store, rule=rule)
    assert uids(start(store, executions=[Execution.PROCESS])) == [job]


def test_what_is_given_back_or_tried_again_lets_another_one_start(store: Store) -> None:
    jobs = add_limited(store, 3, rule=LimitRule("api", concurrency=1))
    [first] = claim(store, 9)
    store.begin()
    store.give_back([(first.seq, first.attempt)])
    store.commit()
    [first] = claim(store, 9)
    store.begin()
    store.retry([again(first)])
    store.commit()
    assert uids(claim(store, 9)) == jobs[1:2]


def test_what_came_due_or_was_moved_keeps_its_limit(store: Store) -> None:
    rule = LimitRule("api", concurrency=1)
    [late] = add_limited(store, rule=rule, status=Status.SCHEDULED, due=NOW + 5)
    [moved] = add_limited(store, rule=rule)
    store.begin()
    assert store.change(moved, Change(queue="mail"), NOW)
    store.release_due(NOW + 5, 9)
    store.commit()
    [job] = start(store)
    assert (job.uid, job.queue) == (late, "default")
    finish(store, job)
    assert uids(start(store)) == [moved]


def test_a_cancelled_one_takes_no_part_of_a_limit(store: Store) -> None:
    first, second = add_limited(store, 2, rule=LimitRule("api", concurrency=1))
    store.begin()
    store.cancel(first, NOW)
    store.commit()
    assert uids(claim(store, 9)) == [second]


def test_the_newest_rule_of_a_limit_counts_and_one_without_numbers_is_none(store: Store) -> None:
    jobs = add_limited(store, 6, rule=LimitRule("api", concurrency=1))
    assert uids(claim(store, 9)) == jobs[:1]
    add_limited(store, 1, "other", rule=LimitRule("api", concurrency=3))
    assert uids(claim(store, 9))[:2] == jobs[1:3]
    add_limited(store, 1, "third", rule=LimitRule("api"))
    assert jobs[3] not in uids(claim(store, 9))


def test_a_limit_that_nobody_has_put_a_number_to_is_none(store: Store) -> None:
    add_limited(store, 5, rule=LimitRule("api"))
    assert len(claim(store, 9)) == 5


def test_a_rolled_back_claim_takes_nothing_of_a_limit(store: Store) -> None:
    jobs = add_limited(store, 3, rule=replace(SLOW, concurrency=1))
    rooms = {"default": 9}
    store.begin()
    assert len(store.claim({Execution.PROCESS: [1, 2]}, rooms, NOW)) == 1
    store.rollback()
    store.begin()
    assert uids(store.claim({Execution.PROCESS: [1, 2]}, rooms, NOW)) == jobs[:1]
    store.commit()


# -- rates -----------------------------------------------------------------------------------------


def test_starts_keep_to_a_rate(store: Store) -> None:
    jobs = add_limited(store, 4, rule=SLOW)
    seen = []
    for second in range(21):
        seen += [(job.uid, second) for job in start(store, now=NOW + second)]
    assert seen == list(zip(jobs, (0, 5, 10, 15), strict=True))


def test_each_key_has_a_rate_of_its_own(store: Store) -> None:
    add_limited(store, 2, "ann", rule=SLOW)
    add_limited(store, 2, "bob", rule=SLOW)
    assert [len(start(store, now=NOW + second)) for second in (0, 4, 5, 6)] == [2, 0, 2, 0]


def test_an_attempt_that_is_tried_again_is_a_start(store: Store) -> None:
    add_limited(store, 2, rule=SLOW)
    [job] = start(store)
    store.begin()
    store.retry([again(job, due=NOW + 1)])
    store.release_due(NOW + 1, 9)
    store.commit()
    assert start(store, now=NOW + 1) == []
    assert start(store, now=NOW + 5)[0].uid == job.uid
    assert start(store, now=NOW + 6) == []


def test_a_rate_of_a_queue_is_kept_by_who_asks(store: Store) -> None:
    key, rate = key_of_queue("mail"), Rate(2, 10.0)
    store.begin()
    assert store.allowance(key, rate, NOW) == 1
    store.spend(key, rate, 1, NOW)
    assert store.allowance(key, rate, NOW + 4) == 0
    assert store.allowance(key, rate, NOW + 5) == 1
    assert store.allowance(key_of_queue("other"), rate, NOW) == 1
    store.commit()


@pytest.mark.parametrize("of_queue", [False, True])
def test_a_job_of_a_rate_is_given_to_a_prompt_place_only_and_keeps_its_turn(
    store: Store, of_queue: bool
) -> None:
    [before] = add(store)
    if of_queue:
        [rated] = add(store, queue="mail")
    else:
        [rated] = add_limited(store, rule=LimitRule("api", rate=100, seconds=1.0))
    [after] = add(store)
    rooms = {"default": 9, "mail": 9}

    def take(prompt: int) -> list[bytes]:
        store.begin()
        free, rates = {Execution.PROCESS: [1, 2, 1, 2]}, ["mail"] if of_queue else []
        claimed = store.claim(free, rooms, NOW, prompt={Execution.PROCESS: prompt}, rated=rates)
        store.commit()
        return uids(claimed)

    assert take(1) == [before]
    assert take(0) == []
    assert take(1) == [rated, after]


def test_what_only_shares_a_place_with_a_rate_waits_for_none(store: Store) -> None:
    jobs = add_limited(store, 4, rule=LimitRule("api", concurrency=9))
    rooms, prompt = {"default": 9}, {Execution.PROCESS: 0}
    store.begin()
    assert uids(store.claim({Execution.PROCESS: [1] * 4}, rooms, NOW, prompt=prompt)) == jobs
    store.commit()


# -- pauses ----------------------------------------------------------------------------------------


def test_a_paused_queue_is_known_until_it_is_resumed(store: Store) -> None:
    store.begin()
    store.pause("mail", NOW)
    store.pause("mail", NOW + 9)
    store.pause("other", NOW)
    store.resume("other")
    store.resume("never paused")
    store.commit()
    assert store.paused() == {"mail": NOW}


def test_a_pause_that_is_rolled_back_was_none(store: Store) -> None:
    store.begin()
    store.pause("mail", NOW)
    assert "mail" in store.paused()
    store.rollback()
    assert store.paused() == {}


@pytest.mark.parametrize("queues", [("default", "mail"), ("mail", "default")])
def test_a_room_is_shared_by_all_that_runs_jobs_of_a_queue(
    store: Store, queues: tuple[str, str]
) -> None:
    first = add(store, queue="mail", execution=Execution.ASYNC)
    add(store, 2, queue="mail")
    others = add(store, 2, priority=-1)
    store.begin()
    free = {Execution.PROCESS: [1, 2, 3], Execution.ASYNC: [4, 5]}
    claimed = store.claim(free, {queues[0]: 1, queues[1]: 1}, NOW)
    store.commit()
    assert {job.uid for job in claimed} == {*first, others[0]}
