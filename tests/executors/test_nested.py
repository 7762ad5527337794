"""Jobs that launch jobs, and wait for them."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from schedulergodx.core import context
from schedulergodx.core.context import worker_of
from schedulergodx.core.job import Execution
from tests.executors.processes import until
from tests.executors.rig import Rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ALL = [Execution.PROCESS, Execution.FORK, Execution.THREAD, Execution.ASYNC]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path / "workers", workers=1, hard=1, threads=1) as rig:
        yield rig


def send(address: str, body: bytes) -> tuple[str, str]:
    outlet = context.outlet
    assert outlet is not None
    outlet.send(address, body)
    return outlet.instance, outlet.client


async def asend(address: str, body: bytes) -> tuple[str, str]:
    return send(address, body)


@pytest.mark.parametrize("execution", ALL)
async def test_what_a_job_sends_is_reported_and_the_job_goes_on_when_it_is_accepted(
    rig: Rig, execution: Execution
) -> None:
    task = asend if execution is Execution.ASYNC else send
    job = rig.launch(task, "client-service", b"envelope", execution=execution, client="carol")
    sent = await asyncio.wait_for(rig.sent.get(), 10)
    assert (sent.address, sent.body) == ("client-service", b"envelope")
    assert sent.worker == job.worker
    assert not job.ended.done()
    rig.executor.accept(sent, None)
    instance, client = rig.open(await job)
    assert worker_of(instance) == sent.worker
    assert client == "carol"


async def test_what_is_refused_raises_in_the_job(rig: Rig) -> None:
    job = rig.launch(send, "nowhere", b"envelope")
    sent = await asyncio.wait_for(rig.sent.get(), 10)
    rig.executor.accept(sent, "there is no such queue")
    failure = (await job).outcome.failure
    assert failure is not None
    assert failure.type == "schedulergodx.errors.LaunchError"
    assert "no such queue" in failure.text


async def test_threads_of_a_job_may_send_at_the_same_time(rig: Rig) -> None:
    def task(count: int) -> int:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(count) as pool:
            return len(list(pool.map(lambda n: send("queue", bytes([n])), range(count))))

    job = rig.launch(task, 8)
    for _ in range(8):
        rig.executor.accept(await asyncio.wait_for(rig.sent.get(), 10), None)
    assert rig.open(await job) == 8


def await_response() -> bytes:
    import queue

    outlet = context.outlet
    assert outlet is not None
    responses: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    outlet.subscribe(responses.put)
    outlet.send("queue", b"question")
    outlet.waiting(True)
    response = responses.get(timeout=20)
    outlet.waiting(False)
    return response


async def await_response_in_a_thread() -> bytes:
    return await asyncio.to_thread(await_response)


@pytest.mark.parametrize("execution", ALL)
async def test_while_a_job_waits_another_one_has_its_place(rig: Rig, execution: Execution) -> None:
    task = await_response_in_a_thread if execution is Execution.ASYNC else await_response
    job = rig.launch(task, execution=execution)
    sent = await asyncio.wait_for(rig.sent.get(), 10)
    rig.executor.accept(sent, None)
    worker = job.worker
    function = os.getpid if execution is not Execution.ASYNC else agetpid
    assert await rig.value(function, execution=execution)
    assert rig.executor.deliver(worker, b"answer")
    assert rig.open(await job) == b"answer"


async def agetpid() -> int:
    return os.getpid()


def nest(depth: int) -> int:
    """Wait for a response, which the test gives once a job of the next depth has ended."""
    import queue

    if depth == 0:
        return 0
    outlet = context.outlet
    assert outlet is not None
    # one for all jobs of a worker, as a client has it
    waiting = context.__dict__.setdefault("_waiting_of_a_test", {})
    mine = waiting.setdefault(depth, queue.SimpleQueue())
    outlet.subscribe(lambda body: waiting[body[0] + 1].put(body[0]))
    outlet.waiting(True)
    outlet.send("queue", bytes([depth - 1]))
    answer: int = mine.get(timeout=20)
    outlet.waiting(False)
    return answer + 1


@pytest.mark.parametrize("execution", [Execution.PROCESS, Execution.FORK, Execution.THREAD])
async def test_recursion_does_not_lock_up_the_pool(rig: Rig, execution: Execution) -> None:
    async def serve() -> None:
        while True:
            sent = await rig.sent.get()
            rig.executor.accept(sent, None)
            asyncio.create_task(answer(sent.worker, sent.body[0]))  # noqa: RUF006

    async def answer(worker: int, depth: int) -> None:
        value = await rig.value(nest, depth, execution=execution)
        rig.executor.deliver(worker, bytes([value]))

    serving = asyncio.create_task(serve())
    assert await rig.value(nest, 6, execution=execution) == 6
    serving.cancel()


async def test_workers_that_stood_in_for_waiting_jobs_are_ended(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schedulergodx.executors.staff._LINGER", 0.05)
    workers = len(rig.executor._staff.workers)
    for execution in (Execution.PROCESS, Execution.FORK):
        job = rig.launch(await_response, execution=execution)
        rig.executor.accept(await asyncio.wait_for(rig.sent.get(), 10), None)
        await rig.value(os.getpid, execution=execution)
        assert len(rig.executor._staff.workers) == workers + 1
        assert rig.executor.deliver(job.worker, b"answer")
        await job
        await until(lambda: len(rig.executor._staff.workers) == workers)
        assert await rig.value(os.getpid, execution=execution)


async def test_a_job_that_waits_has_nobody_behind_it(rig: Rig) -> None:
    works = [rig.work(await_response), rig.work(os.getpid)]
    for _ in range(50):
        for work in works:
            rig.pace().learn(work.spec.function, 1e-6)
    waiting, behind = rig.submit(works)
    sent = await asyncio.wait_for(rig.sent.get(), 10)
    rig.executor.accept(sent, None)
    worker = waiting.worker
    assert rig.open(await behind)
    rig.executor.deliver(worker, b"answer")
    assert rig.open(await waiting) == b"answer"


async def test_a_worker_that_is_gone_takes_no_response(rig: Rig) -> None:
    assert rig.executor.deliver(123, b"late") is False


async def test_a_process_that_a_job_forked_is_told_that_it_can_not_launch(rig: Rig) -> None:
    def task() -> bytes:
        reading, writing = os.pipe()
        if os.fork() == 0:
            try:
                send("queue", b"")
            except Exception as error:
                os.write(writing, str(error).encode())
            os._exit(0)
        os.close(writing)
        return os.read(reading, 1000)

    assert b"forked" in await rig.value(task)


async def test_a_service_that_stops_ends_a_job_that_waits_for_it(tmp_path: Path) -> None:
    async with Rig(tmp_path / "workers", workers=1) as rig:
        job = rig.launch(send, "queue", b"never accepted")
        await asyncio.wait_for(rig.sent.get(), 10)
        await rig.executor.stop(0)
        await asyncio.sleep(0)
        assert (await job).outcome.failure is not None
