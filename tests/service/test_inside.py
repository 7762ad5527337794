"""What running jobs say: it is written, answered, and told to who follows; nobody is waited for."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest

from schedulergodx.core.follow import AskFollow, JobNews, Piece
from schedulergodx.core.job import Execution, Status
from schedulergodx.core.request import AskCancel, AskRequeue, AskView
from schedulergodx.core.view import JobView, Progress
from schedulergodx.executors.base import Kept, Printed, Progressed, Recalled
from schedulergodx.service import followers
from schedulergodx.service.followers import Followers
from tests.service.stage import RAISED, RETURNED, TWICE, Begun, Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from schedulergodx.executors.base import Work


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path) as stage:
        yield stage


async def view_of(stage: Stage, uid: bytes) -> JobView:
    answer = await stage.ask(AskView(uid.hex()))
    view: JobView = msgspec.msgpack.decode(answer.value, type=JobView)
    return view


def kept(work: Work, value: bytes = b"v", number: int = 1) -> Kept:
    return Kept(1, number, work.seq, work.attempt, value, (), {})


async def recalled(stage: Stage, work: Work) -> bytes | None:
    """The checkpoint that an attempt is given."""
    before = len(stage.hand.reminded)
    stage.hand.report(Recalled(1, 9, work.seq, work.attempt))
    await stage.until(lambda: len(stage.hand.reminded) > before)
    return stage.hand.reminded[-1][1]


# -- progress and checkpoints ---------------------------------------------------------------------


async def test_progress_is_seen_in_the_view_also_when_the_job_has_ended(stage: Stage) -> None:
    """D13: a status note and progress, which move no state."""
    [uid] = await stage.launch()
    work = await stage.begun()
    for done in (1.0, 2.0):
        stage.hand.report(Progressed(work.seq, work.attempt, done, 4.0, "half"))
    view = await view_of(stage, uid)
    assert (view.progress, view.note) == (Progress(2.0, 4.0, "half"), "half")
    assert view.status is Status.RUNNING
    stage.hand.report(Progressed(work.seq, work.attempt, 4.0, 4.0, ""))
    stage.hand.end(work, RETURNED)
    await stage.outcome(uid)
    view = await view_of(stage, uid)
    assert view.progress == Progress(4.0, 4.0, "half"), "what comes with the end counts"


async def test_progress_of_an_attempt_that_is_over_changes_nothing(stage: Stage) -> None:
    [uid] = await stage.launch()
    work = await stage.begun()
    stage.hand.end(work, RETURNED)
    await stage.outcome(uid)
    stage.hand.report(Progressed(work.seq, work.attempt, 1.0, None, "late"))
    assert (await view_of(stage, uid)).note == ""


async def test_a_checkpoint_is_on_disk_before_the_job_goes_on(stage: Stage) -> None:
    await stage.launch()
    work = await stage.begun()
    stage.hand.report(kept(work))
    await stage.until(lambda: stage.hand.accepted)
    assert stage.hand.accepted == [(kept(work), None)]
    with closing(sqlite3.connect(f"file:{stage.path}/jobs.db?mode=ro", uri=True)) as reader:
        assert reader.execute("SELECT checkpoint FROM progress").fetchall() == [(b"v",)]


async def test_the_next_attempt_is_given_the_checkpoint_after_a_crash(stage: Stage) -> None:
    await stage.launch(spec=stage.spec(retry=TWICE))
    work = await stage.begun()
    assert await recalled(stage, work) is None
    stage.hand.report(kept(work, b"first"))
    stage.hand.report(kept(work, b"second", 2))
    await stage.until(lambda: len(stage.hand.accepted) == 2)
    stage.hand.marks = Begun((work.seq, 1))
    await stage.crash()
    await stage.begin()
    stage.move(11)
    second = await stage.begun()
    assert second.attempt == 2
    assert await recalled(stage, second) == b"second"
    stage.hand.end(second, RETURNED)


async def test_a_requeued_job_begins_without_a_checkpoint(stage: Stage) -> None:
    [uid] = await stage.launch()
    work = await stage.begun()
    stage.hand.report(kept(work))
    await stage.until(lambda: stage.hand.accepted)
    stage.hand.end(work, RAISED)
    await stage.outcome(uid)
    del stage.told[uid]
    await stage.ask(AskRequeue(uid.hex()))
    again = await stage.begun()
    assert await recalled(stage, again) is None


async def test_a_checkpoint_that_can_not_be_stored_is_refused_with_the_reason(
    stage: Stage,
) -> None:
    await stage.launch()
    work = await stage.begun()
    failed = stage.fill_disk()
    stage.hand.report(kept(work))
    await stage.until(failed.is_set)
    await stage.until(lambda: stage.hand.accepted)
    assert "no room" in str(stage.hand.accepted[0][1])
    stage.free_disk()


async def test_a_checkpoint_of_a_late_attempt_is_refused(stage: Stage) -> None:
    [uid] = await stage.launch()
    work = await stage.begun()
    stage.hand.end(work, RETURNED)
    await stage.outcome(uid)
    stage.hand.report(kept(work))
    await stage.until(lambda: stage.hand.accepted)
    assert "does not count" in str(stage.hand.accepted[0][1])


# -- following ------------------------------------------------------------------------------------


async def follow(stage: Stage, uid: bytes) -> JobNews:
    answer = await stage.ask(AskFollow(uid.hex()))
    news: JobNews | None = msgspec.msgpack.decode(answer.value, type=AskFollow.answer)
    assert news is not None, answer
    return news


async def test_a_follower_is_told_status_progress_and_output(stage: Stage) -> None:
    stage.hand.places_for = dict.fromkeys(Execution, 0)
    [uid] = await stage.launch()
    assert (await follow(stage, uid)).status is Status.PENDING
    stage.hand.places_for = dict.fromkeys(Execution, 1)
    stage.engine.ring()
    work = await stage.begun()
    await stage.until(lambda: stage.hand.followed)
    assert stage.hand.followed == [(work.seq, 1, True)], "it tells its output from the first byte"
    stage.hand.report(Printed(work.seq, 1, 0, b"hello"))
    stage.hand.report(Progressed(work.seq, 1, 1.0, 2.0, "half"))
    await stage.until(lambda: any(news.pieces for news in stage.news))
    stage.hand.end(work, RETURNED)
    await stage.until(lambda: stage.news[-1].status is Status.COMPLETED)
    assert [piece for news in stage.news for piece in news.pieces] == [Piece(1, 0, b"hello")]
    assert stage.news[-1].progress == Progress(1.0, 2.0, "half")
    assert stage.hand.followed[-1] == (work.seq, 1, False), "it ends with the job"


async def test_a_job_that_runs_already_is_told_to_tell(stage: Stage) -> None:
    [uid] = await stage.launch()
    work = await stage.begun()
    assert stage.hand.followed == []
    assert (await follow(stage, uid)).status is Status.RUNNING
    assert stage.hand.followed == [(work.seq, 1, True)]


async def test_where_nobody_follows_nothing_is_told(stage: Stage) -> None:
    [uid] = await stage.launch()
    work = await stage.begun()
    stage.hand.report(Printed(work.seq, 1, 0, b"unheard"))
    stage.hand.end(work, RETURNED)
    await stage.outcome(uid)
    assert stage.news == []
    assert stage.hand.followed == []


async def test_the_follower_of_a_retried_job_sees_both_attempts(stage: Stage) -> None:
    [uid] = await stage.launch(spec=stage.spec(retry=TWICE))
    work = await stage.begun()
    await follow(stage, uid)
    stage.hand.report(Printed(work.seq, 1, 0, b"first"))
    stage.hand.end(work, RAISED)
    await stage.until(lambda: any(news.status is Status.SCHEDULED for news in stage.news))
    assert stage.news[-1].text == "it raised"
    stage.move(11)
    second = await stage.begun()
    await stage.until(lambda: (second.seq, 2, True) in stage.hand.followed)
    stage.hand.report(Printed(second.seq, 2, 0, b"second"))
    stage.hand.end(second, RETURNED)
    await stage.until(lambda: stage.news[-1].status is Status.COMPLETED)
    pieces = [piece for news in stage.news for piece in news.pieces]
    assert pieces == [Piece(1, 0, b"first"), Piece(2, 0, b"second")]


async def test_one_that_has_ended_is_told_at_once_with_its_output(stage: Stage) -> None:
    [uid] = await stage.launch()
    work = await stage.begun()
    stage.hand.end(work, msgspec.structs.replace(RETURNED, output="all of it"))
    await stage.outcome(uid)
    news = await follow(stage, uid)
    assert (news.status, news.pieces) == (Status.COMPLETED, (Piece(1, 0, b"all of it"),))


async def test_one_that_ends_before_its_worker_hears_of_it_is_told_whole(stage: Stage) -> None:
    [uid] = await stage.launch()
    work = await stage.begun()
    await follow(stage, uid)
    stage.hand.end(work, msgspec.structs.replace(RETURNED, output="quick"))
    await stage.until(lambda: stage.news and stage.news[-1].status is Status.COMPLETED)
    assert stage.news[-1].pieces == (Piece(1, 0, b"quick"),)


async def test_a_job_that_is_called_off_is_told(stage: Stage) -> None:
    [uid] = await stage.launch(stage.item(due=stage.now + 100))
    assert (await follow(stage, uid)).status is Status.SCHEDULED
    await stage.ask(AskCancel(uid.hex()))
    await stage.until(lambda: stage.news and stage.news[-1].status is Status.CANCELLED)


async def test_an_unknown_job_cant_be_followed(stage: Stage) -> None:
    assert not (await stage.ask(AskFollow("nothing"))).known


async def test_too_many_followed_jobs_are_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "_MOST_JOBS", 1)
    first, second = await stage.launch(stage.item(), stage.item())
    await follow(stage, first)
    refused = await stage.ask(AskFollow(second.hex()))
    assert refused.failure is not None
    assert "followed already" in refused.failure.text
    await follow(stage, first)


async def test_who_does_not_ask_again_is_forgotten(stage: Stage) -> None:
    clock = [1000.0]
    station = stage.engine._stations.followers
    station._clock = lambda: clock[0]
    [uid] = await stage.launch()
    work = await stage.begun()
    await follow(stage, uid)
    clock[0] += 31
    stage.hand.report(Printed(work.seq, 1, 0, b"x"))
    await stage.until(lambda: stage.hand.followed[-1] == (work.seq, 1, False))
    assert not station._followed
    assert not station._uids


async def test_a_follower_that_takes_nothing_is_left_out_and_holds_nobody(stage: Stage) -> None:
    """What it misses is seen by the places of what comes later, and bounded meanwhile."""
    station: Followers = stage.engine._stations.followers
    held: list[object] = []

    def send(reply: object) -> object:
        held.append(reply)
        return asyncio.get_running_loop().create_future()

    station._send = send  # type: ignore[assignment]
    clock = [1000.0]
    station._clock = lambda: clock[0]
    [uid] = await stage.launch()
    work = await stage.begun()
    await follow(stage, uid)
    data = bytes(64 << 10)
    begin = time.monotonic()
    for number in range(100):
        clock[0] += 0.25
        stage.hand.report(Printed(work.seq, 1, number * len(data), data))
        await stage.until(lambda: not station._news)
    assert time.monotonic() - begin < 10
    assert len(held) == 8, "as many as may be under way"
    for number in range(100, 200):
        stage.hand.report(Printed(work.seq, 1, number * len(data), data))
    assert sum(len(piece.data) for piece in station._followed[uid].pieces) <= 256 << 10
    stage.hand.end(work, RETURNED)
    await stage.outcome(uid)


async def test_a_follower_whose_queue_is_gone_is_forgotten(stage: Stage) -> None:
    [uid] = await stage.launch()
    work = await stage.begun()
    await follow(stage, uid)
    replies = stage.names.responses("tester", "one")
    await stage.client.cancel(replies)
    await stage.client.delete(replies)
    station = stage.engine._stations.followers
    stage.hand.report(Printed(work.seq, 1, 0, b"x"))
    await stage.until(lambda: not any(one.until for one in station._followed.values()))
