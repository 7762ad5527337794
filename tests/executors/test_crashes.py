"""A crash harms the job that ran, and nobody else; after one, what did not begin may begin."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schedulergodx.core.job import ErrorCode, Execution, Status
from schedulergodx.errors import ServiceError
from schedulergodx.executors.base import Ended
from tests.executors.processes import is_alive, marked, until
from tests.executors.rig import Rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from schedulergodx.core.job import Failure

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path / "workers", workers=1, hard=1) as rig:
        yield rig


def died(ended: Ended) -> Failure:
    assert ended.outcome.status is Status.FAILED
    assert ended.outcome.failure is not None
    assert ended.outcome.failure.code == ErrorCode.WORKER_DIED, ended.outcome.failure
    assert not ended.final
    assert ended.started is not None
    return ended.outcome.failure


def leave() -> None:
    os._exit(3)


def crash() -> None:
    ctypes.string_at(0)


def kill_oneself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def aleave() -> None:
    os._exit(3)


@pytest.mark.parametrize("execution", [Execution.PROCESS, Execution.FORK, Execution.THREAD])
@pytest.mark.parametrize(
    ("task", "says"),
    [(leave, "exit status 3"), (crash, "SIGSEGV"), (kill_oneself, "SIGKILL")],
)
async def test_the_death_of_a_worker_is_named(
    rig: Rig, execution: Execution, task: Callable[[], None], says: str
) -> None:
    assert says in died(await rig.outcome(task, execution=execution)).text
    assert await rig.value(os.getpid, execution=execution)


async def test_the_death_of_a_loop_is_named(rig: Rig) -> None:
    assert "exit status 3" in died(await rig.outcome(aleave, execution=Execution.ASYNC)).text


async def test_the_last_words_of_the_interpreter_are_the_traceback(rig: Rig) -> None:
    found = died(await rig.outcome(crash))
    assert "Segmentation fault" in found.traceback
    assert "in crash" in found.traceback


async def test_only_the_job_that_ran_fails_the_others_are_run(rig: Rig, tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    def note(number: int) -> int:
        with ran.open("a") as file:
            file.write(f"{number}\n")
        return number

    works = [rig.work(note, n) for n in range(20)]
    works[7:7] = [rig.work(leave)]
    for _ in range(50):
        for work in (works[0], works[7]):
            rig.pace().learn(work.spec.function, 1e-6)
    jobs = rig.submit(works)
    ends = [await job for job in jobs]
    died(ends.pop(7))
    assert [rig.open(ended) for ended in ends] == list(range(20))
    assert [int(line) for line in ran.read_text().split()] == list(range(20))
    assert sum(rig.returned.values()) > 0


class ExitsWhenOpened:
    def __reduce__(self) -> Any:
        return os._exit, (4,)


async def test_what_ends_the_worker_while_it_is_opened_ends_its_own_job_only(rig: Rig) -> None:
    good, bad = rig.launch(os.getpid), rig.launch(print, ExitsWhenOpened())
    after = rig.launch(os.getpid)
    assert "exit status 4" in died(await bad).text
    assert rig.open(await good)
    assert rig.open(await after)


async def test_a_worker_that_sends_nonsense_is_ended(rig: Rig) -> None:
    def babble() -> None:
        for number in range(3, 64):
            try:
                if os.path.realpath(f"/proc/self/fd/{number}").startswith("/proc"):
                    os.write(number, b"\xff" * 64)
            except OSError:
                continue
        time.sleep(60)

    assert "nonsense" in died(await rig.outcome(babble)).text
    assert await rig.value(os.getpid)


async def test_a_forged_outcome_of_another_job_ends_its_worker(rig: Rig) -> None:
    def forge() -> None:
        import gc

        from schedulergodx.core.job import Outcome, Status
        from schedulergodx.executors.frames import Finished, Say
        from schedulergodx.executors.inside.channel import Channel

        [channel] = [thing for thing in gc.get_objects() if isinstance(thing, Channel)]
        outcome = Outcome(Status.COMPLETED, b"")
        channel.send(Say.FINISHED, Finished(123456, outcome, False, 0.0, 0.0))
        time.sleep(60)

    assert "nonsense" in died(await rig.outcome(forge)).text


async def test_threads_that_die_together_are_told_so(tmp_path: Path) -> None:
    async with Rig(tmp_path / "workers", threads=3) as rig:
        others = [rig.launch(time.sleep, 60, execution=Execution.THREAD) for _ in range(2)]
        for job in others:
            await job.begun()
        found = died(await rig.outcome(leave, execution=Execution.THREAD))
        assert "2 other jobs" in found.text
        for job in others:
            died(await job)


async def test_a_lost_fork_server_is_replaced(rig: Rig) -> None:
    job = rig.launch(time.sleep, 60)
    server = rig.executor._staff._link._process.pid  # type: ignore[union-attr]
    await job.begun()
    os.kill(server, signal.SIGKILL)
    waiting = rig.launch(os.getpid)
    hard = rig.launch(os.getpid, execution=Execution.FORK)
    assert "fork server" in died(await job).text
    assert rig.open(await waiting)
    assert rig.open(await hard)


async def test_workers_that_can_not_live_are_not_forked_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "lethal.py").write_text(
        "import os\nos.register_at_fork(after_in_child=lambda: os._exit(9))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    async with Rig(tmp_path / "workers", workers=1, preload=("lethal",)) as rig:
        job = rig.launch(os.getpid)
        await until(lambda: "did not live" in caplog.text)
        assert not rig.executor.places(Execution.PROCESS)
        assert not job.ended.done()
        assert len(caplog.records) < 3


async def test_stopping_gives_back_what_waits_and_tells_what_was_lost(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "workers", workers=1)
    async with rig:
        works = [rig.work(time.sleep, 60), rig.work(os.getpid)]
        for work in works:
            rig.pace().learn(work.spec.function, 1e-6)
        for _ in range(50):
            rig.pace().learn(works[0].spec.function, 1e-6)
        running, waiting = rig.submit(works)
        await running.begun()
        await rig.executor.stop(0.05)
        await asyncio.sleep(0)
        lost = await running
        assert lost.outcome.failure is not None
        assert lost.outcome.failure.code == ErrorCode.INTERRUPTED
        assert rig.returned[waiting.work.seq] >= 1
        assert not rig.executor.places(Execution.PROCESS)
    assert not marked(str(tmp_path))


async def test_stopping_waits_for_what_runs(rig: Rig) -> None:
    job = rig.launch(time.sleep, 0.3)
    hard = rig.launch(time.sleep, 0.3, execution=Execution.FORK)
    await job.begun()
    await hard.begun()
    await rig.executor.stop(20)
    await asyncio.sleep(0)
    for one in (job, hard):
        assert (await one).outcome.status is Status.COMPLETED


async def test_stopping_twice_at_once_tells_each_end_once(rig: Rig) -> None:
    jobs = [rig.launch(time.sleep, 60), rig.launch(time.sleep, 60, execution=Execution.FORK)]
    for job in jobs:
        await job.begun()
    await asyncio.gather(rig.executor.stop(0.2), rig.executor.stop(0.1), rig.executor.stop(0))
    await asyncio.sleep(0)
    for job in jobs:
        failure = (await job).outcome.failure
        assert failure is not None
        assert failure.code == ErrorCode.INTERRUPTED


async def test_stopping_again_cuts_the_grace_short(rig: Rig) -> None:
    rig.launch(time.sleep, 60)
    patient = asyncio.create_task(rig.executor.stop(60))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await rig.executor.stop(0)
        await patient


async def test_a_directory_that_can_not_be_used_is_named(tmp_path: Path) -> None:
    path = tmp_path / "workers"
    path.touch()
    with pytest.raises(ServiceError, match=f"{path}.*must own it"):
        await Rig(path).executor.recover()
    path.unlink()
    (path / "boot").mkdir(parents=True)
    rig = Rig(path)
    with pytest.raises(ServiceError, match=f"{path}.*must own it"):
        await rig.executor.start(lambda report: None, lambda hashes: {})
    await rig.executor.stop(0)


async def test_an_executor_that_never_started_can_be_stopped(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "workers")
    await rig.executor.stop(0)


# -- the death of a service ----------------------------------------------------------------------

SERVICE = """
import asyncio, json, sys, time
from pathlib import Path
from tests.executors.rig import Rig
from tests.executors import test_crashes as tasks

