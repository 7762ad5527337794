"""Bundles whose jobs are put before one that waits, and values that go to workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from schedulergodx.core.envelope import MessageType
from schedulergodx.core.job import ErrorCode, OnFailure, Outcome, Parent, Status
from schedulergodx.core.message import BatchRef, BundleBody, JobItem, TaskBody
from schedulergodx.core.request import AskClear
from tests.service.stage import CODE, RETURNED, Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from schedulergodx.core.message import Error


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path) as stage:
        for execution in stage.hand.places_for:
            stage.hand.places_for[execution] = 9
        yield stage


def task(stage: Stage, *items: JobItem, batch: BatchRef | None = None) -> TaskBody:
    spec = stage.spec()
    return TaskBody(spec, {spec.function: CODE}, list(items), batch=batch)


async def launch_pair(stage: Stage, batch: BatchRef | None = None) -> tuple[bytes, bytes]:
    """A job that waits for another one, which will put more before it."""
    first = stage.item()
    last = stage.item(parents=(Parent(first.uid),))
    await stage.send(BundleBody([task(stage, first, last, batch=batch)]), type=MessageType.BUNDLE)
    return first.uid, last.uid


async def put_before(stage: Stage, last: bytes, *items: JobItem, parents: object = None) -> bytes:
    above = parents or tuple(Parent(item.uid, result=True) for item in items)
    body = BundleBody([task(stage, *items)], before={last: above})  # type: ignore[dict-item]
    return await stage.send(body, type=MessageType.BUNDLE)


async def refusal(stage: Stage, envelope: bytes) -> Error:
    return await stage.until(lambda: stage.errors.get(envelope))


async def test_a_job_waits_for_those_that_were_put_before_it(stage: Stage) -> None:
    ref = BatchRef(b"b" * 16, "flow", workflow=True)
    _, last = await launch_pair(stage, ref)
    running = await stage.begun()
    items = stage.item(), stage.item()
    await put_before(stage, last, *items)
    added = [await stage.begun(), await stage.begun()]
    stage.hand.end(running, RETURNED)
    for work in added:
        assert await stage.status(last) == "blocked"
        stage.hand.end(work, RETURNED)
    final = await stage.begun()
    assert final.uid == last
    assert [result.uid for result in final.results] == [item.uid for item in items]
    assert [result.value for result in final.results] == [RETURNED.value] * 2
    batch = await stage.of_store(lambda store: store.view_batch(1))
    assert batch.counts == {Status.COMPLETED: 3, Status.RUNNING: 1}


async def test_put_before_it_again_they_are_the_same_jobs(stage: Stage) -> None:
    _, last = await launch_pair(stage)
    await stage.begun()
    item = stage.item()
    await put_before(stage, last, item)
    await put_before(stage, last, item)
    assert (await stage.begun()).uid == item.uid
    assert await stage.status(last) == "blocked"
    assert len((await stage.of_store(lambda store: store.view(last))).parents) == 2
    assert not stage.errors


async def test_nothing_is_put_before_a_job_that_waits_no_more(stage: Stage) -> None:
    _, last = await launch_pair(stage)
    stage.hand.end(await stage.begun(), RETURNED)
    await stage.begun()
    item = stage.item()
    error = await refusal(stage, await put_before(stage, last, item))
    assert "waits no more" in error.failure.text
    assert await stage.status(item.uid) is None


async def test_nothing_is_put_before_an_unknown_job(stage: Stage) -> None:
    error = await refusal(stage, await put_before(stage, b"u" * 16, stage.item()))
    assert error.failure.code == ErrorCode.UNKNOWN_PARENT


async def test_only_jobs_of_the_bundle_are_put_before_another(stage: Stage) -> None:
    first, last = await launch_pair(stage)
    envelope = await put_before(stage, last, stage.item(), parents=(Parent(first),))
    assert "not of this bundle" in (await refusal(stage, envelope)).failure.text


async def test_a_job_that_runs_without_its_parent_is_told_that_there_is_no_value(
    stage: Stage,
) -> None:
    first = stage.item()
    child = stage.item(parents=(Parent(first.uid, OnFailure.RUN, result=True),))
    await stage.send(BundleBody([task(stage, first, child)]), type=MessageType.BUNDLE)
    stage.hand.end(await stage.begun(), replace(RETURNED, status=Status.FAILED, value=None))
    [result] = (await stage.begun()).results
    assert (result.uid, result.status, result.value) == (first.uid, Status.FAILED, None)


async def test_what_completed_is_cleared_in_slices_and_counted(stage: Stage) -> None:
    """G15: completed and cancelled ones go, and how many they were is told."""
    await stage.launch(*[stage.item() for _ in range(1500)])
    stage.hand.places_for = dict.fromkeys(stage.hand.places_for, 2000)
    stage.engine.ring()
    for _ in range(1500):
        stage.hand.end(await stage.begun(), Outcome(Status.COMPLETED, value=b"v"))
    await stage.until(lambda: len(stage.told) == 1500)
    answer = await stage.ask(AskClear(before=0.0))
    assert bytes(answer.value) == b"\x00"
    answer = await stage.ask(AskClear())
    assert int.from_bytes(bytes(answer.value)[1:]) == 1500
