"""The option `batch`: what launches say of the batch that they belong to."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from schedulergodx.client import Client
from schedulergodx.client.base_batch import BaseBatch
from schedulergodx.core.identity import UidSource
from schedulergodx.core.message import BatchRef
from schedulergodx.errors import ConfigError, UnknownQueue
from tests.client.small_service import SmallService

SOON = 10  # seconds, the deadline of what must happen


def echo(value: int) -> int:
    return value


@pytest.fixture
def make_batch(client: Client) -> Callable[[str], BaseBatch]:
    return lambda name: BaseBatch(client, BatchRef(UidSource()(), name))


def sent(service: SmallService) -> list[tuple[BatchRef | None, int]]:
    """(batch, number of jobs) of each envelope that came."""
    return [(task.batch, len(task.jobs)) for _, task in service.tasks]


def test_launches_maps_and_pipelines_say_their_batch(
    client: Client, service: SmallService, make_batch: Callable[[str], BaseBatch]
) -> None:
    task, batch = client.task(echo), make_batch("nightly")
    jobs = [task.options(batch=batch).launch(1), *task.options(batch=batch).map([2, 3])]
    with client.pipeline():
        jobs += [task.options(batch=batch).launch(n) for n in (4, 5)]
    jobs += [task.launch(6)]
    assert [job.result(SOON) for job in jobs] == [1, 2, 3, 4, 5, 6]
    assert sent(service) == [(batch.ref, 1), (batch.ref, 2), (batch.ref, 2), (None, 1)]


def test_jobs_of_two_batches_share_no_envelope(
    client: Client, service: SmallService, make_batch: Callable[[str], BaseBatch]
) -> None:
    task, a, b = client.task(echo), make_batch("a"), make_batch("b")
    with client.pipeline():
        jobs = [
            task.options(batch=batch).launch(n) if batch else task.launch(n)
            for n in range(4)
            for batch in (a, b, None)
        ]
    for job in jobs:
        job.result(SOON)
    assert sorted(sent(service), key=str) == sorted([(a.ref, 4), (b.ref, 4), (None, 4)], key=str)


def test_a_launch_that_went_nowhere_is_not_of_the_batch(
    client: Client, service: SmallService, make_batch: Callable[[str], BaseBatch]
) -> None:
    task, batch = client.task(echo), make_batch("nightly")
    task.options(batch=batch).launch(1)
    with pytest.raises(UnknownQueue):
        task.options(batch=batch, queue="nobody").launch(2)
    assert batch._launched == 1


def test_a_batch_travels(client: Client, make_batch: Callable[[str], BaseBatch]) -> None:
    batch = make_batch("nightly")
    again = pickle.loads(pickle.dumps(batch))
    assert (again.ref, again._client) == (batch.ref, client)


@pytest.mark.parametrize("value", ["nightly", BatchRef(b"", ""), 7])
def test_only_a_batch_is_a_batch(client: Client, value: Any) -> None:
    with pytest.raises(ConfigError, match=r"batch=.*client\.batch\(name\)"):
        client.task(echo, batch=value)


def test_what_runs_everywhere_is_in_no_batch(
    client: Client, make_batch: Callable[[str], BaseBatch]
) -> None:
    with pytest.raises(ConfigError, match="in no batch"):
        client.broadcast("name", 1, batch=make_batch("nightly"))
