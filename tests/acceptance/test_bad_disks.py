"""A database that can't be opened, written or understood: the service says which, and why."""

from __future__ import annotations

import os
import secrets
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from schedulergodx.errors import JobInterrupted
from tests.acceptance.processes import alive
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.acceptance.deployment import Deployment

SOON = 30  # seconds, the deadline of what must happen
MIB = 1 << 20


def double(number: int) -> int:
    return 2 * number


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def test_a_database_in_a_directory_that_is_not_there(deployment: Deployment) -> None:
    path = deployment.directory / "missing" / "jobs.db"
    service = deployment.service(db=f"sqlite:///{path}").start(ready=False)
    assert service.wait(SOON) != 0
    assert "StoreError" in service.text()
    assert str(path) in service.text()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable to root")
def test_a_database_that_may_not_be_written(deployment: Deployment) -> None:
    folder = deployment.directory / "locked"
    folder.mkdir(mode=0o500)
    _is_refused(deployment, folder / "jobs.db")


def test_a_database_that_is_a_directory(deployment: Deployment) -> None:
    path = deployment.directory / "jobs.db"
    path.mkdir()
    _is_refused(deployment, path)


def test_a_database_on_a_disk_that_is_read_only(disk: Path, deployment: Deployment) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    _is_refused(deployment, disk / "jobs.db")


def test_a_file_that_is_no_database(deployment: Deployment) -> None:
    path = deployment.directory / "jobs.db"
    path.write_bytes(secrets.token_bytes(8192))
    _is_refused(deployment, path)


def test_a_database_of_a_newer_version(deployment: Deployment) -> None:
    service = deployment.service().start()
    service.stop()
    path = deployment.directory / "jobs" / "jobs.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    service.start(ready=False)
    assert service.wait(SOON) != 0
    assert "StoreTooNew" in service.text()
    assert "newer version" in service.text()


def test_a_database_that_another_service_holds(deployment: Deployment) -> None:
    first = deployment.service().start()
    second = deployment.service().start(ready=False)
    assert second.wait(SOON) != 0
    assert "StoreLocked" in second.text()
    assert str(first.pid) in second.text()


def test_a_full_disk_stops_the_intake_and_loses_nothing(disk: Path, deployment: Deployment) -> None:
    service = deployment.service(db=f"sqlite:///{disk}/jobs.db", workers=1).start()
    task = deployment.client().task(double)
    assert task.launch(1).result(timeout=SOON) == 2
    ballast = disk / "ballast"
    _fill(ballast)
    jobs = task.map(range(200))
    large = deployment.client("large").task(len).launch(os.urandom(2 * MIB))
    until(lambda: "has no room" in service.text(), SOON, service.text)
    ballast.unlink()
    assert [job.result(timeout=SOON) for job in jobs] == [2 * n for n in range(200)]
    assert large.result(timeout=SOON) == 2 * MIB
    assert service.stop() == 0


def test_a_full_disk_costs_neither_the_service_nor_its_workers(
    disk: Path, deployment: Deployment
) -> None:
    """What is mapped from a disk without room ends the process that writes there."""
    service = deployment.service(db=f"sqlite:///{disk}/jobs.db", workers=1).start()
    client = deployment.client()
    worker = client.task(os.getpid)
    pid = worker.launch().result(timeout=SOON)
    job = client.task(nap).launch(60)
    until(lambda: job.status() == "running", SOON)
    ballast = disk / "ballast"
    _fill(ballast)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid), SOON)
    until(lambda: "a worker can't be made: [Errno 28]" in service.text(), SOON, service.text)
    ballast.unlink()
    with pytest.raises(JobInterrupted):
        job.result(timeout=SOON)
    assert worker.launch().result(timeout=SOON) not in {pid, None}
    jobs = [client.task(nap, hard=True).launch(0) for _ in range(3)]
    assert [job.result(timeout=SOON) for job in jobs] == [0, 0, 0]
    assert service.stop() == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(path)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody mount a small disk")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)


def _fill(path: Path) -> None:
    """Take all room that is left."""
    with path.open("wb", buffering=0) as file:
        for size in (MIB, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


def _is_refused(deployment: Deployment, path: Path) -> None:
    service = deployment.service(db=f"sqlite:///{path}").start(ready=False)
    assert service.wait(SOON) != 0
    assert "StoreError" in service.text()
    assert str(path) in service.text()
