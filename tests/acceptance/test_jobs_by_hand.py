"""Jobs by hand, as the document of GigQ has them, on a client of any broker."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schedulergodx import Job, JobStatus, Status
from schedulergodx.errors import JobError, JobTimeout, ShipError, TooLarge
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.acceptance.deployment import Deployment

SOON = 60


def process_data(filename: str, threshold: float = 0.5) -> dict[str, Any]:
    return {"processed": True, "count": len(filename), "threshold": threshold}


def append(path: str, text: str) -> None:
    with Path(path).open("a") as file:
        file.write(text)


class DataProcessingJob(Job[Any]):
    """A specialized job for data processing tasks."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        input_file: str,
        output_file: str,
        **kwargs: Any,
    ) -> None:
        params = {"input_file": input_file, "output_file": output_file}
        super().__init__(name, function, params=params, **kwargs)
        self.input_file = input_file
        self.output_file = output_file


def test_the_job_of_the_document_runs_and_tells_all_about_itself(either: Deployment) -> None:
    """G1, G2, G6, G11, G13, G26: the job of the document runs and tells all about itself"""
    either.service().start()
    client = either.client()
    job = Job(
        name="process_data_job",
        function=process_data,
        params={"filename": "data.csv", "threshold": 0.7},
        priority=10,
        max_attempts=3,
        timeout=300,
        description="Process the daily data CSV file",
    )
    known = str(job)
    assert client.submit(job) == known == job.id
    value = {"processed": True, "count": 8, "threshold": 0.7}
    assert job.result(SOON) == value
    status = client.get_status(known)
    assert status["exists"]
    assert status["name"] == "process_data_job"
    assert status["status"] == JobStatus.COMPLETED.value == "completed"
    assert status["params"] == {"filename": "data.csv", "threshold": 0.7}
    assert status["result"] == value
    assert (status["priority"], status["max_attempts"], status["timeout"]) == (10, 3, 300)
    assert status["description"] == "Process the daily data CSV file"
    assert status["attempts"] == 1
    assert status["dependencies"] == []
    assert status["error"] is None
    for moment in ("created_at", "updated_at", "started_at", "completed_at"):
        assert datetime.fromisoformat(status[moment]) <= datetime.now(UTC)
    [execution] = status["executions"]
    assert execution["job_id"] == job.id
    assert execution["status"] == "completed"
    assert execution["worker_id"] == status["worker_id"]
    assert execution["result"] == value
    assert client.get_result(job) == value


def test_the_class_of_the_document_is_a_job(either: Deployment) -> None:
    """G8: the class of the document is a job"""
    either.service().start()
    job = DataProcessingJob("copy", lambda input_file, output_file: output_file, "a", "b")
    either.client().submit(job)
    assert job.input_file == "a"
    assert job.result(SOON) == "b"
    assert isinstance(job, DataProcessingJob)


def test_a_failure_is_told_with_its_traceback_and_each_attempt(deployment: Deployment) -> None:
    """G24, G26, G31: a failure is told with its traceback and each attempt"""
    deployment.service().start()
    client = deployment.client()

    def fails() -> None:
        raise ValueError("this one fails")

    job = Job("fails", fails, max_attempts=3)
    client.submit(job)
    with pytest.raises(ValueError, match="this one fails"):
        job.result(SOON)
    status = client.get_status(job)
    assert status["status"] == "failed"
    assert status["error"] == "this one fails"
    assert "in fails" in status["traceback"]
    assert [e["status"] for e in status["executions"]] == ["failed"] * 3
    assert len({e["id"] for e in status["executions"]}) == 3
    with pytest.raises(ValueError, match="this one fails"):
        client.get_result(job)
    assert client.requeue_job(job.id)
    with pytest.raises(ValueError, match="this one fails"):
        job.result(SOON)
    assert client.get_status(job)["attempts"] == 3


def test_a_job_that_hangs_is_stopped_and_ends_as_timeout(deployment: Deployment) -> None:
    """G9, G25: a job that hangs is stopped and ends as timeout"""
    deployment.service().start()
    client = deployment.client()
    job = Job("hangs", time.sleep, max_attempts=1, timeout=0.3)
    job._draft.args = (60,)  # type: ignore[union-attr] # sleep takes no keyword
    client.submit(job)
    with pytest.raises(JobTimeout):
        job.result(SOON)
    assert client.get_status(job)["status"] == JobStatus.TIMEOUT


