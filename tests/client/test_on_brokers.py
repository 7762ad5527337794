"""The main job of a client on each broker: memory, embedded, and RabbitMQ by both libraries."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from schedulergodx.client import AsyncClient, Client
from schedulergodx.errors import UnknownQueue
from tests.client.forking import in_child
from tests.client.small_service import SmallService

ROOT = Path(__file__).parents[2]
SOON = 20  # seconds, the deadline of what must happen


def echo(value: int) -> int:
    return value


@pytest.fixture(params=["memory", "spool", "rabbit"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "rabbit":
        node = request.getfixturevalue("rabbit")
        return str(node.url)
    return f"memory:{uuid4().hex}" if request.param == "memory" else f"spool:{tmp_path}/spool"


@pytest.fixture
def prefix() -> str:
    return f"{uuid4().hex[:8]}."


@pytest.fixture
def service(url: str, prefix: str) -> Iterator[SmallService]:
    with SmallService(url, prefix=prefix, queues=("default", "mail")) as service:
        yield service


@pytest.fixture
def client(service: SmallService, prefix: str, make_client: Callable[..., Client]) -> Client:
    return make_client(prefix=prefix)


def test_a_client(client: Client, service: SmallService) -> None:
    task = client.task(echo)
    assert task.launch(1).result(SOON) == 1
    assert task.options(queue="mail").launch(2).result(SOON) == 2
    with client.pipeline():
        jobs = [task.launch(n) for n in range(1100)]
    assert [job.result(SOON) for job in jobs] == list(range(1100))
    with pytest.raises(UnknownQueue):
        task.options(queue="nobody").launch(1)
    service.hold = True
    waiting = task.launch(3)
    assert str(waiting.cancel()) == "cancelled"
    assert client.job(jobs[0].uid.hex()) is jobs[0]


def test_an_async_client(url: str, prefix: str, service: SmallService) -> None:
    async def run() -> None:
        async with AsyncClient("async", broker=url, prefix=prefix) as client:
            task = client.task(echo)
            assert await (await task.launch(1)).result(SOON) == 1
            jobs = await asyncio.gather(*[task.launch(n) for n in range(100)])
            async with client.pipeline():
                jobs += [await task.launch(n) for n in range(100, 700)]
            async with asyncio.timeout(SOON):
                assert await asyncio.gather(*jobs) == list(range(700))
            with pytest.raises(UnknownQueue):
                await task.options(queue="nobody").launch(1)

    asyncio.run(run())


def test_another_process_of_the_client(
    client: Client, service: SmallService, make_client: Callable[..., Client], prefix: str
) -> None:
    job = client.task(echo).launch(5)
    assert job.result(SOON) == 5
    other = make_client(client.name, prefix=prefix)
    assert other.job(job.id).result(SOON) == 5
    client.close()
    assert other.task(echo).launch(6).result(SOON) == 6


def test_a_forked_child(client: Client, service: SmallService, url: str) -> None:
    if url.startswith("memory:"):
        pytest.skip("a broker in memory is of one process")
    task = client.task(echo)
    before = task.launch(1)
    assert before.result(SOON) == 1
    service.hold = True
    held = task.launch(2)
    service.record(held.uid)
    service.release()
    service.wait_for_ends(2)

    def in_the_child() -> list[Any]:
        values = [held.result(SOON), task.launch(3).result(SOON)]
        client.close()
        return values

    for _ in range(2):
        assert in_child(in_the_child) == [2, 3]
    assert held.result(SOON) == 2
    assert task.launch(4).result(SOON) == 4


_PROGRAM = """
import sys
from schedulergodx.client import Client
client = Client("leaving", broker=sys.argv[1], prefix=sys.argv[2])
job = client.task(len).launch("four")
print(job.result(20))
"""


def test_a_program_that_does_not_close_its_client(
    url: str, prefix: str, service: SmallService, tmp_path: Path
) -> None:
    if url.startswith("memory:"):
        pytest.skip("a broker in memory is of one process")
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, url, prefix],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "4\n", "")
