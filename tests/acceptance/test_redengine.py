"""The document of RedEngine: its programs run, and what its original got wrong is right here.

Of the programs only imports and names are changed: `app` is a client, its rule is `schedule=`, and
what configured it is told to the service, or to the client where it is about tasks.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schedulergodx.args import Session
from schedulergodx.client import Client
from schedulergodx.config import load_settings
from schedulergodx.core.job import ErrorCode, Status
from schedulergodx.core.schedule import FireReason
from schedulergodx.core.why import Reason
from schedulergodx.errors import (
    ConfigError,
    JobCancelled,
    JobInterrupted,
    JobRefused,
    JobTimeout,
    TaskInaction,
)
from schedulergodx.testing import Harness
from tests.acceptance.folder import Folder
from tests.world import SECRET, ServiceProcess, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.client.job import Job

SOON = 60  # seconds, the deadline of what must happen
NOON = datetime(2027, 5, 1, 12, tzinfo=UTC)
CONFIG = {
    "task_pre_exist": "raise",
    "silence_task_prerun": False,
    "silence_cond_check": False,
    "max_process_count": 5,
    "restarting": "replace",
}
ALLOWED = {"allow_commands": True, "allow_code": True}  # its own runs whatever it is told
TASKS = """\
from schedulergodx import Client

app = Client('maker', task_execution='process')

@app.task(schedule='daily')
def do_things():
    ...

def run_things():
    ...

app.schedule('daily', func=run_things)

app.schedule('daily', func_name="main", path="path/to/example.py")

app.schedule('daily', command='echo "Hello world"')

app.schedule('daily', code='print("Hello world")')
"""
EXAMPLE = """\
def main():
    print("Hello world")
"""
CONTROL = """\
from schedulergodx import Client
from schedulergodx.args import Session

app = Client('maker')

@app.task(schedule='every 20 hours', execution="thread")
def do_shutdown(session=Session()):
    session.shutdown()

@app.task(schedule='every 20 hours', execution="thread")
def do_restart(session=Session()):
    session.restart()

@app.task(schedule='every 10 minutes', execution="thread")
def do_modify_tasks(session=Session()):

    task = session['do_restart']
    task.force_run = True

    for task in session.tasks:
        task.disable = True
"""


class Unopenable:
    """Raises where it is opened."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (int, ("no number",))


class Node:
    """A service as the document configures it, and a folder for its programs."""

    def __init__(self, path: Path) -> None:
        self.broker = f"spool:{path}/spool"
        settings = {"broker": self.broker, "db": f"sqlite:///{path}/jobs.db"}
        self.service = ServiceProcess(path, **settings, **CONFIG, **ALLOWED).start()
        self.folder = Folder(path / "programs", broker=self.broker, secret=SECRET)
        self.client = Client("maker", broker=self.broker, secret=SECRET, connect=False)

    def close(self) -> None:
        self.client.close()
        self.folder.close()
        self.service.__exit__()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with closing(Node(tmp_path)) as node:
        yield node


@pytest.fixture
def harness() -> Iterator[Harness]:
    with Harness(start=NOON) as harness:
        yield harness


# -- the document ---------------------------------------------------------------------------------


def test_its_configuration_is_taken_as_it_is_printed() -> None:
    """R2, R3, R4, R5, R6, R7, R8; defect 6: each key means what the document says, by default."""
    told = load_settings(environ={}, **CONFIG)
    assert (told.on_conflict, told.workers, told.restarting) == ("raise", 5, "replace")
    assert (told.silence_task_prerun, told.silence_cond_check) == (False, False)
    default = load_settings(environ={})
    assert default.workers == len(os.sched_getaffinity(0))
    assert (default.on_conflict, default.restarting) == ("raise", "replace")
    assert default.task_execution == "process"
    with pytest.raises(ConfigError, match="restarting"):
        load_settings(environ={}, restarting="never")


