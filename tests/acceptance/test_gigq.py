"""The document of GigQ: its code runs, with only imports and names changed.

`gigq` is `schedulergodx`. A worker says what it claims by `claim_filter`, in the place of SQL, and
a queue of another database is a queue of a client whose services keep their jobs there.
"""

from __future__ import annotations

import inspect
import signal
from contextlib import closing
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

import schedulergodx
from schedulergodx import Job, JobQueue, JobStatus, Worker, Workflow
from tests.acceptance.deployment import Deployment
from tests.acceptance.folder import Folder, said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOON = 60  # seconds, the deadline of what must happen

JOB = """\
from schedulergodx import Job

def process_data(filename, threshold=0.5):
    # Process data...
    return {"processed": True, "count": 42}

# Create a job
job = Job(
    name="process_data_job",
    function=process_data,
    params={"filename": "data.csv", "threshold": 0.7},
    priority=10,
    max_attempts=3,
    timeout=300,
    description="Process the daily data CSV file"
)
"""

QUEUE = """\
from schedulergodx import JobQueue, Job

# Create a job queue
queue = JobQueue("jobs.db")

# Submit a job
job = Job(name="example", function=example_function)
job_id = queue.submit(job)

# Check job status
status = queue.get_status(job_id)
print(f"Job status: {status['status']}")

# List pending jobs
pending_jobs = queue.list_jobs(status="pending")

# Cancel a job
if queue.cancel(job_id):
    print(f"Job {job_id} cancelled")
"""

WORKER = """\
from schedulergodx import Worker

# Create a worker
worker = Worker("jobs.db")

# Process a single job
if worker.process_one():
    print("Processed one job")
else:
    print("No jobs available")

# Start the worker (blocks until stopped)
worker.start()
"""

WORKFLOW = """\
from schedulergodx import Workflow, Job, JobQueue

# Create a workflow
workflow = Workflow("data_pipeline")

# Define jobs
job1 = Job(name="download", function=download_data)
job2 = Job(name="process", function=process_data)
job3 = Job(name="analyze", function=analyze_data)

# Add jobs with dependencies
workflow.add_job(job1)
workflow.add_job(job2, depends_on=[job1])
workflow.add_job(job3, depends_on=[job2])

# Submit all jobs
queue = JobQueue("workflow.db")
job_ids = workflow.submit_all(queue)

print(f"Submitted {len(job_ids)} jobs")
"""

COMPLETE = """\
import time
from schedulergodx import Job, JobQueue, Worker, Workflow, JobStatus

# Define job functions
def download_data(url):
    print(f"Downloading data from {url}")
    time.sleep(1)  # Simulate work
    return {"downloaded": True, "url": url, "bytes": 1024}

def process_data(downloaded_info):
    print(f"Processing data from {downloaded_info['url']}")
    time.sleep(2)  # Simulate work
    return {"processed": True, "records": 42}

def generate_report(processing_result):
    print(f"Generating report for {processing_result['records']} records")
    time.sleep(1)  # Simulate work
    return {"report_generated": True, "pages": 5}

# Create a job queue
queue = JobQueue("example.db")

# Create a workflow
workflow = Workflow("data_pipeline")

# Define jobs
download_job = Job(
    name="download_data",
    function=download_data,
    params={"url": "https://example.com/data.csv"}
)

process_job = Job(
    name="process_data",
    function=process_data,
    params={"downloaded_info": {"url": "https://example.com/data.csv", "bytes": 1024}}
)

report_job = Job(
    name="generate_report",
    function=generate_report,
    params={"processing_result": {"records": 42}}
)

# Add jobs to workflow with dependencies
workflow.add_job(download_job)
workflow.add_job(process_job, depends_on=[download_job])
workflow.add_job(report_job, depends_on=[process_job])

# Submit all jobs
job_ids = workflow.submit_all(queue)
print(f"Submitted {len(job_ids)} jobs")

# Create a worker and process jobs
worker = Worker("example.db")

# Process jobs one at a time
for _ in range(3):
    if worker.process_one():
        print("Processed one job")
    else:
        print("No jobs available")

    # Check status of all jobs
    for job_id in job_ids:
        status = queue.get_status(job_id)
        print(f"Job {status['name']}: {status['status']}")
"""

