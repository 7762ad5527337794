"""A program in another language launches jobs by name, and reads what became of them.

`npm` gets its one library by the lock beside the programs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from schedulergodx.core.names import Names
from tests.acceptance.deployment import Deployment
from tests.world import SECRET, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rabbitmq_node import Node

PROGRAMS = Path(__file__).parent / "node"
HOME = "tests.acceptance.callable_by_name"
SOON = 60  # seconds, the deadline of what must happen


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs and their library; skips where there is no Node.js, but on CI."""
    if shutil.which("npm") is None and not os.environ.get("CI"):
        pytest.skip("npm is not installed (apt-get install nodejs npm)")
    folder = tmp_path_factory.mktemp("node") / "programs"
    shutil.copytree(PROGRAMS, folder)
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, f"npm could not install: {done.stderr}"
    return folder


@pytest.fixture(params=["rabbitmq.js", "spool.js"])
def other(request: pytest.FixtureRequest, programs: Path, tmp_path: Path) -> Iterator[OtherProgram]:
    """The program of one broker, with a service of its own that takes no code."""
    broker, address = f"spool:{tmp_path}/spool", f"{tmp_path}/spool"
    if request.param == "rabbitmq.js":
        broker = address = request.getfixturevalue("rabbit").url
    with closing(Deployment(broker, tmp_path)) as deployment:
        yield OtherProgram(programs / request.param, address, deployment)


class OtherProgram:
    """Run with jobs, it answers with lines."""

    def __init__(self, path: Path, address: str, deployment: Deployment) -> None:
        self.path = path
        self.address = address
        self.deployment = deployment
        self.service = deployment.service(
            imports=[HOME], accept_code=False, queues=["default", "mail"]
        )

    def start(
        self, *jobs: dict[str, Any], queue: str = "default", secret: str = SECRET
    ) -> subprocess.Popen[str]:
        wire = Names(self.deployment.prefix).requests(queue).name
        return subprocess.Popen(
            ["node", str(self.path), self.address, wire, *map(json.dumps, jobs)],
            env={"PATH": os.environ["PATH"], "SECRET": secret},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *jobs: dict[str, Any], **options: str) -> dict[str, dict[str, Any]]:
        """The answers, by the ids of their jobs."""
        return answers_of(self.start(*jobs, **options))


def answers_of(process: subprocess.Popen[str]) -> dict[str, dict[str, Any]]:
    out, err = process.communicate(timeout=SOON)
    assert process.returncode == 0, err
    answers = [json.loads(line) for line in out.splitlines()]
    return {answer.get("id", answer["correlation_id"]): answer for answer in answers}


def test_another_language_calls_functions_and_reads_their_results(other: OtherProgram) -> None:
    other.service.start()
    answers = other.run(
        {"id": "sum", "name": "add", "kwargs": {"a": 1, "b": 2}},
        {"id": "data", "name": f"{HOME}.process_data", "data": {"args": ["ä", None, 1.5]}},
        {"id": "none", "name": "ad"},
        {"id": "system", "name": "os.system", "args": ["true"]},
        {"id": "fails", "name": f"{HOME}.fail", "args": ["no"]},
        {"id": "late", "name": f"{HOME}.sleep", "args": [30], "timeout": 0.3},
        {"id": "no json", "name": f"{HOME}.no_json", "args": ["/dev/null"], "max_attempts": 3},
    )
    assert {id: answer["status"] for id, answer in answers.items()} == {
        "sum": "completed",
        "data": "completed",
        "none": "failed",
        "system": "failed",
        "fails": "failed",
        "late": "timeout",
        "no json": "failed",
    }
    assert answers["sum"]["result"] == 3
    assert answers["data"]["result"] == {"args": ["ä", None, 1.5], "kwargs": {}}
    errors = {id: one["error"]["name"] for id, one in answers.items() if "error" in one}
    assert errors == {
        "none": "UNKNOWN_FUNCTION",
        "system": "NOT_ALLOWED",
        "fails": "ERROR_IN_TASK",
        "late": "TASK_TIMEOUT_ERROR",
        "no json": "RESULT_NOT_SERIALIZABLE",
    }
    assert answers["fails"]["error"]["type"] == "builtins.ValueError"
    assert "in fail" in answers["fails"]["error"]["traceback"]


