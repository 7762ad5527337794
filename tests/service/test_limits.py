"""Limits, rates and pauses, as a service keeps to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from schedulergodx.core.job import ErrorCode, Execution, LimitRule, Status
from schedulergodx.core.request import AskPause, AskQueues, AskStatus
from schedulergodx.core.view import QueueView
from schedulergodx.errors import ConfigError
from schedulergodx.service import Service
from schedulergodx.storage.base import CLAIM_BYTES, Claimed
from tests.service.stage import RETURNED, TWICE, Begun, Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from schedulergodx.core.request import Answer

ONE = LimitRule("api", concurrency=1)
SLOW = LimitRule("api", rate=10, seconds=60.0)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path, queues=("default", "mail")) as stage:
        for execution in Execution:
            stage.hand.places_for[execution] = 9
        yield stage


async def settled(stage: Stage) -> int:
    """How many jobs have been given to workers, once all that was sent has been seen."""
    await stage.ask(AskStatus("00" * 16))
    return len(stage.hand.begun)


async def test_a_limit_lets_others_by_and_goes_on_when_one_ends(stage: Stage) -> None:
    await stage.launch(stage.item(), stage.item(), spec=stage.spec(limit=ONE), priority=9)
    await stage.launch()
    first, other = await stage.begun(), await stage.begun()
    assert (first.seq, other.seq) == (1, 3)
    assert await settled(stage) == 0
    stage.hand.end(first, RETURNED)
    assert (await stage.begun()).seq == 2


async def test_each_key_has_a_limit_of_its_own(stage: Stage) -> None:
    keys = ("ann", "bob", "ann", "")
    items = [stage.item(limit_key=key) for key in keys]
    await stage.launch(*items, spec=stage.spec(limit=ONE))
    assert {(await stage.begun()).seq for _ in range(3)} == {1, 2, 4}
    assert await settled(stage) == 0


async def test_a_job_that_is_tried_again_leaves_its_place_meanwhile(stage: Stage) -> None:
    spec = stage.spec(limit=ONE, retry=TWICE)
    await stage.launch(stage.item(), stage.item(), spec=spec)
    stage.hand.give_back(await stage.begun())
    first = await stage.begun()
    assert (first.seq, first.attempt) == (1, 1)


async def test_what_ran_when_the_service_died_counts_until_it_is_settled(stage: Stage) -> None:
    await stage.launch(stage.item(), stage.item(), spec=stage.spec(limit=ONE))
    work = await stage.begun()
    await stage.crash()
    stage.hand.marks = Begun((work.seq, work.attempt))
    await stage.begin()
    second = await stage.begun()
    assert second.seq == 2
    assert await settled(stage) == 0


async def test_starts_keep_to_a_rate_and_the_clock_wakes_the_service(stage: Stage) -> None:
    uids = await stage.launch(*[stage.item() for _ in range(3)], spec=stage.spec(limit=SLOW))
    assert (await stage.begun()).seq == 1
    assert await settled(stage) == 0
    assert stage.engine._stations.scheduler.next_moment() == stage.now + 6
    stage.move(5.9)
    assert await settled(stage) == 0
    stage.move(0.1)
    assert (await stage.begun()).seq == 2
    assert await stage.status(uids[2]) == Status.PENDING


async def test_a_rate_is_exact_over_a_crash(stage: Stage) -> None:
    await stage.launch(*[stage.item() for _ in range(3)], spec=stage.spec(limit=SLOW))
    work = await stage.begun()
    await stage.crash()
    stage.hand.marks = Begun((work.seq, work.attempt))
    stage.now += 5
    await stage.begin()
    assert await settled(stage) == 0
    stage.move(1)
    assert (await stage.begun()).seq == 2


async def test_a_rate_without_a_free_place_does_not_keep_the_service_awake(stage: Stage) -> None:
    stage.hand.places_for[Execution.PROCESS] = 1
    await stage.launch(*[stage.item() for _ in range(3)], spec=stage.spec(limit=SLOW))
    await stage.begun()
    stage.move(60)
    await settled(stage)
    assert stage.engine._stations.scheduler.next_moment() is None


async def test_a_queue_keeps_to_its_rate(tmp_path: Path) -> None:
    settings = {"queues": ("default", "mail"), "queue_rates": {"mail": "10/min"}}
    async with Stage(tmp_path, **settings) as stage:
        for execution in Execution:
            stage.hand.places_for[execution] = 9
        await stage.launch(stage.item(), stage.item(), queue="mail")
        await stage.launch(stage.item(), stage.item())
        assert {(await stage.begun()).seq for _ in range(3)} == {1, 3, 4}
        assert await settled(stage) == 0
        assert stage.engine._stations.scheduler.next_moment() == stage.now + 6
        stage.move(6)
        assert (await stage.begun()).seq == 2


async def test_a_queue_at_its_limit_is_shared_by_all_that_runs_its_jobs(tmp_path: Path) -> None:
    async with Stage(tmp_path, queues=("mail",), queue_limits={"mail": 1}) as stage:
        order = []
        stage.hand.places_for[Execution.PROCESS] = stage.hand.places_for[Execution.ASYNC] = 0
        for execution in (Execution.ASYNC, Execution.PROCESS, Execution.ASYNC):
            await stage.launch(queue="mail", spec=stage.spec(execution=execution))
        await stage.send(AskStatus("00" * 16), type=4, queue="mail")
        await stage.until(lambda: stage.answers)
        stage.hand.places_for[Execution.PROCESS] = stage.hand.places_for[Execution.ASYNC] = 2
        stage.engine.ring()
        for _ in range(3):
            work = await stage.begun()
            order.append(work.seq)
            assert len(stage.hand.running) == 1
            stage.hand.end(work, RETURNED)
        assert order == [1, 2, 3]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (LimitRule("", concurrency=1), "name of a limit"),
        (LimitRule("api", concurrency=0), "at least 1"),
        (LimitRule("api", rate=1, seconds=0.0), "more than 0"),
    ],
)
async def test_a_limit_that_is_none_fails_its_jobs(
    stage: Stage, rule: LimitRule, text: str
) -> None:
    [uid] = await stage.launch(spec=stage.spec(limit=rule))
    failure = (await stage.outcome(uid)).failure
    assert failure is not None
    assert failure.code == ErrorCode.INVALID_TASK
    assert text in failure.text


async def test_a_key_of_a_limit_that_is_none_fails_its_job_alone(stage: Stage) -> None:
    items = [stage.item(limit_key="a\tb"), stage.item(limit_key="k" * 999), stage.item()]
    *bad, _ = await stage.launch(*items, spec=stage.spec(limit=ONE))
    for uid in bad:
        failure = (await stage.outcome(uid)).failure
        assert failure is not None
        assert failure.code == ErrorCode.INVALID_TASK
    assert (await stage.begun()).seq == 3


# -- pauses ----------------------------------------------------------------------------------------


def value(answer: Answer, request: type[AskPause | AskQueues]) -> object:
    kind: object = request.answer
    return msgspec.msgpack.decode(answer.value, type=kind)


async def test_nothing_of_a_paused_queue_is_started_until_it_is_resumed(stage: Stage) -> None:
    assert value(await stage.ask(AskPause("mail", paused=True)), AskPause) is True
    assert value(await stage.ask(AskPause("mail", paused=True)), AskPause) is False
    await stage.launch(queue="mail", priority=9)
    await stage.launch()
    assert (await stage.begun()).seq == 2
    await stage.crash()
    await stage.begin()
    assert (await stage.begun()).seq == 2
    assert await settled(stage) == 0
    [_, mail] = value(await stage.ask(AskQueues()), AskQueues)  # type: ignore[misc]
    assert mail == QueueView("mail", paused=stage.now, counts={Status.PENDING: 1})
    assert value(await stage.ask(AskPause("mail", paused=False)), AskPause) is True
    assert (await stage.begun()).seq == 1


async def test_queues_are_listed_with_their_limits(tmp_path: Path) -> None:
    settings = {"queues": ("a", "b"), "queue_limits": {"a": 2}, "queue_rates": {"b": "5/min"}}
    async with Stage(tmp_path, **settings) as stage:
        uid = await stage.send(AskQueues(), type=4, queue="a")
        answer = await stage.until(lambda: stage.answers.get(uid))
        assert value(answer, AskQueues) == [
            QueueView("a", concurrency=2),
            QueueView("b", rate=(5, 60.0)),
        ]


async def test_a_queue_of_another_service_is_not_paused_here(stage: Stage) -> None:
    answer = await stage.ask(AskPause("other", paused=True))
    assert answer.failure is not None
    assert answer.failure.code == ErrorCode.QUEUE_NOT_SERVED


# -- settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"queue_rates": {"mail": "1/s"}}, "which queues does not"),
        ({"queue_rates": {"default": "often"}}, "queue_rates"),
        ({"retention_queues": {"mail": "1 h"}}, "which queues does not"),
        ({"retention_queues": {"default/running": "1 h"}}, "after the slash"),
        ({"retention_queues": "default"}, "mail=1h"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_starts(
    given: dict[str, object], text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        Service(**given)  # type: ignore[arg-type]


# -- claims ----------------------------------------------------------------------------------------


async def test_a_job_of_a_rate_is_not_sent_ahead(stage: Stage) -> None:
    stage.hand.prompt_places = 0
    await stage.launch(stage.item(), spec=stage.spec(limit=SLOW))
    assert await settled(stage) == 0
    stage.hand.prompt_places = 1
    stage.engine.ring()
    assert (await stage.begun()).seq == 1


async def test_large_jobs_are_claimed_bit_by_bit_and_all_get_their_places(stage: Stage) -> None:
    claims: list[int] = []
    real = stage.store.claim

    def claim(*given: Any, **more: Any) -> list[Claimed]:
        claimed = real(*given, **more)
        claims.append(sum(len(job.arguments) for job in claimed))
        return claimed

    stage.store.claim = claim  # type: ignore[method-assign]
    await stage.ask(AskPause("default", paused=True))
    for _ in range(5):
        await stage.launch(stage.item(arguments=bytes(CLAIM_BYTES // 2)))
    await stage.ask(AskPause("default", paused=False))
    assert [(await stage.begun()).seq for _ in range(5)] == [1, 2, 3, 4, 5]
    assert max(claims) == CLAIM_BYTES
