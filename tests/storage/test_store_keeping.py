"""What is told, kept and removed: what every store must do."""

from __future__ import annotations

from schedulergodx.core.identity import ulid
from schedulergodx.core.job import Outcome, Status
from schedulergodx.storage.base import Retention, Store
from tests.storage.making import (
    FAILED,
    NOW,
    add,
    claim,
    ending,
    finish,
    new_job,
)

YEAR = 365 * 86400.0


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


def test_a_queue_can_keep_its_jobs_for_another_time(store: Store) -> None:
    [default] = add(store)
    [mail] = add(store, queue="mail")
    [audit] = add(store, queue="audit")
    jobs = claim(store, 3, queues=("default", "mail", "audit"))
    finish(store, *jobs)
    retention = Retention(
        {Status.COMPLETED: 100.0},
        {"mail": {Status.COMPLETED: 10.0, Status.FAILED: 0.0}, "audit": {Status.COMPLETED: None}},
    )
    left = []
    for now in (NOW + 11, NOW + 12, NOW + 101, NOW + 102, NOW + YEAR):
        store.begin()
        store.prune(retention, now, 10)
        store.commit()
        left.append([uid for uid in (default, mail, audit) if store.status(uid)])
    assert left == [[default, mail, audit], [default, audit], [default, audit], [audit], [audit]]


def test_a_queue_can_keep_what_failed_for_another_time_than_all_else(store: Store) -> None:
    add(store, 2, queue="mail")
    [good, bad] = claim(store, 2, queues=("mail",))
    store.begin()
    store.finish([ending(good), ending(bad, FAILED)])
    retention = Retention({Status.COMPLETED: 5.0}, {"mail": {Status.FAILED: 50.0}})
    assert [store.prune(retention, NOW + s, 10) for s in (6, 8, 51, 53)] == [0, 1, 0, 1]
    store.commit()


def test_a_prune_takes_no_more_than_its_limit_of_any_queue(store: Store) -> None:
    add(store, 3, queue="mail")
    add(store, 3)
    finish(store, *claim(store, 9, queues=("default", "mail")))
    retention = Retention({Status.COMPLETED: 1.0}, {"mail": {Status.COMPLETED: 0.0}})
    store.begin()
    assert [store.prune(retention, NOW + 9, 2) for _ in range(4)] == [2, 2, 2, 0]
    store.commit()


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