CUSTOM_JOB = '''\
from schedulergodx import Job, JobQueue

class DataProcessingJob(Job):
    """A specialized job for data processing tasks."""

    def __init__(self, name, function, input_file, output_file, **kwargs):
        params = {
            "input_file": input_file,
            "output_file": output_file
        }
        super().__init__(name, function, params=params, **kwargs)
        self.input_file = input_file
        self.output_file = output_file
'''

CUSTOM_WORKER = '''\
from schedulergodx import ClaimFilter, Worker

class PrioritizedWorker(Worker):
    """A worker that only processes high-priority jobs."""

    def claim_filter(self):
        """Claim a job from the queue, but only high-priority ones."""
        return ClaimFilter(least_priority=51)
'''

CUSTOM_QUEUE = '''\
from schedulergodx import Client, JobQueue

class RemoteJobQueue(JobQueue):
    """A job queue whose jobs are where the services of a broker keep them."""

    def __init__(self, broker):
        super().__init__(Client("queue", broker=broker))
'''


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with closing(Folder(tmp_path)) as folder:
        yield folder


def test_the_complete_example_runs(folder: Folder) -> None:
    """G4, G6, G10, G11, G13, G20, G22, G32: only its import line is changed."""
    lines = folder.output("example.py", COMPLETE).splitlines()
    names = ("download_data", "process_data", "generate_report")
    expected = ["Submitted 3 jobs"]
    for done in range(1, 4):
        states = ["completed"] * done + (["pending"] + ["blocked"] * 2)[: 3 - done]
        expected.append("Processed one job")
        expected += [f"Job {name}: {s}" for name, s in zip(names, states, strict=True)]
    assert [line for line in lines if line in expected] == expected


def test_the_statuses_have_the_texts_of_the_document() -> None:
    """G9: those of the document among ours, which are more."""
    for name in ("PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"):
        assert JobStatus[name].value == name.lower() == JobStatus(name.lower())


