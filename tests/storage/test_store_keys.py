"""Keys that no two jobs have, and launches that were joined: what every store must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schedulergodx.core.job import Status
from schedulergodx.core.unique import replaced
from schedulergodx.core.view import CancelAnswer
from schedulergodx.storage.base import Retention
from schedulergodx.storage.holding import Holder, Key
from tests.storage.making import CANCELLED, DONE, FAILED, NOW, add, claim, finish, new_job

if TYPE_CHECKING:
    from schedulergodx.storage.base import Store, Told

KEY = b"k" * 16
NOT_ENDED = (Status.SCHEDULED, Status.BLOCKED, Status.PENDING, Status.RUNNING)
AT_ONCE = Retention(dict.fromkeys((Status.COMPLETED, Status.FAILED, Status.CANCELLED), 0.0))


def key_of(uid: bytes, *, until: float | None = None, holds: bool = True) -> Key:
    return Key(uid, KEY, until, NOT_ENDED, holds)


def hold(store: Store, *keys: Key) -> None:
    store.begin()
    store.hold(keys)
    store.commit()


def holder(store: Store) -> Holder | None:
    return store.holders([KEY, b"o" * 16]).get(KEY)


def join(store: Store, first: bytes, number: int = 1) -> list[bytes]:
    """So many launches that are joined to another job."""
    store.begin()
    jobs = [new_job(store, status=Status.BLOCKED, reply="other") for _ in range(number)]
    store.add_jobs(jobs)
    store.join([(job.uid, first) for job in jobs])
    store.commit()
    return [job.uid for job in jobs]


def end_joined(store: Store, limit: int = 100) -> list[Told]:
    store.begin()
    told = store.end_joined(NOW + 5, limit)
    store.commit()
    return told


# -- who has a key ---------------------------------------------------------------------------------


def test_a_key_has_one_holder_the_newest(store: Store) -> None:
    assert holder(store) is None
    first, second = add(store, 2, label="x")
    hold(store, key_of(first, until=NOW + 9))
    assert holder(store) == Holder(first, "x", Status.PENDING, NOW + 9)
    hold(store, key_of(second))
    assert holder(store) == Holder(second, "x", Status.PENDING, None)


def test_one_that_was_refused_has_a_key_and_does_not_hold_it(store: Store) -> None:
    first, second = add(store, 2)
    hold(store, key_of(first))
    hold(store, key_of(second, holds=False))
    assert holder(store) == Holder(first, None, Status.PENDING, None)


def test_what_is_rolled_back_holds_nothing(store: Store) -> None:
    [first] = add(store)
    store.begin()
    store.hold([key_of(first)])
    store.rollback()
    assert holder(store) is None


def test_which_uids_are_there_is_known(store: Store) -> None:
    uids = add(store, 2)
    assert store.known([*uids, b"\xff" * 16, b"\0" * 16]) == set(uids)
    assert store.known([]) == set()


def test_one_that_waits_is_replaced_and_one_that_runs_is_not(store: Store) -> None:
    running, waiting = add(store, 2)
    claim(store, 1)
    store.begin()
    outcome = replaced("the new one")
    [told] = store.replace(waiting, outcome, NOW)
    assert store.replace(running, outcome, NOW) == []
    assert store.replace(b"\0" * 16, outcome, NOW) == []
    store.commit()
    assert (told.uid, told.outcome) == (waiting, outcome)
    assert store.status(waiting) is Status.CANCELLED
    assert store.status(running) is Status.RUNNING


# -- requeue ---------------------------------------------------------------------------------------


def fail(store: Store) -> bytes:
    """A job that has failed."""
    [uid] = add(store)
    finish(store, *claim(store), outcome=FAILED)
    return uid


def requeue(store: Store, uid: bytes, now: float = NOW) -> bool:
    store.begin()
    done = store.requeue(uid, now)
    store.commit()
    return done


def test_one_that_is_requeued_holds_its_key_again(store: Store) -> None:
    uid = fail(store)
    hold(store, key_of(uid))
    assert requeue(store, uid)
    assert holder(store) == Holder(uid, None, Status.PENDING, None)


def test_one_is_not_requeued_while_another_one_holds_its_key(store: Store) -> None:
    old = fail(store)
    hold(store, key_of(old))
    [new] = add(store)
    hold(store, key_of(new))
    assert not requeue(store, old)
    assert store.status(old) is Status.FAILED
    finish(store, *claim(store))
    assert requeue(store, old)
    assert holder(store) == Holder(old, None, Status.PENDING, None)
    finish(store, *claim(store), outcome=FAILED)
    assert requeue(store, old), "its key moved along with it"


def test_one_whose_key_is_held_no_more_is_requeued_beside_another(store: Store) -> None:
    old = fail(store)
    hold(store, key_of(old, until=NOW + 5))
    [new] = add(store)
    hold(store, key_of(new))
    assert not requeue(store, old, NOW + 4)
    assert requeue(store, old, NOW + 5)


def test_one_that_was_refused_is_requeued_once_the_key_is_free(store: Store) -> None:
    [first] = add(store)
    hold(store, key_of(first))
    [refused] = add(store, status=Status.FAILED, outcome=FAILED)
    hold(store, key_of(refused, holds=False))
    assert not requeue(store, refused)
    finish(store, *claim(store))
    assert requeue(store, refused)


# -- joined ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [DONE, FAILED, CANCELLED])
def test_what_is_joined_ends_as_the_first_did_and_is_told(store: Store, outcome: object) -> None:
    [first] = add(store)
    joined = join(store, first, 3)
    assert end_joined(store) == []
    jobs = claim(store, 9)
    assert [job.uid for job in jobs] == [first]
    finish(store, *jobs, outcome=outcome)  # type: ignore[arg-type]
    told = end_joined(store)
    assert [one.uid for one in told] == joined
    assert {one.outcome for one in told} == {outcome}
    assert {(one.reply, one.started, one.finished) for one in told} == {("other", NOW + 1, NOW + 5)}
    assert {one.uid for one in store.unsent(0, 10)} == {first, *joined}
    assert store.outcomes(joined) == told
    assert end_joined(store) == []


def test_what_is_joined_to_one_that_has_ended_ends_at_once(store: Store) -> None:
    [first] = add(store)
    finish(store, *claim(store))
    [joined] = join(store, first)
    assert [told.uid for told in end_joined(store)] == [joined]
    assert store.status(joined) is Status.COMPLETED


def test_what_is_joined_waits_while_the_first_is_tried_again(store: Store) -> None:
    [first] = add(store)
    join(store, first)
    [job] = claim(store)
    store.begin()
    store.give_back([(job.seq, job.attempt)])
    store.commit()
    assert end_joined(store) == []


def test_one_that_is_called_off_leaves_the_first_alone(store: Store) -> None:
    [first] = add(store)
    joined, other = join(store, first, 2)
    store.begin()
    assert store.cancel(joined, NOW).answer is CancelAnswer.CANCELLED
    store.commit()
    finish(store, *claim(store))
    assert [told.uid for told in end_joined(store)] == [other]
    assert store.status(joined) is Status.CANCELLED
    assert store.status(first) is Status.COMPLETED


def test_very_many_that_are_joined_end_a_slice_at_a_time(store: Store) -> None:
    [first] = add(store)
    joined = join(store, first, 5)
    finish(store, *claim(store))
    ended = [[told.uid for told in end_joined(store, 2)] for _ in range(4)]
    assert ended == [joined[:2], joined[2:4], joined[4:], []]


def test_the_first_is_kept_until_all_that_are_joined_have_ended(store: Store) -> None:
    [first] = add(store)
    join(store, first, 3)
    finish(store, *claim(store))
    end_joined(store, 2)
    store.begin()
    assert store.prune(AT_ONCE, NOW + 9, 10) == 0
    store.commit()
    end_joined(store)
    store.begin()
    assert store.prune(AT_ONCE, NOW + 9, 10) == 4
    store.commit()


def test_one_that_was_called_off_and_requeued_runs_by_itself(store: Store) -> None:
    [first] = add(store)
    [joined] = join(store, first)
    store.begin()
    store.cancel(joined, NOW)
    store.requeue(joined, NOW)
    store.commit()
    jobs = claim(store, 9)
    assert [job.uid for job in jobs] == [first, joined]
    finish(store, jobs[0])
    assert end_joined(store) == []
    assert store.status(joined) is Status.RUNNING


def test_a_first_that_is_requeued_before_all_were_told_is_waited_for_again(store: Store) -> None:
    [first] = add(store)
    joined = join(store, first, 3)
    finish(store, *claim(store), outcome=FAILED)
    end_joined(store, 2)
    assert requeue(store, first)
    assert end_joined(store) == []
    finish(store, *claim(store))
    assert [(told.uid, told.outcome) for told in end_joined(store)] == [(joined[2], DONE)]


# -- pruning ---------------------------------------------------------------------------------------


def prune(store: Store, now: float) -> None:
    store.begin()
    store.prune(AT_ONCE, now, 100)
    store.sweep(now, 100)
    store.commit()


def test_a_key_without_a_time_goes_with_its_job(store: Store) -> None:
    uid = fail(store)
    hold(store, key_of(uid))
    prune(store, NOW + 3)
    assert holder(store) is None


def test_a_key_that_is_held_by_time_outlives_its_job(store: Store) -> None:
    uid = fail(store)
    hold(store, key_of(uid, until=NOW + 100))
    prune(store, NOW + 50)
    assert holder(store) == Holder(None, None, None, NOW + 100)
    prune(store, NOW + 100)
    assert holder(store) is None


def test_keys_are_swept_in_slices(store: Store) -> None:
    uids = add(store, 5)
    store.begin()
    store.hold([Key(uid, uid, NOW + 1, NOT_ENDED, True) for uid in uids])
    assert [store.sweep(NOW + 2, 2) for _ in range(4)] == [2, 2, 1, 0]
    store.commit()
    assert store.holders(uids) == {}
