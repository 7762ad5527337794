"""What is remembered of jobs, and for how long."""

from __future__ import annotations

import gc
from typing import Any, cast

from schedulergodx.client.awaited import Awaited
from schedulergodx.client.base_job import BaseJob
from schedulergodx.core.identity import UidSource, ulid
from schedulergodx.core.job import ErrorCode, Failure, Outcome, Status
from schedulergodx.core.message import Response

new_uid = UidSource()


def make_job(label: str | None = None) -> BaseJob[Any]:
    client = cast("Any", None)
    return BaseJob._known(client, new_uid(), label=label, queue="default", task="t", instance="i")


def told(uid: bytes, label: str | None = None, value: bytes = b"v") -> Response:
    return Response(uid, label or ulid(uid), 1, 0.0, 1.0, Outcome(Status.COMPLETED, value))


def test_an_outcome_goes_to_the_job_that_is_held() -> None:
    awaited = Awaited()
    job, other = make_job(), make_job()
    awaited.add(job)
    awaited.add(other)
    awaited.tell([told(job.uid)])
    assert job.is_open
    assert awaited.outcome(job.uid) is None
    assert awaited.unsettled() == [other]


def test_a_job_that_nobody_holds_is_not_kept() -> None:
    awaited = Awaited()
    job = make_job("mine")
    uid = job.uid
    awaited.add(job)
    del job
    gc.collect()
    assert awaited.held(uid) is None
    assert awaited.unsettled() == []
    assert awaited.dropped(uid) == ("mine", "default", "t", "i")
    assert awaited.uid_of("mine") == uid


def test_a_job_that_was_told_leaves_nothing_behind() -> None:
    awaited = Awaited()
    job = make_job()
    uid = job.uid
    awaited.add(job)
    awaited.tell([told(uid)])
    del job
    assert awaited.held(uid) is None
    assert awaited.dropped(uid) is None
    assert awaited.outcome(uid) is None


def test_the_newest_job_of_a_label_is_found() -> None:
    awaited = Awaited()
    first, second = make_job("1"), make_job("1")
    awaited.add(first)
    awaited.add(second)
    assert awaited.uid_of("1") == second.uid
    assert awaited.uid_of(first.id) == second.uid
    assert awaited.uid_of(first.uid.hex()) == first.uid
    assert awaited.uid_of("2") is None


def test_what_is_remembered_has_a_bound() -> None:
    awaited = Awaited(kept=10)
    uids = [new_uid() for _ in range(50)]
    awaited.tell([told(uid, f"label {n}") for n, uid in enumerate(uids)])
    for n in range(50):
        awaited.add(make_job(f"job {n}"))
    assert [awaited.outcome(uid) is not None for uid in uids] == [False] * 40 + [True] * 10
    tables = (awaited._outcomes, awaited._dropped, awaited._labels, awaited._refs)
    assert all(len(table) <= 10 for table in tables)


def test_what_is_remembered_has_a_bound_in_bytes() -> None:
    awaited = Awaited(kept_bytes=1000)
    uids = [new_uid() for _ in range(5)]
    awaited.tell([told(uid, value=b"x" * 300) for uid in uids])
    awaited.tell([told(uids[-1], value=b"x" * 300)])
    assert [awaited.outcome(uid) is not None for uid in uids] == [False, False, True, True, True]
    awaited.tell([told(new_uid(), value=b"x" * 5000)])
    assert not awaited._outcomes


def test_a_refused_envelope_ends_its_own_jobs_only() -> None:
    awaited = Awaited()
    jobs = [make_job() for _ in range(3)]
    for job in jobs:
        awaited.add(job)
    jobs[0]._envelope = jobs[1]._envelope = b"refused"
    assert awaited.refuse(b"refused", Failure(ErrorCode.INVALID_TASK, "no"), 0.0) == 2
    assert awaited.unsettled() == [jobs[2]]


def test_a_job_that_is_picked_up_and_told_leaves_nothing_behind_either() -> None:
    awaited = Awaited()
    job = make_job()
    uid = job.uid
    awaited.add(job)
    del job
    gc.collect()
    client = cast("Any", None)
    again: BaseJob[Any] = BaseJob._known(client, uid, label=None, queue="default", task="t")
    awaited.pick_up(again)
    awaited.tell([told(uid)])
    del again
    assert awaited.dropped(uid) is None, "whoever finds it there waits for an outcome that has come"
