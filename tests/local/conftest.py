"""Files of jobs, with workers in threads and in processes that are ended with their test."""

from __future__ import annotations

import subprocess
import threading
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from schedulergodx.local import JobQueue, Worker
from tests.acceptance.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SOON = 60  # seconds, the deadline of what must happen

WORKER = """
from schedulergodx import Worker
Worker("jobs.db", WORKER_ID, polling_interval=0.2).start()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def queue(path: Path) -> Iterator[JobQueue]:
    with closing(JobQueue(path)) as queue:
        yield queue


@pytest.fixture
def at_work(path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts a worker on a thread of its own; it is stopped at the end."""
    with ExitStack() as started:

        def start(worker_id: str = "w1", kind: type[Worker] = Worker, **more: object) -> Worker:
            worker = kind(path, worker_id, 0.2, **more)  # type: ignore[arg-type]
            thread = threading.Thread(target=worker.start, name=worker_id)
            thread.start()
            started.callback(thread.join, SOON)
            started.callback(worker.stop)
            worker.thread = thread  # type: ignore[attr-defined]
            return worker

        yield start


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Where programs are run beside the file."""
    with closing(Folder(tmp_path)) as folder:
        yield folder


def worker_process(folder: Folder, worker_id: str) -> subprocess.Popen[str]:
    """A worker in a process of its own."""
    return folder.run(f"{worker_id}.py", WORKER.replace("WORKER_ID", repr(worker_id)))
