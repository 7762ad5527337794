"""One file, many processes: some are killed, and every job has one outcome all the same."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from schedulergodx import Job, JobQueue
from schedulergodx.core.job import ErrorCode
from tests.acceptance.folder import said
from tests.acceptance.processes import family
from tests.local.conftest import SOON, worker_process
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx import Worker
    from tests.acceptance.folder import Folder


def note(path: str, line: str) -> str:
    with Path(path).open("a") as file:
        file.write(f"{line}\n")
    return line


def note_and_wait(path: str, line: str, door: str) -> str:
    with Path(path).open("a") as file:
        file.write(f"{line} {os.getpid()}\n")
    while not Path(door).exists():
        time.sleep(0.01)
    return line


def lines(path: Path) -> list[str]:
    return path.read_text().split("\n")[:-1] if path.exists() else []


PROCESS_ONE = """
from schedulergodx import Worker
done = 0
with Worker("jobs.db", WORKER_ID) as worker:
    while worker.process_one():
        done += 1
print(done)
"""

SUBMIT = """
from schedulergodx import Job, JobQueue
from tests.local.test_processes import note
queue = JobQueue("jobs.db")
for n in range(4):
    queue.submit(Job(f"job {n}", note, {"path": "ledger", "line": f"WORKER_ID {n}"}))
    assert len(queue.list_jobs(limit=1)) == 1
print(queue.stats()["total"] >= 4)
"""


def test_submitted_here_processed_there_seen_elsewhere(
    folder: Folder, path: Path, tmp_path: Path
) -> None:
    """G17, G23: many programs submit and look at once, then several process; each job once."""
    submitters = [
        folder.run(f"{name}.py", SUBMIT.replace("WORKER_ID", name)) for name in ("a", "b", "c")
    ]
    assert [said(process).split() for process in submitters] == [["True"]] * 3
    workers = [
        folder.run(f"w{n}.py", PROCESS_ONE.replace("WORKER_ID", f"'w{n}'")) for n in range(2)
    ]
    done = [int(said(process)) for process in workers]
    assert sum(done) == 12
    assert max(Counter(lines(tmp_path / "ledger")).values()) == 1
    with closing(JobQueue(path)) as queue:
        assert queue.stats()["completed"] == 12


def test_workers_of_several_processes_share_the_work(
    folder: Folder, queue: JobQueue, tmp_path: Path
) -> None:
    """G27, G28: the running jobs are known by the workers that lent their places."""
    door = tmp_path / "door"
    for worker_id in ("w1", "w2", "w3"):
        worker_process(folder, worker_id)
    params = {"path": str(tmp_path / "ledger"), "door": str(door)}
    jobs = [Job(f"{n}", note_and_wait, {**params, "line": str(n)}) for n in range(3)]
    for job in jobs:
        queue.submit(job)
    until(lambda: len(queue.list_jobs("running")) == 3, SOON)
    assert {job["worker_id"] for job in queue.list_jobs("running")} == {"w1", "w2", "w3"}
    door.touch()
    assert [job.result(SOON) for job in jobs] == ["0", "1", "2"]


def test_a_holder_that_is_killed_is_followed_by_another_worker(
    folder: Folder, queue: JobQueue, tmp_path: Path
) -> None:
    """G25: what it ran is tried again if attempts are left, else it ends as INTERRUPTED."""
    ledger, door = tmp_path / "ledger", tmp_path / "door"
    holder = worker_process(folder, "first")
    params = {"path": str(ledger), "door": str(door)}
    once = Job("once", note_and_wait, {**params, "line": "once"}, max_attempts=1)
    queue.submit(once)
    until(lambda: lines(ledger), SOON)
    second = worker_process(folder, "second")
    thrice = Job("thrice", note_and_wait, {**params, "line": "thrice"})
    queue.submit(thrice)
    until(lambda: len(lines(ledger)) == 2, SOON)
    assert queue.get_status(thrice)["worker_id"] == "second"
    ran = family(holder.pid)
    holder.kill()
    until(lambda: len(lines(ledger)) == 3, SOON)
    door.touch()
    assert thrice.result(SOON) == "thrice"
    status = queue.get_status(once)
    assert status["status"] == "failed"
    assert once.view().code == ErrorCode.INTERRUPTED
    assert Counter(line.split()[0] for line in lines(ledger)) == {"once": 1, "thrice": 2}
    assert not [pid for pid in ran if pid != holder.pid and Path(f"/proc/{pid}/exe").exists()]
    assert queue.get_status(thrice)["worker_id"] == "second"
    assert second.poll() is None


def test_the_job_of_a_lender_that_is_killed_ends_in_peace(
    folder: Folder, queue: JobQueue, at_work: Callable[..., Worker], tmp_path: Path
) -> None:
    ledger, door = tmp_path / "ledger", tmp_path / "door"
    at_work("holder", queues=["none"])
    lender = worker_process(folder, "lender")
    job = Job("job", note_and_wait, {"path": str(ledger), "door": str(door), "line": "ran"})
    queue.submit(job)
    until(lambda: lines(ledger), SOON)
    lender.kill()
    door.touch()
    assert job.result(SOON) == "ran"
    assert queue.get_status(job)["worker_id"] == "lender"
    later = Job("later", note, {"path": str(ledger), "line": "later"})
    queue.submit(later)
    assert queue.get_status(later)["status"] == "pending", "its places are gone with it"


def test_every_job_has_one_outcome_whoever_is_killed(
    folder: Folder, queue: JobQueue, tmp_path: Path
) -> None:
    """G23, G27: workers are killed at any moment; no job with one attempt runs twice."""
    ledger = tmp_path / "ledger"
    jobs = [
        Job(f"{n}", note, {"path": str(ledger), "line": str(n)}, max_attempts=1) for n in range(60)
    ]
    workers = [worker_process(folder, f"w{n}") for n in range(2)]
    for n, job in enumerate(jobs):
        queue.submit(job)
        if n % 20 == 19:
            victim = workers.pop(0)
            victim.send_signal(signal.SIGKILL)
            workers.append(worker_process(folder, f"w{n}"))
    ran: set[str] = set()
    for job in jobs:
        with suppress(Exception):
            ran.add(job.result(SOON))
    written = Counter(lines(ledger))
    assert max(written.values()) == 1
    assert ran <= set(written)
    stats = queue.stats()
    assert stats["completed"] + stats["failed"] == len(jobs)
    assert stats["failed"] <= 3 * 2


def test_who_asks_may_be_killed_while_it_serves(folder: Folder, queue: JobQueue) -> None:
    program = """
    from schedulergodx import JobQueue
    queue = JobQueue("jobs.db")
    while True:
        queue.stats()
        print("asked")
    """
    asker = folder.run("ask.py", program)
    assert asker.stdout is not None
    for _ in range(3):
        assert asker.stdout.readline() == "asked\n"
    asker.kill()
    assert queue.stats()["total"] == 0
