"""`Worker`: runs the jobs of a file, alone and beside others, and chooses which."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schedulergodx import ClaimFilter, Job, JobQueue, Worker
from schedulergodx.errors import ConfigError
from tests.local.conftest import SOON, worker_process
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.acceptance.folder import Folder


def double(number: int) -> int:
    return 2 * number


def fail() -> None:
    raise ValueError("no such thing")


def leave() -> None:
    raise SystemExit(3)


def note(path: str, line: str) -> str:
    with Path(path).open("a") as file:
        file.write(f"{line}\n")
    return line


def note_slowly(path: str, line: str, seconds: float = 0.3) -> str:
    with Path(path).open("a") as file:
        file.write(f"begin {line}\n")
    time.sleep(seconds)
    with Path(path).open("a") as file:
        file.write(f"end {line}\n")
    return line


def sleep_on() -> None:
    time.sleep(600)


def lines(path: Path) -> list[str]:
    return path.read_text().split("\n")[:-1] if path.exists() else []


class Important(Worker):
    """Takes high priorities only."""

    def claim_filter(self) -> ClaimFilter:
        return ClaimFilter(least_priority=51)


def test_one_job_is_processed_at_a_time(queue: JobQueue, path: Path) -> None:
    """G3, G22, G23: process_one runs the first by priority and age, and says when there is none."""
    for priority in (0, -5, 9, 0):
        queue.submit(Job(f"priority {priority}", double, {"number": priority}, priority))
    worker = Worker(path, "w1")
    assert worker.process_one()
    [done] = queue.list_jobs("completed")
    assert (done["priority"], done["attempts"], done["worker_id"]) == (9, 1, "w1")
    assert [worker.process_one() for _ in range(4)] == [True, True, True, False]
    order = sorted(queue.list_jobs(), key=lambda job: job["started_at"])
    assert [job["priority"] for job in order] == [9, 0, 0, -5]
    assert order[1]["position"] < order[2]["position"]


def test_each_attempt_is_processed_and_kept(queue: JobQueue, path: Path) -> None:
    """G24, G26, G31: a failed attempt is followed by another, and each is a record."""
    job = Job("fails", fail, max_attempts=2)
    queue.submit(job)
    assert Worker(path, "first").process_one()
    assert queue.get_status(job)["status"] != "failed"
    assert Worker(path, "second").process_one()
    status = queue.get_status(job)
    assert (status["status"], status["attempts"]) == ("failed", 2)
    for execution, worker in zip(status["executions"], ("first", "second"), strict=True):
        assert (execution["status"], execution["worker_id"]) == ("failed", worker)
        assert execution["started_at"] <= execution["completed_at"]
        assert "no such thing" in execution["error"]
        assert "in fail" in execution["traceback"]


def test_a_worker_in_a_thread_starts_and_stops(
    queue: JobQueue, at_work: Callable[..., Worker], tmp_path: Path
) -> None:
    """G20, G21, G27; defect 10: in a thread, without signals; stop lets the current job end."""
    ledger = tmp_path / "ledger"
    worker = at_work()
    queue.submit(Job("slow", note_slowly, {"path": str(ledger), "line": "a"}))
    until(lambda: lines(ledger), SOON)
    queue.submit(Job("later", note, {"path": str(ledger), "line": "b"}))
    worker.stop()
    worker.thread.join(SOON)  # type: ignore[attr-defined]
    assert lines(ledger) == ["begin a", "end a"]
    assert queue.stats()["completed"] == 1


def test_a_second_stop_ends_the_job(queue: JobQueue, at_work: Callable[..., Worker]) -> None:
    worker = at_work()
    job = Job("sleeps", sleep_on, max_attempts=1)
    queue.submit(job)
    until(lambda: queue.get_status(job)["status"] == "running", SOON)
    worker.stop()
    worker.stop()
    worker.thread.join(SOON)  # type: ignore[attr-defined]
    assert queue.get_status(job)["status"] == "failed"


def test_a_worker_that_was_stopped_starts_again(
    queue: JobQueue, at_work: Callable[..., Worker]
) -> None:
    worker = at_work()
    worker.stop()
    worker.thread.join(SOON)  # type: ignore[attr-defined]
    thread = threading.Thread(target=worker.start)
    thread.start()
    job = Job("again", double, {"number": 1})
    queue.submit(job)
    assert job.result(SOON) == 2
    worker.stop()
    thread.join(SOON)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_a_worker_after_its_job(
    folder: Folder, queue: JobQueue, tmp_path: Path, number: int
) -> None:
    """G21: in the main thread, SIGINT, SIGTERM and SIGHUP let the current job end."""
    ledger = tmp_path / "ledger"
    process = worker_process(folder, "w1")
    queue.submit(Job("slow", note_slowly, {"path": str(ledger), "line": "a", "seconds": 1.0}))
    until(lambda: lines(ledger), SOON)
    process.send_signal(number)
    assert process.wait(SOON) == 0
    assert lines(ledger) == ["begin a", "end a"]


def test_workers_of_one_process_share_the_work(
    queue: JobQueue, at_work: Callable[..., Worker], tmp_path: Path
) -> None:
    """G23, G27, G28: each job once, and the running ones are known by their workers."""
    workers = [f"w{n}" for n in range(3)]
    for worker_id in workers:
        at_work(worker_id)
    ledger = tmp_path / "ledger"
    jobs = [Job(str(n), note_slowly, {"path": str(ledger), "line": str(n)}) for n in range(9)]
    for job in jobs:
        queue.submit(job)

    def running() -> bool:
        return {job["worker_id"] for job in queue.list_jobs("running")} == set(workers)

    until(running, SOON)
    assert [job.result(SOON) for job in jobs] == [str(n) for n in range(9)]
    assert max(Counter(lines(ledger)).values()) == 1
    assert {job["worker_id"] for job in queue.list_jobs()} == set(workers)


def test_a_worker_runs_as_many_jobs_as_it_has_places(
    queue: JobQueue, at_work: Callable[..., Worker]
) -> None:
    """G44: concurrency is how many run at once, whatever runs them."""
    at_work(concurrency=2)
    kinds = ("process", "thread", "fork", "process")
    params = {"path": os.devnull, "line": ""}
    jobs = [Job(f"{n}", note_slowly, params, execution=kind) for n, kind in enumerate(kinds)]
    for job in jobs:
        queue.submit(job)
    most = 0

    def done() -> bool:
        nonlocal most
        most = max(most, len(queue.list_jobs("running")))
        return queue.stats()["completed"] == len(jobs)

    until(done, SOON)
    assert most == 2


def test_a_worker_chooses_what_it_claims(queue: JobQueue, at_work: Callable[..., Worker]) -> None:
    """G29: a subclass takes priorities above 50 only; the others wait for another worker."""
    at_work("important", Important)
    low, high = (Job(f"{n}", double, {"number": n}, n) for n in (50, 51))
    for job in (low, high):
        queue.submit(job)
    assert high.result(SOON) == 102
    assert queue.get_status(low)["status"] == "pending"
    assert not Important(queue.file.path).process_one()  # type: ignore[union-attr]
    at_work("any")
    assert low.result(SOON) == 100
    assert queue.get_status(high)["worker_id"] == "important"


def test_a_job_past_its_lifetime_is_stopped(
    queue: JobQueue, at_work: Callable[..., Worker]
) -> None:
    """G25; defect 5: it is ended with its process, tried again, and then it has timed out."""
    at_work()
    job = Job("sleeps", sleep_on, timeout=0.3, max_attempts=2)
    queue.submit(job)
    until(lambda: queue.get_status(job)["status"] == "timeout", SOON)
    assert queue.get_status(job)["attempts"] == 2


def test_a_job_that_ends_its_process_ends_as_failed(
    queue: JobQueue, at_work: Callable[..., Worker]
) -> None:
    """G24; defect 11: SystemExit in a job is the job's error, and the worker goes on."""
    at_work()
    exits, next_one = Job("exits", leave, max_attempts=1), Job("next", double, {"number": 1})
    for job in (exits, next_one):
        queue.submit(job)
    assert next_one.result(SOON) == 2
    assert queue.get_status(exits)["status"] == "failed"


