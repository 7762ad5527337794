"""Unique launches, limits, rates and pauses, with real services that die and come back."""

from __future__ import annotations

import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schedulergodx import Unique
from schedulergodx.core.job import ErrorCode, Status
from schedulergodx.errors import JobCancelled, JobRefused, UnknownQueue
from tests.acceptance.deployment import Deployment
from tests.acceptance.folder import Folder, said
from tests.world import SECRET, until

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = 30  # seconds, the deadline of what must happen


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Deployment]:
    with closing(Deployment(f"spool:{tmp_path}/spool", tmp_path)) as deployment:
        yield deployment


def wait_for(gate: str, ledger: str) -> int:
    """Note the start, wait until a file is there, and say how often this was started."""
    with Path(ledger).open("a") as file:
        file.write("started\n")
    while not Path(gate).exists():
        time.sleep(0.01)
    return len(Path(ledger).read_text().splitlines())


def busy(ledger: str, seconds: float) -> None:
    """Note when this began and ended."""
    began = time.monotonic()
    time.sleep(seconds)
    with Path(ledger).open("a") as file:
        file.write(f"{began} {time.monotonic()}\n")


def spans(ledger: Path) -> list[tuple[float, float]]:
    """When jobs began and ended, in the order of their begins."""
    lines = ledger.read_text().splitlines() if ledger.exists() else []
    return sorted((float(began), float(ended)) for began, ended in map(str.split, lines))


def most_at_once(found: list[tuple[float, float]]) -> int:
    """How many ran at the same time."""
    return max(sum(began <= at < ended for began, ended in found) for at, _ in found)


# -- unique launches -------------------------------------------------------------------------------

OTHER_PROGRAM = """
import sys, time
from pathlib import Path
from schedulergodx import Client

def wait_for(gate, ledger):
    with Path(ledger).open("a") as file:
        file.write("started\\n")
    while not Path(gate).exists():
        time.sleep(0.01)
    return len(Path(ledger).read_text().splitlines())

with Client("another") as client:
    job = client.task(wait_for, unique="ledger").launch({gate!r}, {ledger!r})
    while job.joined is None:
        time.sleep(0.01)
    print("joined to", job.joined, flush=True)
    print("got", job.result(60), flush=True)
"""


def test_launches_of_two_programs_are_one_job(either: Deployment) -> None:
    either.service(workers=2).start()
    gate, ledger = either.file("gate"), either.file("ledger")
    first = either.client().task(wait_for, unique="ledger").launch(f"{gate}", f"{ledger}")
    with closing(Folder(either.directory / "other", **either.address, secret=SECRET)) as folder:
        program = OTHER_PROGRAM.replace("{gate!r}", repr(f"{gate}"))
        process = folder.run("other.py", program.replace("{ledger!r}", repr(f"{ledger}")))
        assert process.stdout is not None
        assert process.stdout.readline() == f"joined to {first.id}\n"
        gate.touch()
        assert said(process) == "got 1\n"
    assert first.result(SOON) == 1


def test_a_joined_launch_has_its_outcome_after_everybody_has_died(embedded: Deployment) -> None:
    service = embedded.service(workers=2).start()
    gate, ledger = embedded.file("gate"), embedded.file("ledger")
    client = embedded.client("shop")
    task = client.task(wait_for, unique=True, max_attempts=2)
    first = task.launch(f"{gate}", f"{ledger}")
    second = task.launch(f"{gate}", f"{ledger}")
    until(lambda: second.joined == first.id)
    until(lambda: ledger.exists())
    client.close()
    service.kill()
    service.start()
    again = embedded.client("shop")
    third = again.task(wait_for, unique=True, max_attempts=2).launch(f"{gate}", f"{ledger}")
    until(lambda: third.joined == first.id)
    gate.touch()
    assert third.result(SOON) == 2, "the second attempt, after the crash"
    assert again.job(second.id).result(SOON) == 2
    assert again.job(first.id).result(SOON) == 2


def test_a_launch_that_is_sent_again_under_an_idempotency_key_is_not_done_again(
    embedded: Deployment,
) -> None:
    embedded.service().start()
    gate, ledger = embedded.file("gate"), embedded.file("ledger")
    gate.touch()
    for _ in range(3):
        task = embedded.client("shop").task(wait_for).options(idempotency_key="order 7")
        assert task.launch(f"{gate}", f"{ledger}").result(SOON) == 1
    other = embedded.client("another").task(wait_for).options(idempotency_key="order 7")
    assert other.launch(f"{gate}", f"{ledger}").result(SOON) == 2


