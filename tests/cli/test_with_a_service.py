"""Commands that ask a service: a real one, in a second process, on a spool folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schedulergodx.client import Client
from tests.world import ROOT, SECRET, ServiceProcess, until

TOOLS = """
def add(a, b=1):
    print("adding", a)
    return a + b


def divide(a, b):
    return a / b


def odd():
    return {(1, 2): float("nan")}


from schedulergodx import Client

client = Client(connect=False)


@client.task(name="told", lifetime=77)
def task():
    return "done"
"""


class Shell:
    """Runs `sgx` in a folder where a module of the user's is."""

    def __init__(self, folder: Path, broker: str) -> None:
        self.folder = folder
        self.broker = broker
        (folder / "tools.py").write_text(TOOLS)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "schedulergodx", *words],
            cwd=self.folder,
            env=self._environ(SECRET),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _environ(self, secret: str) -> dict[str, str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("SCHEDULERGODX_")}
        return environ | {
            "PYTHONPATH": str(ROOT),
            "SCHEDULERGODX_BROKER": self.broker,
            "SCHEDULERGODX_SECRET": secret,
            "SCHEDULERGODX_NAME": "shell",
        }

    def run(self, *words: str, secret: str = SECRET) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "schedulergodx", *words],
            cwd=self.folder,
            env=self._environ(secret),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def json(self, *words: str) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def launch(self, *words: str) -> str:
        """The id of a new job."""
        id: str = self.json("launch", *words)["id"]
        return id

    def status(self, id: str) -> str:
        status: str = self.json("job", "show", id)["status"]
        return status


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("service")
    broker = f"spool:{folder / 'broker'}"
    with ServiceProcess(folder, broker=broker, db=f"sqlite:///{folder / 'jobs.db'}", workers=2):
        yield Shell(tmp_path_factory.mktemp("user"), broker)


def test_launch_prints_the_id_of_a_function_from_the_working_directory(shell: Shell) -> None:
    done = shell.run("launch", "tools:add", "--args", "[1]")
    assert done.returncode == 0, done.stderr
    id = done.stdout.strip()
    until(lambda: shell.status(id) == "completed")
    assert "adding 1" in shell.json("job", "show", id)["output"]


def test_launch_and_wait_prints_the_value(shell: Shell) -> None:
    done = shell.run("launch", "tools:add", "--args", "[1]", "--kwargs", '{"b": 41}', "--wait")
    assert (done.returncode, done.stdout) == (0, "42\n")
    answer = shell.json("launch", "tools:add", "--args", "[1]", "--wait", "--timeout", "30")
    assert answer["result"] == 2


def test_launch_of_a_task_has_its_options(shell: Shell) -> None:
    id = shell.launch("tools:task")
    shown = shell.json("job", "show", id)
    assert (shown["task"], shown["lifetime"]) == ("told", 77)


def test_launch_and_wait_fails_as_the_job_did(shell: Shell) -> None:
    done = shell.run("launch", "tools:divide", "--args", "[1, 0]", "--wait")
    assert done.returncode == 1
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "return a / b" in done.stderr, "the remote traceback"
    assert done.stderr.count("ZeroDivisionError") == 1
    assert done.stdout == ""


def test_a_wait_that_is_over_is_1(shell: Shell) -> None:
    words = ("launch", "tools:add", "--args", "[1]", "--delay", "1 h", "--wait", "--timeout", "0.1")
    done = shell.run(*words)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: ")


def test_a_job_that_waits_is_listed_shown_moved_and_called_off(shell: Shell) -> None:
    id = shell.launch("tools:add", "--args", "[1]", "--delay", "1 h", "--priority", "3")
    [listed] = [
        job for job in shell.json("job", "list", "--status", "scheduled") if job["id"] == id
    ]
    assert (listed["task"], listed["queue"], listed["priority"]) == ("add", "default", 3)
    assert listed["due"] > listed["created"]
    assert id in shell.run("job", "list").stdout
    assert id in shell.run("job", "list", "--since", "1 h").stdout
    assert id not in shell.run("job", "list", "--since", "0.001 s").stdout
    assert "scheduled" in shell.run("job", "show", id).stdout

    moved = shell.run(
        "job", "change", id, "--delay", "2 h", "--priority", "9", "--lifetime", "none"
    )
    assert (moved.returncode, moved.stdout) == (0, f"{id} changed\n")
    changed = shell.json("job", "show", id)
    assert (changed["priority"], changed["lifetime"]) == (9, None)
    assert changed["due"] > listed["due"]

    cancelled = shell.run("job", "cancel", id)
    assert (cancelled.returncode, cancelled.stdout) == (0, f"{id} cancelled\n")
    again = shell.run("job", "cancel", id)
    assert (again.returncode, again.stderr) == (1, f"{id} too late\n")
    late = shell.run("job", "change", id, "--delay", "0")
    assert (late.returncode, late.stdout) == (1, "")