def test_its_programs_run_on_a_service_that_it_configures(node: Node) -> None:
    """R9, R10, R11, R12, R17, R18, R19, R20, R21, R22, R23, R24; defect 1: `disable` is set."""
    example = node.folder.path / "path/to/example.py"
    example.parent.mkdir(parents=True)
    example.write_text(EXAMPLE)
    node.folder.output("tasks.py", TASKS)
    node.folder.output("control.py", CONTROL)
    session = node.client.session
    hello = ["example:main", 'echo "Hello world"', 'print("Hello world")']
    daily = ["do_things", "run_things", *hello]
    control = ["do_modify_tasks", "do_restart", "do_shutdown"]
    until(lambda: sorted(one.name for one in session) == sorted(control + daily), SOON)
    until(lambda: all(_statuses(session[name]) == ["completed"] for name in daily), SOON)
    jobs = [session[name].history()[0].job for name in hello]
    outputs = [node.client.job(job.hex()).output() for job in jobs if job]
    assert outputs == 3 * ["Hello world\n"]
    starts = node.service.text().count(" reads ")
    session["do_modify_tasks"].run()
    until(lambda: node.service.text().count(" reads ") > starts, SOON, node.service.text)
    until(lambda: all(one.disabled for one in session.tasks), SOON)
    assert [fire.why for fire in session["do_restart"].history()] == [FireReason.BY_HAND]
    session["do_shutdown"].run()
    assert node.service.wait(SOON) == 0


def _statuses(schedule: Any) -> list[str | None]:
    return [fire.status for fire in schedule.history()]


def test_a_job_that_can_not_begin_stops_a_service_that_is_not_silent(node: Node) -> None:
    """R4: and the one who launched it is told, as where the service is silent."""
    job = node.client.task(repr).launch(Unopenable())
    assert node.service.wait(SOON) != 0
    assert "silence_task_prerun" in node.service.text()
    node.service.settings |= {"silence_task_prerun": True}
    node.service.start()
    error = job.exception(SOON)
    assert isinstance(error, JobRefused)
    assert error.code == ErrorCode.UNREADABLE_CODE


@pytest.mark.parametrize("execution", ["process", "thread"])
def test_tasks_run_as_the_client_says_where_they_do_not(node: Node, execution: str) -> None:
    """R1, R43: by default in a process, which has its main thread for one job at a time."""

    def in_main_thread() -> bool:
        return threading.current_thread() is threading.main_thread()

    broker = {"broker": node.broker, "secret": SECRET}
    with Client("runner", task_execution=execution, **broker) as client:
        assert client.task(in_main_thread).launch().result(SOON) == (execution == "process")
        said = client.task(in_main_thread, execution="process", name="said")
        assert said.launch().result(SOON)
    with pytest.raises(ConfigError, match="task_execution"):
        Client("runner", task_execution="somewhere", connect=False, **broker)


def test_chosen_tasks_are_run_once_and_the_service_ends(node: Node) -> None:
    """R51: session.run('name'), whatever their rules say."""
    for number in (1, 2, 3):
        node.client.schedule("every 20 hours", repr, name=f"it {number}", args=(number,))
    session = node.client.session
    assert [job.result(SOON) for job in session.run("it 1", "it 3")] == ["1", "3"]
    assert session["it 2"].history() == []
    assert session.shutdown() == 1
    assert node.service.wait(SOON) == 0


def test_a_stop_waits_for_what_runs_and_says_why_the_rest_ended(node: Node) -> None:
    """R44, R45, R46: a timeout, a forced end, a shutdown that waits and one that does not."""

    def work(seconds: float, path: str) -> str:
        Path(path).touch()
        time.sleep(seconds)
        return "whole"

    task, file = node.client.task(work), node.folder.path / "began"

    def begin(seconds: float, **options: Any) -> Job[str]:
        file.unlink(missing_ok=True)
        job = task.options(**options).launch(seconds, str(file))
        until(file.exists, SOON)
        return job

    late, forced = begin(600, timeout=0.5), begin(600)
    assert forced.cancel(force=True)
    assert isinstance(late.exception(SOON), JobTimeout)
    assert isinstance(forced.exception(SOON), JobCancelled)
    waited = begin(2)
    assert node.service.stop(SOON) == 0
    node.service.start()
    assert waited.result(SOON) == "whole"
    cut = begin(600)
    assert node.client.session.shutdown(force=True) == 1
    assert node.service.wait(SOON) == 0
    node.service.start()
    assert isinstance(cut.exception(SOON), JobInterrupted)
    whys = [job.why().code for job in (late, forced, waited, cut)]
    assert whys == [Reason.TIMEOUT, Reason.CANCELLED, Reason.COMPLETED, Reason.FAILED]


