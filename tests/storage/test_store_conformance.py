"""What every store must do. A new one is added to `stores.KINDS` and changes nothing here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from schedulergodx.core.identity import ulid
from schedulergodx.core.job import ErrorCode, Execution, Outcome, Status
from schedulergodx.core.view import CancelAnswer, Change, JobFilter
from schedulergodx.storage.base import Retention, Store
from schedulergodx.storage.verdicts import CALLED_OFF, EXPIRED, OVERDUE
from tests.storage.making import (
    CANCELLED,
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
from tests.storage.stores import KINDS, unopened

YEAR = 365 * 86400.0


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = unopened(request.param, tmp_path)
    store.open()
    yield store
    store.close()


@pytest.fixture
def inside(store: Store) -> Iterator[Store]:
    """A store with a transaction that is committed in the end."""
    store.begin()
    yield store
    store.commit()


# -- transactions and what is remembered -----------------------------------------------------------


def test_a_store_has_a_uid_of_its_own(store: Store) -> None:
    assert len(store.uid) == 32
    assert bytes.fromhex(store.uid) is not None


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


def test_a_note_is_the_last_one_that_was_set(inside: Store) -> None:
    assert inside.get_note("boot") is None
    inside.set_note("boot", "one")
    inside.set_note("boot", "two")
    assert inside.get_note("boot") == "two"


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
    claimed = store.claim(Execution.PROCESS, {"a": 1, "b": 2, "none": 9}, [7, 7, 8, 8], NOW)
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
    assert store.claim(Execution.PROCESS, {"default": 5}, [], NOW) == []
    assert store.claim(Execution.PROCESS, {"default": 0}, [1], NOW) == []
    assert store.claim(Execution.PROCESS, {}, [1], NOW) == []
    store.commit()


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


# -- wishes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.PENDING])
def test_what_waits_is_cancelled(store: Store, status: Status) -> None:
    [uid] = add(store, status=status, due=NOW + 5)
    store.begin()
    cancelled = store.cancel(uid, NOW + 1)
    store.commit()
    assert cancelled.answer is CancelAnswer.CANCELLED
    assert cancelled.told is not None
    assert (cancelled.told.outcome, cancelled.told.finished) == (CALLED_OFF, NOW + 1)
    assert store.unsent(0, 10) == [cancelled.told]
    assert claim(store) == []
    assert store.next_due() is None


def test_a_cancel_of_what_runs_is_noted(store: Store) -> None:
    [uid] = add(store)
    [job] = claim(store)
    store.begin()
    cancelled = store.cancel(uid, NOW)
    assert cancelled.answer is CancelAnswer.ASKED
    assert cancelled.told is None
    assert [cancelled.running] == store.running()
    assert store.cancel_asked([job.seq, job.seq + 1]) == {job.seq}
    store.commit()
    finish(store, job, outcome=CANCELLED)
    assert store.cancel_asked([job.seq]) == set()
    view = store.view(uid)
    assert view is not None
    assert (view.status, view.cancel_asked, view.code) == (
        Status.CANCELLED,
        True,
        ErrorCode.CANCELLED,
    )


def test_a_cancel_may_come_too_late_or_for_nobody(inside: Store) -> None:
    store = inside
    job = new_job(store, status=Status.FAILED, outcome=FAILED)
    store.add_jobs([job])
    assert store.cancel(job.uid, NOW).answer is CancelAnswer.TOO_LATE
    assert store.cancel(new_uid(), NOW).answer is CancelAnswer.UNKNOWN
    assert store.status(job.uid) is Status.FAILED


def test_a_cancel_that_overtakes_its_job_wins(store: Store) -> None:
    uid = new_uid()
    store.begin()
    told = store.bury(uid, store.client_id("ann"), "desk", NOW)
    store.commit()
    assert (told.uid, told.client, told.outcome) == (uid, "ann", CALLED_OFF)
    assert store.unsent(0, 10) == [told]
    store.begin()
    assert store.add_jobs([new_job(store, uid=uid)]) == {uid}
    assert store.requeue(uid, NOW) is False  # nobody knows what it would run
    store.commit()
    assert store.status(uid) is Status.CANCELLED
    assert claim(store) == []


def test_all_that_may_change_of_a_job_changes(store: Store) -> None:
    [uid] = add(store)
    store.begin()
    change = Change(due=NOW + 50, priority=3, queue="night", lifetime=-1.0)
    assert store.change(uid, change, NOW) is True
    store.commit()
    view = store.view(uid)
    assert view is not None
    assert (view.status, view.due, view.priority) == (Status.SCHEDULED, NOW + 50, 3)
    assert (view.queue, view.lifetime, view.task) == ("night", None, "greet")
    assert store.counts() == {("night", Status.SCHEDULED): 1}
    store.begin()
    assert store.change(uid, Change(due=0.0, lifetime=5.0), NOW + 1) is True
    store.commit()
    [job] = claim(store, queues=["night"])
    assert store.spec(job.spec) == replace(SPEC, lifetime=5.0)
    view = store.view(uid)
    assert view is not None
    assert (view.due, view.priority) == (NOW + 1, 3)


def test_the_deadline_of_what_must_not_be_late_moves_with_its_due(store: Store) -> None:
    fields = {"status": Status.SCHEDULED, "due": NOW + 10, "deadline": NOW + 15}
    [overdue] = add(store, deadline_code=ErrorCode.OVERDUE, **fields)
    [expires] = add(store, deadline_code=ErrorCode.EXPIRED, **fields)
    store.begin()
    for uid in (overdue, expires):
        store.change(uid, Change(due=NOW + 100), NOW)
    store.commit()
    deadlines = [view.deadline for view in store.list_jobs(JobFilter())]
    assert deadlines == [NOW + 15, NOW + 105]


def test_nothing_changes_of_a_job_that_runs_has_ended_or_is_unknown(store: Store) -> None:
    running, ended = add(store, 2)
    finish(store, claim(store, 2)[1])
    store.begin()
    for uid in (running, ended, new_uid()):
        assert store.change(uid, Change(priority=9), NOW) is False
    store.commit()
    assert {view.priority for view in store.list_jobs(JobFilter())} == {0}


def test_a_blocked_job_stays_blocked_until_its_parents_are_done(store: Store) -> None:
    [uid] = add(store, status=Status.BLOCKED)
    store.begin()
    assert store.change(uid, Change(due=NOW + 5, priority=2), NOW) is True
    assert store.release_due(NOW + 9, 9) == 0
    store.commit()
    assert store.status(uid) is Status.BLOCKED
    assert claim(store) == []
    store.begin()
    assert store.cancel(uid, NOW).answer is CancelAnswer.CANCELLED
    store.commit()
    assert store.counts() == {("default", Status.CANCELLED): 1}


@pytest.mark.parametrize(
    "status", [Status.FAILED, Status.TIMEOUT, Status.CANCELLED, Status.EXPIRED]
)
def test_what_did_not_complete_can_be_requeued(store: Store, status: Status) -> None:
    [uid] = add(store, deadline=NOW + 5, deadline_code=ErrorCode.EXPIRED)
    [job] = claim(store)
    store.begin()
    store.cancel(uid, NOW)
    store.finish([ending(job, replace(FAILED, status=status))])
    assert store.requeue(uid, NOW + 60) is True
    store.commit()
    view = store.view(uid)
    assert view is not None
    assert (view.status, view.attempt, view.due) == (Status.PENDING, 0, NOW + 60)
    assert (view.finished, view.code, view.text, view.output) == (None, None, "", "")
    assert (view.deadline, view.cancel_asked) == (None, False)
    assert [attempt.number for attempt in view.attempts] == [1]
    assert store.unsent(0, 10) == store.outcomes([uid]) == []
    [again_] = claim(store, now=NOW + 60)
    assert (again_.uid, again_.attempt, again_.arguments) == (uid, 1, b"arguments")
    assert store.cancel_asked([again_.seq]) == set()


def test_a_late_confirm_of_a_response_does_not_swallow_the_next_one(store: Store) -> None:
    [uid] = add(store)
    [first] = claim(store)
    finish(store, first, outcome=FAILED)
    store.begin()
    store.requeue(uid, NOW)
    store.commit()
    finish(store, *claim(store))
    store.begin()
    store.sent([first.seq])
    store.commit()
    assert [told.outcome for told in store.unsent(0, 10)] == [DONE]


def test_what_completed_waits_or_is_unknown_is_not_requeued(store: Store) -> None:
    done, waiting = add(store, 2)
    finish(store, *claim(store))
    store.begin()
    assert [store.requeue(uid, NOW) for uid in (done, waiting, new_uid())] == [False] * 3
    store.commit()
    assert store.status(done) is Status.COMPLETED


# -- questions -------------------------------------------------------------------------------------


def test_a_label_names_the_newest_job_of_its_client(store: Store) -> None:
    store.begin()
    bob = store.client_id("bob")
    store.commit()
    [old] = add(store, label="1")
    [new] = add(store, label="1", created=NOW + 1)
    [bobs] = add(store, label="1", client=bob, created=NOW + 2)
    assert store.find("ann", "1") == new
    assert store.find("bob", "1") == bobs
    assert store.find(None, "1") == bobs
    assert store.find("eve", "1") is None
    assert store.find("ann", "2") is None
    finish(store, *claim(store), outcome=FAILED)
    store.begin()
    assert store.requeue(old, NOW + 9)
    store.commit()
    assert store.find("ann", "1") == new


def test_a_job_is_found_by_its_uid_as_people_write_it(store: Store) -> None:
    [uid] = add(store)
    for text in (ulid(uid), ulid(uid).lower(), uid.hex(), uid.hex().upper()):
        assert store.find("ann", text) == uid
        assert store.find(None, text) == uid
    assert store.find(None, ulid(new_uid())) is None
    assert store.find(None, "no such id") is None


def test_an_unknown_uid_has_no_status_no_view_and_no_outcome(store: Store) -> None:
    [waiting] = add(store)
    uid = new_uid()
    assert store.status(uid) is None
    assert store.view(uid) is None
    assert store.outcomes([uid, waiting]) == []


def test_a_view_shows_all_of_a_job(store: Store) -> None:
    [uid] = add(
        store,
        label="9",
        queue="mail",
        execution=Execution.FORK,
        priority=4,
        due=NOW - 5,
        deadline=NOW + 500,
        deadline_code=ErrorCode.EXPIRED,
    )
    [job] = claim(store, execution=Execution.FORK, queues=["mail"])
    finish(store, job, outcome=FAILED)
    view = store.view(uid)
    assert view is not None
    assert (view.uid, view.label, view.client, view.task) == (uid, "9", "ann", "greet")
    assert (view.queue, view.execution, view.status, view.priority) == (
        "mail",
        "fork",
        Status.FAILED,
        4,
    )
    assert (view.created, view.due, view.deadline) == (NOW, NOW - 5, NOW + 500)
    assert (view.started, view.finished, view.attempt, view.max_attempts) == (
        NOW + 1,
        NOW + 2,
        1,
        3,
    )
    assert (view.lifetime, view.worker, view.cancel_asked) == (60.0, 1, False)
    assert (view.code, view.text) == (ErrorCode.ERROR_IN_TASK, "it went wrong")
    assert (view.output, view.traceback) == ("printed before it failed", "Traceback ...")


def test_a_list_is_newest_first_and_in_pages(store: Store) -> None:
    uids = add(store, 5)[::-1]
    first = store.list_jobs(JobFilter(limit=2))
    second = store.list_jobs(JobFilter(limit=2, before=first[-1].seq))
    third = store.list_jobs(JobFilter(limit=2, before=second[-1].seq))
    assert [view.uid for view in (*first, *second, *third)] == uids
    assert store.list_jobs(JobFilter(limit=0)) == []


def test_a_list_keeps_to_all_of_its_filter(store: Store) -> None:
    store.begin()
    bob, other = store.client_id("bob"), store.spec_id(replace(SPEC, name="other"))
    store.commit()
    [bobs] = add(store, client=bob)
    [others] = add(store, spec=other)
    [mail] = add(store, queue="mail")
    [failed] = add(store, status=Status.FAILED, outcome=FAILED)
    [scheduled] = add(store, status=Status.SCHEDULED, due=NOW + 9)

    def listed(**fields: object) -> list[bytes]:
        return [view.uid for view in store.list_jobs(JobFilter(**fields))]

    assert listed(client="bob") == [bobs]
    assert listed(task="other") == [others]
    assert listed(queue="mail") == [mail]
    assert listed(status=Status.FAILED) == [failed]
    assert listed(status=Status.SCHEDULED) == [scheduled]
    assert listed(status=Status.BLOCKED) == listed(status=Status.RUNNING) == []
    assert listed(status=Status.PENDING) == [mail, others, bobs]
    assert listed(status=Status.PENDING, queue="default", client="ann") == [others]
    assert listed(client="nobody") == listed(task="nothing") == listed(queue="nowhere") == []


def test_a_list_shows_codes_and_opens_no_outcome(store: Store) -> None:
    add(store, status=Status.FAILED, outcome=FAILED)
    [view] = store.list_jobs(JobFilter())
    assert (view.code, view.text, view.output, view.traceback, view.attempts) == (
        ErrorCode.ERROR_IN_TASK,
        "",
        "",
        "",
        (),
    )


def test_counts_are_by_queue_and_status(store: Store) -> None:
    add(store, 2, queue="a")
    add(store, 1, queue="a", execution=Execution.ASYNC)
    add(store, 1, queue="b", status=Status.SCHEDULED, due=NOW + 1)
    claim(store, queues=["a"])
    assert store.counts() == {
        ("a", Status.PENDING): 2,
        ("a", Status.RUNNING): 1,
        ("b", Status.SCHEDULED): 1,
    }


# -- outbox ----------------------------------------------------------------------------------------


def test_what_was_sent_is_not_told_again(store: Store) -> None:
    uids = add(store, 3)
    finish(store, *claim(store, 3))
    seqs = [told.seq for told in store.unsent(0, 10)]
    store.begin()
    store.sent(seqs[:1])
    store.sent([])
    store.commit()
    assert [told.seq for told in store.unsent(0, 10)] == seqs[1:]
    assert [told.seq for told in store.unsent(0, 1)] == seqs[1:2]
    assert [told.seq for told in store.unsent(seqs[1], 10)] == seqs[2:]
    assert len(store.outcomes(uids)) == 3


# -- caretaker -------------------------------------------------------------------------------------


def test_what_was_kept_long_enough_is_removed_whole(store: Store) -> None:
    old, kept, waiting = add(store, 3, label="l")
    jobs = claim(store, 2)
    store.begin()
    store.finish([ending(jobs[0], FAILED), ending(jobs[1], FAILED, finished=NOW + 50)])
    assert store.prune(Retention({Status.FAILED: 10.0}), NOW + 12, 10) == 1
    store.commit()
    assert store.view(old) is None
    assert store.find("ann", ulid(old)) is None
    assert store.outcomes([old]) == []
    assert [told.uid for told in store.unsent(0, 10)] == [kept]
    assert store.counts() == {("default", Status.FAILED): 1, ("default", Status.PENDING): 1}
    assert store.status(waiting) is Status.PENDING


def test_retention_is_by_status_and_none_is_for_ever(store: Store) -> None:
    add(store, 3)
    jobs = claim(store, 3)
    statuses = (Status.COMPLETED, Status.FAILED, Status.TIMEOUT)
    store.begin()
    store.finish([ending(job, Outcome(status)) for job, status in zip(jobs, statuses, strict=True)])
    retention = Retention({Status.COMPLETED: 60.0, Status.FAILED: None})
    assert store.prune(retention, NOW + 9, 10) == 0
    assert store.prune(retention, NOW + YEAR, 10) == 1
    store.commit()
    left = {status for _, status in store.counts()}
    assert left == {Status.FAILED, Status.TIMEOUT}


def test_a_prune_takes_the_oldest_up_to_its_limit(store: Store) -> None:
    uids = add(store, 5)
    finish(store, *claim(store, 5))
    retention = Retention({Status.COMPLETED: 0.0, Status.FAILED: 0.0})
    store.begin()
    assert [store.prune(retention, NOW + 9, 2) for _ in range(4)] == [2, 2, 1, 0]
    store.commit()
    assert [store.status(uid) for uid in uids] == [None] * 5


def test_no_seq_is_given_twice(store: Store) -> None:
    add(store, 2)
    jobs = claim(store, 2)
    finish(store, *jobs)
    store.begin()
    store.prune(Retention({Status.COMPLETED: 0.0}), NOW + 9, 9)
    store.commit()
    add(store)
    assert claim(store)[0].seq > max(job.seq for job in jobs)


def test_a_pruned_uid_may_come_again(store: Store) -> None:
    [uid] = add(store)
    finish(store, *claim(store))
    store.begin()
    store.prune(Retention({Status.COMPLETED: 0.0}), NOW + 9, 9)
    assert store.add_jobs([new_job(store, uid=uid)]) == set()
    store.commit()
    assert store.status(uid) is Status.PENDING


def test_a_checkpoint_changes_nothing_that_can_be_seen(store: Store) -> None:
    [uid] = add(store)
    store.checkpoint()
    assert store.status(uid) is Status.PENDING
