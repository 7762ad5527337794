"""`sgx batch` and `sgx workflow` on a real service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from schedulergodx.client import Client, Job
from schedulergodx.core.message import BatchRef
from tests.cli.test_with_a_service import Shell
from tests.cli.test_with_a_service import shell as shell
from tests.world import SECRET

SOON = 30  # seconds, the deadline of what must happen


def halve(number: int) -> float:
    if number < 0:
        raise ValueError("below zero")
    return number / 2


@pytest.fixture
def client(shell: Shell) -> Iterator[Client]:
    with Client("shop", broker=shell.broker, secret=SECRET) as client:
        yield client


@pytest.fixture
def launch(client: Client) -> Callable[..., None]:
    """Makes a batch of jobs."""

    def make(name: str, *numbers: int, **options: Any) -> None:
        with client.batch(name) as batch:
            client.task(halve, batch=batch, **options).map(numbers)

    return make


def test_batches_are_listed_and_shown(shell: Shell, launch: Callable[..., None]) -> None:
    launch("shown", 1, 2, -3)
    assert shell.run("batch", "wait", "shown").returncode == 1
    [view] = [one for one in shell.json("batch", "list") if one["name"] == "shown"]
    assert view["counts"] == {"completed": 2, "failed": 1}
    assert view in shell.json("batch", "list", "--ended", "--client", "shop")
    assert view not in shell.json("batch", "list", "--active")
    assert shell.json("batch", "list", "--client", "nobody") == []
    table = shell.run("batch", "list").stdout.splitlines()
    assert table[0].split()[:4] == ["name", "client", "state", "jobs"]
    shown = shell.json("batch", "show", view["uid"], "--jobs", "2")
    assert [job["status"] for job in shown.pop("jobs")] == ["completed"] * 2
    assert shown == {key: value for key, value in view.items() if key != "jobs"}
    page = shell.run("batch", "show", "shown", "--jobs", "10").stdout
    assert "failed        1\n" in page
    assert "below zero" in page or "ERROR_IN_TASK" in page


def test_a_batch_is_waited_for(shell: Shell, launch: Callable[..., None]) -> None:
    launch("waited", 1, 2)
    done = shell.run("batch", "wait", "waited", "--timeout", f"{SOON} s", "--json")
    assert (done.returncode, json.loads(done.stdout)["counts"]) == (0, {"completed": 2})
    assert done.stderr.splitlines()[-1] == "waited: 2/2, 2 completed"


def test_a_wait_that_is_over_is_1(shell: Shell, launch: Callable[..., None]) -> None:
    launch("held", 1, delay="1 h")
    done = shell.run("batch", "wait", "held", "--timeout", "0.2")
    assert done.returncode == 1
    assert "Error: batch 'held' has 1 jobs that have not ended after 0.2 s" in done.stderr


def test_a_batch_is_cancelled_and_requeued(shell: Shell, launch: Callable[..., None]) -> None:
    launch("moved", 1, 2, delay="1 h")
    assert shell.run("batch", "cancel", "moved").stdout == "moved: 2 jobs called off\n"
    assert shell.json("batch", "show", "moved")["counts"] == {"cancelled": 2}
    assert shell.json("batch", "requeue", "moved") == {"batch": "moved", "jobs": 2}
    assert shell.json("batch", "cancel", "moved", "--force") == {"batch": "moved", "jobs": 2}


@pytest.mark.parametrize("verb", ["show", "wait", "cancel", "requeue"])
@pytest.mark.parametrize("group", ["batch", "workflow"])
def test_an_unknown_name_is_an_error(shell: Shell, group: str, verb: str) -> None:
    if (group, verb) in {("workflow", "wait"), ("workflow", "cancel")}:
        pytest.skip("there is no such command")
    done = shell.run(group, verb, "nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Error: no service that answered knows batch 'nobody'" in done.stderr


@pytest.fixture
def workflow(client: Client) -> str:
    """A workflow whose second job fails, for the third, and the fourth that depends on it."""
    batch = client.batch("flow")
    batch.ref = BatchRef(batch.ref.uid, "flow", workflow=True)
    first = Job("first", halve, {"number": 2}, batch=batch)
    second = Job("second", halve, {"number": -1}, batch=batch, dependencies=[first.id])
    third = Job("third", halve, {"number": 3}, batch=batch, dependencies=[second.id])
    for job in (first, second, third):
        client.submit(job)
    batch.close()
    batch.wait(SOON)
    return batch.ref.uid.hex()


def test_a_workflow_is_listed_drawn_and_gone_on_with(shell: Shell, workflow: str) -> None:
    [view] = shell.json("workflow", "list")
    assert (view["name"], view["uid"]) == ("flow", workflow)
    assert "flow" not in [one["name"] for one in shell.json("batch", "list")]
    drawn = shell.run("workflow", "show", "flow").stdout
    assert "second failed  after first" in drawn
    assert "third cancelled  after second" in drawn
    assert "j1 --> j2" in shell.run("workflow", "show", "flow", "--format", "mermaid").stdout
    assert "j2 -> j3" in shell.run("workflow", "show", "flow", "--format", "dot").stdout
    partly = shell.run("workflow", "show", "flow", "--limit", "1")
    assert "2 jobs are left out: 1 failed, 1 cancelled; --limit N draws more" in partly.stderr
    jobs = shell.json("workflow", "show", "flow")["jobs"]
    assert jobs[1]["parents"] == [jobs[0]["id"]]
    assert shell.json("workflow", "requeue", "flow") == {"batch": "flow", "jobs": 2}
