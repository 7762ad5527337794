"""What outlives its lifetime is stopped with everything it started, whatever it does about it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schedulergodx.errors import JobTimeout
from tests.acceptance.processes import alive
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.acceptance.deployment import Deployment

SOON = 30  # seconds, the deadline of what must happen
LIFETIME = 0.6


def note_pid(path: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()}\n")


def ignore_signals(path: str) -> None:
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(number, signal.SIG_IGN)
    note_pid(path)
    while True:
        time.sleep(1)


def catch_everything(path: str) -> None:
    note_pid(path)
    while True:
        with suppress(BaseException):
            time.sleep(1)


def fork_away(path: str) -> None:
    """Daemons, in sessions of their own, whose parents are gone."""
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                note_pid(path)
                while True:
                    time.sleep(1)
            os._exit(0)
    note_pid(path)
    time.sleep(60)


def start_programs(path: str) -> None:
    program = f"import os, time; open({path!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(60)"
    subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    note_pid(path)
    time.sleep(60)


def block_in_c(path: str) -> None:
    """A match that takes for ever, in one call that gives the interpreter to nobody."""
    note_pid(path)
    re.match(r"(a|a)*$", "a" * 60 + "b")


@pytest.mark.parametrize("execution", ["process", "fork"])
@pytest.mark.parametrize(
    ("misbehave", "processes"),
    [
        (ignore_signals, 1),
        (catch_everything, 1),
        (fork_away, 4),
        (start_programs, 2),
        (block_in_c, 1),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_nothing_of_a_job_outlives_it(
    shared: Deployment, execution: Any, misbehave: Callable[[str], None], processes: int
) -> None:
    client = shared.client("unruly")
    pids = shared.file("pids")
    begin = time.monotonic()
    job = client.task(misbehave, execution=execution, lifetime=LIFETIME).launch(str(pids))
    with pytest.raises(JobTimeout):
        job.result(timeout=SOON)
    assert time.monotonic() - begin < LIFETIME + 5
    noted = [int(pid) for pid in pids.read_text().split()]
    assert len(noted) == processes
    until(lambda: not any(map(alive, noted)), 2)
    assert client.task(abs).launch(-1).result(timeout=SOON) == 1


def test_a_thread_that_blocks_in_c_takes_its_process_with_it(shared: Deployment) -> None:
    client = shared.client("unruly")
    pids = shared.file("pids")
    job = client.task(block_in_c, execution="thread", lifetime=LIFETIME).launch(str(pids))
    with pytest.raises(JobTimeout):
        job.result(timeout=SOON)
    until(lambda: not alive(int(pids.read_text())), 5)
    assert client.task(abs, execution="thread").launch(-1).result(timeout=SOON) == 1


def test_what_a_job_leaves_behind_when_it_returns_is_ended(shared: Deployment) -> None:
    pids = shared.file("pids")
    shared.client("messy").task(leave_a_child).launch(str(pids)).result(timeout=SOON)
    until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()), 5)


def leave_a_child(path: str) -> None:
    child = os.fork()
    if child == 0:
        os.setsid()
        time.sleep(60)
        os._exit(0)
    Path(path).write_text(str(child))
