"""Whatever is killed: each job is reported once, runs once, and what did not begin may begin."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schedulergodx.core.job import ErrorCode, Execution, Status
from tests.executors.processes import marked, until
from tests.executors.rig import Rig

if TYPE_CHECKING:
    from schedulergodx.executors.base import Ended

ROOT = Path(__file__).resolve().parents[2]
JOBS = 300


def note(file: str, number: int, what: str = "") -> int:
    """Write that it ran, in one write, then do as told."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{number}\n".encode())
    os.close(descriptor)
    if what == "crash":
        os._exit(1)
    if what == "raise":
        raise ValueError(number)
    if what == "child":
        subprocess.Popen(["sleep", "60"])
    time.sleep(0.02 if what == "slow" else 0.0)
    return number


async def kill_at_random(rig: Rig, chance: random.Random) -> None:
    """Workers and what they started, and now and then the fork server."""
    text = str(rig.settings.directory)
    while True:
        await asyncio.sleep(chance.random() * 0.1)
        link = rig.executor._staff._link
        server = link._process.pid if link else 0
        found = [pid for pid in marked(text) if pid != server or chance.random() < 0.2]
        if found:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(found), signal.SIGKILL)


@pytest.mark.parametrize("seed", [1, 2])
async def test_each_job_runs_once_and_ends_once_while_workers_are_killed(
    tmp_path: Path, seed: int
) -> None:
    chance, file = random.Random(seed), tmp_path / "ran"
    kinds = ["", "slow", "crash", "raise", "child"]
    async with Rig(tmp_path / "workers") as rig:
        killing = asyncio.create_task(kill_at_random(rig, chance))
        works = [
            rig.work(
                note,
                str(file),
                number,
                *chance.choices(kinds, [90, 5, 2, 2, 1]),
                execution=Execution.FORK if chance.random() < 0.03 else Execution.PROCESS,
            )
            for number in range(JOBS)
        ]
        ends: list[Ended] = [await job for job in rig.submit(works)]
        killing.cancel()
    ran = Counter(int(line) for line in file.read_text().split())
    assert set(ran.values()) == {1}
    for number, ended in enumerate(ends):
        if ended.outcome.status is Status.COMPLETED:
            assert ran[number] == 1
        else:
            assert ended.outcome.failure is not None
            expected = (ErrorCode.WORKER_DIED, ErrorCode.ERROR_IN_TASK)
            assert ended.outcome.failure.code in expected
    assert not marked(str(tmp_path))


SERVICE = """
import asyncio, json, sys
from pathlib import Path
from tests.executors.rig import Rig
from tests.executors.test_every_job_ends_once import JOBS, note

async def main(directory, file):
    async with Rig(Path(directory), run=1) as rig:
        works = [rig.work(note, file, n, "slow" if n % 40 == 39 else "") for n in range(JOBS)]
        run = rig.executor.run

        def tell(given):
            print(json.dumps([(w.worker, w.seq, w.attempt) for w in given]), flush=True)
            run(given)

        rig.executor.run = tell
        rig.submit(works)
        await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("lines", [1, 30, 150])
async def test_the_marks_of_a_killed_service_tell_all_that_ran(tmp_path: Path, lines: int) -> None:
    file, directory, claims = tmp_path / "ran", tmp_path / "workers", tmp_path / "claims"
    service = start_service(claims, str(directory), str(file))
    try:
        await until(lambda: file.exists() and file.read_text().count("\n") >= lines)
    finally:
        service.kill()
        service.wait()
    marks = await Rig(directory, run=2).executor.recover()
    ran = {int(line) + 1 for line in file.read_text().split()}  # seqs count from 1
    claimed = {seq: worker for worker, seq in read_claims(claims)}
    began = {seq for seq, worker in claimed.items() if marks.began(worker, seq, 1)}
    assert ran <= began
    assert len(began - ran) <= 2  # one a worker, between its mark and its first line
    known = {ended.seq for worker in set(claimed.values()) for ended in marks.ended(worker)}
    assert known <= began
    assert len(began - known) <= 2


def start_service(claims: Path, *arguments: str) -> subprocess.Popen[bytes]:
    with claims.open("wb") as out:
        return subprocess.Popen([sys.executable, "-c", SERVICE, *arguments], cwd=ROOT, stdout=out)


def read_claims(file: Path) -> list[tuple[int, int]]:
    import json

    whole = file.read_text().rpartition("\n")[0].splitlines()
    return [(worker, seq) for line in whole for worker, seq, _ in json.loads(line)]
