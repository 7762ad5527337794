"""Launches whose key another job has: joined, refused, or in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from schedulergodx.core.identity import ulid
from schedulergodx.core.job import (
    Conflict,
    ErrorCode,
    Execution,
    Outcome,
    Parent,
    Status,
    Unique,
)
from schedulergodx.core.message import TaskBody
from schedulergodx.core.request import AskCancel, AskOutcomes, AskRequeue
from schedulergodx.service.gate import Gate
from schedulergodx.service.tick import Tick
from tests.service.stage import CODE, RAISED, RETURNED, Begun, Stage
from tests.storage.making import new_job
from tests.storage.model import ModelStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from schedulergodx.core.message import JobItem

KEY = b"k" * 16
DAY = 86400.0
JOIN, REFUSE, REPLACE = (Unique(KEY, conflict) for conflict in Conflict)
FOR_A_DAY = Unique(KEY, Conflict.JOIN, DAY, tuple(Status))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path) as stage:
        yield stage


def items(stage: Stage, number: int, unique: Unique, **fields: object) -> list[JobItem]:
    return [stage.item(unique=unique, **fields) for _ in range(number)]


async def value(stage: Stage, request: object) -> object:
    answer = await stage.ask(request)  # type: ignore[arg-type]
    return msgspec.msgpack.decode(answer.value)


# -- join ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False])
async def test_a_second_launch_is_told_at_once_which_job_it_has_and_gets_its_outcome(
    stage: Stage, together: bool
) -> None:
    launches = items(stage, 3, JOIN)
    if together:
        first, *others = await stage.launch(*launches)
    else:
        first, *others = [uid for one in launches for uid in await stage.launch(one)]
    work = await stage.begun()
    assert await stage.until(lambda: len(stage.joined) == 2)
    assert stage.joined == dict.fromkeys(others, ulid(first))
    assert [await stage.status(uid) for uid in others] == [Status.BLOCKED] * 2
    assert not stage.hand.begun
    stage.hand.end(work, RETURNED)
    for uid in (first, *others):
        assert await stage.outcome(uid) == RETURNED


async def test_a_launch_that_is_joined_fails_as_the_first_does(stage: Stage) -> None:
    first, second = await stage.launch(*items(stage, 2, JOIN))
    stage.hand.end(await stage.begun(), RAISED)
    assert await stage.outcome(first) == await stage.outcome(second) == RAISED


async def test_a_key_is_free_when_its_job_has_ended(stage: Stage) -> None:
    for _ in range(2):
        [uid] = await stage.launch(*items(stage, 1, JOIN))
        stage.hand.end(await stage.begun(), RETURNED)
        await stage.outcome(uid)
    assert stage.joined == {}


async def test_a_key_that_is_held_for_a_time_gives_the_same_outcome_again(stage: Stage) -> None:
    [first] = await stage.launch(*items(stage, 1, FOR_A_DAY))
    stage.hand.end(await stage.begun(), RETURNED)
    await stage.outcome(first)
    stage.move(DAY - 1)
    [second] = await stage.launch(*items(stage, 1, FOR_A_DAY))
    assert await stage.outcome(second) == RETURNED
    assert not stage.hand.begun
    stage.move(1)
    await stage.launch(*items(stage, 1, FOR_A_DAY))
    assert await stage.begun()


async def test_a_key_in_chosen_states_is_free_in_others(stage: Stage) -> None:
    waiting = Unique(KEY, states=(Status.SCHEDULED, Status.PENDING))
    await stage.launch(*items(stage, 1, waiting))
    await stage.begun()
    stage.hand.places_for[Execution.PROCESS] = 1
    _, third = await stage.launch(*items(stage, 2, waiting))
    await stage.until(lambda: third in stage.joined)
    assert await stage.status(third) == Status.BLOCKED


async def test_other_keys_and_jobs_without_one_go_their_way(stage: Stage) -> None:
    other = Unique(b"o" * 16)
    stage.hand.places_for[Execution.PROCESS] = 5
    await stage.launch(stage.item(unique=JOIN), stage.item(), stage.item(unique=other))
    for _ in range(3):
        await stage.begun()


async def test_joined_launches_get_their_outcome_over_a_crash(stage: Stage) -> None:
    first, second = await stage.launch(*items(stage, 2, JOIN))
    work = await stage.begun()
    await stage.until(lambda: stage.joined)
    await stage.crash()
    stage.hand.marks = Begun((work.seq, work.attempt))
    await stage.begin()
    outcome = await stage.outcome(first)
    assert outcome.failure is not None
    assert outcome.failure.code == ErrorCode.INTERRUPTED
    assert await stage.outcome(second) == outcome


async def test_a_first_that_goes_on_after_a_crash_still_has_its_key(stage: Stage) -> None:
    [first] = await stage.launch(*items(stage, 1, JOIN))
    await stage.begun()
    await stage.crash()
    await stage.begin()
    [second] = await stage.launch(*items(stage, 1, JOIN))
    await stage.until(lambda: second in stage.joined)
    work = await stage.begun()
    stage.hand.end(work, RETURNED)
    assert await stage.outcome(first) == await stage.outcome(second) == RETURNED


async def test_a_message_that_comes_twice_never_meets_itself(stage: Stage) -> None:
    for unique in (JOIN, REFUSE, REPLACE):
        spec = stage.spec()
        one, two = items(stage, 2, unique)
        body = TaskBody(spec, {spec.function: CODE}, [one, two, one])
        await stage.send(body)
        await stage.send(body)
        await stage.until(lambda: stage.hand.begun)
        await stage.status(one.uid)  # the second has been read
        work = await stage.begun()
        assert not stage.hand.begun
        stage.hand.end(work, RETURNED)
        await stage.outcome(one.uid)
        await stage.outcome(two.uid)
        await stage.send(body)  # after all is over
        await stage.status(one.uid)
        assert not stage.hand.begun


async def test_who_missed_the_outcome_asks_by_either_uid(stage: Stage) -> None:
    first, second = await stage.launch(*items(stage, 2, JOIN))
    stage.hand.end(await stage.begun(), RETURNED)
    await stage.outcome(second)
    for uid in (first, second):
        stage.told.clear()
        assert await value(stage, AskOutcomes([uid])) == 1
        assert await stage.outcome(uid) == RETURNED


async def test_a_joined_launch_that_is_called_off_leaves_the_first_alone(stage: Stage) -> None:
    first, second = await stage.launch(*items(stage, 2, JOIN))
    work = await stage.begun()
    assert await value(stage, AskCancel(second.hex())) == "cancelled"
    assert (await stage.outcome(second)).status is Status.CANCELLED
    assert not stage.hand.called_off
    stage.hand.end(work, RETURNED)
    assert await stage.outcome(first) == RETURNED


async def test_a_first_that_is_called_off_takes_the_joined_ones_along(stage: Stage) -> None:
    stage.hand.places_for[Execution.PROCESS] = 0
    first, second = await stage.launch(*items(stage, 2, JOIN))
    await stage.until(lambda: stage.joined)
    assert await value(stage, AskCancel(first.hex())) == "cancelled"
    outcome = await stage.outcome(first)
    assert outcome.status is Status.CANCELLED
    assert await stage.outcome(second) == outcome


async def test_thousands_of_joined_launches_are_told_over_several_rounds(stage: Stage) -> None:
    first, *others = await stage.launch(*items(stage, 2500, JOIN))
    work = await stage.begun()
    await stage.until(lambda: len(stage.joined) == 2499)
    stage.hand.end(work, RETURNED)
    await stage.until(lambda: len(stage.told) == 2500)
    assert {stage.told[uid].outcome for uid in (first, *others)} == {RETURNED}


async def test_a_joined_launch_has_neither_a_deadline_nor_a_place_of_its_own(stage: Stage) -> None:
    stage.hand.places_for[Execution.PROCESS] = 1
    await stage.launch(*items(stage, 1, JOIN))
    [second] = await stage.launch(*items(stage, 1, JOIN, deadline=stage.now + 5))
    work = await stage.begun()
    stage.move(10)
    assert await stage.status(second) == Status.BLOCKED
    stage.hand.end(work, RETURNED)
    assert await stage.outcome(second) == RETURNED


# -- refuse ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False])
async def test_a_second_launch_is_refused_with_the_id_of_the_first(
    stage: Stage, together: bool
) -> None:
    launches = items(stage, 2, REFUSE, id="order 7") if together else []
    launches = launches or [stage.item(unique=REFUSE, id="order 7"), stage.item(unique=REFUSE)]
    if together:
        first, second = await stage.launch(*launches)
    else:
        [first], [second] = [await stage.launch(one) for one in launches]
    outcome = await stage.outcome(second)
    assert outcome.status is Status.FAILED
    assert outcome.failure is not None
    assert outcome.failure.code == ErrorCode.NOT_UNIQUE
    assert "order 7" in outcome.failure.text
    stage.hand.end(await stage.begun(), RETURNED)
    assert await stage.outcome(first) == RETURNED


async def test_one_whose_work_was_done_and_removed_is_refused_and_not_done_again(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path, retention_completed=0) as stage:
        [first] = await stage.launch(*items(stage, 1, FOR_A_DAY))
        stage.hand.end(await stage.begun(), RETURNED)
        await stage.outcome(first)
        stage.move(100)
        stage.engine._stations.caretaker._pruned = -1e9  # it is time to prune
        stage.engine.ring()
        await stage.until(lambda: stage.stored(first) is None)
        [second] = await stage.launch(*items(stage, 1, FOR_A_DAY))
        outcome = await stage.outcome(second)
        assert outcome.failure is not None
        assert outcome.failure.code == ErrorCode.NOT_UNIQUE
        assert "removed" in outcome.failure.text


async def test_one_is_not_requeued_beside_the_job_that_has_its_key(stage: Stage) -> None:
    [old] = await stage.launch(*items(stage, 1, REFUSE))
    stage.hand.end(await stage.begun(), RAISED)
    await stage.outcome(old)
    [new] = await stage.launch(*items(stage, 1, REFUSE))
    work = await stage.begun()
    assert await value(stage, AskRequeue(old.hex())) is False
    stage.hand.end(work, RETURNED)
    await stage.outcome(new)
    assert await value(stage, AskRequeue(old.hex())) is True
    stage.told.pop(old)
    [third] = await stage.launch(*items(stage, 1, REFUSE))
    assert (await stage.outcome(third)).status is Status.FAILED
    stage.hand.end(await stage.begun(), RETURNED)
    assert await stage.outcome(old) == RETURNED


# -- replace ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False])
async def test_one_that_waits_is_replaced_and_told_so(stage: Stage, together: bool) -> None:
    stage.hand.places_for[Execution.PROCESS] = 0
    launches = items(stage, 3, REPLACE)
    if together:
        *old, new = await stage.launch(*launches)
    else:
        *old, new = [uid for one in launches for uid in await stage.launch(one)]
    for uid, by in zip(old, [old[1], new], strict=True):
        outcome = await stage.outcome(uid)
        assert outcome.status is Status.CANCELLED
        assert outcome.failure is not None
        assert outcome.failure.code == ErrorCode.CANCELLED
        assert ulid(by) in outcome.failure.text
    stage.hand.places_for[Execution.PROCESS] = 1
    stage.engine.ring()
    stage.hand.end(await stage.begun(), RETURNED)
    assert await stage.outcome(new) == RETURNED


async def test_one_that_runs_is_joined_instead_of_replaced(stage: Stage) -> None:
    [first] = await stage.launch(*items(stage, 1, REPLACE))
    work = await stage.begun()
    [second] = await stage.launch(*items(stage, 1, REPLACE))
    await stage.until(lambda: stage.joined == {second: ulid(first)})
    stage.hand.end(work, RETURNED)
    assert await stage.outcome(first) == await stage.outcome(second) == RETURNED


# -- what comes in ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unique", "text"),
    [(Unique(b"short"), "16"), (Unique(KEY, seconds=-1.0), "more than 0")],
)
async def test_a_key_that_is_none_fails_its_job_alone(
    stage: Stage, unique: Unique, text: str
) -> None:
    bad, good = await stage.launch(stage.item(unique=unique), stage.item())
    failure = (await stage.outcome(bad)).failure
    assert failure is not None
    assert failure.code == ErrorCode.INVALID_TASK
    assert text in failure.text
    assert (await stage.begun()).seq
    assert await stage.status(good) == Status.RUNNING


async def test_a_job_that_can_not_be_run_takes_no_key(stage: Stage) -> None:
    spec = stage.spec(python="cpython-2.7")
    [bad] = await stage.launch(*items(stage, 1, FOR_A_DAY), spec=spec)
    outcome: Outcome = await stage.outcome(bad)
    assert outcome.status is Status.FAILED
    [good] = await stage.launch(*items(stage, 1, FOR_A_DAY))
    stage.hand.end(await stage.begun(), RETURNED)
    assert await stage.outcome(good) == RETURNED


@pytest.mark.parametrize("unique", [JOIN, REFUSE, REPLACE])
def test_one_that_will_not_run_depends_on_nothing(unique: Unique) -> None:
    store = ModelStore()
    parents = (Parent(b"p" * 16),)
    jobs = [new_job(store, unique=unique, parents=parents) for _ in range(2)]
    first, second = Gate(store, "one").admit(jobs, Tick(0.0)).jobs
    runs, other = (second, first) if unique is REPLACE else (first, second)
    assert (runs.status, runs.parents) == (Status.PENDING, parents)
    assert (other.status is Status.PENDING, other.parents) == (False, ())
