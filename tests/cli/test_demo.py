"""`sgx demo` shows what it says, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.world import ROOT, until

ACTS = ["a closure", "a hard job", "called off", "a failure", "a bulk", "a deferred job", "a crash"]


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "schedulergodx", "demo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_in(folder: Path) -> list[str]:
    """The commands of all processes that were started with that folder for what is temporary."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TMPDIR={folder}".encode() in path.read_bytes():
                found.append((path.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it ended meanwhile, or is somebody else's
    return found


def test_it_shows_every_kind_of_job_and_leaves_nothing(tmp_path: Path) -> None:
    begin = time.monotonic()
    process = start(tmp_path)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 0, printed + errors
    assert time.monotonic() - begin < 30
    places = [printed.find(f"  {act} ") for act in ACTS]
    assert -1 not in places, printed
    assert places == sorted(places)
    assert "in divide_lines" in printed, "the remote traceback"
    assert "never saw the file of its function" in printed, "it was shipped"
    [late] = re.findall(r"began (-?[\d.]+) ms late", printed)
    assert 0 <= float(late) < 1000
    assert "100 of 100 outcomes came" in printed
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


def test_ended_early_it_leaves_nothing_either(tmp_path: Path) -> None:
    process = start(tmp_path)
    until(lambda: list(tmp_path.glob("*/health")), explain=lambda: str(process.poll()))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
    until(lambda: processes_in(tmp_path) == [], explain=lambda: str(processes_in(tmp_path)))