def test_its_jobs_are_jobs_like_any_others(other: OtherProgram) -> None:
    """Queue, delay, priority, attempts, execution, output: one table for all."""
    other.service.start()
    started = time.monotonic()
    id = str(uuid4())
    ledger = other.deployment.file("ledger")
    answers = other.run(
        {"id": id, "name": "add", "args": [1, 2], "delay": "300 ms", "priority": 7},
        {"id": "again", "name": f"{HOME}.attempt", "args": [str(ledger)], "max_attempts": 2},
        {"id": "thread", "name": f"{HOME}.coroutine", "args": [1], "execution": "async"},
        queue="mail",
    )
    assert time.monotonic() - started >= 0.3
    assert (answers[id]["result"], answers["again"]["result"], answers["again"]["attempt"]) == (
        3,
        2,
        2,
    )
    client = other.deployment.client("json")
    view = client.job(id).view()
    assert (view.queue, view.priority, view.task, view.client) == ("mail", 7, "add", "json")
    assert view.uid.hex() == id.replace("-", "")
    assert client.job("again").result(SOON) == 2


def test_what_comes_twice_runs_once_and_is_answered_twice(other: OtherProgram) -> None:
    other.service.start()
    ledger = other.deployment.file("ledger")
    job = {"id": "once", "name": "note", "args": [str(ledger), "ran"]}
    assert other.run(job)["once"]["result"] == "ran"
    assert other.run(job)["once"]["result"] == "ran"
    assert len(ledger.read_text().splitlines()) == 1


def test_the_service_may_be_killed_between_question_and_answer(other: OtherProgram) -> None:
    other.service.start()
    ledger = other.deployment.file("ledger")
    program = other.start(
        {"id": "soon", "name": "note", "args": [str(ledger), "soon"], "delay": 1},
        {"id": "now", "name": "note", "args": [str(ledger), "now"]},
    )
    until(lambda: ledger.exists() and "now" in ledger.read_text(), SOON)
    other.service.kill()
    other.service.start()
    answers = answers_of(program)
    assert set(answers) == {"soon", "now"}
    assert answers["soon"]["result"] == "soon"
    now = answers["now"]  # its worker may have been killed between its line and its outcome
    assert now.get("result") == "now" or now["error"]["name"] == "INTERRUPTED"
    assert len(ledger.read_text().splitlines()) == 2


def test_who_has_another_secret_runs_nothing(other: OtherProgram) -> None:
    other.service.start()
    ledger = other.deployment.file("ledger")
    program = other.start(
        {"id": "x", "name": "note", "args": [str(ledger), "x"]}, secret="another secret, as long"
    )
    out, err = program.communicate(timeout=SOON)
    assert program.returncode == 1
    assert (out, err.strip()) == ("", "a forged answer"), "an answer is signed with ours"
    assert other.run({"id": "y", "name": "add", "args": [1, 2]})["y"]["result"] == 3
    assert not ledger.exists()


def test_a_message_that_is_no_job_is_refused_with_the_reason(other: OtherProgram) -> None:
    other.service.start()
    answers = other.run(
        {"id": "slip", "name": "add", "agrs": [1, 2]},
        {"id": "none", "args": [1, 2]},
        {"id": "good", "name": "add", "args": [1, 2]},
    )
    refused = [answer for answer in answers.values() if answer["status"] == "refused"]
    words = " ".join(answer["error"]["text"] for answer in refused)
    assert "unknown field `agrs`" in words
    assert "missing required field `name`" in words
    assert len(refused) == 2
    assert answers["good"]["result"] == 3


def test_a_queue_that_nobody_reads_is_known_at_once(
    programs: Path, rabbit: Node, tmp_path: Path
) -> None:
    with closing(Deployment(rabbit.url, tmp_path)) as deployment:
        program = OtherProgram(programs / "rabbitmq.js", rabbit.url, deployment)
        process = program.start({"name": "add"}, queue="nowhere")
        assert "no service reads" in process.communicate(timeout=SOON)[1]
