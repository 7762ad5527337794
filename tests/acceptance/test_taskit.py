"""The document of Taskit: its programs run, and what its original got wrong is right here.

Of the programs only imports and names are changed: `taskit` and its engine come from
`schedulergodx`, and what Redis was told is told by the environment.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from schedulergodx import taskit
from schedulergodx.client import default
from schedulergodx.core.job import ErrorCode, Status
from schedulergodx.errors import JobExpired, NotAllowed, QueueOwned
from schedulergodx.service import Service
from tests.acceptance.deployment import Deployment
from tests.acceptance.folder import end, said
from tests.world import SECRET, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.acceptance.folder import Folder

SOON = 60  # seconds, the deadline of what must happen
HOME = "tests.acceptance.callable_by_name"

PUBLISH = """\
from schedulergodx import taskit

# Define custom the task data
task_data = {
    "model_id": 21,
    "example": {
        "key1": "value1",
        "key2": "value2"
    }
}

# Publish the task to a specific channel
taskit.publish_task('channel1', 'myapp.tasks.process_data', task_data)
"""

ENGINE = """\
from schedulergodx.taskit import TaskEngine

# Initialize TaskEngine with desired configuration
engine = TaskEngine(channels=['channel1'], max_workers=10, task_expiration=3600)

# Start listening for tasks
engine.start_listening()
"""

TASKS = """\
# myapp/tasks.py

def process_data(task_data):
    # Extract arguments and keyword arguments
    args = task_data.get('args', [])
    kwargs = task_data.get('kwargs', {})

    # Process the data
    print("Processing data:", args, kwargs)
"""

STATUS = """\
import threading
from schedulergodx import taskit
from schedulergodx.taskit import TaskEngine

