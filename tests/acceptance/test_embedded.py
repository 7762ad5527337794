"""The embedded broker: a directory, no server, and the same promises."""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schedulergodx.core.job import ErrorCode
from schedulergodx.errors import BadSignature, JobError, LaunchError, QueueOwned
from tests.acceptance.deployment import Deployment
from tests.acceptance.folder import Folder, said
from tests.world import SECRET, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.client import Job

SOON = 30  # seconds, the deadline of what must happen


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Deployment]:
    with closing(Deployment(f"spool:{tmp_path}/spool", tmp_path)) as deployment:
        yield deployment


def append(path: str, line: str) -> str:
    with Path(path).open("a") as file:
        file.write(f"{line}\n")
    return line


def double(number: int) -> int:
    return 2 * number


def test_the_main_job(embedded: Deployment) -> None:
    embedded.service().start()
    client = embedded.client()
    task = client.task(double)
    job = task.options(delay=0.3).launch(21)
    assert job.status() == "scheduled"
    assert job.result(timeout=SOON) == 42
    assert [job.result(timeout=SOON) for job in task.map(range(500))] == [2 * n for n in range(500)]


def test_jobs_wait_in_the_directory_for_a_service(embedded: Deployment) -> None:
    jobs = embedded.client().task(double).map(range(10))
    embedded.service().start()
    assert [job.result(timeout=SOON) for job in jobs] == [2 * n for n in range(10)]


def test_a_second_service_with_another_store_is_refused(embedded: Deployment) -> None:
    embedded.service(heartbeat=1).start()
    second = embedded.service("other", heartbeat=1).start(ready=False)
    assert second.wait(SOON) != 0
    assert QueueOwned.__name__ in second.text()


def test_a_service_that_is_killed_loses_nothing(embedded: Deployment) -> None:
    seed = random.randrange(1 << 32)
    print(f"kills with seed {seed}")
    chance = random.Random(seed)
    service = embedded.service().start()
    task = embedded.client().task(append)
    ledger = embedded.file("ledger")
    jobs: list[Job[str]] = []
    for _ in range(3):
        for _ in range(chance.randrange(100)):
            jobs.append(task.launch(str(ledger), str(len(jobs))))
        service.kill()
        jobs.append(task.launch(str(ledger), str(len(jobs))))
        service.start(ready=False)
    ends = []
    for job in jobs:
        try:
            ends.append(job.result(timeout=SOON))
        except JobError as error:
            assert error.code == ErrorCode.INTERRUPTED
    ran = Counter(ledger.read_text().split())
    assert max(ran.values()) == 1
    assert set(ends) <= set(ran)
    assert len(ends) >= len(jobs) - 3 * 2


_STREAM = """
import json, sys
from schedulergodx import Client
client = Client("mortal", **json.loads('''%s'''))

@client.task
def append(path, line):
    with open(path, "a") as file:
        file.write(line + "\\n")
    return line

number = 0
while True:
    line = f"{sys.argv[0]} {number}".replace(" ", "-")
    print(append.launch(%r, line).id, flush=True)
    number += 1
"""


def test_a_client_that_is_killed_loses_nothing_that_was_accepted(embedded: Deployment) -> None:
    seed = random.randrange(1 << 32)
    print(f"kills with seed {seed}")
    chance = random.Random(seed)
    embedded.service().start()
    ledger = embedded.file("ledger")
    address = json.dumps({**embedded.address, "secret": SECRET})
    accepted: list[str] = []
    with closing(Folder(embedded.directory / "clients")) as folder:
        for life in range(3):
            process = folder.run(f"client{life}.py", _STREAM % (address, str(ledger)))
            accepted += _read_then_kill(process, chance.randrange(5, 60))
    heir = embedded.client("mortal")
    lines = [heir.job(id).result(timeout=SOON) for id in accepted]
    ran = Counter(ledger.read_text().split())
    assert len(set(lines)) == len(accepted)
    assert all(ran[line] == 1 for line in lines)
    assert max(ran.values()) == 1


def _read_then_kill(process: subprocess.Popen[str], count: int) -> list[str]:
    """So many lines of its output, and those that it wrote before it noticed."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(count)]
    process.kill()
    rest, _ = process.communicate()
    return [line.strip() for line in lines + rest.splitlines(keepends=True) if line.endswith("\n")]


def test_a_second_process_of_a_client_gets_the_answer(embedded: Deployment) -> None:
    embedded.service().start()
    first = embedded.client("twins")
    job = first.task(double).launch(21)
    second = embedded.client("twins")
    assert second.job(job.id).result(timeout=SOON) == 42
    assert job.result(timeout=SOON) == 42


# -- the secret that it makes by itself ------------------------------------------------------------

_CLIENT = """
from schedulergodx import Client
client = Client("trusting")

@client.task
def double(number):
    return 2 * number

print(double.launch(21).result(timeout=30))
"""

_SERVICE = """
from schedulergodx import Service
Service(workers=1).start()
"""


def test_the_embedded_broker_makes_its_own_secret(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    with closing(Folder(tmp_path / "empty", broker=f"spool:{spool}")) as folder:
        folder.run("service.py", _SERVICE)
        assert said(folder.run("client.py", _CLIENT)).splitlines()[-1] == "42"
        secrets = [path for path in spool.rglob("*") if "secret" in path.name]
        assert len(secrets) == 1
        assert secrets[0].stat().st_mode & 0o777 == 0o600
        assert len(secrets[0].read_bytes()) >= 16


def test_who_has_another_secret_is_refused(tmp_path: Path) -> None:
    spool = f"spool:{tmp_path}/spool"
    deployment = Deployment(spool, tmp_path)
    deployment.prefix = ""
    with closing(Folder(tmp_path / "empty", broker=spool)) as folder, closing(deployment):
        service = folder.run("service.py", _SERVICE)
        said(folder.run("client.py", _CLIENT))
        with pytest.raises((BadSignature, LaunchError)):
            deployment.client("intruder")
        assert service.poll() is None
        assert said(folder.run("client.py", _CLIENT)).splitlines()[-1] == "42"


def test_the_directory_keeps_nothing_of_what_is_done(embedded: Deployment) -> None:
    embedded.service().start()
    task = embedded.client().task(double)
    task.launch(1).result(timeout=SOON)
    spool = Path(embedded.broker.removeprefix("spool:"))
    until(lambda: not _messages(spool), 5, lambda: str(_messages(spool)))
    jobs = task.map(range(50))
    assert [job.result(timeout=SOON) for job in jobs] == [2 * n for n in range(50)]
    until(lambda: not _messages(spool), 5, lambda: str(_messages(spool)))


def _messages(spool: Path) -> list[Path]:
    """Envelopes on disk."""
    return list((spool / "queues").glob("*/inbox/*"))