def test_the_history_of_runs_can_be_asked(harness: Harness) -> None:
    """R47: all, the last and the number of those of a task, of an end and of a while."""

    def odd(number: int) -> int:
        if number % 2 == 0:
            raise ValueError(f"{number} is even")
        return number

    jobs = [harness.client.task(odd).launch(number) for number in range(5)]
    harness.drain()
    client = harness.client
    failed = client.list_jobs(task="odd", status="failed")
    assert [view.uid for view in failed] == [jobs[number].uid for number in (4, 2, 0)]
    [last] = client.list_jobs(task="odd", limit=1)
    assert (last.uid, last.started, last.finished) == (jobs[4].uid, *2 * [NOON.timestamp()])
    assert "4 is even" in client.job(jobs[4].id).view().text
    assert client.counts()["default", Status.COMPLETED] == 2
    assert client.list_jobs(task="another") == []
    harness.advance(hours=1)
    later = harness.client.task(odd).launch(7)
    harness.drain()
    assert [view.uid for view in client.list_jobs(task="odd", since=harness.now)] == [later.uid]


def test_a_task_has_the_attributes_of_its_original(harness: Harness) -> None:
    """R13, R16, R21: what can be said of a task, and what its last runs were."""

    def work(what: str) -> str:
        if what == "inact":
            raise TaskInaction("no mail today")
        if what == "fail":
            raise OSError("no disk")
        return what

    task = harness.client.task(work, priority=3, timeout="never", execution="thread")
    schedule = task.schedule("every 1 hour", args=("done",), end_cond="time of day after 22:00")
    assert (schedule.name, schedule.task, schedule.last()) == ("work", "work", None)
    assert schedule.start_cond == "every 1 h"
    schedule.start_cond = "every 2 hours"
    assert schedule.start_cond == "every 2 h"
    schedule.disabled = True
    harness.advance(hours=3)
    assert schedule.history() == []
    schedule.force_run = True
    harness.drain()
    last = schedule.last()
    assert last is not None
    assert (last.status, last.priority, last.lifetime) == (Status.COMPLETED, 3, None)
    assert (last.execution, last.started) == ("thread", harness.now.timestamp())
    jobs = [schedule.run("inact"), schedule.run("fail")]
    harness.drain()
    jobs.append(task.options(delay="1 day").launch("cut"))
    jobs[-1].cancel()
    harness.kill_workers()
    jobs.append(schedule.run("crash"))
    harness.drain()
    ends = {status: schedule.last(status) for status in ("completed", "failed", "cancelled")}
    found = [None if view is None else (view.uid, view.code) for view in ends.values()]
    assert found == [
        (last.uid, None),
        (jobs[3].uid, ErrorCode.WORKER_DIED),
        (jobs[2].uid, ErrorCode.CANCELLED),
    ]
    codes = [jobs[number].view().code for number in (0, 1)]
    assert codes == [ErrorCode.INACTED, ErrorCode.ERROR_IN_TASK]


def test_a_rule_ends_the_service(node: Node) -> None:
    """R17, R35, R41: what shut_cond did is a schedule like others."""

    def end(session: Any = Session()) -> int:
        return session.shutdown()

    node.client.schedule("scheduler has run over 0.1 seconds & true", end, max_runs=1)
    assert node.service.wait(SOON) == 0


# -- what its original got wrong ------------------------------------------------------------------


