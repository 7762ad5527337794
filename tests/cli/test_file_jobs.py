"""The commands on a file of jobs: no broker, no service, other processes each time."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from schedulergodx.cli import plugins
from schedulergodx.cli.asking import is_of_file
from schedulergodx.cli.program import program
from schedulergodx.config import load_settings
from schedulergodx.local import JobQueue
from tests.acceptance.folder import Folder, said
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint
    from pathlib import Path

SOON = 60
MODULE = """
import time

def add(a, b=1):
    print("adding")
    return {"sum": a + b}

def fail():
    raise ValueError("no such thing")
"""


class Shell(Folder):
    """A directory with a module, a file of jobs and what is typed."""

    def run_sgx(self, *words: str, code: int = 0, **environ: str) -> str:
        """What a command wrote to stdout, or to stderr where it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "schedulergodx", *words],
            cwd=self.path,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SOON,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def submit(self, *words: str) -> str:
        """The id of a new job, as a script finds it."""
        return found(r"Job submitted: (.+)", self.run_sgx("submit", *words))


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    (tmp_path / "chores.py").write_text(MODULE)
    with closing(Shell(tmp_path, db="jobs.db")) as shell:
        yield shell


def test_a_job_from_the_shell_from_its_submit_to_its_end(shell: Shell) -> None:
    """G34, G35, G36, G41, G43: one command after the other, and output that grep finds."""
    words = ["--name", "the sum", "-p", "a=3", "--param", "b=4", "--description", "Why not."]
    id = shell.submit("chores.add", *words, "--priority", "5", "--timeout", "60")
    waiting = shell.run_sgx("status", id, "--show-params")
    assert found(r"Status: (.+)", waiting) == "pending"
    assert "Job: the sum" in waiting
    assert "  a: 3" in waiting
    assert "Processed one job" in shell.run_sgx("worker", "--once", "--worker-id", "w1")
    assert "No jobs available" in shell.run_sgx("worker", "--once")
    ended = shell.run_sgx("status", id, "--show-result", "--show-executions")
    assert found(r"Status: (.+)", ended) == "completed"
    assert found(r"Attempts: (.+)", ended) == "1 / 3"
    assert found(r"Worker: (.+)", ended) == "w1"
    assert found(r"Result: (.+)", ended) == "{'sum': 7}"
    for word in ("Created: ", "Updated: ", "Started: ", "Completed: ", "Executions:"):
        assert word in ended


def test_values_are_json_or_text(shell: Shell) -> None:
    """G35: a value that is no JSON is taken as it is written."""
    id = shell.submit("chores.add", "-p", "a=[1, 2]", "-p", "b=plain text")
    facts = json.loads(shell.run_sgx("status", id, "--json"))
    assert facts["params"] == {"a": [1, 2], "b": "plain text"}
    assert "KEY=VALUE" in shell.run_sgx("submit", "chores.add", "-p", "a", code=2)


def test_jobs_are_listed_as_tables_and_for_other_programs(shell: Shell) -> None:
    """G37, G43, G44: a table, JSON, CSV; a status that is none is an error that lists them."""
    first = shell.submit("chores.add", "--name", "first", "-p", "a=1", "--priority", "3")
    second = shell.submit("chores.add", "--name", "second", "-p", "a=1")
    head, *rows = shell.run_sgx("list").splitlines()
    assert head.split()[:5] == ["id", "name", "queue", "status", "priority"]
    assert {"created", "updated"} <= set(head.split())
    assert [row.split()[0] for row in rows] == [second, first]
    assert [job["name"] for job in json.loads(shell.run_sgx("list", "--json"))] == [
        "second",
        "first",
    ]
    for words in (["list", "--format", "csv"], ["job", "list", "--export", "csv"]):
        read = list(csv.DictReader(io.StringIO(shell.run_sgx(*words, "--limit", "1"))))
        assert [(job["id"], job["status"]) for job in read] == [(second, "pending")]
    assert "'pending'" in shell.run_sgx("list", "--status", "wating", code=2)
    assert json.loads(shell.run_sgx("stats", "--json"))["pending"] == 2
    assert re.search(r"pending +2", shell.run_sgx("stats"))


def test_jobs_are_cancelled_run_again_and_cleared(shell: Shell) -> None:
    """G38, G39, G40, G43: the exit code says whether it was done; 0 days is a number of days."""
    id = shell.submit("chores.add", "-p", "a=1")
    assert "cancelled" in shell.run_sgx("cancel", id)
    assert "too late" in shell.run_sgx("cancel", id, code=1)
    assert "requeued" in shell.run_sgx("requeue", id)
    assert "not requeued" in shell.run_sgx("requeue", id, code=1)
    shell.run_sgx("cancel", id)
    assert shell.run_sgx("clear", "--before", "1") == "Cleared 0 jobs\n"
    assert shell.run_sgx("clear", "--before", "0") == "Cleared 1 jobs\n"
    assert f"Job not found: {id}" in shell.run_sgx("status", id, code=1)
    assert id in shell.run_sgx("cancel", id, code=1)
    shell.run_sgx("clear", "--before", "-1", code=2)


