"""Every example runs, as its user would run it: a program beside a service, on a spool folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import ROOT, SECRET, ServiceProcess

EXAMPLES = ROOT / "examples"
# What each must print, in this order; "..." stands for anything.
SAYS = {
    "quickstart.py": [
        "20 EUR are 22.0 USD",
        "is scheduled",
        "5 EUR are 5.5 USD",
        "KeyError: 'GBP'",
    ],
    "changing_plans.py": ["in 90 days: scheduled", "do not forget: flowers", "said: cancelled"],
    "hard_jobs.py": ["3 jobs in 3 processes", "ate 10485760", "1000 MiB: ", "JobTimeout"],
    "retries.py": ["attempt 3 went well", "before: ", "no attempt is left", "PermissionError"],
    "bulk.py": ["launched 2000 jobs", "squares is 2664667000", "1229 primes", "mixed: [9, 4, 16]"],
    "workflow.py": [
        "submitted 9 jobs",
        "the longest words have 5 and 8 letters",
        "by hand: [5, 8]",
        "its name: report",
    ],
    "batch.py": [
        "then: the pictures are ready",
        "'cat.jpg'",
        "ValueError('there is nothing to see')",
        "active is False",
        "requeued 1, and now",
        "UnknownBatch: ",
    ],
    "schedules.py": [
        "the next two mornings: 08:00 08:00",
        "it is warm in the attic",
        "measure is paused: it fired True",
        "version 2 of daily",
        "  schedules: made: daily at 08:00",
        "0 schedules are left",
    ],
    "crawler.py": ["6 pages: index, news, today, archive, shop, cart"],
    "by_name.py": [
        "the root of 2 is 1.414",
        "hypotenuses: [5.0, 13.0]",
        "UnknownFunction: ",
        "NotAllowed: ",
        "not sent: argument 1 is of type set",
        "'completed': 3",
    ],
    "local.py": [
        "waiting: 3",
        "processed one",
        "cat, 400 px: cat.jpg at 400 px, by one by one",
        "failed: ",
        "now: cat.jpg at 200 px",
        "cleared: 3",
    ],
    "progress.py": [
        "it prints: attempt 1 begins at file 0",
        "3 of 6: file 2",
        "scheduled, attempt 1: the disk was pulled out",
        "it prints: attempt 2 begins at file 3",
        "completed, attempt 2",
        "3 of 6 files in the last attempt",
        "it is not due",
    ],
    "web.py": ["cat.jpg at 100 px", "cat.jpg at 200 px", "cat.jpg at 400 px"],
}
RUN_APART = {"service.py"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("examples")
    url = f"spool:{folder / 'broker'}"
    with ServiceProcess(folder, broker=url, db=f"sqlite:///{folder / 'jobs.db'}", workers=2):
        yield url


def run(example: str, broker: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("SCHEDULERGODX_")}
    return subprocess.run(
        [sys.executable, str(EXAMPLES / example)],
        cwd=cwd,
        env=environ
        | {
            "PYTHONPATH": str(ROOT),
            "SCHEDULERGODX_BROKER": broker,
            "SCHEDULERGODX_SECRET": SECRET,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_every_example_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*SAYS, *RUN_APART}
    listed = (EXAMPLES / "README.md").read_text()
    assert all(f"]({name})" in listed for name in (*SAYS, *RUN_APART))


@pytest.mark.parametrize("example", SAYS)
def test_an_example_does_what_it_says(example: str, broker: str, tmp_path: Path) -> None:
    done = run(example, broker, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    at = 0
    for words in SAYS[example]:
        at = done.stdout.find(words, at)
        assert at >= 0, f"{words!r} is not in its turn in:\n{done.stdout}"
    assert list(tmp_path.iterdir()) == [], "an example leaves nothing behind"


def test_the_service_of_the_examples_runs_their_jobs(tmp_path: Path) -> None:
    broker = f"spool:{tmp_path / 'broker'}"
    folder = tmp_path / "service"
    folder.mkdir()
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEDULERGODX_BROKER": broker}
    environ["SCHEDULERGODX_SECRET"] = SECRET
    service = subprocess.Popen(
        [sys.executable, str(EXAMPLES / "service.py")], cwd=folder, env=environ
    )
    try:
        assert "22.0 USD" in run("quickstart.py", broker, folder).stdout
    finally:
        service.terminate()
        assert service.wait(30) == 0
