"""What version 1 got wrong about launching, running and answering. None of it is true here.

Each docstring says what it did; the numbers of the tests follow how grave it was.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pika
import pytest

from schedulergodx.core.envelope import MessageType
from schedulergodx.core.job import ErrorCode, Outcome, Status
from schedulergodx.core.message import Error, Response, ResponsesBody, read_body
from schedulergodx.core.signing import Signer
from schedulergodx.errors import JobError, JobTimeout
from schedulergodx.utils import id_generators
from tests.acceptance.processes import alive
from tests.acceptance.stranger import EXPIRES, Stranger, item
from tests.world import until

if TYPE_CHECKING:
    from collections import Counter

    from tests.acceptance.deployment import Deployment

SOON = 30  # seconds, the deadline of what must happen


def double(number: int) -> int:
    return 2 * number


def divide(a: float, b: float) -> float:
    return a / b


def append(path: str, line: str) -> str:
    with Path(path).open("a") as file:
        file.write(f"{line}\n")
    return line


def write_later(path: str, seconds: float) -> None:
    Path(f"{path}.pid").write_text(str(os.getpid()))
    time.sleep(seconds)
    Path(path).write_text("I was not stopped")


def raise_timeout() -> None:
    raise TimeoutError("the task's own")


# -- 1 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [20, 100, 1000])
def test_a_burst_from_many_threads_is_stored_and_answered(shared: Deployment, count: int) -> None:
    """Of 20 launches in a row 0 were stored; each had returned an id, and nothing was raised."""
    client = shared.client("burst")
    task = client.task(double)
    with ThreadPoolExecutor(16) as pool:
        jobs = list(pool.map(task.launch, range(count)))
    assert [job.result(timeout=SOON) for job in jobs] == [2 * n for n in range(count)]
    assert len({job.id for job in jobs}) == count


# -- 2, 11 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hard", [False, True])
def test_success_failure_and_timeout_are_each_answered_once(
    shared: Deployment, told: Counter[bytes], hard: bool
) -> None:
    """S21, S22: a hard task was never answered, whatever became of it."""
    client = shared.client("ends")
    good = client.task(double, hard=hard).launch(4)
    bad = client.task(divide, hard=hard).launch(1, 0)
    slow = client.task(write_later, hard=hard, lifetime=0.3).launch(str(shared.file("late")), 60)
    assert good.result(timeout=SOON) == 8
    with pytest.raises(ZeroDivisionError):
        bad.result(timeout=SOON)
    with pytest.raises(JobTimeout) as timeout:
        slow.result(timeout=SOON)
    assert timeout.value.code == ErrorCode.TASK_TIMEOUT_ERROR
    client.task(double).launch(1).result(timeout=SOON)  # a second answer would have come before
    assert [told[job.uid] for job in (good, bad, slow)] == [1, 1, 1]


@pytest.mark.parametrize("execution", ["process", "fork", "thread"])
def test_a_lifetime_ends_what_runs(shared: Deployment, execution: Any) -> None:
    """S21: a task that was declared cancelled went on and wrote its file four seconds later."""
    client = shared.client("lifetime")
    late = shared.file("late")
    job = client.task(write_later, execution=execution, lifetime=0.5).launch(str(late), 3)
    with pytest.raises(JobTimeout):
        job.result(timeout=SOON)
    pid = int(Path(f"{late}.pid").read_text())
    until(lambda: not alive(pid), 5)
    assert not late.exists()


# -- 3 ---------------------------------------------------------------------------------------------


def test_a_result_comes_back(shared: Deployment) -> None:
    """The value that a task returned was thrown away."""
    client = shared.client("results")
    value = {"a": [1, 2.5, None], ("b",): {3}}
    assert client.task(divide).launch(10, b=4).result(timeout=SOON) == 2.5
    assert client.task(dict).launch(value).result(timeout=SOON) == value


# -- 5 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"[1, 2]",
        b'"text"',
        b"null",
        b"{",
        b"\xff" * 1000,
        b"\x93\xc4",
        b"\x93\xc4\0\xc4\0\xc4\0",
    ],
)
def test_noise_harms_nobody(shared: Deployment, noise: bytes) -> None:
    """A message of JSON that was no object ended the service."""
    client = shared.client("neighbour")
    with Stranger(shared) as stranger:
        stranger.send(noise)
        assert client.task(double).launch(21).result(timeout=SOON) == 42
        assert "envelope" in stranger.dead_letter(noise).reason


def test_an_unknown_type_is_answered_as_one(shared: Deployment) -> None:
    """INCORRECT_TYPE could never be reached: the service ended first."""
    client = shared.client("neighbour")
    with Stranger(shared) as stranger:
        message = stranger.seal(99, {})
        stranger.send(message)
        error = read_body(stranger.read().body, Error)
        assert error.failure.code == ErrorCode.INCORRECT_TYPE
        assert "99" in error.failure.text
        assert "99" in stranger.dead_letter(message).reason
    assert client.task(double).launch(21).result(timeout=SOON) == 42


# -- 6 ---------------------------------------------------------------------------------------------


def test_equal_ids_of_two_clients_and_of_a_restarted_one_are_different_jobs(
    shared: Deployment,
) -> None:
    """One id that was there before made every later task of every client fail."""
    seen = []
    for name in ("one", "two", "one"):
        client = shared.client(name, id_generator=id_generators.autoincrement())
        task = client.task(append)
        jobs = [task.launch(str(shared.file("ids")), f"{name} {n}") for n in range(3)]
        assert [job.id for job in jobs] == ["1", "2", "3"]
        assert [job.result(timeout=SOON) for job in jobs] == [f"{name} {n}" for n in range(3)]
        assert client.job("2").result(timeout=SOON) == f"{name} 1"
        client.close()
        seen += [job.uid for job in jobs]
    assert len(set(seen)) == 9


def test_a_restarted_client_does_not_take_an_old_answer_for_its_own(shared: Deployment) -> None:
    """After a restart, id "1" matched the reply to the "1" before."""
    path = str(shared.file("stale"))
    first = shared.client("again", id_generator=id_generators.autoincrement())
    first.task(append).launch(path, "old").result(timeout=SOON)
    first.close()
    second = shared.client("again", id_generator=id_generators.autoincrement())
    job = second.task(append, delay=0.3).launch(path, "new")
    assert job.id == "1"
    assert second.get_response("1") is None
    assert second.sync_await_responce("1").arguments["result"] == "new"


def test_a_message_that_is_delivered_twice_is_one_job(shared: Deployment) -> None:
    ledger = shared.file("twice")
    with Stranger(shared) as stranger:
        job = item(-3)
        message = stranger.task(job)
        for _ in range(3):
            stranger.send(message)
        sentinel = item(-4)
        stranger.send(stranger.task(sentinel))
        told = stranger.outcomes(2)
        assert set(told) == {job.uid, sentinel.uid}
    assert not ledger.exists()


# -- 7 ---------------------------------------------------------------------------------------------


def test_a_function_that_cannot_be_opened_is_answered_once_and_not_tried_again(
    shared: Deployment,
) -> None:
    """It stayed at work for ever, without a reply, and was tried again at each restart."""
    with Stranger(shared) as stranger:
        job = item()
        stranger.send(stranger.task(job, function=b"this is no pickle"))
        outcome = stranger.outcomes()[job.uid].outcome
        assert outcome.failure is not None
        assert outcome.failure.code == ErrorCode.UNREADABLE_CODE
        sentinel = item(-1)
        stranger.send(stranger.task(sentinel))
        assert set(stranger.outcomes()) == {sentinel.uid}


# -- 8 ---------------------------------------------------------------------------------------------


def test_two_clients_never_see_the_answers_of_each_other(
    shared: Deployment, told: Counter[bytes]
) -> None:
    """Who looked for its one answer took those of all others out of the queue."""
    one, two = shared.client("left"), shared.client("right")
    left = one.task(double).map(range(300))
    right = two.task(double).map(range(300))
    for n, (a, b) in enumerate(zip(left, right, strict=True)):
        assert a.result(timeout=SOON) == b.result(timeout=SOON) == 2 * n
    assert {told[job.uid] for job in [*left, *right]} == {1}
    assert one._awaited.outcome(right[0].uid) is None
    assert two._awaited.outcome(left[0].uid) is None


def test_a_thousand_unread_answers_do_not_slow_one_fetch(shared: Deployment) -> None:
    """A fetch read and gave back every answer before its own: 0.155 s among 300."""
    client = shared.client("unread")
    ids = [job.id for job in client.task(double).map(range(1000))]
    until(lambda: all(client.get_response(id) for id in ids), SOON)
    begin = time.perf_counter()
    answers = [client.get_response(id) for id in ids]
    assert (time.perf_counter() - begin) / len(ids) < 0.002
    assert [answer.arguments["result"] for answer in answers] == [2 * n for n in range(1000)]


@pytest.mark.parametrize("secret", [None, "another secret, long enough"])
def test_noise_and_forged_answers_harm_no_client(shared: Deployment, secret: str | None) -> None:
    """A reply that was not JSON broke every client for ever. Here one has to be signed as well."""
    client = shared.client("deafened")
    task = client.task(double)
    assert task.launch(1).result(timeout=SOON) == 2
    job = task.options(delay=3600).launch(21)
    lie = Response(job.uid, None, 1, 0.0, 0.0, Outcome(Status.COMPLETED, pickle.dumps(13)))
    forger = Signer(secret.encode()) if secret else Signer()
    with Stranger(shared, signer=forger) as stranger:
        queue = stranger.response_queue(client)
        for body in (b"", b"{", b"[1, 2]", stranger.seal(MessageType.RESPONSES, {"x": 1})):
            stranger.channel.basic_publish("", queue, body, mandatory=True)
        forged = stranger.seal(MessageType.RESPONSES, ResponsesBody([lie], {}))
        stranger.channel.basic_publish("", queue, forged, mandatory=True)
        assert task.launch(2).result(timeout=SOON) == 4  # it came behind these
    assert not job.ready()
    assert job.change(delay=0)
    assert job.result(timeout=SOON) == 42


# -- 12 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hard", [False, True])
def test_the_tasks_own_timeout_error_is_its_error(shared: Deployment, hard: bool) -> None:
    """It was reported as the end of the lifetime."""
    job = shared.client("own").task(raise_timeout, hard=hard).launch()
    with pytest.raises(TimeoutError, match="the task's own") as raised:
        job.result(timeout=SOON)
    assert type(raised.value) is TimeoutError
    assert str(job.status()) == "failed"


# -- 16 --------------------------------------------------------------------------------------------


def test_a_thousand_waiting_jobs_cost_no_thread(shared: Deployment) -> None:
    """Each waiting task was a thread in the service, each launch one in the client."""
    client = shared.client("waiting")
    task = client.task(double)
    task.launch(1).result(timeout=SOON)
    before = threading.active_count()
    jobs = [task.options(delay=3600).launch(n) for n in range(1000)]
    assert threading.active_count() == before
    assert len(client.get_threads()) <= 2
    assert jobs[-1].status() == "scheduled"
    assert all(job.cancel() for job in jobs[:3])


def test_answers_that_nobody_fetches_go_with_their_queue(shared: Deployment) -> None:
    """Replies stayed for ever."""
    client = shared.client("forgetful")
    with Stranger(shared) as stranger:
        queue = stranger.response_queue(client)
        stranger.channel.queue_declare(
            queue, durable=True, arguments=EXPIRES
        )  # the same: it passes
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="x-expires"):
            stranger.channel.queue_declare(queue, durable=True)


# -- 23 --------------------------------------------------------------------------------------------


def test_a_pickle_from_whoever_can_publish_is_never_opened(shared: Deployment) -> None:
    """Even the timestamp was a pickle, opened before it was known who had sent it."""
    trace = shared.file("opened")
    for signer in (Signer(), Signer(b"another secret, also long enough")):
        message = Stranger(shared, signer=signer).task(item(), function=_writer(trace))
        with Stranger(shared) as stranger:
            stranger.send(message)
            assert "SCHEDULERGODX_SECRET" in stranger.dead_letter(message).reason
    assert not trace.exists()


def _writer(path: Path) -> bytes:
    """A pickle that makes a file where it is opened."""
    return b"cos\nsystem\n(S'touch %s'\ntR." % str(path).encode()


@pytest.mark.parametrize("delay", [0.2, 0.7])
def test_a_part_of_a_second_is_a_delay(shared: Deployment, delay: float) -> None:
    """Delays were cut to whole seconds."""
    task = shared.client("early").task(time.time)
    begin = time.time()
    late = task.options(delay=delay).launch().result(timeout=SOON) - begin
    assert delay <= late < delay + 0.5


def test_no_delay_is_now(shared: Deployment) -> None:
    task = shared.client("early").task(time.time)
    begin = time.time()
    assert task.options(delay=0).launch().result(timeout=SOON) - begin < 0.5


# -- 25 --------------------------------------------------------------------------------------------


def test_a_job_can_be_asked_after_and_called_off(shared: Deployment) -> None:
    """There was no cancel and no question."""
    client = shared.client("asking")
    job = client.task(double, delay=3600).launch(1)
    assert job.status() == "scheduled"
    assert not job.ready()
    assert job.cancel()
    with pytest.raises(JobError) as cancelled:
        job.result(timeout=SOON)
    assert cancelled.value.code == ErrorCode.CANCELLED
    assert job.status() == "cancelled"
