"""What running jobs say of themselves, keep for later attempts, and show to who follows them."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from schedulergodx.core.context import NoJob, current_job
from schedulergodx.core.job import ErrorCode, Execution, Status
from schedulergodx.executors.base import Kept, Printed, Progressed, Recalled
from schedulergodx.storage.progress import Checkpoint
from tests.executors.processes import until
from tests.executors.rig import Rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from schedulergodx.executors.base import Remark

ALL = [Execution.PROCESS, Execution.FORK, Execution.THREAD, Execution.ASYNC]


class Notebook(Rig):
    """A rig that keeps what jobs say, as a service would.

    refusal: why checkpoints are not kept
    """

    refusal: str | None = None

    def __init__(self, directory: Path, **settings: Any) -> None:
        super().__init__(directory, **settings)
        self.remarks: list[Remark] = []
        self.kept: dict[int, Checkpoint] = {}

    def _gather(self, report: Any) -> None:
        match report:
            case Kept(seq=seq, value=value, units=units, bodies=bodies):
                if self.refusal is None:
                    self.units.update(bodies)
                    self.kept[seq] = Checkpoint(value, units)
                self.executor.accept(report, self.refusal)
            case Recalled(seq=seq):
                saved = self.kept.get(seq, Checkpoint(None, ()))  # type: ignore[arg-type]
                bodies = {hash: self.units[hash] for hash in saved.units}
                self.executor.remind(report, saved.value, saved.units, bodies)
            case Progressed() | Printed():
                pass
            case _:
                super()._gather(report)
                return
        self.remarks.append(report)

    def progress(self) -> list[tuple[float | None, float | None, str]]:
        return [(r.done, r.total, r.note) for r in self.remarks if isinstance(r, Progressed)]

    def printed(self, seq: int) -> bytes:
        """What a follower has seen, where nothing was left out."""
        seen = b""
        for remark in self.remarks:
            if isinstance(remark, Printed) and remark.seq == seq:
                assert remark.start == len(seen)
                seen += remark.data
        return seen


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Notebook]:
    async with Notebook(tmp_path / "workers", workers=1, hard=1) as rig:
        yield rig


def tell() -> None:
    job = current_job() or NoJob()
    job.progress(1, 4, "begins")
    job.progress(2)
    job.update(note="goes on")


async def atell() -> None:
    tell()


@pytest.mark.parametrize("execution", ALL)
async def test_progress_is_told_before_the_end_of_the_job(
    rig: Notebook, execution: Execution
) -> None:
    """D13: also what it said last, and what it left out stays."""
    await rig.outcome(atell if execution is Execution.ASYNC else tell, execution=execution)
    assert rig.progress()[-1] == (2, 4, "goes on")


async def test_what_was_said_last_is_told_while_the_job_is_silent(rig: Notebook) -> None:
    def task(path: str) -> None:
        job = current_job() or NoJob()
        for done in range(1, 4):
            job.progress(done, 3)
        while not os.path.exists(path):  # noqa: PTH110 (it is shipped)
            time.sleep(0.005)

    path = rig.settings.directory / "go on"
    job = rig.launch(task, str(path))
    await until(lambda: rig.progress()[-1:] == [(3, 3, "")])
    path.touch()
    await job


async def test_a_million_words_cost_little(rig: Notebook) -> None:
    def task() -> float:
        job = current_job() or NoJob()
        begin = time.process_time()
        for done in range(1_000_000):
            job.progress(done, 1_000_000)
        return time.process_time() - begin

    seconds = await rig.value(task)
    assert seconds < 10, "some microseconds a call, on the slowest of machines"
    assert len(rig.progress()) < 10 + 10 * seconds
    assert rig.progress()[-1] == (999_999, 1_000_000, "")


@pytest.mark.parametrize("execution", [Execution.THREAD, Execution.ASYNC])
async def test_jobs_beside_each_other_tell_of_themselves(
    rig: Notebook, execution: Execution
) -> None:
    def one(number: int) -> None:
        (current_job() or NoJob()).progress(number)

    async def other(number: int) -> None:
        (current_job() or NoJob()).progress(number)

    task = one if execution is Execution.THREAD else other
    jobs = [rig.launch(task, number, execution=execution) for number in range(8)]
    await asyncio.gather(*(job.ended for job in jobs))
    said = {remark.seq: remark.done for remark in rig.remarks if isinstance(remark, Progressed)}
    assert said == {job.work.seq: number for number, job in enumerate(jobs)}


async def test_what_is_no_number_is_an_error_of_the_job(rig: Notebook) -> None:
    ended = await rig.outcome(lambda: current_job().progress(float("nan")))  # type: ignore[union-attr]
    assert ended.outcome.failure is not None
    assert ended.outcome.failure.type == "builtins.ValueError"
    assert rig.progress() == []


async def test_a_line_that_is_logged_is_output(rig: Notebook) -> None:
    def task() -> None:
        import threading

        job = current_job()
        assert job is not None
        thread = threading.Thread(target=job.log, args=("from its thread",))
        thread.start()
        thread.join()

    for execution in (Execution.PROCESS, Execution.THREAD):
        assert (await rig.outcome(task, execution=execution)).outcome.output == "from its thread\n"


async def test_a_process_that_a_job_started_has_no_voice(rig: Notebook) -> None:
    def task() -> tuple[str, str]:
        import multiprocessing

        from schedulergodx.errors import ConfigError

        def child(out: Any) -> None:
            job = current_job()
            assert job is not None
            print("it may print")
            try:
                job.progress(1)
            except ConfigError as error:
                out.put(str(error))

        (current_job() or NoJob()).progress(5)
        context = multiprocessing.get_context("fork")
        answers = context.SimpleQueue()
        process = context.Process(target=child, args=(answers,))
        process.start()
        process.join()
        return answers.get()

    assert "in the job itself" in await rig.value(task)
    assert rig.progress() == [(5, None, "")]


# -- checkpoints ----------------------------------------------------------------------------------


@dataclass
class Place:
    """A class of the user's own, which is shipped."""

    page: int


