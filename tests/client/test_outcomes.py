"""What a caller gets of a job that has ended, or has not yet."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest

from schedulergodx.client import Client, Job, RemoteTraceback
from schedulergodx.core.code import Packer
from schedulergodx.core.job import ErrorCode, Failure, Outcome, Status
from schedulergodx.errors import (
    JobCancelled,
    JobError,
    JobExpired,
    JobInterrupted,
    JobRefused,
    JobTimeout,
    RemoteError,
    ResultTimeout,
)
from tests.client.small_service import SmallService

SOON = 10  # seconds, the deadline of what must happen


class Colour(Enum):
    RED = 1


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    colour: Colour = Colour.RED


class OutOfStock(Exception):
    """An exception of the user's own."""


class Quit(SystemExit):
    """One that would end the process."""


class Grave(BaseException):
    """One that is no order to anybody."""


class Stubborn(Exception):
    """Can be pickled, and can't be unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return divmod, (1, 0)


def mirror(point: Point) -> Point:
    return Point(-point.x, point.colour)


def fail(error: Exception) -> None:
    raise error


def test_an_instance_of_a_users_class_comes_back_as_one(client: Client) -> None:
    point = client.task(mirror).launch(Point(3)).result(SOON)
    assert type(point) is Point
    assert point == Point(-3)
    assert point.colour is Colour.RED


def test_an_exception_is_raised_as_itself(client: Client) -> None:
    def buy() -> None:
        raise OutOfStock("pears")

    job = client.task(buy).launch()
    with pytest.raises(OutOfStock, match="pears") as raised:
        job.result(SOON)
    cause = raised.value.__cause__
    assert isinstance(cause, RemoteTraceback)
    assert "in buy" in str(cause)
    assert "in buy" in "".join(traceback.format_exception(raised.value))
    assert job.exception(SOON) is raised.value
    assert job.status() is Status.FAILED
    assert job.output() == "so far"


def test_an_exception_that_is_raised_often_does_not_grow(client: Client) -> None:
    job = client.task(fail).launch(ValueError("no"))
    for _ in range(3):
        with pytest.raises(ValueError, match="no") as raised:
            job.result(SOON)
    assert len(traceback.extract_tb(raised.value.__traceback__)) < 5


def test_an_exception_that_can_not_be_rebuilt_is_told_in_words(client: Client) -> None:
    def break_down() -> None:
        raise Stubborn("no way back")

    with pytest.raises(RemoteError) as raised:
        client.task(break_down).launch().result(SOON)
    error = raised.value
    assert (error.type, error.text) == ("Stubborn", "no way back")
    assert "in break_down" in str(error)
    assert "ZeroDivisionError" in error.__notes__[0]


def test_an_exception_that_can_not_be_pickled_is_told_in_words(client: Client) -> None:
    def lock_up() -> None:
        import threading

        error = ValueError("locked")
        error.lock = threading.current_thread()  # type: ignore[attr-defined]
        raise error

    with pytest.raises(RemoteError, match="ValueError: locked"):
        client.task(lock_up).launch().result(SOON)


@pytest.mark.parametrize(
    "error",
    [SystemExit(3), Quit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()],
)
def test_an_exception_that_would_end_who_asks_is_told_in_words(
    client: Client, service: SmallService, error: BaseException
) -> None:
    ended = fail_with(client, service, error)
    with pytest.raises(RemoteError, match=type(error).__name__) as raised:
        ended.result(SOON)
    assert "would end" in raised.value.__notes__[0]


def test_any_other_exception_is_raised_as_itself(client: Client, service: SmallService) -> None:
    with pytest.raises(Grave, match="indeed"):
        fail_with(client, service, Grave("indeed")).result(SOON)


def fail_with(client: Client, service: SmallService, error: BaseException) -> Job[None]:
    """A job that has ended with an exception, as a worker packs it."""
    service.hold = True
    job = client.task(fail).launch(ValueError())
    packed = Packer(in_worker=True).pack_value(error)
    failure = Failure(
        ErrorCode.ERROR_IN_TASK,
        "no more",
        type=type(error).__name__,
        exception=packed.body,
        units=tuple(packed.units),
    )
    service.end(job.uid, Outcome(Status.FAILED, failure=failure))
    return job


def test_a_tasks_own_timeout_is_the_tasks_error(client: Client) -> None:
    with pytest.raises(TimeoutError, match="mine") as raised:
        client.task(fail).launch(TimeoutError("mine")).result(SOON)
    assert not isinstance(raised.value, JobError)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (Status.TIMEOUT, ErrorCode.TASK_TIMEOUT_ERROR, JobTimeout),
        (Status.CANCELLED, ErrorCode.CANCELLED, JobCancelled),
        (Status.EXPIRED, ErrorCode.OVERDUE, JobExpired),
        (Status.EXPIRED, ErrorCode.EXPIRED, JobExpired),
        (Status.FAILED, ErrorCode.INTERRUPTED, JobInterrupted),
        (Status.FAILED, ErrorCode.WORKER_DIED, JobInterrupted),
        (Status.FAILED, ErrorCode.MISSING_MODULE, JobRefused),
        (Status.FAILED, ErrorCode.INCOMPATIBLE_PYTHON, JobRefused),
        (Status.FAILED, ErrorCode.UNREADABLE_CODE, JobRefused),
        (Status.FAILED, ErrorCode.RESULT_NOT_SERIALIZABLE, JobError),
        (Status.FAILED, ErrorCode.RESOURCE_LIMIT, JobError),
    ],
)
def test_an_end_without_a_value_has_its_error(
    client: Client, service: SmallService, status: Status, code: ErrorCode, kind: type[JobError]
) -> None:
    service.hold = True
    job = client.task(fail).launch(ValueError())
    service.end(job.uid, Outcome(status, failure=Failure(code, "for a reason")))
    with pytest.raises(JobError, match="for a reason") as raised:
        job.result(SOON)
    assert type(raised.value) is kind
    assert raised.value.code == code
    assert job.id in str(raised.value)


def test_a_refused_envelope_is_told_to_its_jobs(client: Client, service: SmallService) -> None:
    task = client.task(mirror)
    task.launch(Point(1)).result(SOON)
    service.refuse = Failure(ErrorCode.INVALID_TASK, "not today")
    jobs = task.map([Point(1), Point(2)])
    for job in jobs:
        with pytest.raises(JobRefused, match="not today"):
            job.result(SOON)


def test_a_wait_ends_before_its_job(client: Client, service: SmallService) -> None:
    service.hold = True
    job = client.task(mirror).launch(Point(1))
    with pytest.raises(ResultTimeout, match="it goes on"):
        job.result(timeout=0.01)
    with pytest.raises(ResultTimeout):
        job.exception(timeout=0)
    assert not job.ready()
    service.release()
    assert job.result(SOON) == Point(-1)


async def test_a_job_can_be_awaited_on_any_loop(client: Client, service: SmallService) -> None:
    service.hold = True
    jobs = client.task(mirror).map([Point(1), Point(2)])
    waiting = asyncio.gather(*jobs, jobs[0])
    await asyncio.sleep(0)
    service.release()
    async with asyncio.timeout(SOON):
        assert await waiting == [Point(-1), Point(-2), Point(-1)]


def test_an_outcome_is_told_once_and_stays(client: Client, service: SmallService) -> None:
    job: Job[Point] = client.task(mirror).launch(Point(1))
    assert job.result(SOON) == Point(-1)
    service.end(job.uid, Outcome(Status.CANCELLED))
    assert client.status(job) is Status.COMPLETED
    assert job.result() == Point(-1)
