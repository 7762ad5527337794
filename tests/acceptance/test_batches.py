"""Batches: counts apart, waits by events, and a submitter that comes back."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schedulergodx.client import AsyncClient, watching
from schedulergodx.core.batch import AskBatch
from schedulergodx.core.job import Status
from schedulergodx.errors import BatchExists, UnknownBatch
from tests.acceptance.folder import end, said
from tests.questions import note_questions
from tests.world import ROOT, SECRET, until

if TYPE_CHECKING:
    from tests.acceptance.deployment import Deployment

SOON = 60  # seconds, the deadline of what must happen


def square(number: int) -> int:
    if number < 0:
        raise ValueError(f"{number} is below zero")
    return number * number


def append(path: str, line: str) -> str:
    with Path(path).open("a") as file:
        file.write(f"{line}\n")
    return line


def wait_for(path: str) -> bool:
    """Whether that file came."""
    deadline = time.monotonic() + SOON
    while not Path(path).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return Path(path).exists()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What this process asks of services."""
    return note_questions(monkeypatch)


def test_counts_of_two_batches_are_apart(either: Deployment) -> None:
    """D14, D15; defect 1: the id was ignored, and all jobs of everybody were counted."""
    either.service().start()
    other, client = either.client("other"), either.client("third")
    with other.batch("a") as others:
        other.task(square, batch=others).launch(1)
    task = client.task(square)
    with client.batch("a") as a, client.batch("b") as b:
        task.options(batch=a).map([1, 2, -3])
        task.options(batch=b).map([-4])
    task.map(range(10))
    assert a.wait(SOON).counts == {Status.COMPLETED: 2, Status.FAILED: 1}
    assert b.wait(SOON).counts == {Status.FAILED: 1}
    assert others.wait(SOON).counts == {Status.COMPLETED: 1}
    assert other.attach("a").ref == others.ref
    assert sum(client.counts().values()) == 15


def test_a_wait_asks_once_and_is_told_the_rest(either: Deployment, asked: list[Any]) -> None:
    """D16: by events."""
    either.service().start()
    client, gate = either.client(), either.file("gate")
    with client.batch("slow") as batch:
        client.task(wait_for, batch=batch).launch(str(gate))
        client.task(square, batch=batch).map(range(20))
    asked.clear()
    views = batch.follow(SOON)
    until(lambda: next(views).left == 1, SOON)
    gate.touch()
    *_, last = views
    assert last.counts == {Status.COMPLETED: 21}
    assert asked == [AskBatch(batch.ref.uid.hex(), wait=True)]


SUBMITTER = """\
import os
from schedulergodx import Client

def wait_for(path):
    import pathlib, time
    while not pathlib.Path(path).exists():
        time.sleep(0.01)
    return "seen"

client = Client("submitter")
with client.batch("nightly") as batch:
    client.task(wait_for, batch=batch).map([os.path.abspath("gate")] * 3)
print("launched", flush=True)
batch.wait()
"""

RESTARTED = """\
from schedulergodx import Client

client = Client("submitter")
batch = client.attach("nightly")
print(batch.active, sum(batch.status().values()), flush=True)
open("gate", "w").close()
print(batch.wait(60).counts, list(batch.results(60)), batch.active)
"""


def test_a_submitter_that_was_killed_attaches_and_launches_nothing_again(
    either: Deployment,
) -> None:
    """D17; defect 2: attaching was never possible."""
    either.service(workers=3).start()
    folder = either.folder("submitter")
    submitter = folder.run("submitter.py", SUBMITTER)
    assert submitter.stdout is not None
    assert submitter.stdout.readline() == "launched\n"
    submitter.kill()
    submitter.wait()
    before, after = said(folder.run("restarted.py", RESTARTED)).splitlines()
    assert before == "True 3"
    assert after == "{<Status.COMPLETED: 'completed'>: 3} ['seen', 'seen', 'seen'] False"


def test_there_is_nothing_to_attach_to(either: Deployment) -> None:
    either.service().start()
    with pytest.raises(UnknownBatch, match="knows batch 'nobody'"):
        either.client().attach("nobody")


def test_a_name_used_twice_is_an_error_also_for_another_process(either: Deployment) -> None:
    either.service().start()
    first, second = either.client(), either.client()
    first.task(square, batch=first.batch("nightly")).launch(1)
    with pytest.raises(BatchExists), second.batch("nightly"):
        pytest.fail("it was entered")
    assert first.attach("nightly").close().jobs == 1


