"""Batches, on a broker in memory and a real service whose time stands still."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from schedulergodx.client import Client, Job
from schedulergodx.client.batch import Batch
from schedulergodx.core.batch import AskBatch
from schedulergodx.core.job import Status
from schedulergodx.core.view import BatchState
from schedulergodx.errors import (
    BatchExists,
    BrokerClosed,
    ConfigError,
    JobCancelled,
    JobRefused,
    LaunchError,
    ResultTimeout,
    UnknownBatch,
    UnknownQueue,
)
from schedulergodx.testing import Harness
from tests.questions import note_questions

SOON = 10  # seconds, the deadline of what must happen


def square(number: int) -> int:
    if number < 0:
        raise ValueError(f"{number} is below zero")
    return number * number


def report(name: str) -> str:
    return f"{name} is done"


@pytest.fixture
def harness() -> Iterator[Harness]:
    with Harness(queues=["default", "mail"]) as harness:
        yield harness


@pytest.fixture
def client(harness: Harness) -> Client:
    return harness.client


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What this process asks of services."""
    return note_questions(monkeypatch)


# -- launching into it -----------------------------------------------------------------------------


def test_a_block_launches_closes_and_is_waited_for(client: Client) -> None:
    """D14, D15: two levels; counts of one batch are its own."""
    task = client.task(square)
    with client.batch("a") as a, client.batch("b") as b:
        jobs = task.options(batch=a).map([1, 2, 3])
        task.options(batch=b).launch(-1)
        task.launch(7).result(SOON)
        with client.pipeline():
            jobs += [task.options(batch=a, queue="mail").launch(n) for n in (4, 5)]
    view = a.wait(SOON)
    assert (view.state, view.expected, view.jobs) == (BatchState.CLOSED, 5, 5)
    assert a.status() == {Status.COMPLETED: 5}
    b.wait(SOON)
    assert b.status() == {Status.FAILED: 1}
    assert not a.active
    assert [job.result(SOON) for job in jobs] == [1, 4, 9, 16, 25]


def test_a_batch_is_there_with_its_first_job_and_takes_none_when_it_is_closed(
    client: Client,
) -> None:
    task, batch = client.task(square), client.batch("nightly")
    with pytest.raises(UnknownBatch):
        client.attach("nightly")
    task.options(batch=batch).launch(1)
    assert client.attach("nightly").ref == batch.ref
    assert batch.view().state is BatchState.OPEN
    assert batch.close().state is BatchState.CLOSED
    with pytest.raises(ConfigError, match="is closed, and takes no more jobs"):
        task.options(batch=batch).launch(2)
    assert batch.wait(SOON).jobs == 1


def test_an_empty_batch_has_ended(client: Client) -> None:
    with client.batch("empty") as batch:
        after = batch.then(client.task(report), "empty")
    assert batch.wait(SOON).counts == batch.status() == {}
    assert (batch.active, list(batch.jobs()), list(batch.results())) == (False, [], [])
    assert (batch.cancel(), batch.requeue()) == (0, 0)
    assert after.result(SOON) == "empty is done"


def test_a_launch_that_did_not_arrive_is_not_waited_for(client: Client) -> None:
    task = client.task(square)
    with client.batch("nightly") as batch:
        task.options(batch=batch).launch(1)
        with pytest.raises(UnknownQueue):
            task.options(batch=batch, queue="nobody").launch(2)
    assert batch.wait(SOON).jobs == 1


# -- names -----------------------------------------------------------------------------------------


def test_a_name_that_is_taken_is_an_error_before_anything_is_launched(client: Client) -> None:
    task = client.task(square)
    first = client.batch("nightly")
    task.options(batch=first).launch(1)
    with pytest.raises(BatchExists, match="another batch 'nightly' that is open"):
        client.batch("nightly").__enter__()
    first.close()
    first.wait(SOON)
    with client.batch("nightly") as second:
        task.options(batch=second).launch(2)
    assert second.wait(SOON).uid != first.ref.uid
    assert first.status() == second.status() == {Status.COMPLETED: 1}


