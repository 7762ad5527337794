"""A lifetime is a lifetime, and what a job started ends with it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schedulergodx.core.context import current_job
from schedulergodx.core.job import ErrorCode, Execution, Status
from schedulergodx.errors import JobCancelled
from tests.executors.processes import is_alive, marked, until
from tests.executors.rig import Rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from schedulergodx.executors.base import Ended

KILLED = [Execution.PROCESS, Execution.FORK]
TOLD = [Execution.THREAD, Execution.ASYNC]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path / "workers", workers=1, hard=1, grace=0.3) as rig:
        yield rig


def assert_timed_out(ended: Ended) -> None:
    assert ended.outcome.status is Status.TIMEOUT
    assert ended.outcome.failure is not None
    assert ended.outcome.failure.code == ErrorCode.TASK_TIMEOUT_ERROR
    assert not ended.final
    assert ended.started is not None


def sleep(seconds: float = 60.0) -> None:
    time.sleep(seconds)


def ignore_signals(file: str) -> None:
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
            signal.signal(number, signal.SIG_IGN)
    note(file)
    while True:
        time.sleep(60)


def swallow_everything(file: str) -> None:
    note(file)
    while True:
        with suppress(BaseException):
            time.sleep(60)


def block_in_c_with_the_gil(file: str) -> None:
    import ctypes

    note(file)
    ctypes.PyDLL(None).sleep(60)


def fork_twice(file: str) -> None:
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            note(file)
        time.sleep(60)
    time.sleep(60)


def scatter(file: str) -> None:
    """18 descendants, each forked twice and in a session of its own."""
    for _ in range(18):
        child = os.fork()
        if child == 0:
            os.setsid()
            if os.fork() == 0:
                os.setsid()
                note(file)
                time.sleep(60)
            os._exit(0)
        os.waitpid(child, 0)
    note(file)
    time.sleep(60)


def scatter_by_exec(file: str) -> None:
    """Descendants whose environment is empty."""
    import subprocess

    script = f"setsid sh -c 'echo $$ >> {file}; sleep 60' &"
    subprocess.run(["env", "-i", "sh", "-c", script], check=True)
    note(file)
    time.sleep(60)


def note(file: str) -> None:
    with Path(file).open("a") as pids:
        pids.write(f"{os.getpid()}\n")


def noted(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


@pytest.mark.parametrize("execution", KILLED)
@pytest.mark.parametrize(
    ("task", "processes"),
    [
        (ignore_signals, 1),
        (swallow_everything, 1),
        (block_in_c_with_the_gil, 1),
        (fork_twice, 1),
        (scatter, 19),
        (scatter_by_exec, 2),
    ],
)
async def test_a_job_past_its_lifetime_is_ended_with_all_that_it_started(
    rig: Rig, tmp_path: Path, execution: Execution, task: Callable[[str], None], processes: int
) -> None:
    """R44, R45: a timeout, in every kind of execution."""
    file = tmp_path / "pids"
    job = rig.launch(task, str(file), execution=execution, lifetime=0.5)
    assert_timed_out(await job)
    pids = noted(file)
    assert len(pids) == processes
    assert not [pid for pid in pids if is_alive(pid)]
    assert await rig.value(os.getpid, execution=execution) not in pids


async def test_a_fork_bomb_is_ended(rig: Rig, tmp_path: Path) -> None:
    def bomb(directory: str, most: int) -> None:
        """Each process forks on; the directory counts them, so that there are at most `most`."""
        while True:
            number = len(list(Path(directory).iterdir()))
            if number < most and os.fork() == 0:
                Path(directory, str(os.getpid())).touch()
            time.sleep(0.001)

    directory = tmp_path / "bomb"
    directory.mkdir()
    job = rig.launch(bomb, str(directory), 150, execution=Execution.FORK, lifetime=0.6)
    assert_timed_out(await job)
    pids = [int(file.name) for file in directory.iterdir()]
    assert len(pids) > 20
    assert not [pid for pid in pids if is_alive(pid)]


@pytest.mark.parametrize("execution", KILLED)
async def test_a_lifetime_begins_with_the_job(rig: Rig, execution: Execution) -> None:
    ended = await rig.outcome(sleep, execution=execution, lifetime=0.3)
    assert_timed_out(ended)
    assert ended.started is not None
    assert 0.3 <= ended.finished - ended.started < 2.0


async def test_a_task_that_raises_a_timeout_in_time_fails(rig: Rig) -> None:
    def task() -> None:
        raise TimeoutError("mine")

    ended = await rig.outcome(task, lifetime=30.0)
    assert ended.outcome.status is Status.FAILED


async def test_no_lifetime_is_no_limit(rig: Rig) -> None:
    """R44: permanent."""
    await rig.outcome(sleep, 0.0, lifetime=0.2)
    ended = await rig.outcome(sleep, 0.5, lifetime=None)
    assert ended.outcome.status is Status.COMPLETED


# -- threads and coroutines ----------------------------------------------------------------------


async def asleep(seconds: float = 60.0) -> int:
    await asyncio.sleep(seconds)
    return os.getpid()


async def deaf_coroutine(seconds: float = 60.0) -> None:
    while True:
        with suppress(BaseException):
            await asyncio.sleep(seconds)


async def blocked_coroutine() -> None:
    sleep(60)


def nap(seconds: float = 60.0) -> int:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)
    return os.getpid()


def deaf_thread() -> None:
    while True:
        with suppress(BaseException):
            time.sleep(0.01)


@pytest.mark.parametrize(
    ("execution", "task"), [(Execution.THREAD, nap), (Execution.ASYNC, asleep)]
)
async def test_a_thread_and_a_coroutine_are_told_and_their_worker_lives(
    rig: Rig, execution: Execution, task: Any
) -> None:
    """R43; defect 14: threads could not be ended."""
    before = await rig.value(task, 0.0, execution=execution)
    assert_timed_out(await rig.outcome(task, execution=execution, lifetime=0.2))
    assert await rig.value(task, 0.0, execution=execution) == before


@pytest.mark.parametrize(
    ("execution", "task", "neighbour"),
    [
        (Execution.THREAD, deaf_thread, nap),
        (Execution.THREAD, sleep, nap),
        (Execution.ASYNC, deaf_coroutine, asleep),
        (Execution.ASYNC, blocked_coroutine, asleep),
    ],
)
async def test_the_deaf_are_killed_and_their_neighbours_come_back(
    rig: Rig, execution: Execution, task: Any, neighbour: Any
) -> None:
    pid = await rig.value(neighbour, 0.0, execution=execution)
    beside = rig.launch(neighbour, 1.0, execution=execution)
    await beside.begun()
    assert_timed_out(await rig.outcome(task, execution=execution, lifetime=0.2))
    assert not is_alive(pid)
    assert rig.open(await beside) != pid
    assert rig.returned[beside.work.seq] >= 1


@pytest.mark.parametrize("execution", TOLD)
async def test_a_job_that_ends_by_itself_after_it_was_told_is_a_timeout(
    rig: Rig, execution: Execution
) -> None:
    def stubborn() -> str:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                time.sleep(0.01)
            except BaseException:
                return "done after all"
        return "never told"

    async def astubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "done after all"
        return "never told"

    task = stubborn if execution is Execution.THREAD else astubborn
    assert_timed_out(await rig.outcome(task, execution=execution, lifetime=0.2))


# -- cancelling ----------------------------------------------------------------------------------


def watch_out(file: str) -> None:
    note(file)
    job = current_job()
    while job is not None and not job.cancelled:
        time.sleep(0.005)
    raise JobCancelled("as you wish")


async def awatch(file: str) -> None:
    note(file)
    await asyncio.sleep(60)


@pytest.mark.parametrize("execution", Execution)
async def test_a_running_job_sees_that_it_was_called_off(
    rig: Rig, tmp_path: Path, execution: Execution
) -> None:
    if execution is Execution.MAIN:
        return
    file = tmp_path / "begun"
    job = rig.launch(
        awatch if execution is Execution.ASYNC else watch_out, str(file), execution=execution
    )
    await until(file.exists)
    job.cancel()
    ended = await job
    assert ended.outcome.status is Status.CANCELLED
    assert ended.final


async def test_a_job_that_does_not_look_runs_on(rig: Rig, tmp_path: Path) -> None:
    file = tmp_path / "begun"

    def task(file: str) -> str:
        note(file)
        time.sleep(0.3)
        return "done"

    job = rig.launch(task, str(file))
    await until(file.exists)
    job.cancel()
    assert rig.open(await job) == "done"
    assert await rig.value(lambda: current_job().cancelled) is False  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("execution", "task"),
    [
        (Execution.PROCESS, ignore_signals),
        (Execution.FORK, ignore_signals),
        (Execution.THREAD, swallow_everything),
    ],
)
async def test_force_ends_a_running_job(
    rig: Rig, tmp_path: Path, execution: Execution, task: Any
) -> None:
    """R45: forced."""
    file = tmp_path / "begun"
    job = rig.launch(task, str(file), execution=execution)
    await until(lambda: noted(file))
    job.cancel(force=True)
    ended = await job
    assert ended.outcome.status is Status.CANCELLED
    assert ended.final
    assert not is_alive(noted(file)[0])


async def test_a_job_that_has_not_begun_is_cancelled_and_never_runs(
    rig: Rig, tmp_path: Path
) -> None:
    before, never = tmp_path / "before", tmp_path / "never"

    def task(file: str) -> None:
        note(file)
        time.sleep(0.2)

    works = [rig.work(task, str(before)), rig.work(note, str(never)), rig.work(note, str(before))]
    for _ in range(50):
        rig.pace().learn(works[0].spec.function, 1e-6)
        rig.pace().learn(works[1].spec.function, 1e-6)
    first, second, third = rig.submit(works)
    second.cancel()
    ended = await second
    assert ended.outcome.status is Status.CANCELLED
    assert ended.started is None
    for job in (first, third):
        assert (await job).outcome.status is Status.COMPLETED
    assert len(noted(before)) == 2
    assert not never.exists()


async def test_to_cancel_what_has_ended_is_no_error(rig: Rig) -> None:
    job = rig.launch(sleep, 0.0)
    await job
    job.cancel(force=True)
    assert (await rig.outcome(sleep, 0.0)).outcome.status is Status.COMPLETED


async def test_nothing_is_left_when_an_executor_has_stopped(tmp_path: Path) -> None:
    async with Rig(tmp_path / "workers", hard=1) as rig:
        file = tmp_path / "pids"
        rig.launch(scatter, str(file), execution=Execution.FORK)
        await until(lambda: len(noted(file)) == 19)
        assert marked(str(tmp_path))
    assert not marked(str(tmp_path))
    assert not [pid for pid in noted(file) if is_alive(pid)]
