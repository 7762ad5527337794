"""What version 1 got wrong when something ended and came back. None of it is true here.

Each docstring says what it did.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schedulergodx.core.job import ErrorCode
from schedulergodx.errors import JobError, JobExpired, JobInterrupted, JobTimeout
from tests.acceptance.deployment import Deployment
from tests.acceptance.stranger import Stranger, item
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.client import Job
    from tests.rabbitmq_node import Node

SOON = 30  # seconds, the deadline of what must happen
KILLS = 3


def append(path: str, line: str, seconds: float = 0.0) -> str:
    """Write a line, and work on for some time."""
    with Path(path).open("a") as file:
        file.write(f"{line}\n")
    time.sleep(seconds)
    return line


def fail(path: str) -> None:
    append(path, "bad")
    raise KeyError("bad")


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


# -- 2 ---------------------------------------------------------------------------------------------


def test_hard_jobs_that_have_ended_do_not_run_again_at_a_restart(
    deployment: Deployment, told: Counter[bytes]
) -> None:
    """S17: success and failure both left the task at work, and each restart ran it again."""
    service = deployment.service().start()
    client = deployment.client()
    ledger = deployment.file("ledger")
    good = client.task(append, hard=True).launch(str(ledger), "good")
    bad = client.task(fail, hard=True).launch(str(ledger))
    slow = client.task(append, hard=True, lifetime=0.3).launch(str(ledger), "slow", 60)
    assert good.result(timeout=SOON) == "good"
    assert isinstance(bad.exception(timeout=SOON), KeyError)
    assert isinstance(slow.exception(timeout=SOON), JobTimeout)
    service.stop()
    for _ in range(2):
        service.start()
        client.task(append).launch(str(ledger), "sentinel").result(timeout=SOON)
        service.kill()
    assert Counter(lines_of(ledger)) == {"good": 1, "bad": 1, "slow": 1, "sentinel": 2}
    assert [told[job.uid] for job in (good, bad, slow)] == [1, 1, 1]


# -- 4 ---------------------------------------------------------------------------------------------


def test_a_service_killed_between_receiving_and_storing_loses_nothing(
    deployment: Deployment,
) -> None:
    """A message was acknowledged before it was stored: a crash between lost the task."""
    seed = random.randrange(1 << 32)
    print(f"kills with seed {seed}")
    chance = random.Random(seed)
    service = deployment.service().start()
    task = deployment.client(confirm_timeout=60).task(append)
    ledger = str(deployment.file("ledger"))
    with ThreadPoolExecutor(4) as pool:
        launches = [pool.submit(task.launch, ledger, str(n)) for n in range(600)]
        for _ in range(KILLS):
            wanted = sum(launch.done() for launch in launches) + chance.randrange(20, 150)
            until(lambda n=wanted: sum(launch.done() for launch in launches) >= min(n, 600), SOON)
            service.kill()
            service.start(ready=False)
    ends = [_end_of(launch.result()) for launch in launches]
    assert len(ends) == 600
    assert set(ends) <= {None, ErrorCode.INTERRUPTED}
    assert sum(end is not None for end in ends) <= KILLS * 2
    ran = Counter(lines_of(Path(ledger)))
    assert max(ran.values()) == 1
    assert all(ran[str(n)] == 1 for n, end in enumerate(ends) if end is None)


def _end_of(job: Job[str]) -> int | None:
    try:
        job.result(timeout=60)
    except JobError as error:
        return error.code
    return None


# -- 7 ---------------------------------------------------------------------------------------------


def test_what_cannot_be_opened_is_not_tried_again_at_a_restart(deployment: Deployment) -> None:
    """A function that could not be opened was tried again at each restart, in silence."""
    service = deployment.service().start()
    with Stranger(deployment) as stranger:
        bad, sentinel = item(), item(-1)
        stranger.send(stranger.task(bad, function=b"this is no pickle"))
        assert set(stranger.outcomes()) == {bad.uid}
        service.stop()
        service.start()
        stranger.send(stranger.task(sentinel))
        assert set(stranger.outcomes()) == {sentinel.uid}


# -- 13, 14: one downtime, and what becomes of who waited -----------------------------------------


DELAY = 3.0  # seconds, in which a service is launched to four times, asked, and stopped


@pytest.fixture(scope="module")
def after_downtime(
    rabbit: Node, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Job[str]]]:
    """Jobs that came due while no service ran, in its store and in the broker."""
    with closing(Deployment(rabbit.url, tmp_path_factory.mktemp("downtime"))) as deployment:
        service = deployment.service(overdue_grace=0.5).start()
        wanted = deployment.client("patient").task(append)
        unwanted = deployment.client("punctual", enable_overdue=False).task(append)
        changed = deployment.client("changed", enable_overdue=True).task(append)
        path = str(deployment.file("ledger"))
        jobs = {
            "stored, wanted": wanted.options(delay=DELAY).launch(path, "stored"),
            "stored, unwanted": unwanted.options(delay=DELAY).launch(path, "stored"),
            "before the change": changed.options(delay=DELAY).launch(path, "before"),
        }
        changed = deployment.client("changed", enable_overdue=False).task(append)
        jobs["after the change"] = changed.options(delay=DELAY).launch(path, "after")
        assert [job.status() for job in jobs.values()] == ["scheduled"] * 4
        service.stop()
        jobs["sent, wanted"] = wanted.options(delay=DELAY).launch(path, "sent")
        jobs["sent, unwanted"] = unwanted.options(delay=DELAY).launch(path, "sent")
        jobs["at once"] = unwanted.launch(path, "at once")
        late = time.time() + DELAY + 0.5 + 0.1  # and the grace
        until(lambda: time.time() > late)
        service.start()
        yield jobs


@pytest.mark.parametrize("where", ["stored", "sent"])
def test_an_overdue_job_that_is_wanted_runs(
    after_downtime: dict[str, Job[str]], where: str
) -> None:
    """S20: an overdue job that is wanted runs."""
    assert after_downtime[f"{where}, wanted"].result(timeout=SOON) == where


@pytest.mark.parametrize("where", ["stored", "sent"])
def test_an_overdue_job_that_is_not_wanted_expires(
    after_downtime: dict[str, Job[str]], where: str
) -> None:
    """S20: it waited in the store for ever; and in the broker it was run all the same."""
    job = after_downtime[f"{where}, unwanted"]
    with pytest.raises(JobExpired) as expired:
        job.result(timeout=SOON)
    assert expired.value.code == ErrorCode.OVERDUE
    assert job.status() == "expired"


def test_a_job_without_a_delay_is_never_overdue(after_downtime: dict[str, Job[str]]) -> None:
    """Every immediate task was overdue as soon as it existed, and dropped after a crash."""
    assert after_downtime["at once"].result(timeout=SOON) == "at once"


def test_a_client_that_registers_again_has_its_new_settings_at_once(
    after_downtime: dict[str, Job[str]],
) -> None:
    """S18: the first registration held until the service was restarted."""
    assert after_downtime["before the change"].result(timeout=SOON) == "before"
    with pytest.raises(JobExpired):
        after_downtime["after the change"].result(timeout=SOON)


# -- 15 --------------------------------------------------------------------------------------------


def test_a_job_whose_answer_came_does_not_run_again_after_a_crash(deployment: Deployment) -> None:
    """The answer left before the end was stored: a crash between ran the task twice."""
    service = deployment.service().start()
    task = deployment.client().task(append)
    ledger = deployment.file("ledger")
    for number in range(3):
        task.launch(str(ledger), str(number)).result(timeout=SOON)
        service.kill()
        service.start()
    task.launch(str(ledger), "sentinel").result(timeout=SOON)
    assert lines_of(ledger) == ["0", "1", "2", "sentinel"]


# -- 23 --------------------------------------------------------------------------------------------


def test_the_time_zones_of_client_and_service_do_not_matter(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Local times without a zone travelled: 26 hours between the two moved a task by as much."""
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    deployment.service().start()
    monkeypatch.setenv("TZ", "Pacific/Pago_Pago")
    time.tzset()
    try:
        task = deployment.client().task(zone_and_time)
        begin = time.time()
        zone, ran = task.options(delay=0.4).launch().result(timeout=SOON)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert zone == "Pacific/Kiritimati"
    assert 0.4 <= ran - begin < 1.5