def leave(page: int, die: bool = True) -> object:
    job = current_job()
    assert job is not None
    saved = job.saved
    if saved is None:
        job.checkpoint(Place(page))
        if die:
            os.kill(os.getpid(), 9)
        return job.saved
    return type(saved) is Place, saved.page, job.saved is saved


async def aleave(page: int, die: bool = True) -> object:
    return await asyncio.to_thread(leave, page, die)


@pytest.mark.parametrize("execution", ALL)
async def test_a_checkpoint_is_read_by_the_next_attempt_with_its_class(
    rig: Notebook, execution: Execution
) -> None:
    task = aleave if execution is Execution.ASYNC else leave
    work = rig.work(task, 7, execution=execution)
    [first] = rig.submit([work])
    ended = await first
    assert ended.outcome.failure is not None
    assert ended.outcome.failure.code == ErrorCode.WORKER_DIED
    assert work.seq in rig.kept, "it is with the service before the call returns"
    [second] = rig.submit([replace(work, attempt=2)])
    assert rig.open(await second) == (True, 7, True)


async def test_what_an_attempt_kept_it_can_read_itself(rig: Notebook) -> None:
    assert await rig.value(lambda: leave(3, die=False).page) == 3  # type: ignore[attr-defined]


async def test_a_checkpoint_is_of_its_job_alone(rig: Notebook) -> None:
    await rig.outcome(leave, 3, die=False)
    assert await rig.value(lambda: current_job().saved) is None  # type: ignore[union-attr]


async def test_a_checkpoint_that_is_too_large_or_cant_travel_is_refused(rig: Notebook) -> None:
    def task() -> list[str]:
        job = current_job()
        assert job is not None
        job.checkpoint("small")
        texts = []
        for value in (bytes(2 << 20), (n for n in range(3))):
            try:
                job.checkpoint(value)
            except TypeError as error:  # ShipError, and TooLarge
                texts.append(f"{type(error).__name__}: {error}")
        return [*texts, job.saved]

    large, strange, saved = await rig.value(task)
    assert large.startswith("TooLarge: the checkpoint has 2,097,")
    assert "keep the place" in large
    assert strange.startswith("ShipError")
    assert saved == "small", "the one before is still there"


