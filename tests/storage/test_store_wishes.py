"""What people want of jobs and ask about them: what every store must do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schedulergodx.core.identity import ulid
from schedulergodx.core.job import ErrorCode, Execution, Status
from schedulergodx.core.view import CancelAnswer, Change, JobFilter
from schedulergodx.storage.base import Retention, Store
from schedulergodx.storage.verdicts import CALLED_OFF
from tests.storage.making import (
    CANCELLED,
    DONE,
    FAILED,
    NOW,
    SPEC,
    add,
    claim,
    ending,
    finish,
    new_job,
    new_uid,
)

# -- wishes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.PENDING])
def test_what_waits_is_cancelled(store: Store, status: Status) -> None:
    [uid] = add(store, status=status, due=NOW + 5)
    store.begin()
    cancelled = store.cancel(uid, NOW + 1)
    store.commit()
    assert cancelled.answer is CancelAnswer.CANCELLED
    [told] = cancelled.told
    assert (told.outcome, told.finished) == (CALLED_OFF, NOW + 1)
    assert store.unsent(0, 10) == [told]
    assert claim(store) == []
    assert store.next_due() is None


def test_a_cancel_of_what_runs_is_noted(store: Store) -> None:
    [uid] = add(store)
    [job] = claim(store)
    store.begin()
    cancelled = store.cancel(uid, NOW)
    assert cancelled.answer is CancelAnswer.ASKED
    assert cancelled.told == ()
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
    [shadow] = add(store, label=ulid(uid))
    assert store.find(None, ulid(uid)) == store.find("ann", ulid(uid)) == uid
    assert store.find("ann", ulid(shadow)) == shadow
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
    assert listed(since=NOW + 1) == []
    assert len(listed(since=NOW)) == len(listed())
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


# -- what is said of jobs --------------------------------------------------------------------------


def note_of(store: Store, uid: bytes) -> str:
    view = store.view(uid)
    assert view is not None
    return view.note


def test_a_sentence_about_a_job_is_kept_and_moves_nothing(store: Store) -> None:
    [uid] = add(store)
    assert note_of(store, uid) == ""
    for note in ("half of it", "completed"):
        store.begin()
        assert store.annotate(uid, note, NOW)
        store.commit()
        assert note_of(store, uid) == note
        assert store.status(uid) is Status.PENDING
    [job] = claim(store)
    finish(store, job, outcome=DONE)
    assert note_of(store, uid) == "completed"


def test_nothing_can_be_said_of_a_job_that_is_not_there(inside: Store) -> None:
    assert not inside.annotate(new_uid(), "hello", NOW)


def test_a_sentence_goes_with_its_job_and_not_into_its_next_life(store: Store) -> None:
    old, again = add(store, 2, status=Status.FAILED, outcome=FAILED, arguments=b"a")
    store.begin()
    for uid in (old, again):
        store.annotate(uid, "it was", NOW)
    assert store.requeue(again, NOW)
    assert note_of(store, again) == ""
    assert store.prune(Retention({Status.FAILED: 0.0}), NOW + 10, 10) == 1
    store.commit()
    store.begin()
    assert not store.annotate(old, "gone", NOW)
    store.commit()
