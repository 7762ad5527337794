"""`sgx service run` as an operator meets it: what it logs, when it is well, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
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

    def start(*words: str, **variables: str) -> subprocess.Popen[str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("SCHEDULERGODX_")}
        environ |= variables
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
    """S4, T21: it says in a line what it reads and ends in order."""
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


def test_a_terminal_that_is_closed_lets_it_end_in_order(start: Start, tmp_path: Path) -> None:
    process = start("--broker", "spool:broker", "--workers", "1")
    until(lambda: sgx(tmp_path, "service", "health").returncode == 0)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGHUP)  # from the shell, and from the kernel
    assert process.wait(30) == 0
    assert "stopped" in (tmp_path / "log").read_text()


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


def test_a_killed_service_is_not_well_at_once_and_from_elsewhere_soon(
    start: Start, tmp_path: Path
) -> None:
    process = start("--broker", "spool:broker", "--workers", "1")
    until(lambda: sgx(tmp_path, "service", "health").returncode == 0)
    process.kill()
    process.wait()
    done = sgx(tmp_path, "service", "health")
    assert done.returncode == 1
    assert "is gone: it was killed" in done.stderr
    file = tmp_path / "SchedulerGodX.db.health"
    facts = json.loads(file.read_text()) | {"place": "elsewhere"}
    file.write_text(json.dumps({**facts, "at": facts["at"] - 60}))  # a minute goes by
    done = sgx(tmp_path, "service", "health")
    assert done.returncode == 1
    assert "has said nothing for" in done.stderr


class Systemd:
    """The socket on which systemd listens to a service."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(30)
        self.heard: list[str] = []

    def hear(self, state: str) -> None:
        """Wait for it; what came before is kept as well."""
        while not self.heard or state not in self.heard[-1]:
            self.heard.append(self._socket.recv(4096).decode())


def test_systemd_is_told_when_it_is_ready_alive_and_stopping(start: Start, tmp_path: Path) -> None:
    systemd = Systemd(tmp_path / "notify")
    process = start("--broker", "spool:broker", "--workers", "1", NOTIFY_SOCKET=systemd.path)
    systemd.hear("READY=1")
    assert sgx(tmp_path, "service", "health").returncode == 0
    systemd.hear("WATCHDOG=1")
    process.send_signal(signal.SIGTERM)
    systemd.hear("STOPPING=1")
    assert process.wait(30) == 0
    assert systemd.heard.count("READY=1") == 1


def test_systemd_lets_it_wait_for_its_broker(start: Start, tmp_path: Path) -> None:
    systemd = Systemd(tmp_path / "notify")
    nobody = ("--broker", "amqp://127.0.0.1:1/", "--connect-timeout", "1")
    process = start(*nobody, "--workers", "1", NOTIFY_SOCKET=systemd.path)
    systemd.hear("EXTEND_TIMEOUT_USEC=")
    done = sgx(tmp_path, "service", "health")
    assert done.returncode == 1
    assert "has not reached its broker" in done.stderr
    until(lambda: "nobody listens there" in (tmp_path / "log").read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert "READY=1" not in systemd.heard