@pytest.mark.parametrize(
    ("function", "signature"),
    [
        (Job, "name, function, params=None, priority=0, dependencies=None, max_attempts=3, "
              "timeout=300, description=''"),
        (JobQueue, "db_path, initialize=True"),
        (JobQueue.submit, "self, job"),
        (JobQueue.cancel, "self, job_id"),
        (JobQueue.get_status, "self, job_id"),
        (JobQueue.list_jobs, "self, status=None, limit=100"),
        (JobQueue.clear_completed, "self, before_timestamp=None"),
        (JobQueue.requeue_job, "self, job_id"),
        (Worker, "db_path, worker_id=None, polling_interval=5"),
        (Worker.start, "self"),
        (Worker.stop, "self"),
        (Worker.process_one, "self"),
        (Workflow, "name"),
        (Workflow.add_job, "self, job, depends_on=None"),
        (Workflow.submit_all, "self, queue"),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)  # fmt: skip
def test_what_is_printed_there_can_be_called_so(function: Any, signature: str) -> None:
    """G1, G10, G14, G15, G20, G32: the parameters, in their order, and which may be left out."""
    printed = eval(f"lambda {signature}: None", {})
    ours = list(inspect.signature(function).parameters.values())
    for place, parameter in enumerate(inspect.signature(printed).parameters.values()):
        assert place < len(ours), f"{parameter.name} is missing"
        assert ours[place].kind is parameter.POSITIONAL_OR_KEYWORD
        if parameter.default is not parameter.empty:
            assert ours[place].default is not parameter.empty, parameter.name


def test_the_example_of_a_job(folder: Folder) -> None:
    """G1, G2: all that it is made of can be read, and its id before it is submitted."""
    told = folder.output("job.py", JOB + dedent("""
        print(job.id, job.name, job.params["threshold"], job.priority)
        print(job.max_attempts, job.timeout)
        print(job.function is process_data, job.description, job.dependencies, job.created_at)
    """))  # fmt: skip
    first, second, third = told.splitlines()
    assert first.split()[1:] == ["process_data_job", "0.7", "10"]
    assert second == "3 300"
    assert third.startswith("True Process the daily data CSV file [] 20")


def test_the_examples_of_a_queue_and_a_worker(folder: Folder) -> None:
    """G10, G11, G12, G13, G14, G21, G22: one program submits and cancels, another works."""
    example = 'def example_function():\n    return "done"\n\n'
    told = folder.output("jobs.py", example + QUEUE)
    assert "Job status: pending" in told
    assert told.rstrip().endswith("cancelled")
    worker = folder.run("worker.py", WORKER)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "No jobs available\n"
    again = 'queue.submit(Job("more", example_function))\n'
    folder.output("more.py", example + QUEUE + again)
    with closing(JobQueue(folder.path / "jobs.db")) as queue:
        [pending] = [job for job in queue.list_jobs() if job["name"] == "more"]
        assert queue.client.job(pending["id"]).result(SOON) == "done"
    worker.send_signal(signal.SIGINT)
    said(worker)


def test_the_example_of_a_workflow(folder: Folder) -> None:
    """G32: its jobs are submitted in their order, and each runs after the one before."""
    functions = "\n".join(
        f"def {name}_data():\n    print({name!r})\n" for name in ("download", "process", "analyze")
    )
    work = """
from schedulergodx import Worker
with Worker("workflow.db") as worker:
    while worker.process_one():
        print([queue.get_status(id)["status"] for id in job_ids])
"""
    lines = folder.output("flow.py", functions + WORKFLOW + work).splitlines()
    assert lines[0] == "Submitted 3 jobs"
    assert [line for line in lines if line.startswith("[")] == [
        "['completed', 'pending', 'blocked']",
        "['completed', 'completed', 'pending']",
        "['completed', 'completed', 'completed']",
    ]


def test_a_class_of_jobs_of_ones_own(folder: Folder) -> None:
    """G8: made, submitted and run, with what it adds."""
    program = (
        CUSTOM_JOB
        + """
from schedulergodx import Worker

def convert(input_file, output_file):
    return f"{input_file} -> {output_file}"

job = DataProcessingJob("convert", convert, "a.csv", "b.csv", priority=3)
queue = JobQueue("jobs.db")
queue.submit(job)
Worker("jobs.db").process_one()
print(job.input_file, job.priority, queue.get_result(job.id))
"""
    )
    assert folder.output("custom.py", program).splitlines()[-1] == "a.csv 3 a.csv -> b.csv"


def test_a_worker_of_ones_own(folder: Folder) -> None:
    """G3, G29: one that takes high priorities only leaves the others to others."""
    program = (
        CUSTOM_WORKER
        + """
from schedulergodx import Job, JobQueue

def run(number):
    return number

queue = JobQueue("jobs.db")
for priority in (0, 51, 100):
    queue.submit(Job(f"job {priority}", run, {"number": priority}, priority))
with PrioritizedWorker("jobs.db") as worker:
    print([worker.process_one() for _ in range(3)])
print([job["name"] for job in queue.list_jobs("pending")])
"""
    )
    assert folder.output("picky.py", program).splitlines()[-2:] == [
        "[True, True, False]",
        "['job 0']",
    ]


def test_a_queue_on_something_else(either: Deployment) -> None:
    """G30: the same verbs, where the jobs are kept by services on a broker."""
    either.service().start()
    client = either.client()
    with closing(JobQueue(client)) as queue:
        job = Job("there", _four)
        assert queue.submit(job) == job.id
        assert job.result(SOON) == 4
        status = queue.get_status(job.id)
        assert (status["status"], status["result"]) == ("completed", 4)
        assert queue.clear_completed() == 1
        assert queue.get_status(job.id) == {"exists": False}
    namespace: dict[str, Any] = {}
    exec(CUSTOM_QUEUE, namespace)
    assert issubclass(namespace["RemoteJobQueue"], JobQueue)


def _four() -> int:
    return 4


def test_what_the_document_imports_is_there() -> None:
    for name in ("Job", "JobQueue", "Worker", "Workflow", "JobStatus"):
        assert name in schedulergodx.__all__