def test_without_a_block_the_jobs_and_the_batch_say_that_its_name_is_taken(client: Client) -> None:
    task = client.task(square)
    task.options(batch=client.batch("nightly")).launch(1)
    second = client.batch("nightly")
    job = task.options(batch=second).launch(2)
    with pytest.raises(JobRefused, match="another batch 'nightly' that is open"):
        job.result(SOON)
    for ask in (second.view, second.close, second.wait, second.cancel, second.requeue):
        with pytest.raises(BatchExists):
            ask()


@pytest.mark.parametrize("name", ["", "x" * (10 << 20), "a\nb", None, 7, b"x"])
def test_a_name_that_is_none_is_a_short_error(client: Client, name: Any) -> None:
    for use in (client.batch, client.attach):
        with pytest.raises(ConfigError, match="1 to 200 printable characters") as caught:
            use(name)
        assert len(str(caught.value)) < 200


def test_batches_are_listed(client: Client) -> None:
    task = client.task(square)
    for name in ("a", "b"):
        task.options(batch=client.batch(name)).launch(1)
    assert [view.name for view in client.batches()] == ["b", "a"]
    assert [view.name for view in client.batches(name="a")] == ["a"]
    assert client.batches(client="nobody") == []
    with pytest.raises(ConfigError, match="can't be listed by 'nmae'"):
        client.batches(nmae="a")


# -- waiting ---------------------------------------------------------------------------------------


def test_a_wait_asks_once_and_is_told_the_rest(client: Client, asked: list[Any]) -> None:
    """D16: by events, where the original looked every 30 s; defect 6."""
    gates = [threading.Event() for _ in range(3)]
    with client.batch("slow") as batch:
        client.task(lambda n: gates[n].wait(SOON), batch=batch).map(range(3))
    asked.clear()
    seen = []
    for view in batch.follow(SOON):
        seen.append(view.left)
        if view.left:
            gates[3 - view.left].set()
    assert seen == [3, 2, 1, 0]
    assert asked == [AskBatch(batch.ref.uid.hex(), wait=True)]
    assert batch.last is not None
    assert batch.last.ended


def test_a_wait_that_is_over_says_how_many_are_left(harness: Harness, client: Client) -> None:
    with client.batch("later") as batch:
        client.task(square, batch=batch, delay=60).map([1, 2])
    with pytest.raises(ResultTimeout, match="has 2 jobs that have not ended after"):
        batch.wait(0.05)
    with pytest.raises(ResultTimeout, match="has 2 jobs"):
        batch.wait(0)
    assert batch.active
    harness.advance(60)
    assert batch.wait(SOON).counts == {Status.COMPLETED: 2}


def test_jobs_that_will_be_tried_again_have_not_ended(harness: Harness, client: Client) -> None:
    """D16; defect 2: RETRY was not counted as active."""
    with client.batch("again") as batch:
        client.task(square, batch=batch, max_attempts=2, retry_delay=60).launch(-1)
    harness.drain()
    assert batch.status() == {Status.SCHEDULED: 1}
    assert batch.active
    harness.advance(60)
    assert batch.wait(SOON).counts == {Status.FAILED: 1}


def test_a_client_that_is_closed_ends_its_waits(harness: Harness, client: Client) -> None:
    with client.batch("later") as batch:
        client.task(square, batch=batch, delay=60).launch(1)
    views = batch.follow()
    next(views)
    closing = threading.Timer(0.1, client.close)
    closing.start()
    with pytest.raises(BrokerClosed):
        next(views)
    closing.join()


