"""`sgx service run` as an operator meets it: what it logs, when it is well, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.world import ROOT, until

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("SCHEDULERGODX_")}
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "schedulergodx", "service", "run", *words],
                cwd=tmp_path,
                env=environ | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def sgx(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "schedulergodx", *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_says_in_a_line_what_it_reads_and_ends_in_order(start: Start, tmp_path: Path) -> None:
    process = start("--broker", "spool:broker", "--workers", "1", "--queue", "a", "--queue", "b")
    until(lambda: sgx(tmp_path, "service", "health").returncode == 0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    log = (tmp_path / "log").read_text()
    [line] = [line for line in log.splitlines() if " reads " in line]
    assert all(word in line for word in ("a, b", "spool", "SchedulerGodX.db", "1"))
    assert len(log.splitlines()) <= 4, log
    gone = sgx(tmp_path, "service", "health")
    assert gone.returncode == 1
    assert "no service runs here" in gone.stderr


def test_its_log_can_be_json(start: Start, tmp_path: Path) -> None:
    process = start("--broker", "spool:broker", "--workers", "1", "--log-format", "json")
    until(lambda: sgx(tmp_path, "service", "health").returncode == 0)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert all({"at", "level", "logger", "text"} <= set(line) for line in lines)
    assert any(" reads " in line["text"] for line in lines)


def test_a_service_that_cant_start_is_1_with_a_line(start: Start, tmp_path: Path) -> None:
    process = start("--broker", "spool:broker", "--db", "sqlite:////proc/jobs.db")
    assert process.wait(30) == 1
    log = (tmp_path / "log").read_text()
    assert "Error: " in log
    assert "Traceback" not in log


def test_a_killed_service_is_soon_not_well(start: Start, tmp_path: Path) -> None:
    process = start("--broker", "spool:broker", "--workers", "1")
    until(lambda: sgx(tmp_path, "service", "health").returncode == 0)
    process.kill()
    process.wait()
    file = tmp_path / "SchedulerGodX.db.health"
    facts = json.loads(file.read_text())
    file.write_text(json.dumps({**facts, "at": facts["at"] - 60}))  # a minute goes by
    done = sgx(tmp_path, "service", "health")
    assert done.returncode == 1
    assert "has said nothing for" in done.stderr
