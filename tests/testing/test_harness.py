"""The harness for the tests of others: time, launches, faults."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schedulergodx.client import Client
from schedulergodx.core.context import current_job
from schedulergodx.core.job import Status
from schedulergodx.core.view import Progress
from schedulergodx.errors import (
    ConfigError,
    JobExpired,
    JobInterrupted,
    LaunchUnconfirmed,
    ServiceError,
    ShipError,
)
from schedulergodx.testing import Harness

said: list[str] = []


def say(text: str) -> str:
    said.append(text)
    return text.upper()


def send(text: str) -> str:
    """What a test puts something in the place of."""
    raise AssertionError(f"a test sent {text!r}")


def notify(text: str) -> str:
    return send(text)


@pytest.fixture
def harness() -> Iterator[Harness]:
    said.clear()
    with Harness() as harness:
        yield harness


def test_a_job_runs_when_its_time_comes_and_not_before(harness: Harness) -> None:
    job = harness.client.task(say).options(delay="3 days").launch("milk")
    harness.advance(days=2, hours=23, minutes=59, seconds=59)
    assert (said, job.status()) == ([], Status.SCHEDULED)
    harness.advance(1)
    assert job.ready()
    assert (said, job.result()) == (["milk"], "MILK")


def test_each_job_sees_the_instant_at_which_it_is_due(harness: Harness) -> None:
    seen: list[datetime] = []
    task = harness.client.task(lambda: seen.append(harness.now))
    for days in (2, 1, 3):
        task.options(delay=timedelta(days=days)).launch()
    begin = harness.now
    harness.advance(weeks=1)
    assert [(moment - begin).days for moment in seen] == [1, 2, 3]
    assert harness.now == begin + timedelta(weeks=1)


def test_it_begins_when_the_test_says(harness: Harness) -> None:
    start = datetime(2031, 5, 17, 12, tzinfo=UTC)
    with Harness(start=start) as other:
        assert other.now == start
        other.move_to(start + timedelta(hours=1))
        assert other.now == start + timedelta(hours=1)
    with pytest.raises(ConfigError, match="no time zone"):
        Harness(start=datetime(2031, 5, 17))


def test_functions_run_as_the_test_has_them(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    job = harness.client.task(notify).options(delay=60).launch("hello")
    monkeypatch.setattr(sys.modules[__name__], "send", calls.append)
    harness.advance(60)
    assert (job.exception(), calls) == (None, ["hello"])


def test_copies_run_as_they_were_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    with Harness(copies=True) as harness:
        job = harness.client.task(notify).options(delay=60).launch("hello")
        monkeypatch.setattr(sys.modules[__name__], "send", str)
        harness.advance(60)
        assert isinstance(job.exception(), AssertionError)


def test_what_can_not_travel_is_refused_as_in_earnest(harness: Harness) -> None:
    with pytest.raises(ShipError):
        harness.client.task(say).launch(sys._getframe())  # type: ignore[arg-type]


def test_retries_wait_in_the_time_of_the_test(harness: Harness) -> None:
    starts: list[float] = []

    def fail() -> None:
        starts.append(harness.clock.instant)
        raise OSError("not yet")

    task = harness.client.task(fail, max_attempts=3, retry_delay=600, retry_backoff=2.0)
    begin, job = harness.clock.instant, task.launch()
    harness.advance(hours=1)
    assert [start - begin for start in starts] == [0, 600, 1800]
    assert isinstance(job.exception(), OSError)


def test_coroutines_run(harness: Harness) -> None:
    async def double(n: int) -> int:
        return 2 * n

    assert harness.client.task(double).launch(4).result(10) == 8


def test_a_job_can_wait_for_another_one(harness: Harness) -> None:
    inner = harness.client.task(say, name="inner")

    def outer() -> str:
        job = current_job()
        assert job is not None
        return inner.launch("in").result(10) + str(job.attempt)

    assert harness.client.task(outer).launch().result(10) == "IN1"


def test_a_job_can_not_move_the_clock(harness: Harness) -> None:
    job = harness.client.task(lambda: harness.advance(60), name="advance").launch()
    harness.drain()
    assert isinstance(job.exception(), ServiceError)


def test_launches_are_asserted(harness: Harness) -> None:
    task = harness.client.task(say)
    with pytest.raises(AssertionError, match=r"launched were: none at all"):
        harness.assert_launched(task)
    task.launch("a")
    task.options(delay=60).launch(text="b")
    harness.assert_launched(task, args=("a",), times=1)
    harness.assert_launched(say, kwargs={"text": "b"})
    harness.assert_launched("say", times=2)
    harness.assert_launched(send, times=0)
    assert [launch.due for launch in harness.launches(task)] == [None, harness.clock.instant + 60]
    with pytest.raises(AssertionError) as error:
        harness.assert_launched(task, args=("c",))
    assert str(error.value) == (
        "say('c', ...) was to be launched at least once, and was 0 times; launched were: "
        "say('a'), say(text='b')"
    )


def test_a_worker_that_dies_costs_an_attempt(harness: Harness) -> None:
    task = harness.client.task(say)
    harness.kill_workers(2)
    assert isinstance(task.launch("once").exception(10), JobInterrupted)
    job = task.options(max_attempts=2).launch("twice")
    assert job.result(10) == "TWICE"
    assert said == ["twice"]


def test_a_launch_while_the_broker_is_away_is_not_confirmed_and_arrives_once(
    harness: Harness,
) -> None:
    task = harness.client.task(say)
    with harness.broker_away(), pytest.raises(LaunchUnconfirmed) as error:
        task.launch("late")
    harness.client.resend(error.value.jobs[0])
    harness.drain()
    assert said == ["late"]


def test_what_comes_due_while_the_service_is_away_runs_after_or_expires(harness: Harness) -> None:
    task = harness.client.task(say)
    wanted = task.options(delay="1 hour").launch("wanted")
    unwanted = task.options(delay="1 hour", enable_overdue=False).launch("unwanted")
    with harness.service_away():
        harness.advance(days=1)
        assert not wanted.ready()
    assert wanted.result(10) == "WANTED"
    assert isinstance(unwanted.exception(10), JobExpired)
    assert said == ["wanted"]


def test_a_restart_keeps_what_waits(harness: Harness) -> None:
    job = harness.client.task(say).options(delay=60).launch("kept")
    harness.restart()
    harness.advance(60)
    assert job.result(10) == "KEPT"


def test_a_clock_that_is_set_back_delays(harness: Harness) -> None:
    job = harness.client.task(say).options(delay=60).launch("later")
    harness.set_clock(harness.now - timedelta(hours=1))
    harness.advance(60)
    assert not job.ready()
    with pytest.raises(ConfigError, match="time can't go back"):
        harness.advance(-1)
    harness.advance(hours=1)
    assert job.ready()


def test_a_year_of_jobs_that_launch_the_next(harness: Harness) -> None:
    days: list[datetime] = []

    def daily() -> None:
        days.append(harness.now)
        task.options(delay="1 day").launch()

    task = harness.client.task(daily)
    task.launch()
    harness.advance(days=364)
    assert len(days) == 365
    assert len({day.date() for day in days}) == 365


def test_a_cancelled_job_never_runs(harness: Harness) -> None:
    job = harness.client.task(say).options(delay=60).launch("never")
    assert job.cancel()
    harness.advance(days=1)
    assert (said, job.status()) == ([], Status.CANCELLED)


def test_eager_launches_call_the_function_at_once() -> None:
    said.clear()
    with Harness(eager=True) as harness:
        assert isinstance(harness.client, Client)
        task = harness.client.task(say)
        job = task.options(delay="365 days").launch("now")
        assert said == ["now"]
        assert (job.result(), job.status(), job.ready()) == ("NOW", Status.COMPLETED, True)
        failed = harness.client.task(notify).launch("x")
        assert failed.status() is Status.FAILED
        with pytest.raises(AssertionError, match="a test sent 'x'"):
            failed.result()
        harness.assert_launched(task, args=("now",), times=1)
        with pytest.raises(ConfigError, match="eager harness has no service"):
            harness.advance(1)


def test_nothing_of_it_stays() -> None:
    with Harness() as harness:
        folder = Path(harness._folder.name)
        assert folder.exists()
    harness.close()
    assert not folder.exists()


def test_what_the_page_prints_runs_with_pytest(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "test_theirs.py").write_text("\n\n".join(blocks))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 passed" in run.stdout


def test_a_note_leaves_what_a_job_has_said_of_its_progress(harness: Harness) -> None:
    def index() -> None:
        job = current_job()
        assert job is not None
        for page in range(20):
            job.progress(page, 20, "reads")
        job.progress(20)
        job.update("has read all")

    job = harness.client.task(index).launch()
    harness.drain()
    assert job.status() is Status.COMPLETED
    assert job.view().progress == Progress(20, 20, "has read all")
