"""`JobQueue`: a file of jobs, with a worker and without one."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from schedulergodx import Client, Job, JobQueue, JobStatus, Worker
from schedulergodx.errors import ConfigError, SchedulerGodXError, StoreError, UnknownJob
from tests.local.conftest import SOON
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


KEYS = {
    *("exists", "id", "name", "status", "created_at", "updated_at", "started_at", "completed_at"),
    *("attempts", "max_attempts", "params", "result", "error", "worker_id", "dependencies"),
    *("priority", "timeout", "description", "executions"),
}


def double(number: int) -> int:
    return 2 * number


def fail() -> None:
    raise ValueError("no such thing")


def wait_for(path: str) -> str:
    while not os.path.exists(path):  # noqa: PTH110 - what the job needs travels with it
        time.sleep(0.01)
    return "there"


def ended(queue: JobQueue, id: str) -> bool:
    return bool(queue.get_status(id)["completed_at"])


def test_a_file_is_made_where_it_is_missing_and_only_then(tmp_path: Path) -> None:
    """G10: made, or an error with initialize=False; what is there is opened."""
    path = tmp_path / "new.db"
    with pytest.raises(StoreError, match="initialize=True"):
        JobQueue(path, initialize=False)
    assert not path.exists()
    JobQueue(path)
    assert path.exists()
    with closing(JobQueue(path, initialize=False)) as queue:
        assert queue.list_jobs() == []


def test_a_job_without_a_worker_is_kept_and_seen(queue: JobQueue, path: Path) -> None:
    """G11, G13, G14: submit gives the id that was known before, and the file knows all of it."""
    job = Job("twice", double, {"number": 21}, 7, description="The double.")
    assert queue.submit(job) == job.id
    with closing(JobQueue(path)) as another:
        status = another.get_status(job.id)
    assert status.keys() >= KEYS
    assert (status["exists"], status["id"], status["name"]) == (True, job.id, "twice")
    assert (status["status"], status["attempts"], status["max_attempts"]) == ("pending", 0, 3)
    assert (status["priority"], status["timeout"]) == (7, 300)
    assert (status["params"], status["description"]) == ({"number": 21}, "The double.")
    assert status["executions"] == status["dependencies"] == []
    assert [job["id"] for job in queue.list_jobs(JobStatus.PENDING)] == [job.id]
    assert queue.get_status("nobody") == {"exists": False}


def test_lists_are_filtered_and_have_pages(queue: JobQueue) -> None:
    """G14: newest first, by status as a text or as a member, at most so many."""
    ids = [queue.submit(Job(f"job {n}", double, {"number": n})) for n in range(5)]
    queue.cancel(ids[0])
    assert [job["id"] for job in queue.list_jobs()] == ids[::-1]
    assert [job["id"] for job in queue.list_jobs("cancelled")] == ids[:1]
    first = queue.list_jobs(limit=2)
    rest = queue.list_jobs(before=first[-1]["position"])
    assert [job["id"] for job in [*first, *rest]] == ids[::-1]
    with pytest.raises(ConfigError, match="pending"):
        queue.list_jobs("wating")


def test_cancel_says_whether_it_came_in_time(
    queue: JobQueue, at_work: Callable[..., Worker], tmp_path: Path
) -> None:
    """G12: True only for one that waits; one that runs is left alone."""
    door = tmp_path / "door"
    waiting = queue.submit(Job("waits", double, {"number": 1}))
    assert queue.cancel(waiting)
    assert not queue.cancel(waiting)
    assert not queue.cancel("nobody")
    at_work()
    running = queue.submit(Job("runs", wait_for, {"path": str(door)}))
    until(lambda: queue.get_status(running)["status"] == "running", SOON)
    assert not queue.cancel(running)
    door.touch()
    until(lambda: ended(queue, running), SOON)
    assert queue.get_status(running)["status"] == "completed"
    assert not queue.cancel(running)


def test_what_ended_is_cleared_up_to_an_instant(
    queue: JobQueue, at_work: Callable[..., Worker]
) -> None:
    """G15; defect 7: completed and cancelled jobs go with their attempts, failed ones stay."""
    at_work()
    done, failed = Job("done", double, {"number": 1}), Job("fails", fail, max_attempts=1)
    for job in (done, failed):
        queue.submit(job)
    until(lambda: ended(queue, done.id) and ended(queue, failed.id), SOON)
    later = queue.submit(Job("later", double, {"number": 1}, delay=3600))
    assert queue.cancel(later)
    past = datetime.now(UTC) - timedelta(days=1)
    assert queue.clear_completed(past) == queue.clear_completed(past.isoformat()) == 0
    assert queue.clear_completed(time.time()) == 2
    assert queue.clear_completed() == 0
    assert [job["id"] for job in queue.list_jobs()] == [failed.id]


def test_a_job_is_run_again_from_the_beginning(
    queue: JobQueue, at_work: Callable[..., Worker]
) -> None:
    """G16, G31; defects 8 and 9: nothing of the last life is left but its history."""
    job = Job("fails", fail, max_attempts=1)
    queue.submit(job)
    assert not queue.requeue_job(job.id)
    worker = at_work()
    until(lambda: ended(queue, job.id), SOON)
    worker.stop()
    worker.thread.join(SOON)  # type: ignore[attr-defined]
    status = queue.get_status(job.id)
    assert "no such thing" in status["error"]
    assert "ValueError" in status["traceback"]
    assert "in fail" in status["traceback"]
    assert queue.requeue_job(job.id)
    again = queue.get_status(job.id)
    assert (again["status"], again["attempts"]) == ("pending", 0)
    assert again["error"] is again["started_at"] is again["completed_at"] is None
    assert not queue.requeue_job("nobody")


def test_totals_and_results(queue: JobQueue, at_work: Callable[..., Worker]) -> None:
    """G19: stats and get_result, which does not wait and raises what the job raised."""
    good, bad = Job("good", double, {"number": 4}), Job("bad", fail, max_attempts=1)
    for job in (good, bad):
        queue.submit(job)
    assert queue.get_result(good.id) is None
    at_work()
    until(lambda: ended(queue, good.id) and ended(queue, bad.id), SOON)
    assert queue.get_result(good) == 8
    with pytest.raises(ValueError, match="no such thing"):
        queue.get_result(bad.id)
    with pytest.raises(UnknownJob):
        queue.get_result("nobody")
    stats = queue.stats()
    assert (stats["completed"], stats["failed"], stats["total"]) == (1, 1, 2)


def test_two_files_know_nothing_of_each_other(queue: JobQueue, tmp_path: Path) -> None:
    """G18: each file is a queue of its own."""
    with closing(JobQueue(tmp_path / "other.db")) as other:
        job = other.submit(Job("there", double, {"number": 1}))
        assert queue.list_jobs() == []
        assert [found["id"] for found in other.list_jobs()] == [job]


def test_jobs_of_any_queue_are_taken(queue: JobQueue, at_work: Callable[..., Worker]) -> None:
    mail = Job("mail", double, {"number": 1}, queue="mail")
    queue.submit(mail)
    assert [job["id"] for job in queue.list_jobs(queue="mail")] == [mail.id]
    at_work(queues=["video"])
    video = Job("video", double, {"number": 2}, queue="video")
    queue.submit(video)
    assert video.result(SOON) == 4
    assert queue.get_status(mail)["status"] == "pending"
    at_work("w2", queues=["mail"])
    assert mail.result(SOON) == 2
    assert queue.get_status(mail)["worker_id"] == "w2"


def test_a_job_that_depends_on_nobody_is_refused(queue: JobQueue) -> None:
    """G4; defect 1: an unknown dependency is an error at submit, and nothing is stored."""
    for id in ("nobody", "01KBA8YZ7DK5GDJHY4R3N2M0TX"):
        with pytest.raises(UnknownJob, match=id):
            queue.submit(Job("child", double, {"number": 1}, dependencies=[id]))
    assert queue.list_jobs() == []


def test_jobs_of_services_are_verbs_of_a_queue_too(tmp_path: Path) -> None:
    """G30: a queue of a client keeps its jobs wherever its services do."""
    with Client("elsewhere", broker=f"memory:{tmp_path.name}", connect=False) as client:
        queue = JobQueue(client)
        assert queue.client is client


@pytest.mark.parametrize("name", [":memory:", "sqlite:///:memory:", "", "postgresql://h/d"])
def test_what_is_no_file_is_refused(name: str) -> None:
    """G10; defect 14: a database in memory could be seen by nobody, and that is said."""
    with pytest.raises(ConfigError):
        JobQueue(name)


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.db"
    text.write_text("not a database, but long enough to look like one" * 100)
    foreign = tmp_path / "foreign.db"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    for path in (text, foreign):
        before = path.read_bytes()
        with closing(JobQueue(path)) as queue, pytest.raises(StoreError, match=path.name):
            queue.list_jobs()
        with pytest.raises(StoreError, match=path.name):
            Worker(path).process_one()
        assert path.read_bytes() == before


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SchedulerGodXError, match="nowhere"):
        JobQueue(tmp_path / "nowhere" / "jobs.db")


def test_a_directory_that_can_not_be_written_is_said() -> None:
    for use in (JobQueue, lambda path: Worker(path).process_one()):
        with pytest.raises(SchedulerGodXError, match="/sys/kernel"):
            use("/sys/kernel/jobs.db")  # nobody can write there, root neither


def test_the_settings_of_a_deployment_do_not_change_a_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker, the prefix and the secret of services elsewhere are not those of a file."""
    for name, value in (("broker", "amqp://h:1/"), ("prefix", "p."), ("secret", "s" * 20)):
        monkeypatch.setenv(f"SCHEDULERGODX_{name.upper()}", value)
    monkeypatch.setenv("SCHEDULERGODX_DB", str(path))
    with closing(JobQueue()) as queue:
        id = queue.submit(Job("here", double, {"number": 1}))
    for name in ("broker", "prefix", "secret"):
        monkeypatch.delenv(f"SCHEDULERGODX_{name.upper()}")
    with closing(JobQueue(path)) as queue:
        assert [job["id"] for job in queue.list_jobs()] == [id]
