"""Every move of a job, by the stations that own it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from schedulergodx.core.job import ErrorCode, Execution, Failure, Outcome, Status
from schedulergodx.core.request import AskCancel, AskChange, AskList, AskOutcomes, AskRequeue
from schedulergodx.core.view import Change, JobFilter, JobView
from schedulergodx.executors.base import Ended
from tests.service.stage import RAISED, RETURNED, START, TWICE, Begun, Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

YEAR = 365 * 86400.0


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path, queues=("default", "mail")) as stage:
        yield stage


def value(answer: object) -> object:
    return msgspec.msgpack.decode(answer.value)  # type: ignore[attr-defined]


async def test_a_job_runs_at_once_and_its_outcome_comes_back(stage: Stage) -> None:
    [uid] = await stage.launch()
    work = await stage.begun()
    assert (work.attempt, work.arguments, work.client) == (1, b"a", "tester")
    assert await stage.status(uid) == Status.RUNNING
    stage.hand.end(work, RETURNED)
    assert await stage.outcome(uid) == RETURNED
    assert await stage.status(uid) == Status.COMPLETED


async def test_one_after_the_other_a_job_costs_two_commits(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits, commit = [], stage.store.commit
    monkeypatch.setattr(stage.store, "commit", lambda: (commits.append(1), commit()))
    for _ in range(20):
        [uid] = await stage.launch()
        stage.hand.end(await stage.begun(), RETURNED)
        assert await stage.outcome(uid) == RETURNED
    assert len(commits) < 45


async def test_jobs_of_envelopes_that_come_together_are_stored_together(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, add_jobs = [], stage.store.add_jobs
    monkeypatch.setattr(stage.store, "add_jobs", lambda jobs: stored.append(jobs) or add_jobs(jobs))
    items = [stage.item(due=START + 10) for _ in range(50)]
    await asyncio.gather(*[stage.launch(item) for item in items])
    await stage.until(lambda: stage.stored(items[-1].uid))
    assert sum(map(len, stored)) == len(items)
    assert len(stored) < 5


async def test_a_job_is_found_by_what_comes_in_the_same_round(stage: Stage) -> None:
    item = stage.item(due=START + 10)
    _, answer = await asyncio.gather(stage.launch(item), stage.ask(AskCancel(item.uid.hex())))
    assert value(answer) == "cancelled"
    assert (await stage.outcome(item.uid)).status is Status.CANCELLED


async def test_what_was_told_is_forgotten_when_the_service_rests_or_stops(stage: Stage) -> None:
    [uid] = await stage.launch()
    stage.hand.end(await stage.begun(), RETURNED)
    await stage.outcome(uid)
    await stage.until(lambda: stage.untold() == 0)


async def test_a_job_of_next_year_waits_a_year(stage: Stage) -> None:
    [uid] = await stage.launch(stage.item(due=START + YEAR))
    assert await stage.status(uid) == Status.SCHEDULED
    stage.move(YEAR - 1)
    assert await stage.status(uid) == Status.SCHEDULED
    assert not stage.hand.begun
    stage.move(1)
    assert (await stage.begun()).attempt == 1


async def test_a_failed_attempt_is_followed_by_another_after_its_delay(stage: Stage) -> None:
    [uid] = await stage.launch(spec=stage.spec(retry=TWICE))
    stage.hand.end(await stage.begun(), RAISED)
    await stage.until(lambda: not stage.hand.running)
    assert await stage.status(uid) == Status.SCHEDULED
    stage.move(10)
    second = await stage.begun()
    assert second.attempt == 2
    stage.hand.end(second, RAISED)
    assert await stage.outcome(uid) == RAISED


async def test_a_final_failure_is_not_tried_again(stage: Stage) -> None:
    [uid] = await stage.launch(spec=stage.spec(retry=TWICE))
    stage.hand.end(await stage.begun(), RAISED, final=True)
    assert await stage.outcome(uid) == RAISED


async def test_a_returned_job_costs_no_attempt(stage: Stage) -> None:
    await stage.launch()
    stage.hand.give_back(await stage.begun())
    assert (await stage.begun()).attempt == 1


async def test_higher_priority_comes_first_and_equals_keep_their_order(stage: Stage) -> None:
    stage.hand.places_for[Execution.PROCESS] = 0
    low = await stage.launch(stage.item(), stage.item(), priority=-1)
    high = await stage.launch(stage.item(), stage.item(), priority=7)
    assert await stage.status(high[-1]) == Status.PENDING
    stage.hand.places_for[Execution.PROCESS] = 1
    stage.engine.ring()
    order = []
    for _ in range(4):
        work = await stage.begun()
        order.append(work.seq)
        stage.hand.end(work, RETURNED)
    for uid in low + high:
        await stage.outcome(uid)
    assert order == [3, 4, 1, 2]


async def test_kinds_of_execution_do_not_wait_for_each_other(stage: Stage) -> None:
    stage.hand.places_for[Execution.PROCESS] = 0
    await stage.launch(priority=9)
    await stage.launch(spec=stage.spec(execution=Execution.ASYNC))
    assert (await stage.begun()).spec.execution is Execution.ASYNC


async def test_a_queue_keeps_to_its_limit(tmp_path: Path) -> None:
    async with Stage(tmp_path, queues=("default", "mail"), queue_limits={"mail": 1}) as stage:
        await stage.launch(stage.item(), stage.item(), queue="mail")
        await stage.launch()
        first, other = await stage.begun(), await stage.begun()
        assert len(stage.hand.running) == 2
        stage.hand.end(other, RETURNED)
        await stage.until(lambda: len(stage.told) == 1)
        assert not stage.hand.begun
        stage.hand.end(first, RETURNED)
        assert (await stage.begun()).seq == 2


async def test_a_job_that_was_not_started_in_time_expires(stage: Stage) -> None:
    stage.hand.places_for[Execution.PROCESS] = 0
    [uid] = await stage.launch(stage.item(deadline=START + 5))
    assert await stage.status(uid) == Status.PENDING
    stage.move(6)
    outcome = await stage.outcome(uid)
    assert outcome.status is Status.EXPIRED
    assert outcome.failure is not None
    assert outcome.failure.code == ErrorCode.EXPIRED


@pytest.mark.parametrize(("wanted", "status"), [(True, "running"), (False, "expired")])
async def test_overdue_jobs_run_or_expire_as_their_client_wishes(
    stage: Stage, wanted: bool, status: str
) -> None:
    [uid] = await stage.launch(stage.item(due=START + 10), spec=stage.spec(enable_overdue=wanted))
    assert await stage.status(uid) == Status.SCHEDULED
    await stage.crash()
    stage.now += 10 + stage.settings.overdue_grace + 1
    await stage.begin()
    assert await stage.status(uid) == status


async def test_an_overdue_job_that_comes_late_from_the_broker_expires(stage: Stage) -> None:
    late = stage.item(due=START - stage.settings.overdue_grace - 1)
    [uid] = await stage.launch(late, spec=stage.spec(enable_overdue=False))
    outcome = await stage.outcome(uid)
    assert outcome.failure is not None
    assert outcome.failure.code == ErrorCode.OVERDUE


async def test_a_waiting_job_is_cancelled_and_its_client_is_told(stage: Stage) -> None:
    [uid] = await stage.launch(stage.item(due=START + 10))
    assert value(await stage.ask(AskCancel(uid.hex()))) == "cancelled"
    assert (await stage.outcome(uid)).status is Status.CANCELLED
    stage.move(20)
    assert await stage.status(uid) == Status.CANCELLED
    assert value(await stage.ask(AskCancel(uid.hex()))) == "too late"


async def test_a_running_job_is_asked_and_not_tried_again(stage: Stage) -> None:
    [uid] = await stage.launch(spec=stage.spec(retry=TWICE))
    work = await stage.begun()
    assert value(await stage.ask(AskCancel(uid.hex(), force=True))) == "asked"
    await stage.until(lambda: stage.hand.called_off == [(work.seq, True)])
    stage.hand.end(work, RAISED)
    assert (await stage.outcome(uid)).status is Status.CANCELLED


async def test_a_job_that_was_called_off_and_had_not_begun_does_not_come_back(
    stage: Stage,
) -> None:
    [uid] = await stage.launch()
    work = await stage.begun()
    assert value(await stage.ask(AskCancel(uid.hex()))) == "asked"
    stage.hand.give_back(work)
    assert (await stage.outcome(uid)).status is Status.CANCELLED
    assert not stage.hand.begun


async def test_a_cancel_that_overtakes_its_job_wins(stage: Stage) -> None:
    item = stage.item()
    ask = AskCancel(item.uid.hex(), bury=item.uid)
    assert value(await stage.ask(ask)) == "cancelled"
    assert (await stage.outcome(item.uid)).status is Status.CANCELLED
    await stage.launch(item)
    assert await stage.status(item.uid) == Status.CANCELLED
    assert not stage.hand.begun


async def test_an_unknown_job_is_said_to_be_unknown(stage: Stage) -> None:
    for request in (AskCancel("nothing"), AskRequeue("nothing"), AskOutcomes([b"x" * 16])):
        assert (await stage.ask(request)).known is False


async def test_what_waits_can_be_changed_and_what_runs_can_not(stage: Stage) -> None:
    [uid] = await stage.launch(stage.item(due=START + 100))
    change = Change(due=START + 5, priority=3, queue="mail", lifetime=7.0)
    assert value(await stage.ask(AskChange(uid.hex(), change))) is True
    stage.move(5)
    work = await stage.begun()
    assert work.spec.lifetime == 7.0
    assert value(await stage.ask(AskChange(uid.hex(), Change(priority=1)))) is False


async def test_a_change_to_a_queue_that_is_not_served_is_refused(stage: Stage) -> None:
    [uid] = await stage.launch(stage.item(due=START + 100))
    answer = await stage.ask(AskChange(uid.hex(), Change(queue="nowhere")))
    assert answer.failure is not None
    assert answer.failure.code == ErrorCode.QUEUE_NOT_SERVED
    assert "default, mail" in answer.failure.text


async def test_a_requeued_job_runs_again_from_its_first_attempt(stage: Stage) -> None:
    [uid] = await stage.launch()
    stage.hand.end(await stage.begun(), RAISED)
    assert await stage.outcome(uid) == RAISED
    del stage.told[uid]
    assert value(await stage.ask(AskRequeue(uid.hex()))) is True
    again = await stage.begun()
    assert again.attempt == 1
    stage.hand.end(again, RETURNED)
    assert await stage.outcome(uid) == RETURNED


async def test_jobs_can_be_listed(stage: Stage) -> None:
    uids = await stage.launch(*(stage.item(due=START + n) for n in (10, 20, 30)))
    answer = await stage.ask(AskList(JobFilter(status=Status.SCHEDULED, limit=2)))
    views = msgspec.msgpack.decode(answer.value, type=list[JobView])
    assert [view.uid for view in views] == [uids[2], uids[1]]


async def test_after_a_crash_what_had_not_begun_goes_on_and_what_had_is_interrupted(
    stage: Stage,
) -> None:
    begun, waiting = await stage.launch(stage.item(), stage.item())
    first = await stage.begun()
    await stage.begun()
    await stage.crash()
    stage.hand.marks = Begun((first.seq, first.attempt))
    await stage.begin()
    outcome = await stage.outcome(begun)
    assert outcome.failure is not None
    assert outcome.failure.code == ErrorCode.INTERRUPTED
    again = await stage.begun()
    assert (again.attempt, await stage.status(waiting)) == (1, Status.RUNNING)


async def test_what_had_ended_before_a_crash_and_was_not_written_is_written_then(
    stage: Stage,
) -> None:
    [uid] = await stage.launch()
    work = await stage.begun()
    await stage.crash()
    stage.hand.marks = Begun((work.seq, work.attempt))
    stage.hand.marks.over.append(Ended(work.seq, work.attempt, RETURNED, False, START, START))
    await stage.begin()
    assert await stage.outcome(uid) == RETURNED
    assert not stage.hand.begun


async def test_a_worker_can_not_say_how_the_job_of_another_ended(stage: Stage) -> None:
    victim, _ = await stage.launch(stage.item(), stage.item())
    work, liar = await stage.begun(), await stage.begun()
    assert work.worker != liar.worker
    await stage.crash()
    stage.hand.marks = marks = Begun((work.seq, 1), (liar.seq, 1))
    marks.worker = liar.worker
    marks.over.append(Ended(work.seq, work.attempt, RETURNED, False, START, START))
    await stage.begin()
    assert (await stage.outcome(victim)).status is Status.FAILED


async def test_an_interrupted_job_with_an_attempt_left_is_tried_again(stage: Stage) -> None:
    await stage.launch(spec=stage.spec(retry=TWICE))
    first = await stage.begun()
    await stage.crash()
    stage.hand.marks = Begun((first.seq, first.attempt))
    await stage.begin()
    stage.move(10)
    assert (await stage.begun()).attempt == 2


async def test_an_outcome_that_was_not_told_is_told_after_a_restart(stage: Stage) -> None:
    replies = stage.names.responses("tester", "one")
    await stage.client.cancel(replies)
    [uid] = await stage.launch()
    stage.hand.end(await stage.begun(), RETURNED)
    await stage.until(lambda: stage.messages(replies))
    await stage.crash()
    await stage.client.delete(replies)
    await stage.client.declare(replies)
    await stage.client.consume(replies, stage._hear)
    await stage.begin()
    await stage.ask(AskOutcomes([uid]))
    assert await stage.outcome(uid) == RETURNED


async def test_a_late_outcome_of_an_attempt_that_was_given_up_changes_nothing(
    stage: Stage,
) -> None:
    [uid] = await stage.launch(spec=stage.spec(retry=TWICE))
    first = await stage.begun()
    timeout = Outcome(Status.TIMEOUT, failure=Failure(5, "too long"))
    stage.hand.end(first, timeout)
    assert await stage.status(uid) == Status.SCHEDULED
    stage.hand.end(first, RETURNED)
    assert await stage.status(uid) == Status.SCHEDULED
    stage.move(10)
    second = await stage.begun()
    stage.hand.end(first, RETURNED)
    assert await stage.status(uid) == Status.RUNNING
    stage.hand.end(second, RAISED)
    assert await stage.outcome(uid) == RAISED
