"""Arguments that a job of the harness finds when it runs: its client is that of the harness."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schedulergodx import execute
from schedulergodx.args import Arg, Context, Return, Session, Task
from schedulergodx.core.registry import register
from schedulergodx.errors import NoAnswer
from schedulergodx.testing import Harness


@pytest.fixture
def harness() -> Iterator[Harness]:
    with Harness() as harness:
        yield harness


def add(a: int, b: int) -> int:
    return a + b


def test_a_job_controls_the_schedules_of_its_service(harness: Harness) -> None:
    """R17, R24."""
    ran: list[Any] = []
    harness.client.schedule("every 1 hour", lambda: ran.append(harness.now), name="tick")

    def stop(session: Any = Session(), own: Any = Task()) -> None:
        session["tick"].pause()
        own.pause()

    harness.client.schedule("every 90 min", stop, name="stop")
    harness.advance(hours=5)
    assert len(ran) == 1
    assert [one.view().fires for one in harness.client.session] == [1, 1]


def test_a_job_finds_parameters_and_what_others_returned(harness: Harness) -> None:
    """R24, R25."""
    harness.client.session.params["mode"] = "live"
    report = harness.client.task(add, name="report").launch(1, 2)

    def read(
        mode: str = Arg("mode"),
        other: str = Arg("other", "none"),
        last: int = Return("report"),
        job: Any = Context(),
    ) -> tuple[str, str, int, int]:
        return mode, other, last, job.attempt

    task = harness.client.task(read)
    assert report.result(10) == 3
    assert task.launch().result(10) == ("live", "none", 3, 1)
    assert task.launch(mode="given").result(10)[0] == "given"


def test_what_a_job_launches_by_the_client_of_its_program_runs(harness: Harness) -> None:
    ran: list[int] = []

    @register(name="note a number", on_conflict="replace")
    def note(number: int) -> None:
        ran.append(number)

    def outer() -> None:
        execute("note a number", [7])

    harness.client.task(outer).launch()
    harness.drain()
    assert ran == [7]


def test_a_condition_of_ones_own_holds_when_its_function_says_so(harness: Harness) -> None:
    """R39."""
    ran: list[int] = []
    answers = iter([False, False, True])

    @harness.client.cond("the queue is empty", look_every="1 hour")
    def queue_is_empty() -> bool:
        return next(answers, True)

    harness.client.schedule("every 10 min & the queue is empty", lambda: ran.append(1), name="go")
    harness.advance(hours=1, minutes=30)
    assert ran == []
    harness.advance(hours=3)
    assert ran


def test_an_eager_job_has_no_session() -> None:
    """It has no service, and what is asked of one must not reach that of the program."""
    with Harness(eager=True) as eager:
        job = eager.client.task(lambda session=Session(): list(session)).launch()
        assert isinstance(job.exception(), NoAnswer)
