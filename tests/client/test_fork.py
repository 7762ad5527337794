"""A client works after `fork`, as under gunicorn: the child is another process of its name."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from schedulergodx.brokers import memory
from schedulergodx.client import AsyncClient, Client
from tests.client.forking import in_child
from tests.client.small_service import Record, SmallService

SOON = 10  # seconds, the deadline of what must happen

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def echo(value: int) -> int:
    return value


def with_service(url: str, records: dict[bytes, Record], call: Callable[[], Any]) -> Any:
    """In a child: a broker in memory is empty there, and its services are not alive."""
    memory._hubs.clear()
    with SmallService(url, records=records):
        return call()


def test_a_child_has_a_thread_and_an_address_of_its_own(
    url: str, client: Client, service: SmallService
) -> None:
    task = client.task(echo)
    assert task.launch(1).result(SOON) == 1

    def in_the_child() -> tuple[int, str, bool]:
        value = task.launch(2).result(SOON)
        [thread] = client.get_threads()
        return value, client.instance, thread.is_alive()

    value, instance, alive = in_child(lambda: with_service(url, {}, in_the_child))
    assert (value, alive) == (2, True)
    assert instance != client.instance
    assert task.launch(3).result(SOON) == 3


def test_a_job_from_before_the_fork_is_asked_for(
    url: str, client: Client, service: SmallService
) -> None:
    service.hold = True
    job = client.task(echo).launch(1)
    service.record(job.uid)
    service.release()
    service.wait_for_ends(1)
    silent = client.task(echo).launch(2)
    service.wait_for_ends(2)
    records = service.records

    def in_the_child() -> list[int]:
        return [job.result(SOON), silent.result(SOON)]

    assert in_child(lambda: with_service(url, records, in_the_child)) == [1, 2]
    assert job.result(SOON) == 1


class Slow:
    """What is packed until it may end."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __reduce__(self) -> tuple[type, tuple[int]]:
        self.begun.set()
        assert self.may_end.wait(SOON)
        return int, (1,)


def test_a_fork_while_another_thread_packs_and_opens_code(
    url: str, client: Client, service: SmallService
) -> None:
    slow, held, unpacker = Slow(), threading.Event(), client._unpacker
    packing = threading.Thread(target=client.task(lambda: slow).launch)
    packing.start()
    assert slow.begun.wait(SOON)

    def hold() -> None:
        with unpacker._lock:
            held.set()
            assert slow.may_end.wait(SOON)

    opening = threading.Thread(target=hold)
    opening.start()
    assert held.wait(SOON)

    def in_the_child() -> int:
        give: Callable[[], Callable[[], int]] = client.task(lambda: lambda: 7).launch().result(SOON)
        return give()

    assert in_child(lambda: with_service(url, {}, in_the_child)) == 7
    slow.may_end.set()
    packing.join()
    opening.join()


def test_children_of_one_parent_draw_different_uids(
    url: str, client: Client, service: SmallService
) -> None:
    task = client.task(echo)
    task.launch(0)

    def launch() -> list[str]:
        return [job.id for job in task.map(range(10))]

    ids = [in_child(lambda: with_service(url, {}, launch)) for _ in range(3)]
    ids.append(launch())
    assert len({id for some in ids for id in some}) == 40


def test_a_client_that_was_never_connected_can_be_forked(
    url: str, make_client: Callable[..., Client]
) -> None:
    task = make_client(connect=False).task(echo)
    child = in_child(lambda: with_service(url, {}, lambda: task.launch(1).result(SOON)))
    assert child == 1


def test_a_child_can_close_and_end(url: str, client: Client, service: SmallService) -> None:
    task = client.task(echo)
    task.launch(0).result(SOON)

    def close() -> bool:
        client.close()
        return not client.get_threads()

    assert in_child(close)
    assert task.launch(1).result(SOON) == 1


def test_an_async_client_can_be_forked(url: str) -> None:
    import asyncio

    client = AsyncClient("forked", broker=url)
    task = client.task(echo)

    async def run() -> tuple[str, int]:
        job = await task.launch(5)
        value = await job.result(SOON)
        instance = client.instance
        await client.close()
        return instance, value

    def in_the_child() -> tuple[str, int]:
        return asyncio.run(run())

    before = client.instance
    instance, value = in_child(lambda: with_service(url, {}, in_the_child))
    assert value == 5
    assert instance != before