def test_the_file_is_named_before_or_after_the_command(shell: Shell) -> None:
    """G34, G42: --db wins over the environment, in both places."""
    id = shell.submit("chores.add", "-p", "a=1")
    for words in (["--db", "other.db", "list", "--json"], ["list", "--json", "--db", "other.db"]):
        assert json.loads(shell.run_sgx(*words)) == []
    listed = shell.run_sgx("--db", "jobs.db", "list", "--json", SCHEDULERGODX_DB="other.db")
    assert [job["id"] for job in json.loads(listed)] == [id]


def test_a_worker_works_until_it_is_told_to_stop(shell: Shell) -> None:
    """G41, G42, G44: with the name from the environment, and several jobs at once."""
    program = """
    import sys
    from schedulergodx.cli import main
    main(["worker", "--concurrency", "2", "--polling-interval", "1"])
    """
    worker = shell.run("worker.py", program, SCHEDULERGODX_WORKER_ID="from outside")
    ids = [shell.submit("chores.add", "-p", f"a={n}") for n in range(2)]
    with closing(JobQueue(shell.path / "jobs.db")) as queue:
        until(lambda: queue.stats()["completed"] == 2, SOON)
        assert {queue.get_status(id)["worker_id"] for id in ids} == {"from outside"}
    worker.terminate()
    assert "from outside" in said(worker)


def test_a_job_that_fails_is_told_with_its_traceback(shell: Shell) -> None:
    """G31, G36: the message in a line, all of it as JSON."""
    id = shell.submit("chores.fail", "--max-attempts", "1")
    shell.run_sgx("worker", "--once")
    assert "no such thing" in found(r"Error: (.+)", shell.run_sgx("status", id))
    facts = json.loads(shell.run_sgx("status", id, "--json"))
    assert "in fail" in facts["traceback"]


def test_what_is_asked_wrongly_is_said(shell: Shell) -> None:
    """G43: exit code 2 and what to do."""
    assert "no module" in shell.run_sgx("submit", "no_such.thing", code=2)
    assert "has no" in shell.run_sgx("submit", "chores.none", code=2)
    assert "--db" in shell.run_sgx("worker", code=2, SCHEDULERGODX_DB="")
    (shell.path / "notes.db").write_text("not a database" * 1000)
    assert "notes.db" in shell.run_sgx("--db", "notes.db", "list", code=1)


def test_a_service_elsewhere_is_still_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is meant by --db; by another setting only where no broker is, and none needs to be."""
    monkeypatch.chdir(tmp_path)
    assert not is_of_file(load_settings())
    assert is_of_file(load_settings(db="new.db"))
    assert not is_of_file(load_settings(db="new.db", broker="memory:"))
    (tmp_path / "new.db").touch()
    assert not is_of_file(load_settings(db="new.db")), "the database of a service"
    (tmp_path / "new.db.spool").mkdir()
    assert is_of_file(load_settings(db="sqlite:///new.db"))
    assert not is_of_file(load_settings(db="sqlite:///:memory:"))


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(name: str) -> None:
    done = CliRunner().invoke(program, ["completion", name], prog_name="sgx")
    assert done.exit_code == 0
    assert "_SGX_COMPLETE" in done.output


class Entry:
    """An entry point of another package."""

    dist = None

    def __init__(self, name: str, loaded: object) -> None:
        self.name = name
        self.value = f"shop.{name}"
        self._loaded = loaded

    def load(self) -> object:
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded


def test_commands_of_other_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """G45: they are there beside ours; one that is broken is named, and harms no other."""
    there = [
        Entry("greet", click.Command("greet", callback=lambda: click.echo("hello"))),
        Entry("broken", ImportError("no such package")),
        Entry("number", 3),
        Entry("version", click.Command("version", callback=lambda: click.echo("not ours"))),
    ]

    def entry_points(group: str, name: str | None = None) -> list[EntryPoint]:
        assert group == "schedulergodx.commands"
        return [one for one in there if name in (None, one.name)]  # type: ignore[misc]

    monkeypatch.setattr(plugins, "entry_points", entry_points)
    run = CliRunner().invoke
    assert run(program, ["greet"]).output == "hello\n"
    broken = run(program, ["broken", "--whatever"])
    assert broken.exit_code == 1
    assert "no such package" in broken.output
    assert "no click command" in run(program, ["number"]).output
    assert "not ours" not in run(program, ["version"]).output
    help_text = run(program, ["--help"]).output
    assert "greet" in help_text
    assert "(broken: ImportError: no such package)" in help_text