def test_several_wait_for_one_batch(client: Client) -> None:
    gate = threading.Event()
    with client.batch("slow") as batch:
        client.task(lambda: gate.wait(SOON), batch=batch).launch()
    ended: list[Any] = []
    waits = [threading.Thread(target=lambda: ended.append(batch.wait(SOON))) for _ in range(3)]
    for wait in waits:
        wait.start()
    gate.set()
    for wait in waits:
        wait.join(SOON)
    assert [view.ended for view in ended] == [True] * 3


# -- its jobs --------------------------------------------------------------------------------------


def test_results_come_in_the_order_of_the_launches(client: Client) -> None:
    with client.batch("some") as batch:
        client.task(square, batch=batch).map([3, -1, 2])
    values = list(batch.results(SOON, return_exceptions=True))
    assert values[::2] == [9, 4]
    assert isinstance(values[1], ValueError)
    with pytest.raises(ValueError, match="below zero"):
        list(batch.results(SOON))


def test_jobs_and_results_are_asked_for_a_page_at_a_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schedulergodx.client.batch.PAGE", 10)
    with client.batch("pages") as batch:
        jobs = client.task(square, batch=batch).map(range(30))
    assert list(batch.results(SOON)) == [n * n for n in range(30)]
    assert [view.uid for view in batch.jobs()] == [job.uid for job in jobs]
    assert {view.batch for view in batch.jobs()} == {batch.ref.uid}


def test_another_batch_object_has_the_results_that_this_process_let_go(client: Client) -> None:
    with client.batch("let go") as batch:
        client.task(square, batch=batch).map(range(5))
    batch.wait(SOON)
    again = client.attach("let go")
    client._awaited._outcomes.clear()
    assert list(again.results(SOON)) == [0, 1, 4, 9, 16]


# -- wishes ----------------------------------------------------------------------------------------


def test_a_whole_batch_is_cancelled_and_requeued(harness: Harness, client: Client) -> None:
    with client.batch("plan") as batch:
        after = batch.then(client.task(report), "plan")
        jobs = client.task(square, batch=batch, delay=60).map([1, 2, 3])
    assert batch.cancel() == 4
    assert batch.wait(SOON).counts == {Status.CANCELLED: 3}
    for job in (*jobs, after):
        with pytest.raises(JobCancelled):
            job.result(SOON)
    harness.advance(1)
    assert batch.requeue() == 4
    harness.advance(60)
    assert [job.result(SOON) for job in jobs] == [1, 4, 9]
    assert after.result(SOON) == "plan is done"


def test_what_completed_is_not_run_again(harness: Harness, client: Client) -> None:
    calls = []
    limit = 2

    def once(number: int) -> int:
        calls.append(number)
        if number < limit:
            raise ValueError("not yet")
        return number

    with client.batch("partly") as batch:
        jobs = client.task(once, batch=batch).map(range(4))
    assert batch.wait(SOON).counts == {Status.COMPLETED: 2, Status.FAILED: 2}
    limit = 0
    harness.advance(1)
    assert batch.requeue() == 2
    assert [job.result(SOON) for job in jobs] == [0, 1, 2, 3]
    assert sorted(calls) == [0, 0, 1, 1, 2, 3]


# -- its end ---------------------------------------------------------------------------------------


def test_a_job_runs_at_the_end_and_is_none_of_them(client: Client) -> None:
    gate = threading.Event()
    with client.batch("work") as batch:
        after = batch.then(client.task(report), "work")
        client.task(lambda: gate.wait(SOON), batch=batch).launch()
        client.task(square, batch=batch).launch(-1)
    assert after.status() is Status.BLOCKED
    gate.set()
    assert after.result(SOON) == "work is done"
    assert batch.status() == {Status.COMPLETED: 1, Status.FAILED: 1}


def test_there_is_one_such_job_and_it_is_in_no_batch(client: Client) -> None:
    task, batch = client.task(report), client.batch("work")
    with pytest.raises(ConfigError, match="in no batch"):
        batch.then(task.options(batch=client.batch("other")), "x")
    batch.then(task, "x")
    with pytest.raises(ConfigError, match="already"):
        batch.then(task, "y")
    batch.close()
    with pytest.raises(ConfigError, match="is closed"):
        batch.then(task, "z")


