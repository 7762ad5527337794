"""Progress, checkpoints, following and explanations, with real services that are killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from schedulergodx import AsyncClient, NoJob, Output, Progress, Reason, StatusChange, current_job
from schedulergodx.client import following
from schedulergodx.core.job import Status
from tests.world import SECRET, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.deployment import Deployment

SOON = 30  # seconds, the deadline of what must happen


class Place:
    """Where a job has come to; a class of the user's own."""

    def __init__(self, page: int) -> None:
        self.page = page


def crawl(pages: int, log: str, pause: float) -> list[int]:
    """Read pages, and after each note where it is; the answer is what this attempt has read."""
    job = current_job() or NoJob()
    place = job.saved or Place(0)
    read = []
    for page in range(place.page, pages):
        read.append(page)
        with open(log, "a") as file:  # noqa: PTH123 (it is shipped)
            file.write(f"{job.attempt}:{page}\n")
        job.progress(page + 1, pages, f"page {page}")
        job.checkpoint(Place(page + 1))
        time.sleep(pause)
    return read


async def crawl_gently(pages: int, log: str, pause: float) -> list[int]:
    import asyncio

    return await asyncio.to_thread(crawl, pages, log, pause)


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


KINDS: list[dict[str, Any]] = [{}, {"hard": True}, {"execution": "thread"}]


@pytest.mark.parametrize("kind", [*KINDS, {"gentle": True}], ids=str)
def test_a_crawl_goes_on_from_its_checkpoint_after_its_service_was_killed(
    deployment: Deployment, kind: dict[str, Any]
) -> None:
    service = deployment.service().start()
    client = deployment.client()
    options = {key: value for key, value in kind.items() if key != "gentle"}
    task = client.task(max_attempts=3, **options)(crawl_gently if "gentle" in kind else crawl)
    log = deployment.file("log")
    job = task.launch(6, str(log), 0.3)
    until(lambda: len(lines(log)) >= 3, SOON)
    service.kill()
    service.start()
    last = job.result(timeout=SOON)
    seen = lines(log)
    assert [line.split(":")[1] for line in seen if line.startswith("2:")] == [
        str(page) for page in last
    ]
    assert last[0] >= 2, "two pages were kept before the kill"
    assert last[-1] == 5
    assert {int(line.split(":")[1]) for line in seen} == set(range(6))


def test_a_crawl_goes_on_from_its_checkpoint_after_its_worker_was_killed(
    shared: Deployment,
) -> None:
    client = shared.client("killed")

    @client.task(max_attempts=2)
    def task() -> tuple[int, object]:
        job = current_job()
        assert job is not None
        if job.saved is None:
            job.checkpoint({"half": [1, 2]})
            os.kill(os.getpid(), signal.SIGKILL)
        return job.attempt, job.saved

    assert task.launch().result(timeout=SOON) == (2, {"half": [1, 2]})


def test_the_view_has_what_a_job_said_last(shared: Deployment) -> None:
    client = shared.client("views")

    @client.task
    def task() -> None:
        job = current_job() or NoJob()
        job.progress(3, 4, "nearly")

    job = task.launch()
    job.result(timeout=SOON)
    view = job.view()
    assert (view.progress, view.note) == (Progress(3, 4, "nearly"), "nearly")


def talk(path: str) -> str:
    job = current_job() or NoJob()
    print("the beginning")
    job.progress(1, 2)
    while not os.path.exists(path):  # noqa: PTH110 (it is shipped)
        time.sleep(0.01)
    job.progress(2, 2)
    print("the end")
    return "done"


def test_a_job_is_followed_by_any_client_from_its_beginning(
    either: Deployment,
) -> None:
    either.service().start()
    job = either.client("launcher").task(talk).launch(str(gate := either.file("gate")))
    until(lambda: job.status() == "running", SOON)
    watcher = either.client("launcher").job(job.id)
    seen: list[object] = []
    for event in watcher.follow(timeout=SOON):
        seen.append(event)
        if Output("the beginning\n") in seen and Progress(1, 2) in seen:
            gate.touch()
    assert seen[0] == StatusChange(Status.RUNNING, 1)
    assert [event for event in seen if isinstance(event, Output)] == [
        Output("the beginning\n"),
        Output("the end\n"),
    ]
    assert [event for event in seen if isinstance(event, Progress)] == [
        Progress(1, 2),
        Progress(2, 2),
    ]
    assert seen[-1] == StatusChange(Status.COMPLETED, 1)
    assert watcher.result(timeout=SOON) == "done"
    whole = [Output("the beginning\nthe end\n"), Progress(2, 2), seen[-1]]
    assert list(watcher.follow()) == whole, "also when it has ended"


async def test_an_async_client_follows(shared: Deployment) -> None:
    async with AsyncClient("gentle", secret=SECRET, **shared.address) as client:
        job = await client.task(talk).launch("/")
        seen = [event async for event in job.follow(timeout=SOON)]
    assert "".join(e.text for e in seen if isinstance(e, Output)) == "the beginning\nthe end\n"
    assert seen[-1] == StatusChange(Status.COMPLETED, 1)


def test_a_job_follows_another_one(shared: Deployment) -> None:
    client = shared.client("nested")

    @client.task
    def leaf() -> None:
        print("from the leaf")

    @client.task
    def root() -> list[str]:
        return [type(event).__name__ for event in leaf.launch().follow(timeout=20)]

    seen = root.launch().result(timeout=SOON)
    assert "Output" in seen
    assert seen[-1] == "StatusChange"


def test_who_follows_sees_the_service_come_back(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        following, "_ASK_AGAIN", 1.0
    )  # so late does it notice that it was forgotten
    service = deployment.service().start()
    task = deployment.client().task(max_attempts=2)(talk)
    job = task.launch(str(gate := deployment.file("gate")))
    seen: list[object] = []

    def watch() -> None:
        seen.extend(job.follow(timeout=60))

    thread = threading.Thread(target=watch)
    thread.start()
    until(lambda: job.status() == "running", SOON)
    service.kill()
    gate.touch()
    service.start()
    assert job.result(timeout=SOON) == "done"
    thread.join(SOON)
    assert seen[-1] == StatusChange(Status.COMPLETED, 2)
    printed = "".join(event.text for event in seen if isinstance(event, Output))
    assert printed.endswith("the beginning\nthe end\n")


def test_a_service_that_is_away_is_the_reason(deployment: Deployment) -> None:
    service = deployment.service().start()
    client = deployment.client()
    job = client.task(len).options(delay=60).launch("abc")
    assert job.why().code is Reason.NOT_DUE
    service.stop()
    why = job.why(timeout=0.5)
    assert why.code is Reason.AWAY
    service.start()
    assert client.why(job.id).code is Reason.NOT_DUE