engine = TaskEngine(channels=['channel1'], max_workers=10, task_expiration=3600)
thread = threading.Thread(target=engine.start_listening)
thread.start()
engine.wait_ready()
taskit.publish_task('channel1', 'myapp.tasks.process_data', {}).result(30)
print(engine.get_status())
engine.stop()
thread.join()
"""


@pytest.fixture
def folder(deployment: Deployment) -> Folder:
    """With the application of the document in it."""
    folder = deployment.folder("app")
    (folder.path / "myapp").mkdir()
    (folder.path / "myapp" / "tasks.py").write_text(TASKS)
    return folder


def test_the_programs_of_the_document_run(deployment: Deployment, folder: Folder) -> None:
    """T1, T2, T3, T5, T7, T8: as they are printed, two processes and a module."""
    engine = folder.serve("engine.py", ENGINE, imports="myapp.tasks", workers="2")
    said(folder.run("publish.py", PUBLISH))
    client = deployment.client("looker")
    job = until(lambda: [view for view in client.list_jobs() if view.status.final], SOON)[0]
    view = client.job(job.uid.hex()).view()
    assert (view.task, view.queue) == ("myapp.tasks.process_data", "channel1")
    assert view.status is Status.COMPLETED
    assert view.output == "Processing data: [] {}\n"
    assert view.deadline == pytest.approx(view.created + 1800, abs=5), "T4: half an hour"
    end(engine)
    assert engine.returncode == 0


def test_the_engine_says_what_it_has_to_do(folder: Folder) -> None:
    """T11: `engine.get_status()` is a dict of three lists."""
    process = folder.run("status.py", STATUS, SCHEDULERGODX_IMPORTS="myapp.tasks")
    assert said(process).splitlines()[-1] == (
        "{'pending_tasks': [], 'running_tasks': [], 'error_tasks': []}"
    )


@pytest.fixture
def taskit_client(deployment: Deployment) -> Iterator[None]:
    """The default client of this process, which is one of the deployment."""
    default.configure(secret=SECRET, name="taskit", **deployment.address)
    yield
    default.default_client().close()
    default._config = default._client = None


@pytest.mark.usefixtures("taskit_client")
def test_both_printed_names_publish(deployment: Deployment) -> None:
    """T5, T6: `publish` and `publish_task` give a job, whose text is its id."""
    deployment.service(imports=[HOME], queues=["channel1"]).start()
    for publish in (taskit.publish, taskit.publish_task):
        job = publish("channel1", f"{HOME}.process_data", {"args": [1]})
        assert job.result(SOON) == {"args": [1], "kwargs": {}}
        assert str(job) == job.id
        assert len(job.uid) == 16
    job = taskit.publish(channel="channel1", function=f"{HOME}.process_data", data={}, expires=1800)
    assert job.result(SOON) == {"args": [], "kwargs": {}}


def test_the_channel_decides_who_runs_a_task(deployment: Deployment) -> None:
    """T1: two engines, each on a channel of its own."""
    for name in ("one", "two"):
        deployment.service(name, name=name, imports=[HOME], queues=[f"channel-{name}"]).start()
    client = deployment.client("publisher")
    for name in ("one", "two"):
        job = client.publish(f"channel-{name}", f"{HOME}.process_data", {})
        assert job.result(SOON)
        ran_at = job.view().seq
        assert ran_at == 1, "the first job of its own store"


def test_a_task_waits_for_an_engine_that_is_away_and_then_expires(deployment: Deployment) -> None:
    """T4; defects 2 and 7: it is neither lost without a listener, nor gone without a state."""
    engine = deployment.service(imports=[HOME], queues=["channel1"]).start()
    engine.stop()
    client = deployment.client("publisher")
    kept = client.publish("channel1", f"{HOME}.process_data", {"args": [1]})
    late = client.publish("channel1", f"{HOME}.process_data", {}, expires=0.2)
    over = time.monotonic() + 0.3
    until(lambda: time.monotonic() > over)
    engine.start()
    assert kept.result(SOON) == {"args": [1], "kwargs": {}}
    with pytest.raises(JobExpired) as caught:
        late.result(SOON)
    assert caught.value.code == ErrorCode.EXPIRED
    assert late.status() is Status.EXPIRED


def test_tasks_run_in_threads_as_many_as_there_are_workers(deployment: Deployment) -> None:
    """T7, T9: a pool of threads, bounded by `max_workers`."""
    deployment.service(imports=[HOME], queues=["channel1"], max_workers=3, threads=3).start()
    client = deployment.client("publisher")
    name = client.function(f"{HOME}.thread_name", queue="channel1", execution="thread")
    jobs = name.starmap(() for _ in range(30))
    threads = {job.result(SOON) for job in jobs}
    most = 3
    assert threads
    views = [client.job(job.id).view() for job in jobs]
    moments = sorted(
        [(view.started, 1) for view in views if view.started is not None]
        + [(view.finished, -1) for view in views if view.finished is not None]
    )
    running = peak = 0
    for _, step in moments:
        running += step
        peak = max(peak, running)
    assert 1 < peak <= most


def test_a_failing_task_stops_nothing(deployment: Deployment) -> None:
    """T25: a task that raises, exits or dies does not stop the engine."""
    deployment.service(imports=[HOME], queues=["channel1"], workers=1).start()
    client = deployment.client("publisher")
    for function in ("fail", "leave", "die"):
        assert client.publish("channel1", f"{HOME}.{function}", "x").exception(SOON)
    assert client.publish("channel1", f"{HOME}.process_data", {}).result(SOON)


def test_two_engines_of_a_channel_never_both_run_a_task(deployment: Deployment) -> None:
    """Defect 3: every engine on a channel ran every task. A second store is refused it."""
    deployment.service("one", imports=[HOME], queues=["channel1"], heartbeat=1).start()
    second = deployment.service("two", imports=[HOME], queues=["channel1"], heartbeat=1)
    client = deployment.client("publisher")
    ledger = deployment.file("ledger")
    second.start(ready=False)
    jobs = [client.publish("channel1", f"{HOME}.note_one", str(ledger)) for _ in range(50)]
    for job in jobs:
        job.result(SOON)
    assert second.wait(SOON) != 0
    assert QueueOwned.__name__ in second.text()
    assert len(ledger.read_text().splitlines()) == 50


def test_after_a_crash_each_task_is_settled_once(deployment: Deployment) -> None:
    """T15; defect 4: tasks found running are neither lost, nor stolen, nor run for ever."""
    engine = deployment.service(imports=[HOME], queues=["channel1"], workers=1).start()
    client = deployment.client("publisher")
    ledger = deployment.file("ledger")
    running = client.function(f"{HOME}.sleep", queue="channel1", max_attempts=2).launch(1)
    until(lambda: running.status() is Status.RUNNING, SOON)
    waiting = [client.publish("channel1", f"{HOME}.note_one", str(ledger)) for _ in range(20)]
    engine.kill()
    engine.start()
    assert running.result(SOON) == 1
    for job in waiting:
        job.result(SOON)
    assert len(ledger.read_text().splitlines()) == 20


def test_a_cancelled_task_does_not_come_back(deployment: Deployment) -> None:
    """T17; defect 9: the record of a cancelled task was saved again by its thread."""
    deployment.service(imports=[HOME], queues=["channel1"], workers=1).start()
    client = deployment.client("publisher")
    job = client.function(f"{HOME}.sleep", queue="channel1").launch(60)
    until(lambda: job.status() is Status.RUNNING, SOON)
    assert client.cancel(job.id, force=True)
    assert job.exception(SOON)
    assert job.status() is Status.CANCELLED
    assert client.publish("channel1", f"{HOME}.process_data", {}).result(SOON)
    assert job.status() is Status.CANCELLED


def test_a_path_that_nobody_allowed_is_not_run(deployment: Deployment) -> None:
    """Defect 9: any dotted path was executed."""
    deployment.service(queues=["channel1"]).start()
    client = deployment.client("publisher")
    with pytest.raises(NotAllowed):
        client.publish("channel1", f"{HOME}.process_data", {}).result(SOON)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_engine_when_what_runs_has_ended(
    deployment: Deployment, folder: Folder, number: signal.Signals
) -> None:
    """T21, T22; defect 8: shutting down raised, and SIGINT only set a flag that nobody saw."""
    told: dict[str, Any] = {"imports": HOME, "workers": "1"}
    engine = folder.serve("engine.py", ENGINE, **told)
    client = deployment.client("publisher")
    job = client.function(f"{HOME}.sleep", queue="channel1").launch(1)
    until(lambda: job.status() is Status.RUNNING, SOON)
    engine.send_signal(number)
    assert engine.wait(SOON) == 0
    assert job.result(SOON) == 1


def test_the_callers_data_is_left_as_it_is(deployment: Deployment) -> None:
    """T3: defect 9: the caller's list was appended to."""
    channels = ["channel1"]
    service = Service(queues=channels, **deployment.address)
    data = {"args": [1]}
    before = Counter(map(str, [channels, data]))
    deployment.service(imports=[HOME], queues=["channel1"]).start()
    deployment.client("publisher").publish("channel1", f"{HOME}.process_data", data).result(SOON)
    assert Counter(map(str, [channels, data])) == before
    assert service.settings.queues == ("channel1",)


def test_its_modules_cost_nothing_until_they_are_used(tmp_path: Path) -> None:
    with closing(Deployment(f"spool:{tmp_path}/spool", tmp_path)) as deployment:
        program = "import sys, schedulergodx.taskit; print('pika' in sys.modules)"
        assert deployment.folder("x").output("x.py", program).strip() == "False"
