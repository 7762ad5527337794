"""What jobs say of themselves and leave to later attempts, on every store."""

from __future__ import annotations

from schedulergodx.core.job import Status
from schedulergodx.core.view import Progress
from schedulergodx.storage.base import Ending, Retention, Store
from schedulergodx.storage.progress import Checkpoint, Said
from tests.storage.making import CANCELLED, DONE, FAILED, NOW, add, again, claim, finish, reopened

HALF = Checkpoint(b"half", (b"u" * 16,))
MORE = Checkpoint(b"more", ())


def say(store: Store, *said: Said) -> None:
    store.begin()
    store.note_progress(said, NOW)
    store.commit()


def keep(store: Store, seq: int, attempt: int, checkpoint: Checkpoint = HALF) -> bool:
    store.begin()
    kept = store.keep_checkpoint(seq, attempt, checkpoint, NOW)
    store.commit()
    return kept


def words(store: Store, uid: bytes) -> tuple[Progress | None, str]:
    view = store.view(uid)
    assert view is not None
    return view.progress, view.note


def test_what_a_job_says_is_seen_and_what_it_leaves_out_stays(store: Store) -> None:
    [uid] = add(store)
    [job] = claim(store)
    assert words(store, uid) == (None, "")
    say(store, Said(job.seq, 1, None, None, "begins"))
    assert words(store, uid) == (None, "begins")
    say(store, Said(job.seq, 1, 3, 10, ""))
    say(store, Said(job.seq, 1, 4, None, ""))
    assert words(store, uid) == (Progress(4, 10, "begins"), "begins")
    finish(store, job)
    assert words(store, uid) == (Progress(4, 10, "begins"), "begins"), (
        "what it said last can be read"
    )


def test_an_attempt_that_runs_no_more_says_and_keeps_nothing(store: Store) -> None:
    uid, other = add(store, 2)
    job, running = claim(store, 2)
    finish(store, job)
    say(store, Said(job.seq, 1, 1, 2, "late"), Said(running.seq, 1, 1, 2, "in time"))
    assert words(store, uid) == (None, "")
    assert words(store, other)[1] == "in time"
    assert not keep(store, job.seq, 1)
    assert not keep(store, running.seq, 2)
    assert store.kept_checkpoint(job.seq) is store.kept_checkpoint(running.seq) is None


def test_a_checkpoint_is_there_for_the_next_attempt_also_after_a_restart(store: Store) -> None:
    add(store)
    [job] = claim(store)
    assert keep(store, job.seq, 1, MORE)
    assert keep(store, job.seq, 1, HALF), "the newest counts"
    store.begin()
    store.retry([again(job, due=NOW)])
    store.release_due(NOW, 10)
    store.commit()
    if store.path:
        store = reopened(store)
    [second] = claim(store)
    assert second.attempt == 2
    assert store.kept_checkpoint(second.seq) == HALF
    store.close()


def test_a_checkpoint_of_one_that_is_given_back_stays(store: Store) -> None:
    add(store)
    [job] = claim(store)
    keep(store, job.seq, 1)
    store.begin()
    store.give_back([(job.seq, 1)])
    store.commit()
    assert store.kept_checkpoint(job.seq) == HALF


def test_a_checkpoint_goes_when_its_job_ends(store: Store) -> None:
    add(store, 3)
    jobs = claim(store, 3)
    for job, outcome in zip(jobs, (DONE, FAILED, CANCELLED), strict=True):
        keep(store, job.seq, 1)
        finish(store, job, outcome=outcome)
        assert store.kept_checkpoint(job.seq) is None


def test_an_end_that_is_rolled_back_leaves_the_checkpoint_for_the_next_end(store: Store) -> None:
    add(store)
    [job] = claim(store)
    keep(store, job.seq, 1)
    store.begin()
    store.finish([])
    try:
        with store.savepoint():
            finish_inside(store, job.seq)
            raise LookupError
    except LookupError:
        pass
    finish_inside(store, job.seq)
    store.rollback()
    assert store.kept_checkpoint(job.seq) == HALF
    finish(store, job)
    assert store.kept_checkpoint(job.seq) is None


def finish_inside(store: Store, seq: int) -> None:
    assert store.finish([Ending(seq, 1, DONE, NOW, NOW)])
    assert store.kept_checkpoint(seq) is None


def test_what_was_said_goes_with_the_job(store: Store) -> None:
    [uid] = add(store)
    [job] = claim(store)
    say(store, Said(job.seq, 1, 1, 2, "x"))
    keep(store, job.seq, 1)
    finish(store, job)
    store.begin()
    assert store.prune(Retention({Status.COMPLETED: 0.0}), NOW + 10, 10) == 1
    store.commit()
    assert store.view(uid) is None