def zone_and_time() -> tuple[str, float]:
    return os.environ["TZ"], time.time()


# -- 24 --------------------------------------------------------------------------------------------


def test_a_second_service_with_another_store_is_refused(deployment: Deployment) -> None:
    """Two services took turns with the messages and refused those of each other's clients."""
    deployment.service(heartbeat=1).start()
    second = deployment.service("other", heartbeat=1).start(ready=False)
    assert second.wait(SOON) != 0
    assert "QueueOwned" in second.text()
    assert "--queue" in second.text()
    assert "give this one other queues" in second.text()
    assert deployment.client().task(append).launch("/dev/null", "1").result(timeout=SOON) == "1"


def test_services_with_queues_of_their_own_live_beside_each_other(deployment: Deployment) -> None:
    deployment.service().start()
    deployment.service("other", queues=["mail"]).start()
    task = deployment.client().task(append)
    jobs = [task.options(queue=queue).launch("/dev/null", queue) for queue in ("default", "mail")]
    assert [job.result(timeout=SOON) for job in jobs] == ["default", "mail"]
    assert [job.status() for job in jobs] == ["completed", "completed"]


# -- 25 --------------------------------------------------------------------------------------------


def test_a_service_that_is_asked_to_stop_lets_jobs_end(deployment: Deployment) -> None:
    """There was no handling of signals, and no end but a crash."""
    service = deployment.service(workers=1).start()
    ledger = deployment.file("ledger")
    task = deployment.client().task(append)
    running = task.launch(str(ledger), "runs", 1.0)
    waiting = task.launch(str(ledger), "waits")
    until(lambda: lines_of(ledger) == ["runs"], SOON)
    assert service.stop() == 0
    assert running.result(timeout=1) == "runs"
    assert lines_of(ledger) == ["runs"]
    service.start()
    assert waiting.result(timeout=SOON) == "waits"


def test_jobs_that_outlast_the_grace_are_ended_and_told(deployment: Deployment) -> None:
    service = deployment.service(stop_grace=0.2).start()
    ledger = deployment.file("ledger")
    job = deployment.client().task(append).launch(str(ledger), "runs", 60)
    until(lambda: lines_of(ledger), SOON)
    begin = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - begin < 10
    with pytest.raises(JobInterrupted):
        job.result(timeout=SOON)


def test_a_second_signal_hurries(deployment: Deployment) -> None:
    service = deployment.service(stop_grace=60).start()
    ledger = deployment.file("ledger")
    deployment.client().task(append).launch(str(ledger), "runs", 60)
    until(lambda: lines_of(ledger), SOON)
    hurry = threading.Timer(0.5, os.kill, (service.pid, 15))
    hurry.start()
    begin = time.monotonic()
    assert service.stop() == 0
    hurry.join()
    assert time.monotonic() - begin < 20