async def main(directory, execution, jobs):
    from schedulergodx.core.job import Execution
    async with Rig(Path(directory), run=1, workers=1, hard=1, threads=1, coroutines=1) as rig:
        works = [
            rig.work(tasks.overlap, jobs, n, execution=Execution(execution)) for n in range(20)
        ]
        for _ in range(50):
            rig.pace().learn(works[0].spec.function, 1e-6)
        claimed = []
        run = rig.executor.run
        rig.executor.run = lambda given: (claimed.extend(given), run(given))
        rig.submit(works)
        print(json.dumps([(w.worker, w.seq, w.attempt) for w in claimed]), flush=True)
        await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


def overlap(file: str, number: int) -> None:
    """Write to a file at any moment, as a job does that goes on beside its successor."""
    import subprocess

    subprocess.Popen(["sh", "-c", "while :; do sleep 0.01; done"])
    while True:
        with Path(file).open("a") as out:
            out.write(f"{number} {os.getpid()}\n")
        time.sleep(0.005)


@pytest.mark.parametrize("stuck", [False, True], ids=["fork server lives", "fork server stuck"])
@pytest.mark.parametrize("execution", [Execution.PROCESS, Execution.FORK, Execution.THREAD])
async def test_no_job_of_a_killed_service_runs_beside_the_next_one(
    tmp_path: Path, execution: Execution, stuck: bool
) -> None:
    file, directory = tmp_path / "out", tmp_path / "workers"
    service = start_service(str(directory), execution.value, str(file))
    try:
        assert service.stdout is not None
        claimed = json.loads(await asyncio.to_thread(service.stdout.readline))
        await until(lambda: file.exists() and file.stat().st_size)
        if stuck:
            [server] = children(service.pid)
            os.kill(server, signal.SIGSTOP)
    finally:
        service.kill()
        service.wait()
    begin = time.monotonic()
    rig = Rig(directory, run=2)
    marks = await rig.executor.recover()
    waited = time.monotonic() - begin
    assert not marked(str(directory))
    size = file.stat().st_size
    began = [marks.began(*job) for job in claimed]
    assert began == [True] + [False] * (len(claimed) - 1)
    assert len(claimed) > 1 or execution is not Execution.PROCESS
    assert waited < 5
    pids = {int(line.split()[1]) for line in file.read_text().splitlines()}
    assert not any(map(is_alive, pids))
    assert file.stat().st_size == size


def start_service(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SERVICE, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def children(pid: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
