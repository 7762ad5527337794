"""10,000 jobs while the service is killed five times and the broker twice.

Each job writes its start and its end into a file of its own making, so that what really ran is
known from outside of the system that is tested.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest

from schedulergodx.client import Client
from schedulergodx.core.job import ErrorCode
from schedulergodx.errors import JobError
from tests.world import SECRET, ServiceProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.rabbitmq_node import Node

JOBS = 10_000
WORKERS = 2
SERVICE_KILLS = 5
BROKER_KILLS = 2


def note(path: str, number: int) -> int:
    """What each job does: say that it begins, work a moment, say that it ended."""
    ledger = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(ledger, f"S {number}\n".encode())
        time.sleep(0.001)
        os.write(ledger, f"E {number}\n".encode())
    finally:
        os.close(ledger)
    return number


@pytest.mark.timeout(400)
def test_every_job_has_an_outcome_and_none_ran_twice(private_rabbit: Node, tmp_path: Path) -> None:
    service = ServiceProcess(
        tmp_path, broker=private_rabbit.url, db=f"sqlite:///{tmp_path}/jobs.db", workers=WORKERS
    )
    service.start()
    client = Client("ledger", broker=private_rabbit.url, secret=SECRET, confirm_timeout=120)
    ledger = tmp_path / "ledger"
    task = client.task(note)

    saboteur = threading.Thread(target=sabotage, args=(service, private_rabbit, ledger))
    saboteur.start()
    with client.pipeline():
        jobs = [task.launch(str(ledger), number) for number in range(JOBS)]
    results = [outcome_of(job, number) for number, job in enumerate(jobs)]
    saboteur.join()
    client.close()
    service.stop()

    ran = read_ledger(ledger)
    interrupted = [number for number, code in enumerate(results) if code is not None]
    assert {code for code in results if code is not None} <= {ErrorCode.INTERRUPTED}
    assert len(interrupted) <= SERVICE_KILLS * WORKERS
    assert max(Counter(n for n, (starts, _) in ran.items() for _ in range(starts)).values()) == 1
    for number, code in enumerate(results):
        starts, ends = ran[number]
        assert starts == 1 or code is not None, f"job {number} completed and ran {starts} times"
        assert ends == 1 or code is not None, f"job {number} completed and did not end"


def outcome_of(job: object, number: int) -> int | None:
    """None for a job that returned what it must, else its error code."""
    try:
        assert job.result(timeout=240) == number  # type: ignore[attr-defined]
    except JobError as error:
        return error.code
    return None


def sabotage(service: ServiceProcess, broker: Node, ledger: Path) -> None:
    """Kill the service and the broker at moments of chance, while jobs run."""
    seed = random.randrange(1 << 32)
    print(f"sabotage with seed {seed}")
    chance = random.Random(seed)
    victims = ["service"] * SERVICE_KILLS + ["broker"] * BROKER_KILLS
    chance.shuffle(victims)
    for number, victim in enumerate(victims):
        wait_for_progress(ledger, number * JOBS // (len(victims) + 1), chance)
        if victim == "service":
            service.kill()
            service.start(ready=False)
        else:
            broker.kill()
            broker.start()


def wait_for_progress(ledger: Path, ended: int, chance: random.Random) -> None:
    """Until so many jobs ended, and a moment longer."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        text = ledger.read_bytes() if ledger.exists() else b""
        if text.count(b"E ") > ended:
            break
        time.sleep(0.05)
    time.sleep(chance.random() * 0.3)


def read_ledger(path: Path) -> dict[int, tuple[int, int]]:
    """How often each job began and ended."""
    starts: dict[int, int] = defaultdict(int)
    ends: dict[int, int] = defaultdict(int)
    for line in path.read_text().splitlines():
        what, number = line.split()
        (starts if what == "S" else ends)[int(number)] += 1
    return defaultdict(lambda: (0, 0), {n: (starts[n], ends[n]) for n in starts})