def test_a_second_launch_is_refused_or_takes_the_place_of_the_first(embedded: Deployment) -> None:
    embedded.service().start()
    client = embedded.client()
    refuse = client.task(busy, delay=3600, unique=Unique(conflict="refuse"))
    first = refuse.launch("ledger", 1)
    with pytest.raises(JobRefused, match=first.id) as caught:
        refuse.launch("ledger", 1).result(SOON)
    assert caught.value.code == ErrorCode.NOT_UNIQUE
    replace = client.task(busy, delay=3600, unique=Unique(conflict="replace"))
    second = replace.launch("ledger", 1)
    with pytest.raises(JobCancelled, match=second.id):
        first.result(SOON)
    assert second.status() is Status.SCHEDULED
    third = replace.launch("other", 1)
    assert third.status() is second.status() is Status.SCHEDULED


def test_a_job_launches_under_the_keys_of_its_client(embedded: Deployment) -> None:
    embedded.service(workers=2).start()
    client = embedded.client()
    ledger = embedded.file("ledger")
    inner = client.task(busy).options(idempotency_key="once")

    @client.task
    def outer(path: str) -> None:
        inner.launch(path, 0.0).result(SOON)

    for _ in range(2):
        outer.launch(f"{ledger}").result(SOON)
    inner.launch(f"{ledger}", 0.0).result(SOON)
    assert len(spans(ledger)) == 1


# -- limits ----------------------------------------------------------------------------------------


def test_a_limit_holds_over_queues_and_executions_and_a_crash(either: Deployment) -> None:
    settings = {"workers": 4, "threads": 4, "queues": ["default", "mail"]}
    service = either.service(**settings).start()
    ledger = either.file("ledger")
    client = either.client()
    limited = client.task(busy, limit="api", concurrency=2, max_attempts=3)
    jobs = [limited.launch(f"{ledger}", 0.15) for _ in range(6)]
    jobs += [limited.options(queue="mail").launch(f"{ledger}", 0.15) for _ in range(3)]
    jobs += [limited.options(execution="thread").launch(f"{ledger}", 0.15) for _ in range(3)]
    until(lambda: len(spans(ledger)) >= 3)
    service.kill()
    service.start()
    for job in jobs:
        job.result(SOON)
    assert most_at_once(spans(ledger)) <= 2


def test_each_key_has_a_limit_of_its_own_and_none_waits_for_another(embedded: Deployment) -> None:
    embedded.service(workers=4).start()
    ann, bob = embedded.file("ann"), embedded.file("bob")
    task = embedded.client().task(busy, concurrency=1, limit_key="ledger")
    jobs = [task.launch(f"{one}", 0.2) for one in (ann, ann, ann, bob)]
    jobs[3].result(SOON)
    assert len(spans(ann)) < 3
    for job in jobs:
        job.result(SOON)
    assert most_at_once(spans(ann)) == 1
    assert most_at_once(spans(ann) + spans(bob)) == 2


def test_starts_keep_to_a_rate_also_over_a_crash(embedded: Deployment) -> None:
    service = embedded.service(workers=4).start()
    ledger = embedded.file("ledger")
    task = embedded.client().task(busy, rate="2/s", max_attempts=2)
    jobs = [task.launch(f"{ledger}", 0.0) for _ in range(5)]
    until(lambda: len(spans(ledger)) >= 2)
    service.kill()
    service.start()
    for job in jobs:
        job.result(SOON)
    begins = [began for began, _ in spans(ledger)]
    assert min(later - one for one, later in pairwise(begins)) > 0.25


def test_nothing_of_a_paused_queue_runs_before_it_is_resumed(either: Deployment) -> None:
    service = either.service(queues=["default", "mail"]).start()
    ledger = either.file("ledger")
    client = either.client()
    task = client.task(busy)
    assert client.pause("mail") is True
    held = task.options(queue="mail").launch(f"{ledger}", 0.0)
    task.launch(f"{ledger}", 0.0).result(SOON)
    service.kill()
    service.start()
    task.launch(f"{ledger}", 0.0).result(SOON)
    assert held.status() is Status.PENDING
    views = {view.name: view for view in client.queues()}
    assert views["default"].paused is None
    assert views["mail"].paused is not None
    assert views["mail"].counts == {Status.PENDING: 1}
    assert client.resume("mail") is True
    held.result(SOON)
    with pytest.raises(UnknownQueue, match=r"queue 'nowhere'.*--queues nowhere"):
        client.pause("nowhere")
