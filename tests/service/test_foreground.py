"""What a service in the foreground shows of itself, where nobody has configured a log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.world import ROOT, until

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
from schedulergodx import Service

Service("front", broker="spool:broker", queues=["a", "b"], workers=1).start()
"""
LOGGED = """
import logging

logging.basicConfig(filename="log", level=logging.INFO)
"""


def shown(folder: Path, program: str, *, terminal: bool) -> str:
    """What a program wrote to its stderr until its service was ready, and was stopped then."""
    ours, theirs = os.openpty() if terminal else os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    ready = folder / "SchedulerGodX.db.health"
    try:
        until(lambda: ready.exists() and '"ready": true' in ready.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        return read_all(ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_all(descriptor: int) -> str:
    text = b""
    try:
        while chunk := os.read(descriptor, 4096):
            text += chunk
    except OSError:  # a terminal whose other end is closed
        pass
    return text.decode()


def test_a_terminal_shows_in_one_line_what_it_does(tmp_path: Path) -> None:
    [line] = shown(tmp_path, PROGRAM, terminal=True).splitlines()
    assert line.startswith(f"service front reads a, b on spool:{tmp_path}/broker ")
    assert all(word in line for word in ("SchedulerGodX.db", "runs 1 at once", "Ctrl+C"))


def test_where_a_log_was_configured_the_terminal_shows_nothing(tmp_path: Path) -> None:
    assert shown(tmp_path, LOGGED + PROGRAM, terminal=True) == ""
    assert "service front reads a, b" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("logged", ["", LOGGED])
def test_what_is_no_terminal_is_shown_nothing(tmp_path: Path, logged: str) -> None:
    assert shown(tmp_path, logged + PROGRAM, terminal=False) == ""
