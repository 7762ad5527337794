"""Hard jobs: a fresh process each, and limits whose cause is named."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schedulergodx.core.job import ErrorCode, Execution, Limits, Status
from schedulergodx.executors.tree import children_of
from tests.executors.processes import is_alive, until
from tests.executors.rig import Rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from schedulergodx.executors.base import Work

FORK = Execution.FORK


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path / "workers", workers=1, hard=2) as rig:
        yield rig


async def test_each_has_a_process_and_a_session_of_its_own(rig: Rig) -> None:
    def task() -> tuple[int, int]:
        return os.getpid(), os.getsid(0)

    jobs = rig.submit([rig.work(task, execution=FORK) for _ in range(10)])
    found = [rig.open(await job) for job in jobs]
    assert len({pid for pid, _ in found}) == 10
    assert all(pid == session for pid, session in found)


async def test_it_is_reported_when_its_process_is_gone(rig: Rig) -> None:
    pid = await rig.value(os.getpid, execution=FORK)
    assert not is_alive(pid)


async def test_no_more_run_at_once_than_there_are_places(rig: Rig) -> None:
    def task() -> tuple[float, float]:
        begin = time.monotonic()
        time.sleep(0.05)
        return begin, time.monotonic()

    jobs = rig.submit([rig.work(task, execution=FORK) for _ in range(6)])
    spans = [rig.open(await job) for job in jobs]
    for begin, _ in spans:
        assert sum(other[0] <= begin < other[1] for other in spans) <= 2


async def test_a_coroutine_function_runs_on_a_loop_of_its_own(rig: Rig) -> None:
    async def task(n: int) -> int:
        import asyncio

        await asyncio.sleep(0)
        return n + 1

    assert await rig.value(task, 1, execution=FORK) == 2


async def test_chance_differs_from_process_to_process(rig: Rig) -> None:
    def draw() -> float:
        return random.random()

    jobs = rig.submit([rig.work(draw, execution=FORK) for _ in range(4)])
    assert len({rig.open(await job) for job in jobs}) == 4


async def test_one_place_forks_them_all(rig: Rig) -> None:
    places = {await rig.value(os.getppid, execution=FORK) for _ in range(6)}
    assert len(places) == 1


def learn(rig: Rig, *works: Work) -> None:
    """As if these had run before, and were short."""
    for _ in range(50):
        for work in works:
            rig.pace(FORK).learn(work.spec.function, 0.0005)


async def test_short_ones_wait_at_the_place_not_in_the_service(rig: Rig) -> None:
    assert len(rig.executor.places(FORK)) == 2
    learn(rig, rig.work(os.getpid, execution=FORK))
    assert len(rig.executor.places(FORK)) > 4


async def test_one_that_crashes_costs_those_behind_it_nothing(rig: Rig) -> None:
    def crash() -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    works = [rig.work(function, execution=FORK) for function in (crash, *[os.getpid] * 6)]
    learn(rig, *works)
    bad, *good = rig.submit(works)
    ended = await bad
    assert ended.outcome.failure is not None
    assert ended.outcome.failure.code == ErrorCode.WORKER_DIED
    assert "SIGSEGV" in ended.outcome.failure.text
    assert "Fatal Python error" in ended.outcome.failure.traceback
    assert len({rig.open(await job) for job in good}) == 6


async def test_one_ends_with_its_place(rig: Rig) -> None:
    place: int = await rig.value(os.getppid, execution=FORK)
    job = rig.launch(time.sleep, 60, execution=FORK)
    await job.begun()
    [pid] = children_of(place)
    os.kill(place, signal.SIGKILL)
    ended = await job
    assert ended.outcome.failure is not None
    assert ended.outcome.failure.code == ErrorCode.WORKER_DIED
    assert not is_alive(pid)


async def test_one_that_takes_nothing_of_what_comes_for_it_ends_all_the_same(rig: Rig) -> None:
    job = rig.launch(time.sleep, 0.2, execution=FORK)
    await job.begun()
    assert rig.executor.deliver(job.worker, bytes(4 << 20))
    await job
    assert await rig.value(os.getpid, execution=FORK)


def use_memory() -> int:
    return len([bytearray(1 << 20) for _ in range(500)])


def compute() -> None:
    while True:
        pass


def compute_on() -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    compute()


def open_files() -> int:
    return len([Path(os.devnull).open() for _ in range(500)])


def print_much() -> None:
    while True:
        print("x" * 999)


@pytest.mark.parametrize(
    ("task", "limits", "says"),
    [
        (use_memory, Limits(memory=128 << 20), "memory"),
        (compute, Limits(cpu_time=1), "computed"),
        (compute_on, Limits(cpu_time=1), "computed"),
        (open_files, Limits(open_files=50), "files"),
        (print_much, Limits(output=100_000), "printed"),
    ],
)
async def test_a_limit_that_is_hit_is_named(
    rig: Rig, task: Callable[[], object], limits: Limits, says: str
) -> None:
    ended = await rig.outcome(task, execution=FORK, limits=limits)
    assert ended.outcome.status is Status.FAILED
    assert ended.outcome.failure is not None
    assert ended.outcome.failure.code == ErrorCode.RESOURCE_LIMIT, ended.outcome.failure
    assert says in ended.outcome.failure.text
    assert not ended.final


async def test_what_was_printed_before_the_limit_is_kept(rig: Rig) -> None:
    ended = await rig.outcome(print_much, execution=FORK, limits=Limits(output=5000))
    assert ended.outcome.output.startswith("xxx")
    assert 5000 < len(ended.outcome.output) < 7000


async def test_a_job_within_its_limits_is_not_disturbed(rig: Rig) -> None:
    def task() -> str:
        print("a little")
        bytearray(10 << 20)
        return Path(os.devnull).read_text()

    limits = Limits(memory=128 << 20, cpu_time=5, open_files=50, output=1000)
    ended = await rig.outcome(task, execution=FORK, limits=limits)
    assert rig.open(ended) == ""
    assert ended.outcome.output == "a little\n"


async def test_an_error_of_the_same_kind_without_a_limit_is_the_tasks_own(rig: Rig) -> None:
    def task() -> None:
        raise MemoryError("mine")

    ended = await rig.outcome(task, execution=FORK, limits=Limits(cpu_time=5))
    assert ended.outcome.failure is not None
    assert ended.outcome.failure.code == ErrorCode.ERROR_IN_TASK


async def test_limits_are_of_one_job(rig: Rig) -> None:
    await rig.outcome(use_memory, execution=FORK, limits=Limits(memory=128 << 20))
    assert await rig.value(lambda: len(bytearray(160 << 20)), execution=FORK) == 160 << 20


async def test_threads_that_it_leaves_end_with_it(rig: Rig) -> None:
    def task() -> int:
        import threading

        threading.Thread(target=time.sleep, args=(60,)).start()
        return os.getpid()

    pid = await rig.value(task, execution=FORK)
    await until(lambda: not is_alive(pid))