def test_priority_holds_also_for_jobs_that_waited_for_others(deployment: Deployment) -> None:
    """G3, G4: the original looked at jobs with dependencies last."""
    service = deployment.service(workers=1).start()
    client = deployment.client()
    path = deployment.file("order")
    first = Job("first", append, {"path": str(path), "text": "f"}, priority=100)
    client.submit(first)
    first.result(SOON)
    client.pause("default")

    def made(text: str, priority: int, **more: Any) -> Job[Any]:
        return Job(text, append, {"path": str(path), "text": text}, priority, **more)

    jobs = [made("l", -100), made("m", 0), made("h", 100, dependencies=[first]), made("n", 0)]
    for job in jobs:
        client.submit(job)
    client.resume("default")
    for job in jobs:
        job.result(SOON)
    assert path.read_text() == "fhmnl"
    service.stop()


def test_jobs_are_listed_and_cleared_as_the_document_says(either: Deployment) -> None:
    """G12, G14, G15, G16, G19: jobs are listed and cleared as the document says"""
    either.service().start()
    client = either.client()
    done = Job("done", process_data, {"filename": "x"})
    failed = Job("failed", lambda: 1 // 0, max_attempts=1)
    waiting = Job("waiting", process_data, {"filename": "x"}, delay=3600)
    for job in (done, failed, waiting):
        client.submit(job)
    done.result(SOON)
    with pytest.raises(ZeroDivisionError):
        failed.result(SOON)
    assert [view.name for view in client.list_jobs()] == ["waiting", "failed", "done"]
    assert [view.name for view in client.list_jobs(status=JobStatus.FAILED)] == ["failed"]
    assert [view.name for view in client.list_jobs(status="completed")] == ["done"]
    [newest] = client.list_jobs(limit=1)
    assert [v.name for v in client.list_jobs(before=newest.seq)] == ["failed", "done"]
    assert client.get_result(waiting) is None
    assert client.cancel(waiting.id)
    assert not client.cancel(done.id)
    before = datetime.now(UTC)
    assert client.clear_completed(before=0) == 0
    assert client.clear_completed((before - timedelta(days=1)).isoformat()) == 0
    assert client.clear_completed() == 2  # the cancelled one as well, and not the failed one
    assert client.get_status(done) == client.get_status(waiting) == {"exists": False}
    stats = client.stats()
    assert (stats["failed"], stats["completed"], stats["total"]) == (1, 0, 1)
    assert stats["queues"]["default"]["failed"] == 1


def test_a_result_that_cannot_travel_runs_once(deployment: Deployment) -> None:
    """G6: the original ran it up to its last attempt."""
    deployment.service().start()
    path = deployment.file("runs")

    def strange(path: str) -> object:
        append(path, "x")
        return (n for n in ())

    job = Job("strange", strange, {"path": str(path)}, max_attempts=3)
    deployment.client().submit(job)
    with pytest.raises(JobError):
        job.result(SOON)
    assert path.read_text() == "x"


def test_functions_that_no_worker_could_import_run(deployment: Deployment) -> None:
    """G7: the original took lambdas and nested functions, and failed at run."""
    deployment.service().start()
    client = deployment.client()
    offset = 5

    def nested(n: int) -> int:
        return n + offset

    jobs = [Job("lambda", lambda n: n + 1, {"n": 1}), Job("nested", nested, {"n": 1})]
    assert [client.submit(job) for job in jobs] == [job.id for job in jobs]
    assert [job.result(SOON) for job in jobs] == [2, 6]


def test_a_function_by_its_path_runs_with_json(deployment: Deployment) -> None:
    """G7: a function by its path runs with json"""
    deployment.service(imports=["textwrap"]).start()
    client = deployment.client()
    job = Job("by path", "textwrap.shorten", {"text": "one two three", "width": 9})
    client.submit(job)
    assert job.result(SOON) == "one [...]"
    with pytest.raises(ShipError, match="threshold"):
        client.submit(Job("no JSON", "textwrap.fill", {"threshold": object()}))


def test_params_and_names_that_are_too_large_are_clear_errors(deployment: Deployment) -> None:
    deployment.service().start()
    client = deployment.client()
    with pytest.raises(TooLarge, match="arguments"):
        client.submit(Job("large", len, {"obj": "x" * (10 << 20)}))
    with pytest.raises(ValueError, match="1 to 200 printable characters") as refused:
        Job("x" * (10 << 20), len)
    assert len(str(refused.value)) < 300


def test_a_submitted_job_outlives_a_service_that_is_away(deployment: Deployment) -> None:
    """G17: a submitted job outlives a service that is away"""
    service = deployment.service().start()
    client = deployment.client()
    service.stop()
    job = Job("later", process_data, {"filename": "x"})
    client.submit(job)
    service.start()
    assert job.result(SOON)["processed"]
    until(lambda: job.status() is Status.COMPLETED, SOON)