def test_ten_is_ten_seconds(harness: Harness) -> None:
    """R44; defect 3: it was ten nanoseconds."""
    assert harness.client.task(repr, timeout=10).launch(1).view().lifetime == 10.0


def test_daily_is_once_a_day_however_often_the_service_restarts(harness: Harness) -> None:
    """R3, R27, R48; defect 8: what has run is kept, and rules ask for that."""
    client, ran = harness.client, []
    client.task(lambda: ran.append("second"), name="second").schedule(
        "hourly & task 'daily' has succeeded today"
    )
    client.task(lambda: ran.append("daily"), name="daily", schedule="daily")
    harness.drain()
    for _ in range(3):
        harness.restart()
    assert sorted(ran) == ["daily", "second"]
    harness.advance(hours=1)
    assert sorted(ran) == ["daily", "second", "second"]


def test_a_new_schedule_can_wait_for_its_next_window(harness: Harness) -> None:
    """R27; defect 9: a daily task fired as soon as it was seen, like it or not."""
    ran: list[datetime] = []
    note = harness.client.task(lambda: ran.append(harness.now), name="note")
    note.schedule("daily", start="next")
    note.schedule("daily at 10:00", name="at ten")
    harness.advance(days=1)
    assert [moment.hour for moment in ran] == [0, 10]


def test_what_passes_while_nobody_looks_is_not_skipped_in_silence(harness: Harness) -> None:
    """R33; defect 10: it is run, or stands in the history as passed by."""
    ran: list[datetime] = []
    note = harness.client.task(lambda: ran.append(harness.now), name="note")
    note.schedule("cron 30 12 * * *", name="run")
    passed = note.schedule("cron 30 12 * * *", name="skip", missed="skip")
    with harness.service_away():
        harness.advance(hours=1)
    assert ran == [NOON + timedelta(hours=1)]
    assert [fire.why for fire in passed.history()] == [FireReason.PASSED_BY]


def test_a_run_whose_process_is_killed_is_recorded(harness: Harness) -> None:
    """R16, R48; defect 11: its status stayed `run` until the next start."""
    schedule = harness.client.task(repr).schedule("every 1 hour", args=(1,), name="it")
    harness.client.task(print, name="told").schedule("after task 'repr' failed")
    harness.kill_workers()
    harness.advance(hours=1)
    assert [fire.status for fire in schedule.history()] == ["failed"]
    assert len(harness.client.session["told"].history()) == 1


def test_two_ends_of_a_task_are_two_runs_of_its_follower(harness: Harness) -> None:
    """R30; defect 12: two gave one, an old one fired at once, and one that died gave none."""
    first = harness.client.task(repr, name="first")
    first.launch(0)
    harness.drain()
    harness.client.task(print, name="follower").schedule("after task 'first' finished")
    follower = harness.client.session["follower"]
    harness.drain()
    assert follower.history() == []
    first.launch(1)
    first.launch(2)
    harness.drain()
    harness.kill_workers()
    first.launch(3)
    harness.drain()
    assert len(follower.history()) == 3


def test_a_name_may_hold_what_joins_conditions(harness: Harness) -> None:
    """R38; defect 13: a rule was split at `&` also inside of a name."""
    name = "load & 'clean' | ~sort (all)"
    harness.client.task(repr, name=name).launch(1)
    harness.drain()
    rule = f'after task "{name}" & true'
    harness.client.task(print, name="after").schedule(rule)
    harness.client.task(repr, name=name).launch(2)
    harness.drain()
    assert len(harness.client.session["after"].history()) == 1


def test_a_failed_daily_can_be_tried_again_the_same_day(harness: Harness) -> None:
    """R34; defect 15: once it had failed it was over for that day."""
    tries: list[datetime] = []

    def fail() -> None:
        tries.append(harness.now)
        if len(tries) < 3:
            raise OSError("not yet")

    harness.client.task(fail, schedule="daily | retry(5)")
    harness.advance(hours=1)
    assert len(tries) == 3
