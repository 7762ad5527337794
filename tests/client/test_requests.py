"""What a client asks of services about jobs, its own and others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from schedulergodx.brokers.memory import MemoryBroker
from schedulergodx.client import Client, Job
from schedulergodx.core.job import Outcome, Status
from schedulergodx.core.message import Response
from schedulergodx.core.names import Names
from schedulergodx.core.request import AskCancel, AskOutcomes
from schedulergodx.core.view import JobFilter
from schedulergodx.errors import ConfigError, JobCancelled, NoAnswer, ResultTimeout, UnknownJob
from schedulergodx.utils.id_generators import autoincrement
from tests.client.small_service import SmallService

SOON = 10  # seconds, the deadline of what must happen


def echo(value: int) -> int:
    return value


def test_a_job_is_found_by_another_process_of_the_client(
    service: SmallService, client: Client, make_client: Callable[..., Client]
) -> None:
    job = client.task(echo).launch(1)
    assert job.result(SOON) == 1
    other = make_client(client.name)
    same = other.job(job.id)
    assert same == job
    assert (same.queue, same.task) == ("default", "echo")
    assert same.ready()
    assert same.result(SOON) == 1


def test_its_outcome_comes_when_it_has_ended(
    service: SmallService, client: Client, make_client: Callable[..., Client]
) -> None:
    service.hold = True
    job = client.task(echo).launch(1)
    service.record(job.uid)
    other = make_client(client.name).job(job.id)
    assert not other.ready()
    with pytest.raises(ResultTimeout):
        other.result(0.05)
    service.release()
    assert other.result(SOON) == 1


def test_a_job_is_found_by_its_label(
    service: SmallService, make_client: Callable[..., Client]
) -> None:
    job = make_client("labels", id_generator=autoincrement()).task(echo).launch(7)
    assert job.result(SOON) == 7
    same = make_client("labels").job("1")
    assert (same.uid, same.id) == (job.uid, "1")
    assert same.result(SOON) == 7


def test_an_unknown_id_is_named(client: Client, service: SmallService) -> None:
    with pytest.raises(UnknownJob, match="'there is none'"):
        client.job("there is none")
    with pytest.raises(UnknownJob):
        client.cancel("there is none")


def test_a_store_that_knows_nothing_is_not_the_last_word(
    url: str, service: SmallService, client: Client, make_client: Callable[..., Client]
) -> None:
    with SmallService(url, queues=("mail",), store="elsewhere"):
        job = client.task(echo, queue="mail").launch(1)
        assert job.result(SOON) == 1
        assert make_client(client.name).job(job.id).status() is Status.COMPLETED


def test_silence_has_an_end_and_a_reason(url: str, make_client: Callable[..., Client]) -> None:
    client = make_client()
    job = client.task(echo).launch(1)
    begin = time.monotonic()
    with pytest.raises(NoAnswer, match=r"no service answered within 0\.05 s"):
        job.status(timeout=0.05)
    with pytest.raises(NoAnswer, match="no service ever read"):
        client.job("unknown", timeout=0.05)
    assert time.monotonic() - begin < 5


def test_a_broker_that_is_away_is_not_taken_for_a_silent_service(
    client: Client, service: SmallService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.hold = True
    job = client.task(echo).launch(1)
    monkeypatch.setattr(
        MemoryBroker, "publish", lambda *_: asyncio.get_running_loop().create_future()
    )
    with pytest.raises(NoAnswer, match="the broker did not take the question within"):
        job.status(timeout=0.05)


def test_a_cancel_follows_its_job(client: Client, service: SmallService) -> None:
    service.hold = True
    own = client.task(echo).launch(1)
    own.cancel()
    assert service.requests[-1] == AskCancel(own.uid.hex(), False, own.uid)


def test_a_cancel_of_a_job_of_another_process_is_not_buried(
    client: Client, service: SmallService, make_client: Callable[..., Client]
) -> None:
    service.hold = True
    job = client.task(echo).launch(1)
    service.record(job.uid)
    other = make_client(client.name)
    assert other.cancel(job.id)
    assert service.requests[-1] == AskCancel(job.uid.hex())


def test_a_job_is_changed(client: Client, service: SmallService) -> None:
    service.hold = True
    job = client.task(echo).options(delay=3600).launch(1)

    def changed() -> object:
        return service.record(job.uid).change

    assert job.change(delay=60, priority=5, lifetime="1 min")
    change = service.record(job.uid).change
    assert change is not None
    assert change.due == pytest.approx(time.time() + 60, abs=5)
    assert (change.priority, change.lifetime, change.queue) == (5, 60.0, None)
    assert job.change(delay=0, lifetime=None)
    change = service.record(job.uid).change
    assert change is not None
    assert (change.due, change.lifetime, change.priority) == (0.0, -1.0, None)
    when = datetime.now(UTC) + timedelta(days=1)
    assert job.change(run_at=when)
    change = service.record(job.uid).change
    assert change is not None
    assert change.due == pytest.approx(when.timestamp())
    service.record(job.uid).status = Status.RUNNING
    assert not job.change(priority=1)


def test_a_change_of_the_queue_is_followed(url: str, client: Client, service: SmallService) -> None:
    service.hold = True
    job = client.task(echo).launch(1)
    assert job.change(queue="mail")
    assert job.queue == "mail"
    assert client._address(job.queue) == Names().requests("mail").name


@pytest.mark.parametrize(
    "said", [{}, {"delay": -1}, {"lifetime": 0}, {"run_at": datetime(2030, 1, 1)}, {"queue": ""}]
)
def test_a_change_that_means_nothing_is_refused(
    client: Client, service: SmallService, said: dict[str, object]
) -> None:
    service.hold = True
    job = client.task(echo).launch(1)
    with pytest.raises(ConfigError):
        job.change(**said)  # type: ignore[arg-type] # that is the point
    assert job.status() is Status.PENDING


def test_jobs_are_listed_and_counted(
    url: str, client: Client, service: SmallService, make_client: Callable[..., Client]
) -> None:
    with SmallService(url, queues=("mail",), store="elsewhere"):
        jobs = client.task(echo).map([1, 2])
        jobs.append(client.task(echo, queue="mail").launch(3))
        assert [job.result(SOON) for job in jobs] == [1, 2, 3]
        views = client.list_jobs()
        assert [view.uid for view in views] == [job.uid for job in reversed(jobs)]
        assert len(client.list_jobs(JobFilter(limit=1))) == 1
        assert len(client.list_jobs(queue="mail")) == 1
        assert sum(client.counts().values()) == 3
        [newest] = client.list_jobs(since=views[0].created)
        assert newest.uid == jobs[-1].uid
        assert client.list_jobs(since=datetime.now(UTC) + timedelta(hours=1)) == []
    with pytest.raises(ConfigError, match="'colour'"):
        client.list_jobs(colour="red")
    with pytest.raises(ConfigError, match="no status"):
        client.list_jobs(status="done")
    with pytest.raises(ConfigError, match="since"):
        client.list_jobs(since="yesterday")


def test_a_job_has_a_view_attempts_and_output(client: Client, service: SmallService) -> None:
    service.hold = True
    job = client.task(echo).launch(1)
    assert job.view().task == "echo"
    assert job.attempts() == ()
    assert job.output() == "so far"
    assert not job.requeue()


def test_a_requeued_job_waits_for_its_new_outcome(client: Client, service: SmallService) -> None:
    def give_up() -> int:
        raise LookupError("not yet")

    job = client.task(give_up).launch()
    with pytest.raises(LookupError):
        job.result(SOON)
    record, old = service.record(job.uid), job._response
    assert job.requeue()
    assert not job.ready()
    assert old is not None
    client._awaited.tell([old])  # told once more, and void
    with pytest.raises(ResultTimeout):
        job.result("10 ms")
    now = time.time() + 1
    again = Response(job.uid, job.id, 1, now, now, Outcome(Status.CANCELLED))
    service._loop.call_soon_threadsafe(service._tell, record.header, [again], {})
    with pytest.raises(JobCancelled):
        job.result(timedelta(seconds=SOON))


def test_the_job_of_an_id_that_was_dropped_is_still_an_own_one(
    client: Client, service: SmallService
) -> None:
    service.hold = True
    id = client.task(echo).launch(5).id
    job = client.job(id)
    assert client._is_own(job)
    service.release()
    assert job.result(SOON) == 5
    assert not [request for request in service.requests if isinstance(request, AskOutcomes)]


def test_the_outcome_of_a_job_that_was_dropped_is_kept(
    client: Client, service: SmallService
) -> None:
    service.hold = True
    task = client.task(echo)
    id = task.launch(5).id
    service.wait_for_jobs(1)
    service.release()
    assert task.launch(6).result(SOON) == 6
    before = len(service.requests)
    assert client.job(id).result(SOON) == 5
    assert len(service.requests) == before


def test_every_call_that_takes_an_id_takes_a_job(client: Client, service: SmallService) -> None:
    job: Job[int] = client.task(echo).launch(1)
    assert client.job(job) is job
    assert client.await_response(job, SOON).arguments["result"] == 1
    assert client.status(job) is Status.COMPLETED
    assert not client.cancel(job)