def test_a_block_that_raises_closes_the_batch_and_launches_nothing_after_it(
    client: Client,
) -> None:
    with pytest.raises(RuntimeError, match="stopped here"), client.batch("half") as batch:
        after = batch.then(client.task(report), "half")
        client.task(square, batch=batch).launch(2)
        raise RuntimeError("stopped here")
    view = batch.wait(SOON)
    assert (view.state, view.counts, view.callback) == (
        BatchState.CLOSED,
        {Status.COMPLETED: 1},
        None,
    )
    with pytest.raises(LaunchError, match="was not launched: stopped here"):
        after.result(SOON)


def test_a_job_at_the_end_that_is_refused_says_so_and_the_batch_can_be_closed_without(
    client: Client,
) -> None:
    batch = client.batch("work")
    after = batch.then(client.task(report, queue="nobody"), "work")
    client.task(square, batch=batch).launch(2)
    with pytest.raises(ConfigError, match="'nobody' is not one that service"):
        batch.close()
    with pytest.raises(LaunchError, match="was not launched: the service refused it"):
        after.result(SOON)
    assert batch.close().state is BatchState.CLOSED
    assert batch.wait(SOON).counts == {Status.COMPLETED: 1}


# -- elsewhere -------------------------------------------------------------------------------------


def test_a_batch_waits_for_a_service_as_jobs_do(harness: Harness, client: Client) -> None:
    task = client.task(square)
    with harness.service_away():
        batch = client.batch("patient")
        task.options(batch=batch).map([1, 2])
        with pytest.raises(ResultTimeout, match="was not heard of"):
            batch.wait(0.1)
    batch.close()
    assert batch.wait(SOON).counts == {Status.COMPLETED: 2}


def test_a_job_waits_for_a_batch_and_gives_its_place_away(client: Client) -> None:
    inner = client.task(square)

    @client.task
    def outer() -> list[int]:
        with client.batch("inner") as batch:
            inner.options(batch=batch).map([1, 2, 3])
        return list(batch.results(SOON))

    assert outer.launch().result(SOON) == [1, 4, 9]


def test_named_functions_are_in_batches_too(
    client: Client, make_named: Callable[[str], object]
) -> None:
    """D12: `client.execute("name", {...}, batch=..)`."""
    make_named("square_by_name")
    with client.batch("named") as batch:
        job = client.execute("square_by_name", {"number": 3}, batch=batch)
    assert batch.wait(SOON).counts == {Status.COMPLETED: 1}
    assert job.result(SOON) == 9


@pytest.fixture
def make_named() -> Iterator[Callable[[str], object]]:
    """Registers `square` under a name."""
    from schedulergodx.core.registry import registry

    before = dict(registry.functions)
    yield lambda name: registry.add(square, name)
    registry.functions.clear()
    registry.functions.update(before)


def test_jobs_that_were_made_by_hand_are_in_batches_too(client: Client) -> None:
    batch = client.batch("by hand")
    first = Job("first", square, {"number": 2}, batch=batch)
    second = Job("second", square, {"number": 3}, batch=batch, dependencies=[first.id])
    client.submit(first)
    client.submit(second)
    third = client.task(square, batch=batch).launch(4)
    assert batch.wait(SOON).counts == {Status.COMPLETED: 3}
    assert batch.close().expected == 3
    assert [job.result(SOON) for job in (first, second, third)] == [4, 9, 16]


def test_a_batch_is_what_a_notebook_shows(client: Client) -> None:
    with client.batch("<b>") as batch:
        client.task(square, batch=batch).map([1, 2])
    batch.wait(SOON)
    assert isinstance(batch, Batch)
    assert "<b>&lt;b&gt;</b>" in batch._repr_html_()
    assert "2/2" in batch._repr_html_()
