"""`AsyncClient`: the same as `Client`, awaited, on the loop of its user."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from schedulergodx.brokers.memory import MemoryBroker
from schedulergodx.client import AsyncClient, AsyncJob
from schedulergodx.core.job import Status
from schedulergodx.errors import (
    BrokerClosed,
    BrokerUnavailable,
    ConfigError,
    JobCancelled,
    LaunchUnconfirmed,
    NoAnswer,
    ResultTimeout,
    UnknownJob,
    UnknownQueue,
)
from schedulergodx.utils.message import MessageConstructor
from tests.client.small_service import SmallService

SOON = 10  # seconds, the deadline of what must happen


def divide(a: float, b: float) -> float:
    return a / b


@pytest.fixture
async def client(url: str, service: SmallService) -> AsyncIterator[AsyncClient]:
    async with AsyncClient("async", broker=url) as client:
        yield client


async def test_a_launch_gives_a_job_with_the_value(client: AsyncClient) -> None:
    task = client.task(divide)
    job = await task.launch(5, b=2)
    assert isinstance(job, AsyncJob)
    assert await job == 2.5
    assert await job.result(SOON) == 2.5
    assert await job.exception() is None
    assert await job.ready()
    assert await job.status() is Status.COMPLETED
    assert await job.output() == "printed\n"
    assert task(1, 2) == 0.5


async def test_an_exception_is_raised_with_its_remote_traceback(client: AsyncClient) -> None:
    job = await client.task(divide).launch(1, 0)
    with pytest.raises(ZeroDivisionError) as raised:
        await job
    assert "in divide" in str(raised.value.__cause__)


async def test_launches_at_once_share_an_envelope(
    client: AsyncClient, service: SmallService
) -> None:
    task = client.task(divide)
    await task.launch(1, 1)
    jobs = await asyncio.gather(*[task.launch(n, 1) for n in range(200)])
    assert await asyncio.gather(*jobs) == list(range(200))
    assert [len(body.jobs) for _, body in service.tasks] == [1, 200]


async def test_map_starmap_and_options(client: AsyncClient, service: SmallService) -> None:
    @client.task
    async def double(n: int) -> int:
        return 2 * n

    assert [await job for job in await double.options(priority=4).map([1, 2])] == [2, 4]
    assert [await job for job in await client.task(divide).starmap([(4, 2)])] == [2]
    assert service.tasks[0][1].priority == 4


async def test_a_pipeline_confirms_at_its_end(client: AsyncClient, service: SmallService) -> None:
    task = client.task(divide)
    async with client.pipeline(jobs_per_envelope=10):
        jobs = [await task.launch(n, 1) for n in range(25)]
    assert [await job.result(SOON) for job in jobs] == list(range(25))
    assert [len(body.jobs) for _, body in service.tasks] == [10, 10, 5]
    with pytest.raises(UnknownQueue) as raised:
        async with client.pipeline():
            lost = await task.options(queue="nobody").launch(1, 1)
    assert raised.value.jobs == (lost,)


async def test_a_pipeline_is_of_its_task(client: AsyncClient, service: SmallService) -> None:
    task = client.task(divide)
    gathered, go_on = asyncio.Event(), asyncio.Event()

    async def gather_one() -> AsyncJob[float]:
        async with client.pipeline():
            job = await task.launch(1, 1)
            gathered.set()
            await go_on.wait()
        return job

    gathering = asyncio.create_task(gather_one())
    await gathered.wait()
    assert await (await task.launch(2, 1)).result(SOON) == 2
    assert len(service.records) == 1
    go_on.set()
    assert await (await gathering).result(SOON) == 1


async def test_a_cancel_a_change_and_a_view(client: AsyncClient, service: SmallService) -> None:
    service.hold = True
    job = await client.task(divide).options(delay=60).launch(1, 1)
    assert not await job.ready()
    assert await job.change(delay="1 min", priority=3)
    assert (await job.view()).status is Status.PENDING
    assert await job.attempts() == ()
    assert await job.output() == "so far"
    assert not await job.requeue()
    with pytest.raises(ResultTimeout):
        await job.result(timeout=0.01)
    assert str(await job.cancel()) == "cancelled"
    with pytest.raises(JobCancelled):
        await job


async def test_jobs_are_found_by_their_ids(
    client: AsyncClient, url: str, service: SmallService
) -> None:
    job = await client.task(divide).launch(9, 3)
    assert await job == 3
    assert await client.job(job.id) is job
    async with AsyncClient("async", broker=url) as other:
        found = await other.job(job.id)
        assert await found.result(SOON) == 3
        assert await other.status(job.id) is Status.COMPLETED
        assert not await other.cancel(job.id)
        [view] = await other.list_jobs(since=0)
        assert view.uid == job.uid
        assert await other.list_jobs(since=view.created + 1) == []
        assert sum((await other.counts()).values()) == 1
        with pytest.raises(UnknownJob):
            await other.job("there is none")


async def test_responses_and_push(client: AsyncClient, service: SmallService) -> None:
    job = await client.task(divide).launch(4, 2)
    response = await client.await_response(job, SOON)
    assert response.arguments["result"] == 2
    assert (await client.get_response(job.id)).arguments["result"] == 2  # type: ignore[union-attr]
    assert await client.get_response("there is none") is None
    await client.push(MessageConstructor.task("pushed", "", 5, divide, (1, 4)))
    assert (await client.await_response("pushed", SOON)).arguments["result"] == 0.25


async def test_an_unconfirmed_launch_can_be_sent_again(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = client.task(divide)
    await client.connect()
    client._confirm_timeout = 0.01
    kept: list[asyncio.Future[None]] = []

    def lose(self: MemoryBroker, address: str, body: bytes) -> asyncio.Future[None]:
        kept.append(asyncio.get_running_loop().create_future())
        return kept[-1]

    with monkeypatch.context() as patch:
        patch.setattr(MemoryBroker, "publish", lose)
        with pytest.raises(LaunchUnconfirmed) as raised:
            await task.launch(1, 1)
    [job] = raised.value.jobs
    assert isinstance(job, AsyncJob)
    kept[0].set_exception(BrokerClosed("gone"))
    await asyncio.sleep(0)
    client._confirm_timeout = SOON
    await client.resend(job)
    assert await job.result(SOON) == 1
    with pytest.raises(ConfigError):
        await client.resend(job)


async def test_nobody_waits_for_the_outcome_of_a_job_that_did_not_arrive(
    client: AsyncClient,
) -> None:
    with pytest.raises(UnknownQueue):
        async with client.pipeline():
            job = await client.task(divide).options(queue="nobody").launch(1, 1)
            with pytest.raises(UnknownQueue, match=job.id):
                await job


async def test_a_closed_client_says_so(client: AsyncClient, service: SmallService) -> None:
    service.hold = True
    task = client.task(divide)
    job = await task.launch(1, 1)
    waiting = asyncio.create_task(job.result())
    await asyncio.sleep(0)
    await client.close()
    await client.close()
    with pytest.raises(BrokerClosed):
        await waiting
    with pytest.raises(BrokerClosed):
        await task.launch(1, 1)


async def test_silence_has_an_end(url: str) -> None:
    async with AsyncClient("alone", broker=url) as client:
        job = await client.task(divide).launch(1, 1)
        with pytest.raises(NoAnswer):
            await job.status(timeout=0.01)


async def test_a_broker_that_is_not_there_is_named() -> None:
    client = AsyncClient("alone", broker="amqp://guest:guest@127.0.0.1:1/", connect_timeout=0.5)
    with pytest.raises(BrokerUnavailable):
        await client.connect()


def test_a_client_is_for_one_loop_after_the_other(url: str, service: SmallService) -> None:
    client = AsyncClient("loops", broker=url)
    task = client.task(divide)

    async def run(n: int) -> float:
        return await (await task.launch(n, 1)).result(SOON)

    assert [asyncio.run(run(n)) for n in range(2)] == [0, 1]


async def test_many_first_uses_at_once_connect_once(url: str, service: SmallService) -> None:
    async with AsyncClient("first", broker=url) as client:
        task = client.task(divide)
        jobs = await asyncio.gather(*[task.launch(n, 1) for n in range(10)])
        assert [await job.result(SOON) for job in jobs] == list(range(10))
        assert service.greetings == 1
