"""Which job runs when: priorities, limits of queues, changes, and calling off."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schedulergodx import current_job
from schedulergodx.errors import JobCancelled
from tests.acceptance.deployment import Deployment
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rabbitmq_node import Node

SOON = 30  # seconds, the deadline of what must happen


@pytest.fixture(scope="module")
def narrow(rabbit: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One worker for all, and of queue `limited` two jobs at once."""
    with closing(Deployment(rabbit.url, tmp_path_factory.mktemp("narrow"))) as deployment:
        deployment.service(workers=1).start()
        deployment.service(
            "limited", workers=4, queues=["limited"], queue_limits={"limited": 2}
        ).start()
        yield deployment


def append(path: str, line: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{line}\n")


def wait_for(path: str, begun: str) -> None:
    """Hold the worker until a file is there."""
    Path(begun).touch()
    while not Path(path).exists():
        time.sleep(0.005)


def work(path: str, seconds: float) -> None:
    append(path, f"1 {time.monotonic()}")
    time.sleep(seconds)
    append(path, f"-1 {time.monotonic()}")


def wait_until_cancelled(path: str) -> str:
    Path(path).touch()
    job = current_job()
    assert job is not None
    while not job.cancelled:
        time.sleep(0.005)
    return "I saw it"


class Hold:
    """Occupies the only worker until it is let go."""

    def __init__(self, deployment: Deployment) -> None:
        self._gate = deployment.file("gate")
        begun = deployment.file("begun")
        deployment.client("hold").task(wait_for).launch(str(self._gate), str(begun))
        until(begun.exists, SOON)

    def let_go(self) -> None:
        self._gate.touch()


def test_higher_priorities_run_first_and_equal_ones_in_their_order(narrow: Deployment) -> None:
    """G3: higher priorities run first and equal ones in their order."""
    ledger = narrow.file("ledger")
    task = narrow.client().task(append)
    hold = Hold(narrow)
    launched = [(0, "a"), (5, "b"), (-5, "c"), (0, "d"), (9, "e"), (5, "f")]
    jobs = [task.options(priority=p).launch(str(ledger), name) for p, name in launched]
    until(lambda: jobs[-1].status() == "pending")
    hold.let_go()
    for job in jobs:
        job.result(timeout=SOON)
    assert "".join(ledger.read_text().split()) == "ebfadc"


def test_a_queue_runs_no_more_jobs_than_its_limit(narrow: Deployment) -> None:
    ledger = narrow.file("ledger")
    task = narrow.client().task(work, queue="limited")
    for job in task.starmap([(str(ledger), 0.1)] * 10):
        job.result(timeout=SOON)
    at_once, most = 0, 0
    moves = (line.split() for line in ledger.read_text().splitlines())
    for step, _ in sorted(moves, key=lambda move: float(move[1])):
        at_once += int(step)
        most = max(most, at_once)
    assert most == 2


def test_a_job_that_waits_can_be_changed(narrow: Deployment) -> None:
    task = narrow.client().task(append)
    ledger = narrow.file("ledger")
    job = task.options(delay=3600).launch(str(ledger), "now")
    assert job.change(delay=7200, priority=3)
    assert job.status() == "scheduled"
    assert job.change(delay=0)
    job.result(timeout=SOON)
    assert ledger.read_text() == "now\n"
    assert not job.change(delay=1)


def test_a_job_moves_to_another_priority_while_it_waits(narrow: Deployment) -> None:
    ledger = narrow.file("ledger")
    task = narrow.client().task(append)
    hold = Hold(narrow)
    first, second = (task.launch(str(ledger), name) for name in "ab")
    assert second.change(priority=1)
    hold.let_go()
    first.result(timeout=SOON)
    assert ledger.read_text().split() == ["b", "a"]


def test_what_waits_can_be_called_off_and_runs_again_only_if_asked(narrow: Deployment) -> None:
    """T17: what waits can be called off and runs again only if asked."""
    ledger = narrow.file("ledger")
    hold = Hold(narrow)
    task = narrow.client().task(append)
    job, other = task.launch(str(ledger), "called off"), task.launch(str(ledger), "runs")
    answer = job.cancel()
    assert answer
    assert answer.value == "cancelled"
    hold.let_go()
    other.result(timeout=SOON)
    with pytest.raises(JobCancelled):
        job.result(timeout=SOON)
    assert ledger.read_text().split("\n")[:-1] == ["runs"]
    answer = other.cancel()
    assert not answer
    assert answer.value == "too late"


@pytest.mark.parametrize("execution", ["process", "fork", "thread"])
def test_what_runs_can_see_that_it_is_called_off(narrow: Deployment, execution: str) -> None:
    begun = narrow.file("begun")
    client = narrow.client()
    job = client.task(wait_until_cancelled, execution=execution).launch(str(begun))  # type: ignore[call-overload]
    until(begun.exists, SOON)
    answer = job.cancel()
    assert answer
    assert answer.value == "asked"
    assert job.result(timeout=SOON) == "I saw it"


def test_a_forced_cancel_ends_a_job_that_does_not_look(narrow: Deployment) -> None:
    begun = narrow.file("begun")
    client = narrow.client()
    job = client.task(wait_for).launch("/nonexistent/gate", str(begun))
    until(begun.exists, SOON)
    assert job.cancel(force=True)
    with pytest.raises(JobCancelled):
        job.result(timeout=SOON)
    client.task(append).launch(str(begun), "the worker is back").result(timeout=SOON)


def test_a_job_that_does_not_start_in_time_expires(narrow: Deployment) -> None:
    ledger = narrow.file("ledger")
    hold = Hold(narrow)
    job = narrow.client().task(append).options(expires=0.3).launch(str(ledger), "too late")
    until(job.ready, SOON)
    assert job.status() == "expired"
    hold.let_go()
    assert not ledger.exists()