async def test_a_checkpoint_that_the_service_refuses_is_an_error(rig: Notebook) -> None:
    rig.refusal = "the disk has no room"
    ended = await rig.outcome(leave, 1)
    assert ended.outcome.failure is not None
    assert ended.outcome.failure.type == "schedulergodx.errors.StoreError"
    assert "not kept: the disk has no room" in ended.outcome.failure.text


# -- following ------------------------------------------------------------------------------------


def murmur(path: str, last: str = "the end") -> None:
    print("the beginning")
    while not os.path.exists(path):  # noqa: PTH110
        time.sleep(0.005)
    print(last)


async def amurmur(path: str) -> None:
    await asyncio.to_thread(murmur, path)


@pytest.mark.parametrize("execution", ALL)
async def test_a_follower_sees_output_from_the_beginning_while_the_job_is_silent(
    rig: Notebook, execution: Execution
) -> None:
    path = rig.settings.directory / "go on"
    task = amurmur if execution is Execution.ASYNC else murmur
    job = rig.launch(task, str(path), execution=execution)
    await job.begun()
    await asyncio.sleep(0.3)  # it is silent by now, and nobody has followed it
    assert rig.printed(job.work.seq) == b""
    rig.executor.follow(job.work.seq, 1, True)
    await until(lambda: rig.printed(job.work.seq) == b"the beginning\n")
    path.touch()
    await job
    assert rig.printed(job.work.seq) == b"the beginning\nthe end\n"


async def test_who_follows_no_more_is_sent_no_more(rig: Notebook) -> None:
    path = rig.settings.directory / "go on"
    job = rig.launch(murmur, str(path))
    await job.begun()
    rig.executor.follow(job.work.seq, 1, True)
    await until(lambda: rig.printed(job.work.seq))
    rig.executor.follow(job.work.seq, 1, False)
    path.touch()
    await job
    assert rig.printed(job.work.seq) == b"the beginning\n"


async def test_a_job_after_one_that_was_followed_is_not(rig: Notebook) -> None:
    path = rig.settings.directory / "go on"
    job = rig.launch(murmur, str(path))
    await job.begun()
    rig.executor.follow(job.work.seq, 1, True)
    path.touch()
    await job
    for _ in range(80):  # each slot of its worker's marks
        await rig.outcome(print, "unheard")
    assert {remark.seq for remark in rig.remarks} == {job.work.seq}


async def test_a_flood_leaves_out_and_says_where(tmp_path: Path) -> None:
    def task(path: str) -> int:
        while not os.path.exists(path):  # noqa: PTH110
            time.sleep(0.005)
        line = "x" * 999
        for _ in range(5000):
            print(line)
        return 5_000_000

    async with Notebook(tmp_path / "workers", workers=1, output_limit=20_000) as rig:
        path = rig.settings.directory / "go on"
        job = rig.launch(task, str(path))
        await job.begun()
        rig.executor.follow(job.work.seq, 1, True)
        path.touch()
        ended = await job
    assert ended.outcome.status is Status.COMPLETED
    printed = [remark for remark in rig.remarks if isinstance(remark, Printed)]
    assert sum(len(one.data) for one in printed) < 2_000_000
    assert printed[-1].start + len(printed[-1].data) == rig.open(ended)


async def test_a_worker_that_tells_nonsense_is_ended(rig: Notebook) -> None:
    def task() -> None:
        from schedulergodx.core import context
        from schedulergodx.executors.frames import Progress, Say

        channel = context.outlet._channel  # type: ignore[union-attr]
        channel.send(Say.PROGRESS, Progress(1 << 40, 1.0, None, ""))  # a job that it does not have
        channel.send(Say.PROGRESS, Progress(1 << 40, float("inf"), None, ""))
        time.sleep(30)

    failure = (await rig.outcome(task)).outcome.failure
    assert failure is not None
    assert "sent nonsense: progress that is no number" in failure.text


async def test_a_job_is_followed_before_it_begins(rig: Notebook) -> None:
    """However short it is, all of its output is told."""
    for _ in range(20):
        work = rig.work(print, "quick")
        rig.executor.follow(work.seq, 1, True)
        [job] = rig.submit([work])
        await job
        assert rig.printed(work.seq) == b"quick\n"
    assert not rig.executor._to_follow
