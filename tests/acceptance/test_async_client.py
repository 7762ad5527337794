"""The main job again, awaited."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from schedulergodx import AsyncClient
from schedulergodx.errors import JobCancelled, JobTimeout, ResultTimeout, UnknownQueue
from tests.world import SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.acceptance.deployment import Deployment

SOON = 30  # seconds, the deadline of what must happen


def divide(a: float, b: float) -> float:
    return a / b


async def sleep(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@pytest.fixture
async def client(shared: Deployment) -> AsyncIterator[AsyncClient]:
    async with AsyncClient("async", secret=SECRET, **shared.address) as client:
        yield client


async def test_the_main_job(client: AsyncClient) -> None:
    task = client.task(divide)
    job = await task.options(delay=0.3).launch(10, b=4)
    assert await job.status() == "scheduled"
    assert not await job.ready()
    async with asyncio.timeout(SOON):
        assert await job == 2.5
    assert await job.status() == "completed"
    assert task(1, 2) == 0.5


async def test_its_exception_is_raised(client: AsyncClient) -> None:
    job = await client.task(divide).launch(1, 0)
    with pytest.raises(ZeroDivisionError) as raised:
        await job.result(timeout=SOON)
    assert "divide" in str(raised.value.__cause__)


async def test_200_jobs_at_once(client: AsyncClient) -> None:
    task = client.task(divide)
    jobs = await asyncio.gather(*[task.launch(n, 2) for n in range(200)])
    async with asyncio.timeout(SOON):
        assert await asyncio.gather(*jobs) == [n / 2 for n in range(200)]


async def test_coroutines_run_beside_each_other(client: AsyncClient) -> None:
    task = client.task(sleep)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    jobs = await task.map([0.5] * 200)
    async with asyncio.timeout(SOON):
        assert sum([await job for job in jobs]) == 100
    assert loop.time() - begin < 10


async def test_a_pipeline(client: AsyncClient) -> None:
    task = client.task(divide)
    async with client.pipeline():
        jobs = [await task.launch(n, 1) for n in range(100)]
    assert [await job.result(timeout=SOON) for job in jobs] == list(range(100))


async def test_a_cancel(client: AsyncClient) -> None:
    waiting = await client.task(sleep).options(delay=3600).launch(0)
    assert (await waiting.cancel()).value == "cancelled"
    with pytest.raises(JobCancelled):
        await waiting.result(timeout=SOON)
    running = await client.task(sleep).launch(60)
    async with asyncio.timeout(SOON):
        while await running.status() != "running":
            await asyncio.sleep(0.01)
    assert (await running.cancel()).value == "asked"
    with pytest.raises(JobCancelled):
        await running.result(timeout=SOON)


async def test_a_lifetime(client: AsyncClient) -> None:
    job = await client.task(sleep, lifetime=0.3).launch(60)
    with pytest.raises(JobTimeout):
        await job.result(timeout=SOON)


async def test_a_wait_can_end_before_its_job(client: AsyncClient) -> None:
    job = await client.task(sleep).launch(0.5)
    with pytest.raises(ResultTimeout):
        await job.result(timeout=0.05)
    assert await job.result(timeout=SOON) == 0.5


async def test_an_unknown_queue(client: AsyncClient) -> None:
    with pytest.raises(UnknownQueue):
        await client.task(sleep, queue="nobody").launch(1)


async def test_another_client_of_the_name_finds_the_job(
    client: AsyncClient, shared: Deployment
) -> None:
    job = await client.task(divide).launch(9, 3)
    assert await job.result(timeout=SOON) == 3
    async with AsyncClient("async", secret=SECRET, **shared.address) as other:
        same = await other.job(job.id)
        assert await same.result(timeout=SOON) == 3


async def test_a_job_of_a_plain_client_can_be_awaited(shared: Deployment) -> None:
    job = shared.client("plain").task(divide).launch(6, 3)
    async with asyncio.timeout(SOON):
        assert await job == 2
