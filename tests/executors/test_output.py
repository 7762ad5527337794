"""What jobs print and log is caught with them, bounded, each with its own."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from schedulergodx.core.job import Execution
from schedulergodx.executors.inside.wear import resident_bytes
from tests.executors.rig import Rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ALL = [Execution.PROCESS, Execution.FORK, Execution.THREAD, Execution.ASYNC]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path / "workers", workers=1, hard=1) as rig:
        yield rig


def say(word: str) -> None:
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    print(word, "on stdout")
    print(word, "on stderr", file=sys.stderr)
    sys.stdout.buffer.write(word.encode() + b" as bytes\n")
    logging.getLogger("mine").info("%s logged", word)
    logging.warning("%s warned", word)


@pytest.mark.parametrize("execution", ALL)
async def test_what_is_printed_and_logged_comes_with_the_job(
    rig: Rig, execution: Execution
) -> None:
    output = (await rig.outcome(say, "word", execution=execution)).outcome.output
    lines = output.splitlines()
    assert lines[:3] == ["word on stdout", "word on stderr", "word as bytes"]
    assert lines[3].endswith("INFO mine: word logged")
    assert lines[4].endswith("WARNING root: word warned")


async def test_a_job_that_prints_nothing_has_no_output(rig: Rig) -> None:
    await rig.outcome(say, "before")
    assert (await rig.outcome(len, "")).outcome.output == ""


async def test_output_comes_with_a_failure_too(rig: Rig) -> None:
    def task() -> None:
        print("just before")
        raise ValueError

    assert (await rig.outcome(task)).outcome.output == "just before\n"


def murmur(word: str, times: int) -> None:
    for _ in range(times):
        print(word)
        time.sleep(0.001)


async def amurmur(word: str, times: int) -> None:
    async def deeper() -> None:
        print(word)

    for _ in range(times):
        await asyncio.create_task(deeper())
        await asyncio.to_thread(print, word)


@pytest.mark.parametrize("execution", [Execution.THREAD, Execution.ASYNC])
async def test_jobs_beside_each_other_do_not_mix(rig: Rig, execution: Execution) -> None:
    task = murmur if execution is Execution.THREAD else amurmur
    words = [f"word-{n}" for n in range(8)]
    jobs = [rig.launch(task, word, 20, execution=execution) for word in words]
    for word, job in zip(words, jobs, strict=True):
        assert set((await job).outcome.output.split()) == {word}


async def test_threads_of_a_pooled_job_print_with_it(rig: Rig) -> None:
    def task() -> None:
        thread = threading.Thread(target=print, args=("from a thread",))
        thread.start()
        thread.join()

    assert (await rig.outcome(task)).outcome.output == "from a thread\n"


async def test_output_is_bounded_and_both_ends_are_kept(tmp_path: Path) -> None:
    def task() -> None:
        print("the beginning")
        for _ in range(10_000):
            print("x" * 99)
        print("the end")

    async with Rig(tmp_path / "workers", workers=1, output_limit=1000) as rig:
        output = (await rig.outcome(task)).outcome.output
    assert output.startswith("the beginning\nxxx")
    assert output.endswith("xxx\nthe end\n")
    assert "bytes left out" in output
    assert len(output) < 1100


async def test_a_flood_does_not_fill_memory(rig: Rig) -> None:
    def task(megabytes: int) -> int:
        line = "x" * (1 << 20)
        for _ in range(megabytes):
            print(line)
        from schedulergodx.executors.inside.wear import resident_bytes

        return resident_bytes()

    assert await rig.value(task, 300) < 100 << 20
    assert resident_bytes() > 0


async def test_a_service_in_the_foreground_shows_it_as_well(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with Rig(tmp_path / "workers", workers=1, echo=True) as rig:
        output = (await rig.outcome(print, "shown")).outcome.output
    assert output == "shown\n"
    assert capfd.readouterr().out == "shown\n"


async def test_a_service_in_the_background_shows_nothing(
    rig: Rig, capfd: pytest.CaptureFixture[str]
) -> None:
    await rig.outcome(print, "not shown")
    assert capfd.readouterr().out == ""


async def test_a_subprocess_can_be_given_the_streams(rig: Rig) -> None:
    def task() -> int:
        import subprocess

        return subprocess.run(["echo", "hello"], stdout=sys.stdout, check=True).returncode

    assert await rig.value(task) == 0
