"""Short jobs are sent ahead, and never wait behind a long one while another worker is free."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from schedulergodx.core.job import Execution, Status
from tests.executors.processes import until
from tests.executors.rig import Rig, at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from schedulergodx.executors.base import Work

PROCESS = Execution.PROCESS


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path / "workers", workers=2) as rig:
        yield rig


def quick() -> int:
    return os.getpid()


def slow(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def learn(rig: Rig, *works: Work, seconds: float = 1e-6) -> None:
    """As if these had run before, and so quickly."""
    for _ in range(50):
        for work in works:
            rig.pace().learn(work.spec.function, seconds)


async def test_one_job_a_worker_is_offered_while_nothing_is_known(rig: Rig) -> None:
    places = rig.executor.places(PROCESS)
    assert len(places) == len(set(places)) == 2


async def test_more_are_offered_when_jobs_are_short_and_each_worker_first_gets_one(
    rig: Rig,
) -> None:
    learn(rig, rig.work(quick))
    places = rig.executor.places(PROCESS)
    assert len(places) > 20
    assert len(set(places[:2])) == 2


async def test_none_are_offered_behind_a_long_job(rig: Rig) -> None:
    work = rig.work(slow, 60)
    learn(rig, rig.work(quick))
    learn(rig, work, seconds=1.0)
    busy, free = rig.executor.places(PROCESS)[:2]
    rig.executor.run([at(work, busy)])
    learn(rig, rig.work(quick))
    assert set(rig.executor.places(PROCESS)) == {free}


async def test_what_is_known_to_be_long_is_not_followed_by_others(rig: Rig) -> None:
    long, short = rig.work(slow, 60), rig.work(quick)
    learn(rig, long, seconds=1.0)
    learn(rig, short)
    jobs = rig.submit([long, *(rig.work(quick) for _ in range(10))])
    free = {rig.open(await job) for job in jobs[1:]}
    assert len(free) == 1
    assert not jobs[0].ended.done()


def block_with_the_gil(seconds: float) -> None:
    import ctypes

    ctypes.PyDLL(None).sleep(int(seconds))


@pytest.mark.parametrize("how", [slow, block_with_the_gil])
async def test_short_jobs_do_not_wait_behind_one_that_is_unexpectedly_long(
    rig: Rig, how: Callable[[float], object]
) -> None:
    surprise = rig.work(how, 60)
    learn(rig, surprise, rig.work(quick))
    jobs = rig.submit([surprise, *(rig.work(quick) for _ in range(40))])
    first = jobs[0].worker
    behind = [job for job in jobs[1:] if job.worker == first]
    assert behind
    for job in jobs[1:]:
        await job
    assert all(rig.returned[job.work.seq] >= 1 for job in behind)
    assert not jobs[0].ended.done()


async def test_every_job_is_run_once_whatever_is_taken_back(rig: Rig, tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    def note(number: int, seconds: float) -> None:
        with ran.open("a") as file:
            file.write(f"{number}\n")
        if seconds:
            time.sleep(seconds)

    works = [rig.work(note, n, 0.02 if n % 25 == 0 else 0.0) for n in range(500)]
    learn(rig, works[0])
    for job in rig.submit(works):
        assert (await job).outcome.status is Status.COMPLETED
    assert sorted(int(line) for line in ran.read_text().split()) == list(range(500))
    assert sum(rig.returned.values()) > 0


async def asleep(seconds: float) -> str:
    slow(seconds)  # as no coroutine should
    return "late"


async def aquick() -> str:
    return "quick"


async def test_a_loop_that_is_blocked_is_given_nothing_until_it_answers(tmp_path: Path) -> None:
    async with Rig(tmp_path / "workers", loops=1) as rig:
        blocking = rig.launch(asleep, 1.5, execution=Execution.ASYNC)
        await blocking.begun()
        waiting = rig.launch(aquick, execution=Execution.ASYNC)
        await until(lambda: rig.returned[waiting.work.seq])
        assert not rig.executor.places(Execution.ASYNC)
        assert rig.open(await waiting) == "quick"
        assert blocking.ended.done()
        assert rig.returned[waiting.work.seq] == 1


async def test_a_loop_that_is_blocked_does_not_hold_up_jobs_of_another_one(tmp_path: Path) -> None:
    async with Rig(tmp_path / "workers", loops=2) as rig:
        blocking = rig.launch(asleep, 60, execution=Execution.ASYNC)
        await blocking.begun()
        jobs = rig.submit([rig.work(aquick, execution=Execution.ASYNC) for _ in range(10)])
        for job in jobs:
            assert rig.open(await job) == "quick"
        assert not blocking.ended.done()


async def test_the_idlest_worker_comes_first(rig: Rig) -> None:
    learn(rig, rig.work(quick), seconds=0.0005)
    busy = rig.executor.places(PROCESS)[0]
    rig.executor.run([at(rig.work(quick), busy) for _ in range(4)])
    places = rig.executor.places(PROCESS)
    assert busy not in places[:3]


async def test_a_worker_that_does_not_take_what_it_is_sent_is_offered_nothing(rig: Rig) -> None:
    learn(rig, rig.work(quick))
    data = os.urandom(3 << 20)
    busy, free = rig.executor.places(PROCESS)[:2]
    rig.executor.run([at(rig.work(slow, 0.2), busy), at(rig.work(len, data), busy)])
    assert set(rig.executor.places(PROCESS)) == {free}


def echo(value: bytes) -> bytes:
    return value


async def test_what_was_taken_back_and_not_read_does_not_keep_an_idle_worker_idle(rig: Rig) -> None:
    """The worker waits for a token, and reads no more of what it was sent before it has one."""
    learn(rig, rig.work(echo, b""))
    data = os.urandom(1_000_000)
    for job in rig.submit([rig.work(echo, data) for _ in range(100)]):
        assert rig.open(await job) == data


async def test_places_that_begin_at_once_come_first_and_are_counted(rig: Rig) -> None:
    quick_one, long = rig.work(quick), rig.work(slow, 60)
    learn(rig, long, quick_one)
    assert rig.executor.prompt(PROCESS) == 2
    busy, idle = rig.executor.places(PROCESS)[:2]
    rig.executor.run([at(long, busy)])
    offer = rig.executor.places(PROCESS)
    assert rig.executor.prompt(PROCESS) == 1
    assert offer[0] == idle
    assert busy in offer, "short jobs are sent ahead to it"
