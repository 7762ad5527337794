"""What a program has called for each of its tasks, and around each of their runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schedulergodx.client import Client
from schedulergodx.errors import RemoteError
from schedulergodx.testing import Harness
from tests.world import SECRET, ServiceProcess

calls: list[object] = []


@pytest.fixture
def harness() -> Iterator[Harness]:
    calls.clear()
    with Harness() as harness:
        yield harness


def work(value: int = 1) -> float:
    calls.append(f"work {value}")
    return 1 / value


async def work_async(value: int = 1) -> float:
    await asyncio.sleep(0)
    return work(value)


def tell(task: str) -> None:
    calls.append(f"begin {task}")


def watch(task: str) -> Iterator[None]:
    calls.append(f"before {task}")
    try:
        yield
    except ZeroDivisionError:
        calls.append("failed")
        raise
    finally:
        calls.append("after")


def test_each_task_that_is_made_is_shown_to_a_hook(harness: Harness) -> None:
    """R14: task_init; also of a function that is scheduled as it is."""
    client = harness.client
    before = client.task(work, name="before")

    @client.hook_task_init
    def init(task: Any) -> None:
        calls.append(task.name)
        task.set_parameters(priority=7)

    task = client.task(work, name="task")
    scheduled = client.schedule("every 1 hour", work_async)
    assert calls == ["task", "work_async"]
    jobs = [before.launch(), task.launch(), scheduled.run()]
    assert [job.view().priority for job in jobs] == [0, 7, 7]


@pytest.mark.parametrize("function", [work, work_async])
def test_each_run_is_inside_of_the_hooks(harness: Harness, function: Any) -> None:
    """R14: task_execute; what the task raises is raised at the yield, and is its outcome."""
    client = harness.client
    client.hook_task_execute(watch)
    client.hook_task_execute(tell)
    task = client.task(client.task(function, name="first"), name="it")
    job = task.launch(2)
    harness.drain()
    assert job.result(5) == 0.5
    assert calls == ["before it", "begin it", "work 2", "after"], "each of them once"
    calls.clear()
    failed = task.launch(0)
    harness.drain()
    with pytest.raises(ZeroDivisionError):
        failed.result(5)
    assert calls == ["before it", "begin it", "work 0", "failed", "after"]


def test_a_task_that_is_called_here_is_no_run(harness: Harness) -> None:
    harness.client.hook_task_execute(watch)
    assert harness.client.task(work)(2) == 0.5
    assert calls == ["work 2"]


def test_hooks_travel_with_the_tasks(tmp_path: Path) -> None:
    """R14: a worker has them, and hooks of a client cost the tasks of others nothing."""
    broker = f"spool:{tmp_path}/spool"
    with (
        ServiceProcess(tmp_path, broker=broker, db=f"sqlite:///{tmp_path}/jobs.db", workers=1),
        Client("hooked", broker=broker, secret=SECRET) as client,
    ):

        @client.hook_task_execute
        def told(task: str) -> Iterator[None]:
            print(f"{task} begins")
            try:
                yield
            finally:
                print("it is over")

        def divide(by: int) -> float:
            return 1 / by

        task = client.task(divide)
        good, bad = task.launch(2), task.launch(0)
        assert good.result(60) == 0.5
        with pytest.raises((ZeroDivisionError, RemoteError)):
            bad.result(60)
        assert [job.output() for job in (good, bad)] == 2 * ["divide begins\nit is over\n"]