def test_a_function_that_is_not_there_fails_with_its_reason(queue: JobQueue, path: Path) -> None:
    """G7; defect 12: a job by a path that nothing leads to ends as failed and says why, once."""
    job = Job("nowhere", "no_such_module.function", {"a": 1})
    queue.submit(job)
    assert Worker(path).process_one()
    status = queue.get_status(job)
    assert status["status"] == "failed"
    assert "no_such_module" in status["error"]
    assert not Worker(path).process_one()


def test_a_result_that_can_not_travel_does_not_run_again(
    queue: JobQueue, at_work: Callable[..., Worker], tmp_path: Path
) -> None:
    """G24; defect 4: the function ran, so it is not run again for what it returned."""
    ledger = tmp_path / "ledger"

    def generate() -> object:
        with ledger.open("a") as file:
            file.write("ran\n")
        return (n for n in range(3))

    at_work()
    job = Job("generates", generate)
    queue.submit(job)
    until(lambda: queue.get_status(job)["status"] == "failed", SOON)
    assert lines(ledger) == ["ran"]


def test_names_and_intervals_are_read_from_the_environment(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G20, G42; defect 13: three variables, and a new name where nobody gives one."""
    monkeypatch.setenv("SCHEDULERGODX_DB", str(path))
    monkeypatch.setenv("SCHEDULERGODX_WORKER_ID", "from outside")
    monkeypatch.setenv("SCHEDULERGODX_POLLING_INTERVAL", "2.5")
    worker = Worker()
    assert (worker.file.path, worker.worker_id, worker.polling_interval) == (
        path,
        "from outside",
        2.5,
    )
    monkeypatch.delenv("SCHEDULERGODX_WORKER_ID")
    monkeypatch.delenv("SCHEDULERGODX_POLLING_INTERVAL")
    assert Worker(path).worker_id.startswith("worker-")
    assert Worker(path).worker_id != Worker(path).worker_id
    assert Worker(path).polling_interval == 5


@pytest.mark.parametrize("given", [{"concurrency": 0}, {"queues": ["no queue"]}])
def test_what_a_worker_can_not_be_is_said(path: Path, given: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Worker(path, **given)  # type: ignore[arg-type]
