"""The moves of jobs that a service makes: what every store must do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schedulergodx.core.job import ErrorCode, Execution, Status
from schedulergodx.core.view import JobFilter
from schedulergodx.storage.base import CLAIM_BYTES, Retention, Store
from schedulergodx.storage.verdicts import EXPIRED, OVERDUE
from tests.storage.making import (
    DONE,
    FAILED,
    NOW,
    SPEC,
    add,
    again,
    claim,
    ending,
    finish,
    new_job,
    new_uid,
)

YEAR = 365 * 86400.0


# -- inbox -----------------------------------------------------------------------------------------


def test_a_client_has_one_number(inside: Store) -> None:
    ann, bob = inside.client_id("ann"), inside.client_id("bob")
    assert ann != bob
    assert inside.client_id("ann") == ann
    assert inside.client_name(bob) == "bob"


def test_equal_specs_have_one_number(inside: Store) -> None:
    number = inside.spec_id(SPEC)
    assert inside.spec_id(replace(SPEC)) == number
    assert inside.spec_id(replace(SPEC, lifetime=None)) != number
    assert inside.spec(number) == SPEC


def test_units_are_kept_by_their_hashes(inside: Store) -> None:
    inside.add_units({b"a": b"body a", b"b": b"body b"})
    inside.add_units({b"a": b"another body", b"c": b"body c"})
    assert inside.missing_units([b"a", b"c", b"x"]) == {b"x"}
    assert inside.units([b"a", b"c", b"x"]) == {b"a": b"body a", b"c": b"body c"}
    assert inside.units([]) == {}


def test_a_unit_of_a_rolled_back_transaction_is_missing(store: Store) -> None:
    store.begin()
    store.add_units({b"a": b"body"})
    store.rollback()
    assert store.missing_units([b"a"]) == {b"a"}


def test_a_duplicate_uid_is_one_job(store: Store) -> None:
    [uid] = add(store)
    store.begin()
    twin, new = new_job(store, uid=uid, priority=9), new_job(store)
    assert store.add_jobs([twin, new]) == {uid}
    store.commit()
    view = store.view(uid)
    assert view is not None
    assert view.priority == 0
    assert store.counts() == {("default", Status.PENDING): 2}


def test_of_twins_in_one_call_the_first_is_the_job(store: Store) -> None:
    store.begin()
    first = new_job(store)
    store.add_jobs([first, replace(first, priority=9), replace(first, priority=8)])
    store.commit()
    assert [view.priority for view in store.list_jobs(JobFilter())] == [0]
    assert len(claim(store, 5)) == 1


def test_a_uid_older_than_others_is_new_all_the_same(store: Store) -> None:
    old, older = new_uid(), bytes(16)
    add(store)
    store.begin()
    assert store.add_jobs([new_job(store, uid=old), new_job(store, uid=older)]) == set()
    assert store.add_jobs([new_job(store, uid=old), new_job(store, uid=older)]) == {old, older}
    store.commit()
    assert store.counts() == {("default", Status.PENDING): 3}


def test_a_job_that_ends_where_it_begins_is_told(store: Store) -> None:
    [uid] = add(store, status=Status.FAILED, outcome=FAILED)
    [told] = store.unsent(0, 10)
    assert (told.uid, told.outcome, told.finished, told.started) == (uid, FAILED, NOW, None)
    assert store.outcomes([uid]) == [told]
    assert store.status(uid) is Status.FAILED


def test_hundreds_of_jobs_are_stored_at_once(store: Store) -> None:
    uids = add(store, 777)
    claimed = claim(store, 1000)
    assert [job.uid for job in claimed] == uids
    finish(store, *claimed)
    assert [told.uid for told in store.unsent(0, 1000)] == uids


# -- scheduler -------------------------------------------------------------------------------------


def test_what_is_due_is_released_and_no_more(store: Store) -> None:
    add(store, 2, status=Status.SCHEDULED, due=NOW)
    add(store, 1, status=Status.SCHEDULED, due=NOW + YEAR)
    assert store.next_due() == NOW
    store.begin()
    assert store.release_due(NOW - 1, 10) == 0
    assert store.release_due(NOW, 10) == 2
    store.commit()
    assert store.next_due() == NOW + YEAR
    assert store.pending() == {("default", Execution.PROCESS): 2}


def test_a_release_takes_the_earliest_first_up_to_its_limit(store: Store) -> None:
    late, early = (add(store, 1, status=Status.SCHEDULED, due=due)[0] for due in (NOW - 1, NOW - 9))
    store.begin()
    assert store.release_due(NOW, 1) == 1
    store.commit()
    assert store.status(early) is Status.PENDING
    assert store.status(late) is Status.SCHEDULED


def test_a_store_with_nothing_to_wait_for_names_no_moment(store: Store) -> None:
    add(store)
    assert store.next_due() is None
    assert store.next_deadline() is None


def test_what_was_not_started_by_its_deadline_expires(store: Store) -> None:
    [scheduled] = add(
        store,
        status=Status.SCHEDULED,
        due=NOW,
        deadline=NOW + 5,
        deadline_code=ErrorCode.OVERDUE,
    )
    [pending] = add(store, deadline=NOW + 4, deadline_code=ErrorCode.EXPIRED)
    [later] = add(store, deadline=NOW + 6, deadline_code=ErrorCode.EXPIRED)
    assert store.next_deadline() == NOW + 4
    store.begin()
    told = store.expire(NOW + 5, 10)
    store.commit()
    assert [(one.uid, one.outcome) for one in told] == [(pending, EXPIRED), (scheduled, OVERDUE)]
    assert {one.finished for one in told} == {NOW + 5}
    assert store.unsent(0, 10) == sorted(told, key=lambda one: one.seq)
    assert store.status(pending) is Status.EXPIRED
    assert store.status(later) is Status.PENDING


def test_a_deadline_is_for_the_first_start_only(store: Store) -> None:
    [uid] = add(store, deadline=NOW + 5, deadline_code=ErrorCode.EXPIRED)
    [job] = claim(store)
    store.begin()
    store.retry([again(job, due=NOW + 9)])
    assert store.expire(NOW + 9, 10) == []
    store.release_due(NOW + 9, 10)
    store.commit()
    assert store.next_deadline() is None
    assert [job.uid for job in claim(store, now=NOW + 9)] == [uid]


def test_a_job_whose_deadline_is_over_is_not_claimed(store: Store) -> None:
    add(store, deadline=NOW, deadline_code=ErrorCode.EXPIRED)
    [good] = add(store, deadline=NOW + 1, deadline_code=ErrorCode.EXPIRED)
    assert [(job.uid, job.worker) for job in claim(store, 2)] == [(good, 1)]


# -- dispatcher ------------------------------------------------------------------------------------


def test_a_claimed_job_has_all_that_its_worker_needs(store: Store) -> None:
    store.begin()
    spec, client = store.spec_id(SPEC), store.client_id("ann")
    store.commit()
    [uid] = add(store, label="7", arguments=b"args", units=(b"a" * 16, b"b" * 16), queue="mail")
    [job] = claim(store, queues=["mail"])
    assert (job.uid, job.label, job.client, job.reply) == (uid, "7", client, "desk")
    assert (job.attempt, job.spec, job.queue, job.worker) == (1, spec, "mail", 1)
    assert (job.arguments, job.units) == (b"args", (b"a" * 16, b"b" * 16))
    view = store.view(uid)
    assert view is not None
    assert (view.status, view.worker, view.started, view.attempt) == (Status.RUNNING, 1, NOW, 1)


def test_priority_goes_before_age_over_all_queues(store: Store) -> None:
    old, second = add(store, 2, queue="a")
    [urgent] = add(store, queue="b", priority=5)
    [idle] = add(store, queue="a", priority=-5)
    [third] = add(store, queue="b")
    claimed = claim(store, 9, queues=["a", "b"])
    assert [job.uid for job in claimed] == [urgent, old, second, third, idle]
    assert [job.worker for job in claimed] == [1, 2, 3, 4, 5]


def test_a_claim_keeps_to_places_rooms_and_execution(store: Store) -> None:
    add(store, 3, queue="a")
    add(store, 3, queue="b")
    add(store, 3, queue="c")
    add(store, 3, queue="a", execution=Execution.ASYNC)
    store.begin()
    claimed = store.claim({Execution.PROCESS: [7, 7, 8, 8]}, {"a": 1, "b": 2, "none": 9}, NOW)
    store.commit()
    assert [job.queue for job in claimed] == ["a", "b", "b"]
    assert [job.worker for job in claimed] == [7, 7, 8]
    assert store.pending() == {
        ("a", Execution.PROCESS): 2,
        ("b", Execution.PROCESS): 1,
        ("c", Execution.PROCESS): 3,
        ("a", Execution.ASYNC): 3,
    }


def test_a_claim_without_a_place_or_a_room_claims_nothing(store: Store) -> None:
    add(store)
    store.begin()
    assert store.claim({Execution.PROCESS: []}, {"default": 5}, NOW) == []
    assert store.claim({Execution.PROCESS: [1]}, {"default": 0}, NOW) == []
    assert store.claim({Execution.PROCESS: [1]}, {}, NOW) == []
    store.commit()


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_claim_ends_with_the_job_that_makes_its_bytes_full(store: Store, lanes: int) -> None:
    large = add(store, 5, arguments=bytes(CLAIM_BYTES // 2))
    small = add(store, 2, priority=9)
    add(store, lanes - 1, queue="other", priority=-1)
    queues = ("default", "other")
    assert [job.uid for job in claim(store, 9, queues=queues)] == [*small, *large[:2]]
    assert [job.uid for job in claim(store, 9, queues=queues)] == large[2:4]
    assert [job.uid for job in claim(store, 9, queues=queues)][:1] == large[4:]


def test_what_is_given_back_costs_no_attempt_and_keeps_its_place(store: Store) -> None:
    first, second = add(store, 2)
    [job] = claim(store)
    store.begin()
    store.give_back([(job.seq, job.attempt)])
    store.commit()
    view = store.view(first)
    assert view is not None
    assert (view.status, view.attempt, view.worker, view.started) == (
        Status.PENDING,
        0,
        None,
        None,
    )
    assert [(job.uid, job.attempt) for job in claim(store, 2)] == [(first, 1), (second, 1)]


# -- finisher --------------------------------------------------------------------------------------


def test_a_finished_job_is_told_what_it_returned(store: Store) -> None:
    [uid] = add(store, label="x")
    [job] = claim(store)
    store.begin()
    [told] = store.finish([ending(job)])
    store.commit()
    assert (told.uid, told.label, told.client, told.reply) == (uid, "x", "ann", "desk")
    assert (told.attempt, told.started, told.finished) == (1, NOW + 1, NOW + 2)
    assert told.outcome == DONE
    assert store.unsent(0, 10) == store.outcomes([uid]) == [told]
    assert store.counts() == {("default", Status.COMPLETED): 1}


def test_what_nobody_waits_for_is_told_to_the_caller_and_has_no_line(store: Store) -> None:
    [uid] = add(store, reply="")
    [job] = claim(store)
    store.begin()
    assert [told.reply for told in store.finish([ending(job)])] == [""]
    store.commit()
    assert store.unsent(0, 10) == []
    assert [told.uid for told in store.outcomes([uid])] == [uid]


def test_outcomes_are_told_in_the_order_of_the_endings(store: Store) -> None:
    add(store, 5)
    jobs = claim(store, 5)[::-1]
    store.begin()
    told = store.finish([ending(job) for job in jobs])
    store.commit()
    assert [one.seq for one in told] == [job.seq for job in jobs]


@pytest.mark.parametrize(
    "status", [Status.COMPLETED, Status.FAILED, Status.TIMEOUT, Status.CANCELLED]
)
def test_a_job_ends_with_the_status_of_its_outcome(store: Store, status: Status) -> None:
    [uid] = add(store)
    outcome = DONE if status is Status.COMPLETED else replace(FAILED, status=status)
    finish(store, *claim(store), outcome=outcome)
    assert store.status(uid) is status


def test_a_retry_is_a_new_attempt_with_the_old_one_in_the_history(store: Store) -> None:
    [uid] = add(store)
    [first] = claim(store)
    store.begin()
    store.retry([again(first, due=NOW + 10)])
    store.commit()
    view = store.view(uid)
    assert view is not None
    assert (view.status, view.due, view.attempt, view.worker) == (
        Status.SCHEDULED,
        NOW + 10,
        1,
        None,
    )
    assert store.unsent(0, 10) == []
    store.begin()
    store.release_due(NOW + 10, 10)
    store.commit()
    [second] = claim(store)
    assert second.attempt == 2
    finish(store, second)
    view = store.view(uid)
    assert view is not None
    assert [(a.number, a.status, a.code, a.text) for a in view.attempts] == [
        (1, "failed", ErrorCode.ERROR_IN_TASK, "it went wrong"),
        (2, "completed", None, ""),
    ]
    assert [(a.worker, a.started, a.finished) for a in view.attempts] == [(1, NOW + 1, NOW + 2)] * 2
    assert view.attempts[0].traceback == "Traceback ..."


def test_a_first_attempt_that_went_well_needs_no_history(store: Store) -> None:
    [uid] = add(store)
    finish(store, *claim(store))
    view = store.view(uid)
    assert view is not None
    assert view.attempts == ()


@pytest.mark.parametrize("given_up", ["retried", "finished", "given back", "requeued", "unknown"])
def test_a_late_outcome_of_an_attempt_that_was_given_up_changes_nothing(
    store: Store, given_up: str
) -> None:
    [uid] = add(store)
    [late] = claim(store)
    store.begin()
    if given_up == "retried":
        store.retry([again(late, due=NOW)])
        store.release_due(NOW, 1)
    elif given_up == "finished":
        store.finish([ending(late, FAILED)])
    elif given_up == "given back":
        store.give_back([(late.seq, late.attempt)])
    elif given_up == "requeued":
        store.finish([ending(late, FAILED)])
        store.requeue(uid, NOW)
    else:
        store.finish([ending(late, FAILED)])
        store.prune(Retention({Status.FAILED: 0.0}), NOW + 9, 9)
    store.commit()
    if given_up in ("retried", "requeued"):
        assert [job.uid for job in claim(store)] == [uid]  # the next attempt runs
    before = store.view(uid), store.counts(), store.unsent(0, 9), store.running()
    store.begin()
    assert store.finish([ending(late)]) == []
    store.retry([again(late)])
    store.give_back([(late.seq, late.attempt)])
    store.commit()
    assert (store.view(uid), store.counts(), store.unsent(0, 9), store.running()) == before


def test_of_two_endings_of_one_attempt_the_first_counts(store: Store) -> None:
    add(store)
    [job] = claim(store)
    store.begin()
    [told] = store.finish([ending(job), ending(job, FAILED)])
    store.commit()
    assert told.outcome == DONE
    assert store.counts() == {("default", Status.COMPLETED): 1}


def test_running_jobs_are_found_again(store: Store) -> None:
    add(store, 3)
    jobs = claim(store, 2)
    assert [(r.seq, r.uid, r.attempt, r.worker, r.started) for r in store.running()] == [
        (job.seq, job.uid, 1, job.worker, NOW) for job in jobs
    ]
    assert store.spec(store.running()[0].spec) == SPEC