def test_jobs_are_counted_by_queue_and_status(shell: Shell) -> None:
    id = shell.launch("tools:add", "--args", "[1]")
    until(lambda: shell.status(id) == "completed")
    counts = {(row["queue"], row["status"]): row["jobs"] for row in shell.json("job", "count")}
    assert counts["default", "completed"] >= 1


def test_a_job_is_requeued_once_it_has_ended_badly(shell: Shell) -> None:
    id = shell.launch("tools:divide", "--args", "[1, 0]")
    until(lambda: shell.status(id) == "failed")
    shown = shell.run("job", "show", id).stdout
    assert "ERROR_IN_TASK" in shown
    assert "ZeroDivisionError" in shown
    listed = shell.run("job", "list").stdout.splitlines()
    assert next(line for line in listed if line.startswith(id)).rstrip().endswith("ERROR_IN_TASK")
    requeued = shell.run("job", "requeue", id)
    assert (requeued.returncode, requeued.stdout) == (0, f"{id} requeued\n")
    until(lambda: shell.status(id) == "failed")


def test_a_completed_job_is_not_requeued(shell: Shell) -> None:
    id = shell.launch("tools:add", "--args", "[1]")
    until(lambda: shell.status(id) == "completed")
    assert shell.run("job", "requeue", id).returncode == 1


