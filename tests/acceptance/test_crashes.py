"""Services, workers and clients are killed, and what they had accepted has its outcome."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schedulergodx.core.job import ErrorCode
from schedulergodx.errors import JobInterrupted
from tests.acceptance.processes import alive, family
from tests.world import ROOT, SECRET, until

if TYPE_CHECKING:
    from tests.acceptance.deployment import Deployment

SOON = 30  # seconds, the deadline of what must happen


def beat(path: str, seconds: float) -> int:
    """Say every few milliseconds that this attempt runs; the clock is that of the machine."""
    ledger = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        os.write(ledger, f"{os.getpid()} {time.monotonic()}\n".encode())
        time.sleep(0.005)
    os.close(ledger)
    return os.getpid()


def attempts_of(path: Path) -> list[tuple[float, float]]:
    """From when to when each process ran, in their order."""
    spans: dict[str, tuple[float, float]] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        pid, moment = line.split()
        first, _ = spans.get(pid, (float(moment), 0.0))
        spans[pid] = first, float(moment)
    return sorted(spans.values())


def double(number: int) -> int:
    return 2 * number


# -- the service -----------------------------------------------------------------------------------


def test_a_job_that_a_crash_interrupted_is_told_so(deployment: Deployment) -> None:
    service = deployment.service().start()
    ledger = deployment.file("ledger")
    job = deployment.client().task(beat).launch(str(ledger), 60)
    until(lambda: attempts_of(ledger), SOON)
    processes = family(service.pid)
    service.kill()
    service.start()
    with pytest.raises(JobInterrupted) as interrupted:
        job.result(timeout=SOON)
    assert interrupted.value.code == ErrorCode.INTERRUPTED
    assert "max_attempts" in str(interrupted.value)
    assert len(attempts_of(ledger)) == 1
    assert not any(map(alive, processes))


@pytest.mark.parametrize("hard", [False, True])
def test_a_restart_beside_a_busy_worker_makes_no_overlap(
    deployment: Deployment, hard: bool
) -> None:
    service = deployment.service().start()
    ledger = deployment.file("ledger")
    job = deployment.client().task(beat, hard=hard, max_attempts=3).launch(str(ledger), 0.7)
    for attempt in (1, 2):
        until(lambda n=attempt: len(attempts_of(ledger)) == n, SOON)
        service.kill()
        service.start(ready=False)
    assert job.result(timeout=SOON) > 0
    spans = attempts_of(ledger)
    assert len(spans) == 3
    assert all(last < first for (_, last), (first, _) in pairwise(spans))


def test_what_waited_runs_after_a_crash_and_has_lost_no_attempt(deployment: Deployment) -> None:
    service = deployment.service(workers=1).start()
    client = deployment.client()
    ledger = deployment.file("ledger")
    client.task(beat).launch(str(ledger), 60)
    until(lambda: attempts_of(ledger), SOON)
    waiting = client.task(double).map(range(50))
    late = client.task(double, delay=0.2).launch(7)
    assert waiting[-1].status() == "pending"
    service.kill()
    service.start()
    assert [job.result(timeout=SOON) for job in waiting] == [2 * n for n in range(50)]
    assert late.result(timeout=SOON) == 14


# -- a worker --------------------------------------------------------------------------------------


@pytest.mark.parametrize("hard", [False, True])
def test_a_worker_that_is_killed_costs_only_its_own_job(deployment: Deployment, hard: bool) -> None:
    deployment.service(workers=2).start()
    client = deployment.client()
    ledger = deployment.file("ledger")
    victim = client.task(beat, hard=hard).launch(str(ledger), 60)
    neighbours = client.task(double).map(range(100))
    until(lambda: attempts_of(ledger), SOON)
    os.kill(int(ledger.read_text().split()[0]), signal.SIGKILL)
    with pytest.raises(JobInterrupted) as died:
        victim.result(timeout=SOON)
    assert died.value.code == ErrorCode.WORKER_DIED
    assert [job.result(timeout=SOON) for job in neighbours] == [2 * n for n in range(100)]
    assert client.task(double).launch(21).result(timeout=SOON) == 42


def test_a_worker_that_crashes_by_itself_is_replaced(deployment: Deployment) -> None:
    deployment.service(workers=1).start()
    client = deployment.client()
    job = client.task(os.abort).launch()
    with pytest.raises(JobInterrupted, match="SIGABRT") as died:
        job.result(timeout=SOON)
    assert died.value.code == ErrorCode.WORKER_DIED
    assert client.task(double).launch(21).result(timeout=SOON) == 42


def test_a_fork_server_that_is_killed_is_replaced(deployment: Deployment) -> None:
    service = deployment.service().start()
    client = deployment.client()
    ledger = deployment.file("ledger")
    job = client.task(beat).launch(str(ledger), 60)
    until(lambda: attempts_of(ledger), SOON)
    worker = int(ledger.read_text().split()[0])
    [fork_server] = [pid for pid in family(service.pid)[1:] if worker in family(pid)[1:]]
    os.kill(fork_server, signal.SIGKILL)
    with pytest.raises(JobInterrupted) as died:
        job.result(timeout=SOON)
    assert died.value.code == ErrorCode.WORKER_DIED
    until(lambda: not alive(worker), 5)
    assert client.task(double).launch(21).result(timeout=SOON) == 42
    assert client.task(double, hard=True).launch(21).result(timeout=SOON) == 42


def test_a_killed_worker_costs_one_of_several_attempts(deployment: Deployment) -> None:
    deployment.service().start()
    ledger = deployment.file("ledger")
    job = deployment.client().task(beat, max_attempts=2).launch(str(ledger), 0.5)
    until(lambda: attempts_of(ledger), SOON)
    first = int(ledger.read_text().split()[0])
    os.kill(first, signal.SIGKILL)
    assert job.result(timeout=SOON) != first
    assert len(attempts_of(ledger)) == 2


# -- the client ------------------------------------------------------------------------------------

_CLIENT = """
import json, sys, time
from schedulergodx import Client
client = Client("mortal", **json.loads(sys.argv[1]))

@client.task
def slow(seconds):
    time.sleep(seconds)
    return "it was worth it"

print(slow.launch(float(sys.argv[2])).id, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_another_process_of_a_killed_client_gets_its_answer(
    deployment: Deployment, seconds: float
) -> None:
    deployment.service().start()
    address = json.dumps({**deployment.address, "secret": SECRET})
    process = subprocess.Popen(
        [sys.executable, "-c", _CLIENT, address, str(seconds)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        id = process.stdout.readline().strip()
        process.kill()
    heir = deployment.client("mortal")
    assert heir.job(id).result(timeout=SOON) == "it was worth it"
    response = heir.get_response(id)
    assert response is not None
    assert response.arguments["result"] == "it was worth it"
    assert heir.job(id).status() == "completed"
