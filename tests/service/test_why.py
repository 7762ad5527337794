"""Each reason for which a job does not run, and each way to end, has its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from schedulergodx.core.job import (
    Conflict,
    ErrorCode,
    Execution,
    Failure,
    LimitRule,
    OnFailure,
    Outcome,
    Parent,
    RetryRule,
    Status,
    Unique,
)
from schedulergodx.core.request import AskCancel, AskPause
from schedulergodx.core.why import AskWhy, Reason, Why
from tests.service.stage import RAISED, RETURNED, START, Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path, queues=["default", "mail", "slow"]) as stage:
        yield stage


async def why(stage: Stage, uid: bytes) -> Why:
    answer = await stage.ask(AskWhy(uid.hex()))
    assert answer.known, answer
    reason: Why = msgspec.msgpack.decode(answer.value, type=Why)
    return reason


def nobody(stage: Stage) -> None:
    """From now on there are no places."""
    stage.hand.places_for = dict.fromkeys(Execution, 0)


# -- what waits -----------------------------------------------------------------------------------


async def test_not_due(stage: Stage) -> None:
    [uid] = await stage.launch(stage.item(due=START + 7200))
    reason = await why(stage, uid)
    assert reason.code is Reason.NOT_DUE
    assert reason.details["due"] == START + 7200
    assert "2027-01-15 10:00:00 UTC" in reason.sentence
    assert "in 2 h" in reason.sentence


async def test_the_next_attempt_is_not_due(stage: Stage) -> None:
    rule = RetryRule(attempts=3, delay=10)
    [uid] = await stage.launch(spec=stage.spec(retry=rule))
    work = await stage.begun()
    stage.hand.end(work, RAISED)
    await stage.until(lambda: stage.stored(uid) is Status.SCHEDULED)
    reason = await why(stage, uid)
    assert reason.code is Reason.RETRY
    assert "attempt 1 of 3 did not succeed (it raised)" in reason.sentence
    assert reason.details["error"] == "it raised"


async def test_blocked_on_its_parents(stage: Stage) -> None:
    nobody(stage)
    parents = [stage.item(id=f"parent-{n}") for n in range(7)]
    await stage.launch(*parents)
    [uid] = await stage.launch(stage.item(parents=tuple(Parent(one.uid) for one in parents)))
    reason = await why(stage, uid)
    assert reason.code is Reason.PARENTS
    assert reason.sentence.startswith(
        "it waits for 7 jobs to complete: parent-0 of task (pending), "
    )
    assert reason.sentence.endswith("and 2 more")
    assert reason.details["unmet"] == 7
    assert reason.details["parents"][0] == {"id": "parent-0", "task": "task", "status": "pending"}


async def test_blocked_on_a_parent_that_failed_and_is_waited_for(stage: Stage) -> None:
    [parent] = await stage.launch()
    stage.hand.end(await stage.begun(), RAISED)
    await stage.outcome(parent)
    [uid] = await stage.launch(stage.item(parents=(Parent(parent, OnFailure.WAIT),)))
    reason = await why(stage, uid)
    assert reason.code is Reason.PARENTS
    assert "(failed); what did not complete must be requeued" in reason.sentence


async def test_joined_to_another_job(stage: Stage) -> None:
    nobody(stage)
    key = Unique(b"k" * 16, Conflict.JOIN)
    await stage.launch(stage.item(unique=key, id="first"))
    [uid] = await stage.launch(stage.item(unique=key))
    reason = await why(stage, uid)
    assert reason.code is Reason.JOINED
    assert reason.details["job"]["id"] == "first"


async def test_its_queue_is_paused(stage: Stage) -> None:
    await stage.ask(AskPause("default", paused=True))
    stage.move(60)
    [uid] = await stage.launch()
    reason = await why(stage, uid)
    assert reason.code is Reason.PAUSED
    assert reason.details == {"queue": "default", "since": START}


async def test_all_places_of_its_kind_are_taken(stage: Stage) -> None:
    stage.hand.places_for = dict.fromkeys(Execution, 1)
    await stage.launch()
    await stage.begun()
    [uid] = await stage.launch()
    reason = await why(stage, uid)
    assert reason.code is Reason.BUSY
    assert reason.details == {"execution": "process", "running": 1}


async def test_there_is_no_worker(stage: Stage) -> None:
    nobody(stage)
    [uid] = await stage.launch()
    assert (await why(stage, uid)).code is Reason.NO_WORKER


async def test_the_limit_of_its_task_is_reached(stage: Stage) -> None:
    spec = stage.spec(limit=LimitRule("shop", concurrency=1))
    await stage.launch(stage.item(id="first", limit_key="ann"), spec=spec)
    await stage.begun()
    [uid] = await stage.launch(stage.item(limit_key="ann"), spec=spec)
    reason = await why(stage, uid)
    assert reason.code is Reason.LIMIT
    assert reason.sentence == (
        "of limit 'shop', key 'ann' 1 may run at once, and as many do: first of task (running)"
    )
    assert reason.details["holders"] == [{"id": "first", "task": "task", "status": "running"}]


async def test_the_rate_of_its_task_is_reached(stage: Stage) -> None:
    spec = stage.spec(limit=LimitRule("shop", rate=1, seconds=60.0))
    await stage.launch(spec=spec)
    await stage.begun()
    [uid] = await stage.launch(spec=spec)
    reason = await why(stage, uid)
    assert reason.code is Reason.RATE
    assert reason.details["at"] == pytest.approx(START + 60)
    assert "1/min may start" in reason.sentence


async def test_its_queue_is_not_served_any_more(stage: Stage) -> None:
    await stage.ask(AskPause("mail", paused=True))
    [uid] = await stage.launch(queue="mail")
    await stage.until(lambda: stage.stored(uid))
    await stage.end()
    stage.settings = stage.settings.replace(queues=["default", "slow"])
    await stage.begin()
    reason = await why(stage, uid)
    assert reason.code is Reason.NOT_SERVED
    assert "'mail'" in reason.sentence


async def test_a_job_that_nothing_holds_is_about_to_start(stage: Stage) -> None:
    stage.engine._stations.dispatcher.dispatch = lambda tick: None  # type: ignore[method-assign]
    [uid] = await stage.launch()
    assert (await why(stage, uid)).code is Reason.SOON


async def test_its_service_is_stopping(stage: Stage) -> None:
    stage.engine._stations.dispatcher.paused = True
    [uid] = await stage.launch()
    assert (await why(stage, uid)).code is Reason.STOPPING


async def test_limits_of_its_queue(tmp_path: Path) -> None:
    settings = {"queue_limits": {"default": 1}, "queue_rates": {"mail": "1/min"}}
    async with Stage(tmp_path, queues=["default", "mail"], **settings) as stage:
        first, second = await stage.launch(stage.item(), stage.item())
        await stage.begun()
        reason = await why(stage, second)
        assert (reason.code, reason.details["limit"]) == (Reason.LIMIT, "queue 'default'")
        assert (await why(stage, first)).code is Reason.RUNNING
        one, other = await stage.launch(stage.item(), stage.item(), queue="mail")
        await stage.until(lambda: stage.stored(one) is Status.RUNNING)
        reason = await why(stage, other)
        assert (reason.code, reason.details["rate"]) == (Reason.RATE, "1/min")


# -- what runs, and what has ended ----------------------------------------------------------------


async def test_running_and_asked_to_stop(stage: Stage) -> None:
    [uid] = await stage.launch()
    await stage.begun()
    reason = await why(stage, uid)
    assert (reason.code, reason.details["since"]) == (Reason.RUNNING, START)
    await stage.ask(AskCancel(uid.hex()))
    reason = await why(stage, uid)
    assert reason.code is Reason.CANCEL_ASKED
    assert "--force" in reason.sentence


ENDS = [
    (RETURNED, Reason.COMPLETED, "it completed"),
    (RAISED, Reason.FAILED, "it failed with ERROR_IN_TASK: it raised"),
    (
        Outcome(Status.TIMEOUT, failure=Failure(ErrorCode.TASK_TIMEOUT_ERROR, "longer than 5 s")),
        Reason.TIMEOUT,
        "it timed out: longer than 5 s",
    ),
    (
        Outcome(Status.CANCELLED, failure=Failure(ErrorCode.CANCELLED, "called off")),
        Reason.CANCELLED,
        "it was cancelled: called off",
    ),
    (Outcome(Status.FAILED, failure=Failure(999, "new")), Reason.FAILED, "it failed with code 999"),
]


@pytest.mark.parametrize(("outcome", "code", "words"), ENDS)
async def test_how_it_ended(stage: Stage, outcome: Outcome, code: Reason, words: str) -> None:
    [uid] = await stage.launch()
    stage.hand.end(await stage.begun(), outcome, final=True)
    await stage.outcome(uid)
    reason = await why(stage, uid)
    assert reason.code is code
    assert reason.sentence.startswith(words)
    assert reason.details["attempts"] == 1


async def test_its_attempts_are_used_up(stage: Stage) -> None:
    [uid] = await stage.launch(spec=stage.spec(retry=RetryRule(attempts=2)))
    for _ in range(2):
        stage.hand.end(await stage.begun(), RAISED)
    await stage.outcome(uid)
    assert "at attempt 2 of 2: it raised" in (await why(stage, uid)).sentence


async def test_a_parent_failed(stage: Stage) -> None:
    [parent] = await stage.launch(stage.item(id="the parent"))
    [uid] = await stage.launch(stage.item(parents=(Parent(parent),)))
    stage.hand.end(await stage.begun(), RAISED)
    await stage.outcome(uid)
    reason = await why(stage, uid)
    assert reason.code is Reason.PARENT_FAILED
    assert "the parent" in reason.sentence


async def test_expired(stage: Stage) -> None:
    nobody(stage)
    [uid] = await stage.launch(stage.item(deadline=START + 5))
    await stage.until(lambda: stage.stored(uid))
    stage.move(10)
    await stage.outcome(uid)
    reason = await why(stage, uid)
    assert (reason.code, reason.details["deadline"]) == (Reason.EXPIRED, START + 5)
    assert "it should have started by 2027-01-15 08:00:05 UTC" in reason.sentence


async def test_an_unknown_job(stage: Stage) -> None:
    assert not (await stage.ask(AskWhy("nothing"))).known