def test_what_was_done_to_jobs_is_json_as_well(shell: Shell) -> None:
    id = shell.launch("tools:add", "--args", "[1]", "--delay", "1 h")
    for words, text in (
        (("change", id, "--priority", "2"), "changed"),
        (("cancel", id), "cancelled"),
        (("requeue", id), "requeued"),
    ):
        assert shell.json("job", *words) == [{"id": id, "done": True, "text": text}]
    done = shell.run("job", "cancel", id, "0" * 32, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    assert [answer["done"] for answer in json.loads(done.stdout)][1] is False


def test_an_unknown_job_is_1(shell: Shell) -> None:
    for words in (("show",), ("cancel",), ("requeue",), ("change", "--delay", "1")):
        done = shell.run("job", words[0], "0" * 32, *words[1:])
        assert done.returncode == 1
        assert "knows job" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_misspelled_queue_is_told(shell: Shell) -> None:
    done = shell.run("launch", "tools:add", "--args", "[1]", "--queue", "defualt")
    assert done.returncode == 1
    assert "defualt" in done.stderr


def test_doctor_finds_all_well_and_asks_the_service(shell: Shell) -> None:
    findings = shell.json("doctor")
    assert {finding["verdict"] for finding in findings} <= {"ok", "note"}
    texts = {finding["subject"]: finding["text"] for finding in findings}
    assert "its clock agrees" in texts["answer"]
    assert "is read by a service" in texts["queue"]
    assert shell.run("doctor").returncode == 0


def test_doctor_finds_another_secret(shell: Shell) -> None:
    done = shell.run("doctor", secret="another secret, long enough")
    assert done.returncode == 1
    assert "problem  answer" in done.stdout
    assert "SCHEDULERGODX_SECRET" in done.stdout


def test_doctor_finds_no_broker_and_names_the_ways_out(shell: Shell) -> None:
    done = shell.run("doctor", "--broker", "amqp://127.0.0.1:1/", "--connect-timeout", "2")
    assert done.returncode == 1
    assert "problem  broker" in done.stdout
    assert "spool:" in done.stdout


@pytest.mark.parametrize("broker", ["nonsense", "amqp://host/?colour=red"])
def test_doctor_finds_a_broker_that_can_not_be_meant(shell: Shell, broker: str) -> None:
    done = shell.run("doctor", "--broker", broker, "--json")
    assert done.returncode == 1
    found = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert found["broker"]["verdict"] == "problem"
    assert found["broker"]["advice"]


def test_doctor_finds_a_secret_that_is_too_short(shell: Shell) -> None:
    done = shell.run("doctor", "--json", secret="short")
    assert done.returncode == 1
    found = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert "shorter than 16 bytes" in found["secret"]["text"]
    assert "short" not in found["rights"]["text"]


def test_a_result_that_json_has_no_form_for_is_told_all_the_same(shell: Shell) -> None:
    assert shell.json("launch", "tools:odd", "--wait")["result"] == "{(1, 2): nan}"


def test_a_queue_that_nobody_serves_is_told_when_jobs_are_listed(shell: Shell) -> None:
    done = shell.run("job", "list", "--queue", "defualt")
    assert done.returncode == 1
    assert "sgx service run --queue" in done.stderr


# -- queues and dead letters -----------------------------------------------------------------------


def test_a_queue_is_paused_listed_and_resumed(shell: Shell) -> None:
    paused = shell.run("queue", "pause", "default")
    assert (paused.returncode, paused.stdout) == (0, "default paused\n")
    assert shell.run("queue", "pause", "default").stdout == "default was paused already\n"
    id = shell.launch("tools:add", "--args", "[1]")
    [listed] = shell.json("queue", "list")
    assert (listed["queue"], listed["jobs"]["pending"]) == ("default", 1)
    assert listed["paused"]
    assert "default" in shell.run("queue", "list").stdout
    assert shell.status(id) == "pending"
    resumed = shell.run("queue", "resume", "default")
    assert (resumed.returncode, resumed.stdout) == (0, "default resumed\n")
    until(lambda: shell.status(id) == "completed")
    assert shell.run("queue", "resume", "default").stdout == "default was not paused\n"
    [answer] = shell.json("queue", "resume", "default")
    assert answer == {"queue": "default", "done": False, "text": "was not paused"}


def test_a_queue_that_nobody_serves_is_not_paused(shell: Shell) -> None:
    done = shell.run("queue", "pause", "nowhere")
    assert done.returncode == 1
    assert "no service serves" in done.stderr


def test_a_launch_is_unique_or_idempotent(shell: Shell) -> None:
    words = ("tools:add", "--args", "[7]", "--idempotency-key", "seven", "--wait")
    assert [shell.run("launch", *words).stdout for _ in range(2)] == ["8\n", "8\n"]
    shell.launch("tools:add", "--args", "[8]", "--delay", "1h", "--unique")
    id = shell.launch("tools:add", "--args", "[8]", "--unique")
    until(lambda: shell.status(id) == "blocked")


def test_dead_letters_are_listed_shown_sent_again_and_discarded(shell: Shell) -> None:
    shell.run("dead", "discard", "--all")  # of the tests before
    assert "no dead letters" in shell.run("dead", "list").stderr
    with Client("junk", broker=shell.broker, secret=SECRET) as client:
        client.push("junk")
        client.push("more junk")
    until(lambda: len(shell.json("dead", "list")) == 2)
    one, two = shell.json("dead", "list")
    assert (one["size"], two["size"]) == ("4 bytes", "9 bytes")
    assert one["id"] in shell.run("dead", "list").stdout
    shown = shell.run("dead", "show", one["id"])
    assert "not an envelope" in shown.stdout
    assert shell.json("dead", "show", two["id"]) == two
    again = shell.run("dead", "requeue", one["id"], "0" * 16)
    assert (again.returncode, again.stdout) == (1, f"{one['id']}\n")
    assert again.stderr == f"{'0' * 16} is not there\n"
    until(lambda: len(shell.json("dead", "list")) == 2)
    assert shell.run("dead", "discard", two["id"]).returncode == 0
    assert shell.run("dead", "requeue").returncode == 2
    assert shell.run("dead", "discard", "--all").returncode == 0
    assert shell.json("dead", "list") == []
    assert shell.run("dead", "show", one["id"]).returncode == 1


def test_a_job_is_followed_to_its_end(shell: Shell) -> None:
    """G44: what it prints goes to stdout, the rest to stderr; the exit code is that of the job."""
    id = shell.launch("tools:add", "--args", "[1]")
    done = shell.run("job", "follow", id)
    assert (done.returncode, done.stdout) == (0, "adding 1\n")
    assert done.stderr.splitlines()[-1] == "completed"
    id = shell.launch("tools:divide", "--args", "[1, 0]")
    done = shell.run("job", "follow", id, "--json")
    assert done.returncode == 1
    last = json.loads(done.stdout.splitlines()[-1])
    assert last == {"event": "status", "status": "failed", "attempt": 1, "text": "division by zero"}


def test_ctrl_c_ends_a_wait_and_not_its_job(shell: Shell) -> None:
    with shell.start("launch", "tools:add", "--args", "[1]", "--delay", "1h", "--wait") as waiting:
        assert waiting.stderr is not None
        id = waiting.stderr.readline().strip()
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(30) == 130
        assert waiting.stderr.read() == f"\nnot waited for any more; job {id} goes on\n"
    assert shell.run("job", "cancel", id).returncode == 0


def test_why_says_what_holds_a_job(shell: Shell) -> None:
    id = shell.launch("tools:add", "--args", "[1]", "--delay", "1h")
    assert shell.run("why", id).stdout.startswith("not_due: it is not due: it may run from ")
    answer = shell.json("why", id)
    assert (answer["id"], answer["code"]) == (id, "not_due")
    assert shell.run("job", "follow", id, "--timeout", "0.2").returncode == 1
    shell.run("job", "cancel", id)
    assert shell.json("why", id)["code"] == "cancelled"
    assert shell.run("why", "nothing").returncode == 1
