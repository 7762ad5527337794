"""What comes of jobs in pooled workers, and what a worker is like afterwards."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from schedulergodx.core.context import current_job
from schedulergodx.core.job import ErrorCode, Execution, Status
from schedulergodx.errors import JobCancelled
from tests.executors.processes import is_alive, until
from tests.executors.rig import Rig, at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from schedulergodx.core.job import Failure
    from schedulergodx.executors.base import Ended


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path, workers=1) as rig:
        yield rig


def failure(ended: Ended, code: ErrorCode) -> Failure:
    assert ended.outcome.status is Status.FAILED
    assert ended.outcome.failure is not None
    assert ended.outcome.failure.code == code
    return ended.outcome.failure


def add(a: int, b: int) -> int:
    return a + b


def fail(error: type[BaseException], *args: Any) -> None:
    raise error(*args)


async def test_a_job_returns_its_value(rig: Rig) -> None:
    ended = await rig.outcome(add, 1, b=2)
    assert rig.open(ended) == 3
    assert ended.final is False
    assert ended.started is not None
    assert ended.started <= ended.finished


async def test_many_jobs_return_theirs_in_order(rig: Rig) -> None:
    order: list[int] = []
    jobs = rig.submit([rig.work(add, n, 1) for n in range(300)])
    for job in jobs:
        job.ended.add_done_callback(lambda done: order.append(done.result().seq))
    values = [rig.open(await job) for job in jobs]
    assert values == [n + 1 for n in range(300)]
    assert order == sorted(order)


async def test_an_exception_comes_with_type_text_traceback_and_itself(rig: Rig) -> None:
    found = failure(await rig.outcome(fail, KeyError, "no such key"), ErrorCode.ERROR_IN_TASK)
    assert found.type == "builtins.KeyError"
    assert "no such key" in found.text
    assert found.exception is not None
    error = rig.unpacker.load_value(found.exception)
    assert isinstance(error, KeyError)
    assert error.args == ("no such key",)


async def test_a_traceback_begins_in_the_code_of_the_user(rig: Rig) -> None:
    found = failure(await rig.outcome(fail, ValueError), ErrorCode.ERROR_IN_TASK)
    assert "raise error(*args)" in found.traceback
    assert "schedulergodx/executors" not in found.traceback


@pytest.mark.parametrize(
    "error", [SystemExit, KeyboardInterrupt, GeneratorExit, TimeoutError, StopIteration]
)
async def test_whatever_a_task_raises_is_its_own_error(
    rig: Rig, error: type[BaseException]
) -> None:
    before = await rig.value(os.getpid)
    found = failure(await rig.outcome(fail, error, "mine"), ErrorCode.ERROR_IN_TASK)
    assert found.type == f"builtins.{error.__name__}"
    assert await rig.value(os.getpid) == before


async def test_cancelling_oneself_unasked_is_an_error(rig: Rig) -> None:
    found = failure(await rig.outcome(fail, JobCancelled, "I gave up"), ErrorCode.ERROR_IN_TASK)
    assert found.type.endswith("JobCancelled")


async def test_an_exception_whose_text_raises_is_told(rig: Rig) -> None:
    def task() -> None:
        class Mute(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no words")

        raise Mute

    found = failure(await rig.outcome(task), ErrorCode.ERROR_IN_TASK)
    assert "RuntimeError" in found.text


async def test_an_exception_that_can_not_travel_is_told_without_itself(rig: Rig) -> None:
    def task() -> None:
        error = ValueError("with a lock inside")
        error.lock = __import__("_thread").start_new_thread  # type: ignore[attr-defined]
        error.frame = sys._getframe()  # type: ignore[attr-defined]
        raise error

    found = failure(await rig.outcome(task), ErrorCode.ERROR_IN_TASK)
    assert found.exception is None
    assert found.text == "with a lock inside"


@pytest.mark.parametrize(
    ("options", "final"),
    [
        ({}, False),
        ({"retry_on": (KeyError,)}, True),
        ({"retry_on": (ValueError,)}, False),
        ({"give_up_on": (ValueError,)}, True),
        ({"give_up_on": (Exception,), "retry_on": (ValueError,)}, True),
    ],
)
async def test_the_worker_decides_whether_a_failure_is_final(
    rig: Rig, options: dict[str, Any], final: bool
) -> None:
    ended = await rig.outcome(fail, ValueError, **options)
    assert ended.final is final


async def test_a_result_that_can_not_travel_fails_for_good_and_names_it(rig: Rig) -> None:
    def task() -> dict[str, object]:
        return {"fine": 1, "bad": sys._getframe()}

    ended = await rig.outcome(task)
    found = failure(ended, ErrorCode.RESULT_NOT_SERIALIZABLE)
    assert ended.final
    assert "bad" in found.text


async def test_a_result_that_is_too_large_fails_for_good(tmp_path: Path) -> None:
    def task(size: int) -> bytes:
        return bytes(size)

    async with Rig(tmp_path, workers=1, result_limit=100_000) as rig:
        assert await rig.value(task, 90_000) == bytes(90_000)
        ended = await rig.outcome(task, 100_001)
        found = failure(ended, ErrorCode.RESULT_TOO_LARGE)
    assert ended.final
    assert "100000" in found.text


async def test_results_of_megabytes_come_whole(rig: Rig) -> None:
    def task(data: bytes) -> bytes:
        return data[::-1]

    data = os.urandom(4 << 20)
    jobs = [rig.launch(task, data) for _ in range(4)]
    for job in jobs:
        assert rig.open(await job) == data[::-1]


async def test_code_of_another_python_is_refused_and_named(rig: Rig) -> None:
    work = rig.work(add, 1, 2)
    other = type(work.spec)(work.spec.name, work.spec.function, "cpython-27", "dill/0.1")
    reports: list[Any] = []
    rig.executor._report = reports.append
    place = rig.executor.places(Execution.PROCESS)[0]
    rig.executor.run([structs.replace(work, worker=place, spec=other)])
    found = failure(reports[0], ErrorCode.INCOMPATIBLE_PYTHON)
    assert "cpython-27" in found.text
    assert reports[0].final


async def test_arguments_that_can_not_be_opened_fail_for_good(rig: Rig) -> None:
    work = rig.work(add, 1, 2)
    bad = structs.replace(work, arguments=b"\x80\x05no pickle")
    [job] = rig.submit([bad])
    ended = await job
    found = failure(ended, ErrorCode.UNREADABLE_CODE)
    assert ended.final
    assert "add" in found.text
    assert "arguments" in found.text


async def test_a_function_that_did_not_arrive_fails_for_good(rig: Rig) -> None:
    work = rig.work(add, 1, 2)
    rig.units.clear()
    [job] = rig.submit([work])
    found = failure(await job, ErrorCode.UNREADABLE_CODE)
    assert "function" in found.text


async def test_a_missing_package_is_named(rig: Rig, tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "not_everywhere.py"
    package.parent.mkdir()
    package.write_text("def work(): pass\n")
    sys.path.insert(0, str(package.parent))
    try:
        import not_everywhere  # type: ignore[import-not-found]

        rig.packer = type(rig.packer)(by_reference=["not_everywhere"])
        work = rig.work(not_everywhere.work)
    finally:
        sys.path.remove(str(package.parent))
        sys.modules.pop("not_everywhere", None)
    [job] = rig.submit([work])
    found = failure(await job, ErrorCode.MISSING_MODULE)
    assert "not_everywhere" in found.text


async def test_a_function_is_unpickled_once_by_a_worker(rig: Rig) -> None:
    def task() -> int:
        return id(task)

    jobs = rig.submit([rig.work(task) for _ in range(5)])
    assert len({rig.open(await job) for job in jobs}) == 1


async def test_more_units_than_a_worker_keeps_are_sent_again(rig: Rig) -> None:
    def make(n: int) -> Any:
        code = f"def task_{n}(): return {n}"
        space: dict[str, Any] = {"__name__": "made_by_a_test"}
        exec(code, space)
        return space[f"task_{n}"]

    tasks = [make(n) for n in range(600)]
    for round in range(2):
        jobs = rig.submit([rig.work(task) for task in tasks])
        assert [rig.open(await job) for job in jobs] == list(range(600)), round


async def test_a_job_knows_itself(rig: Rig) -> None:
    def task() -> tuple[str, int, float | None, bool]:
        job = current_job()
        assert job is not None
        return job.id, job.attempt, job.deadline, job.cancelled

    launched = rig.launch(task, lifetime=30.0, attempt=3)
    ended = await launched
    id, attempt, deadline, is_cancelled = rig.open(ended)
    assert id == launched.work.label
    assert attempt == 3
    assert ended.started is not None
    assert deadline == pytest.approx(ended.started + 30)
    assert is_cancelled is False


# -- what a job leaves behind --------------------------------------------------------------------


async def test_what_a_job_changes_in_its_process_is_as_before_for_the_next(
    rig: Rig, tmp_path: Path
) -> None:
    def look() -> tuple[object, ...]:
        mask = os.umask(0)
        os.umask(mask)
        handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGALRM)]
        return os.getpid(), str(Path.cwd()), dict(os.environ), mask, [str(h) for h in handlers]

    def change(directory: str) -> None:
        os.chdir(directory)
        os.environ["LEFT"] = "behind"
        os.environ.pop("PATH")
        os.umask(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, lambda *_: None)

    before = await rig.value(look)
    await rig.value(change, str(tmp_path))
    assert await rig.value(look) == before


async def test_streams_and_logging_are_as_before_for_the_next(rig: Rig) -> None:
    def change() -> None:
        import io
        import logging

        sys.stdout = io.StringIO()
        logging.basicConfig(force=True, level=logging.CRITICAL, stream=io.StringIO())

    def speak() -> None:
        import logging

        print("heard")
        logging.info("heard too")

    await rig.outcome(change)
    output = (await rig.outcome(speak)).outcome.output
    assert output.startswith("heard\n")
    assert output.endswith("INFO root: heard too\n")


async def test_an_alarm_does_not_ring_in_the_next_job(rig: Rig) -> None:
    def set_alarm() -> int:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        return os.getpid()

    def sleep() -> int:
        time.sleep(0.15)
        return os.getpid()

    assert await rig.value(set_alarm) == await rig.value(sleep)


async def test_a_directory_that_is_removed_under_a_worker_is_no_trouble(
    rig: Rig, tmp_path: Path
) -> None:
    def vanish(directory: str) -> None:
        Path(directory).mkdir()
        os.chdir(directory)
        Path(directory).rmdir()

    before = await rig.value(os.getcwd)
    await rig.value(vanish, str(tmp_path / "gone"))
    assert await rig.value(os.getcwd) == before


async def test_a_thread_that_a_job_leaves_running_ends_with_its_worker(rig: Rig) -> None:
    def leave() -> int:
        threading.Thread(target=time.sleep, args=(60,)).start()
        return os.getpid()

    def count() -> tuple[int, int]:
        return os.getpid(), threading.active_count()

    left = await rig.value(leave)
    pid, threads = await rig.value(count)
    assert pid != left
    assert threads == 1
    await until(lambda: not is_alive(left))


async def test_a_daemon_thread_may_stay(rig: Rig) -> None:
    def leave() -> int:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        return os.getpid()

    assert await rig.value(leave) == await rig.value(os.getpid)


async def test_a_process_that_a_job_leaves_running_ends_with_it(rig: Rig) -> None:
    def leave() -> tuple[int, int]:
        import subprocess

        return os.getpid(), subprocess.Popen(["sleep", "60"]).pid

    worker, left = await rig.value(leave)
    assert not is_alive(left)
    assert await rig.value(os.getpid) == worker


async def test_a_fork_that_comes_back_through_the_function_is_no_second_worker(rig: Rig) -> None:
    def fork() -> str:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            return "parent"
        return "child"

    assert await rig.value(fork) == "parent"
    assert await rig.value(add, 1, 2) == 3


async def test_stdin_is_empty(rig: Rig) -> None:
    assert await rig.value(lambda: sys.stdin.read()) == ""


async def test_a_worker_is_replaced_after_so_many_jobs(tmp_path: Path) -> None:
    async with Rig(tmp_path, workers=1, recycle_jobs=10) as rig:
        jobs = rig.submit([rig.work(os.getpid) for _ in range(35)])
        pids = [rig.open(await job) for job in jobs]
    assert len(set(pids)) == 4
    assert all(pids.count(pid) <= 10 for pid in pids)


async def test_a_worker_is_replaced_when_it_is_large(tmp_path: Path) -> None:
    def grow() -> int:
        sys.modules["__grown__"] = bytes(b"x" * (64 << 20))  # type: ignore[assignment]
        return os.getpid()

    async with Rig(tmp_path, workers=1, recycle_memory=80 << 20) as rig:
        grown = await rig.value(grow)
        jobs = rig.submit([rig.work(os.getpid) for _ in range(70)])
        pids = [rig.open(await job) for job in jobs]
    assert pids[0] == grown
    assert pids[-1] != grown


async def test_a_place_that_is_gone_gives_its_job_back(rig: Rig) -> None:
    reports: list[Any] = []
    rig.executor._report = reports.append
    work = at(rig.work(add, 1, 2), 123)
    rig.executor.run([work])
    assert [(report.seq, report.attempt) for report in reports] == [(work.seq, 1)]


async def test_jobs_whose_units_can_not_be_read_now_are_given_back(rig: Rig) -> None:
    failures = 3

    def read(hashes: Collection[bytes]) -> dict[bytes, bytes]:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise OSError("the disk is away")
        return rig._bodies(hashes)

    rig.executor._units = read
    job = rig.launch(add, 1, 2)
    assert rig.open(await job) == 3
    assert rig.returned[job.work.seq] == 3


async def test_numbers_of_workers_are_those_of_the_run(tmp_path: Path) -> None:
    async with Rig(tmp_path, run=7) as rig:
        for execution in (Execution.PROCESS, Execution.FORK, Execution.THREAD, Execution.ASYNC):
            for number in rig.executor.places(execution):
                assert 7_000_000 <= number < 8_000_000