def test_the_job_at_the_end_runs_once_also_when_the_service_is_killed(
    either: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_ASK_AGAIN", 1.0)  # so late does it notice that it was forgotten
    service = either.service().start()
    client, gate, ledger = either.client(), either.file("gate"), either.file("ledger")
    with client.batch("kill") as batch:
        after = batch.then(client.task(append), str(ledger), "after")
        client.task(wait_for, batch=batch, max_attempts=5).map([str(gate)] * 2)
    waited: list[Any] = []
    waiting = threading.Thread(target=lambda: waited.append(batch.wait(SOON)))
    waiting.start()
    until(lambda: batch.status().get(Status.RUNNING) == 2, SOON)
    service.kill()
    service.start()
    gate.touch()
    assert after.result(SOON) == "after"
    service.kill()
    service.start()
    waiting.join(SOON)
    [view] = waited
    assert view.counts == {Status.COMPLETED: 2}
    assert after.view().status is Status.COMPLETED
    assert ledger.read_text() == "after\n"


def test_a_crawl_has_ended_when_its_last_page_has(either: Deployment) -> None:
    """Jobs launch into the batch that they are in."""
    either.service().start()
    client = either.client()
    batch = client.batch("crawl")

    @client.task(batch=batch)
    def crawl(depth: int) -> int:
        if depth:
            for _ in range(2):
                crawl.launch(depth - 1)
        return depth

    crawl.launch(3)
    assert batch.wait(SOON).counts == {Status.COMPLETED: 15}
    assert sorted(batch.results(SOON)) == sorted([3] + [2] * 2 + [1] * 4 + [0] * 8)
    assert batch.close().jobs == 15


def test_a_job_waits_for_a_batch_and_gives_its_place_away(either: Deployment) -> None:
    either.service(workers=1).start()
    client = either.client()
    inner = client.task(square)

    @client.task
    def outer() -> list[int]:
        with client.batch("inner") as batch:
            inner.options(batch=batch).map([1, 2, 3])
        return list(batch.results(SOON))

    assert outer.launch().result(SOON) == [1, 4, 9]


def test_a_batch_is_an_argument_too(either: Deployment) -> None:
    either.service().start()
    client = either.client()

    @client.task
    def look(batch: Any) -> tuple[int, bool]:
        return sum(batch.status().values()), batch.active

    with client.batch("argument") as batch:
        job = look.options(batch=batch).launch(batch)
    assert job.result(SOON) == (1, True)


def test_the_async_twin(either: Deployment) -> None:
    either.service().start()

    async def run() -> None:
        async with AsyncClient("async", secret=SECRET, **either.address) as client:
            task = client.task(square)
            async with client.batch("nightly") as batch:
                after = batch.then(client.task(sum), [1, 2])
                await task.options(batch=batch).map([3, -1, 2])
            assert [view.left async for view in batch.follow(SOON)][-1] == 0
            assert (await batch.wait(SOON)).counts == {Status.COMPLETED: 2, Status.FAILED: 1}
            assert await batch.status() == (await batch).counts
            assert await batch.active is False
            assert [view.status async for view in batch.jobs()][1] is Status.FAILED
            values = [value async for value in batch.results(return_exceptions=True)]
            assert values[::2] == [9, 4]
            assert await after.result(SOON) == 3
            again = await client.attach("nightly")
            assert (again.ref, await again.requeue()) == (batch.ref, 1)
            assert [view.name for view in await client.batches(name="nightly")] == ["nightly"]
            assert (await again.progress(SOON)).ended
            async with client.batch("later") as later:
                await task.options(batch=later, delay=600).map([1, 2])
            with pytest.raises(BatchExists):
                await client.batch("later").__aenter__()
            assert await later.cancel() == 2
            async with client.batch("empty") as empty:
                pass
            assert (await empty.wait()).jobs == 0
            with pytest.raises(UnknownBatch):
                await client.attach("nobody")

    asyncio.run(run())


def test_the_page_about_batches_runs_as_it_stands(either: Deployment) -> None:
    either.service().start()
    page = (ROOT / "docs" / "batches.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    *_, counts, values, report, again = said(
        either.folder("page").run("page.py", "\n".join(blocks)), SOON
    ).splitlines()
    assert counts == again == "{<Status.COMPLETED: 'completed'>: 3}"
    assert (values, report) == ("[5, 5, 6]", "nightly is done")


def test_a_thousand_jobs_are_one_batch(either: Deployment) -> None:
    either.service().start()
    client = either.client()
    with client.batch("many") as batch:
        client.task(square, batch=batch).map(range(2500))
    assert list(batch.results(SOON)) == [n * n for n in range(2500)]
    assert len(list(client.attach("many").jobs())) == 2500


def test_stopping_a_program_in_the_block_leaves_what_it_launched(either: Deployment) -> None:
    either.service().start()
    folder = either.folder("stopped")
    program = """\
from schedulergodx import Client
client = Client("stopped")
with client.batch("half") as batch:
    client.task(abs, batch=batch).launch(-1)
    print("one", flush=True)
    __import__("signal").pause()
"""
    process = folder.run("stopped.py", program)
    assert process.stdout is not None
    assert process.stdout.readline() == "one\n"
    end(process)
    batch = either.client("stopped").attach("half")
    assert list(batch.results(SOON)) == [1]
    assert batch.close().ended
