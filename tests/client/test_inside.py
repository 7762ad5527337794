"""Clients, tasks and jobs travel as references; inside a job they speak through the worker."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from collections.abc import Callable, Iterator

import pytest

from schedulergodx.client import AsyncClient, Client, references
from schedulergodx.core import context
from schedulergodx.core.code import Packer, Unpacker
from schedulergodx.errors import LaunchError, LaunchUnconfirmed
from tests.client.small_service import SmallService

SOON = 10  # seconds, the deadline of what must happen


def echo(value: int) -> int:
    return value


class WorkerOutlet:
    """The way out of a worker of a small service, as the executor offers it."""

    instance = "worker:7"
    client = "whose-job-runs"

    def __init__(self, service: SmallService) -> None:
        self._service = service
        self.waits: list[bool] = []
        self.sent: list[str] = []
        self.refusal = ""

    def send(self, address: str, body: bytes) -> None:
        if self.refusal:
            raise LaunchError(self.refusal)
        self.sent.append(address)
        self._service.take_from_worker(body)

    def subscribe(self, on_response: Callable[[bytes], None]) -> None:
        assert self._service.to_worker is None, "an outlet is subscribed to once"
        self._service.to_worker = on_response

    def waiting(self, begins: bool) -> None:
        self.waits.append(begins)


@pytest.fixture
def outlet(service: SmallService, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerOutlet]:
    outlet = WorkerOutlet(service)
    monkeypatch.setattr(context, "outlet", outlet)
    monkeypatch.setattr(references, "_known", type(references._known)())
    yield outlet


# -- references ------------------------------------------------------------------------------------


def test_a_client_comes_back_as_itself(client: Client) -> None:
    assert pickle.loads(pickle.dumps(client)) is client
    assert copy.deepcopy(client) is client


def test_a_reference_holds_no_secret(service: SmallService) -> None:
    client = Client(
        "quiet",
        broker="amqp://me:hunter2@127.0.0.1:1/",
        secret="a secret of the tests",
        connect=False,
    )
    pickled = pickle.dumps(client)
    assert b"hunter2" not in pickled
    assert b"a secret" not in pickled
    assert b"127.0.0.1" in pickled


def test_a_task_travels_with_its_options(client: Client, service: SmallService) -> None:
    task = pickle.loads(pickle.dumps(client.task(echo, priority=3, name="mirror")))
    assert task(1) == 1
    assert (task.name, task.__name__) == ("mirror", "echo")
    job = task.launch(2)
    assert job.result(SOON) == 2
    assert service.record(job.uid).task.priority == 3


def test_a_job_comes_back_as_the_one_that_is_held(client: Client) -> None:
    job = client.task(echo).launch(1)
    assert pickle.loads(pickle.dumps(job)) is job


def test_a_job_of_another_process_is_asked_for(
    client: Client, make_client: Callable[..., Client], service: SmallService
) -> None:
    pickled = pickle.dumps(client.task(echo).launch(1))
    service.wait_for_ends(1)
    job = pickle.loads(pickled.replace(client.name.encode(), b"remade"))
    assert job._client is not client
    assert job.task == "echo"
    job._client.close()


def test_a_task_that_calls_itself_can_be_packed(client: Client, service: SmallService) -> None:
    @client.task
    def count_down(n: int) -> list[int]:
        return [n] if n == 0 else [n, *count_down(n - 1)]

    assert count_down.launch(3).result(SOON) == [3, 2, 1, 0]
    packed = Packer().pack_function(count_down._recipe.function)
    assert packed == Packer().pack_function(count_down._recipe.function)


def test_a_task_can_be_an_argument_and_a_result(client: Client, service: SmallService) -> None:
    inner = client.task(echo)

    @client.task
    def hand_on(task: object) -> object:
        return task

    again = hand_on.launch(inner).result(SOON)
    assert again.launch(3).result(SOON) == 3  # type: ignore[attr-defined]


# -- inside a job ----------------------------------------------------------------------------------


def test_inside_a_job_a_client_needs_no_broker(outlet: WorkerOutlet, service: SmallService) -> None:
    client = Client("named", broker="amqp://guest:guest@127.0.0.1:1/")
    job = client.task(echo).launch(4)
    assert job.result(SOON) == 4
    header = service.record(job.uid).header
    assert (header.client, header.instance) == (outlet.client, outlet.instance)
    assert outlet.sent == ["client-service"]
    assert client.get_threads() == []
    client.close()
    assert client.task(echo).launch(5).result(SOON) == 5


def test_a_reference_is_one_client_for_each_worker(
    client: Client, service: SmallService, outlet: WorkerOutlet
) -> None:
    pickled = pickle.dumps(client.task(echo))
    references._known.clear()  # as in a worker
    one, two = pickle.loads(pickled), pickle.loads(pickled)
    assert one._client is two._client
    assert one._client is not client
    assert one.launch(1).result(SOON) == 1
    assert [job.result(SOON) for job in two.map([2, 3])] == [2, 3]


def test_two_clients_share_an_outlet(outlet: WorkerOutlet, service: SmallService) -> None:
    one, two = Client("one"), Client("two")
    jobs = [client.task(echo).launch(n) for n, client in enumerate((one, two))]
    assert [job.result(SOON) for job in jobs] == [0, 1]


def test_a_job_that_waits_says_so(outlet: WorkerOutlet, service: SmallService) -> None:
    service.hold = True
    job = Client("waiting").task(echo).launch(1)
    threading.Timer(0.05, service.release).start()
    assert job.result(SOON) == 1
    assert outlet.waits == [True, False]
    assert job.result(SOON) == 1
    assert outlet.waits == [True, False]


def test_a_wait_that_fails_is_over_too(outlet: WorkerOutlet, service: SmallService) -> None:
    service.hold = True
    job = Client("waiting").task(echo).launch(1)
    with pytest.raises(TimeoutError):
        job.result(timeout=0.01)
    assert outlet.waits == [True, False]


def test_what_the_service_refuses_is_raised(outlet: WorkerOutlet, service: SmallService) -> None:
    outlet.refusal = "the disk is full"
    with pytest.raises(LaunchError, match="the disk is full") as raised:
        Client("refused").task(echo).launch(1)
    assert not isinstance(raised.value, LaunchUnconfirmed)
    assert len(raised.value.jobs) == 1


def test_questions_go_through_the_worker_as_well(
    outlet: WorkerOutlet, service: SmallService
) -> None:
    service.hold = True
    client = Client("asking")
    job = client.task(echo).launch(1)
    assert job.cancel()
    assert client.list_jobs()
    assert outlet.sent == ["client-service", "client-service", "client-service.control"]


def test_an_async_client_speaks_through_the_worker(
    outlet: WorkerOutlet, service: SmallService
) -> None:
    async def run() -> list[int]:
        client = AsyncClient("async", broker="amqp://guest:guest@127.0.0.1:1/")
        task = client.task(echo)
        one = await task.launch(1)
        async with client.pipeline():
            more = [await task.launch(n) for n in (2, 3)]
        return [await one, *[await job.result(SOON) for job in more]]

    assert asyncio.run(run()) == [1, 2, 3]


async def test_a_plain_client_can_be_awaited_inside_a_coroutine(
    outlet: WorkerOutlet, service: SmallService
) -> None:
    job = Client("plain").task(echo).launch(3)
    async with asyncio.timeout(SOON):
        assert await job == 3


def test_a_shipped_function_finds_its_tasks_in_the_worker(
    client: Client, service: SmallService, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = client.task(echo)

    def root(value: int) -> str:
        return leaf.launch(value).id

    packed = Packer().pack_function(root)
    monkeypatch.setattr(context, "outlet", WorkerOutlet(service))
    monkeypatch.setattr(references, "_known", type(references._known)())
    unpacker = Unpacker(in_worker=True)
    for key, unit in packed.units.items():
        unpacker.add_unit(key, unit)
    id = unpacker.load_function(packed.hash).function(42)
    records = service.wait_for_jobs(1)
    assert [record.id for record in records] == [id]
    assert records[0].header.client == WorkerOutlet.client
