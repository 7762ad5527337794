"""Pipelines and bulk launches: what shares an envelope, and what happens when one is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from schedulergodx.brokers.memory import MemoryBroker
from schedulergodx.client import Client, Job, session
from schedulergodx.client import pipeline as pipelines
from schedulergodx.core.envelope import ENVELOPE_BYTES
from schedulergodx.errors import BrokerClosed, ConfigError, LaunchUnconfirmed, UnknownQueue
from tests.client.small_service import SmallService

SOON = 10  # seconds, the deadline of what must happen


def echo(value: object) -> object:
    return value


def sizes(service: SmallService) -> list[int]:
    return [len(body.jobs) for _, body in service.tasks]


def test_launches_share_envelopes(client: Client, service: SmallService) -> None:
    task = client.task(echo)
    with client.pipeline():
        jobs = [task.launch(n) for n in range(1200)]
    assert [job.result(SOON) for job in jobs] == list(range(1200))
    assert sizes(service) == [500, 500, 200]


def test_the_number_in_an_envelope_can_be_chosen(client: Client, service: SmallService) -> None:
    task = client.task(echo)
    with client.pipeline(jobs_per_envelope=1):
        jobs = [task.launch(n) for n in range(10)]
    assert [job.result(SOON) for job in jobs] == list(range(10))
    assert sizes(service) == [1] * 10
    with pytest.raises(ConfigError, match="jobs_per_envelope"):
        client.pipeline(jobs_per_envelope=0)


def test_an_envelope_is_closed_before_it_is_too_large(
    client: Client, service: SmallService
) -> None:
    with client.pipeline():
        jobs = [client.task(echo).launch(b"x" * 400_000) for _ in range(5)]
        jobs.append(client.task(echo).launch(b"x" * (3 << 20)))
    assert [len(job.result(SOON)) for job in jobs] == [400_000] * 5 + [3 << 20]  # type: ignore[arg-type]
    for _, body in service.tasks:
        size = sum(len(job.arguments) for job in body.jobs)
        assert size <= ENVELOPE_BYTES or len(body.jobs) == 1


def test_map_and_starmap_are_bulk(client: Client, service: SmallService) -> None:
    task = client.task(divmod)
    assert [job.result(SOON) for job in task.starmap([(7, 2), (9, 4)])] == [(3, 1), (2, 1)]
    assert [job.result(SOON) for job in client.task(echo).map("abc")] == ["a", "b", "c"]
    assert sizes(service) == [2, 3]
    assert client.task(echo).map([]) == []


def test_map_inside_of_a_pipeline_waits_for_its_end(client: Client, service: SmallService) -> None:
    task = client.task(echo)
    with client.pipeline():
        task.map(range(3))
        task.launch(3)
        assert sizes(service) == []
    service.wait_for_jobs(4)
    assert sizes(service) == [4]


def test_tasks_and_options_do_not_mix(client: Client, service: SmallService) -> None:
    one, two = client.task(echo), client.task(divmod)
    with client.pipeline():
        for n in range(1, 4):
            one.launch(n)
            two.launch(9, n)
            one.options(priority=1).launch(n)
    service.wait_for_jobs(9)
    found = Counter((body.spec.name, body.priority) for _, body in service.tasks)
    assert found == {("echo", 0): 1, ("divmod", 0): 1, ("echo", 1): 1}


def test_a_pipeline_is_of_its_thread(client: Client, service: SmallService) -> None:
    task = client.task(echo)
    with client.pipeline(), ThreadPoolExecutor(1) as pool:
        mine = task.launch(1)
        other = pool.submit(lambda: task.launch(2).result(SOON))
        assert other.result(SOON) == 2
        assert mine.uid not in service.records
    assert mine.result(SOON) == 1


def test_a_pipeline_is_of_its_client(
    client: Client, make_client: Callable[..., Client], service: SmallService
) -> None:
    other = make_client("other").task(echo)
    with client.pipeline():
        assert other.launch(1).result(SOON) == 1


def test_a_result_inside_of_a_pipeline_sends_what_is_gathered(client: Client) -> None:
    task = client.task(echo)
    with client.pipeline():
        assert task.launch(1).result(SOON) == 1
        assert task.launch(2).status()


def test_a_pipeline_can_not_be_entered_twice(client: Client) -> None:
    pipeline = client.pipeline()
    with pipeline, pytest.raises(ConfigError, match="open already"):
        pipeline.__enter__()
    with pipeline:
        job = client.task(echo).launch(1)
    assert job.result(SOON) == 1


def test_an_error_names_its_jobs(client: Client) -> None:
    task = client.task(echo)
    with pytest.raises(UnknownQueue) as raised, client.pipeline():
        good = task.launch(1)
        bad = [task.options(queue="nobody").launch(n) for n in range(3)]
    assert list(raised.value.jobs) == bad
    assert good.result(SOON) == 1


def test_nobody_waits_for_the_outcome_of_a_job_that_did_not_arrive(
    client: Client, service: SmallService, url: str
) -> None:
    task = client.task(echo).options(queue="late")
    with pytest.raises(UnknownQueue), client.pipeline():
        early = task.launch(0)
        with pytest.raises(UnknownQueue, match=early.id):
            early.result(SOON)
    with pytest.raises(UnknownQueue) as raised:
        task.map([1, 2])
    jobs = [job for job in raised.value.jobs if isinstance(job, Job)]
    for job in jobs:
        with pytest.raises(UnknownQueue, match=job.id):
            job.result(SOON)
    with SmallService(url, queues=("late",), store="late"):
        client.resend(jobs[0])
        assert [job.result(SOON) for job in jobs] == [1, 2]


def test_several_errors_are_a_group(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    task = client.task(echo)
    client._confirm_timeout = 0.05
    publish = MemoryBroker.publish

    def lose(self: MemoryBroker, address: str, body: bytes) -> asyncio.Future[None]:
        if address == "client-service":
            return asyncio.get_running_loop().create_future()
        return publish(self, address, body)

    monkeypatch.setattr(MemoryBroker, "publish", lose)
    with pytest.raises(ExceptionGroup) as raised, client.pipeline():
        lost = task.launch(1)
        for queue in ("one", "two"):
            task.options(queue=queue).launch(1)
    kinds = sorted(type(error).__name__ for error in raised.value.exceptions)
    assert kinds == ["LaunchUnconfirmed", "UnknownQueue", "UnknownQueue"]
    unconfirmed = raised.value.subgroup(LaunchUnconfirmed)
    assert unconfirmed is not None
    [error] = unconfirmed.exceptions
    assert isinstance(error, LaunchUnconfirmed)
    monkeypatch.undo()
    monkeypatch.setattr(session, "_LAST_WORDS", 0.1)  # those of the first one never arrive
    client._confirm_timeout = SOON
    assert error.jobs == (lost,)


def test_what_the_block_raised_goes_on_and_its_launches_too(
    client: Client, service: SmallService
) -> None:
    task = client.task(echo)
    with pytest.raises(ZeroDivisionError) as raised, client.pipeline():
        job = task.launch(1)
        task.options(queue="nobody").launch(1)
        raise ZeroDivisionError
    assert job.result(SOON) == 1
    assert "UnknownQueue" in raised.value.__notes__[0]


def test_a_pipeline_waits_when_too_much_is_unconfirmed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines, "_CROWD", 100_000)
    task = client.task(echo)
    with client.pipeline(jobs_per_envelope=1) as pipeline:
        for _ in range(50):
            task.launch(b"x" * 20_000)
            assert pipeline._size <= 150_000


def test_a_pipeline_of_a_closed_client_is_refused(client: Client) -> None:
    client.close()
    with pytest.raises(BrokerClosed), client.pipeline():
        pass
