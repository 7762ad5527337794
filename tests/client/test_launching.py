"""A launch: what it sends, what it gives back, what it raises."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from schedulergodx.brokers.memory import MemoryBroker
from schedulergodx.client import Client, Job
from schedulergodx.client.unconfirmed import parcel_of
from schedulergodx.core.job import Execution, Status
from schedulergodx.errors import (
    BrokerClosed,
    ConfigError,
    JobCancelled,
    LaunchUnconfirmed,
    ResultTimeout,
    ShipError,
    TooLarge,
    UnknownQueue,
)
from schedulergodx.utils.id_generators import autoincrement, ulid_generator
from tests.client.small_service import SmallService

SOON = 10  # seconds, the deadline of what must happen


def hold_back_confirms(patch: pytest.MonkeyPatch) -> list[asyncio.Future[None]]:
    """Have a broker take what is launched, and neither send nor confirm it."""
    kept: list[asyncio.Future[None]] = []
    publish_really = MemoryBroker.publish

    def publish(self: MemoryBroker, address: str, body: bytes) -> asyncio.Future[None]:
        if address != "client-service":
            return publish_really(self, address, body)
        kept.append(asyncio.get_running_loop().create_future())
        return kept[-1]

    patch.setattr(MemoryBroker, "publish", publish)
    return kept


def add(a: int, b: int = 0) -> int:
    """The sum."""
    return a + b


def test_a_task_stays_its_function(client: Client) -> None:
    task = client.task(add)
    assert task(2, b=3) == 5
    assert (task.__name__, task.__doc__, task.__wrapped__) == ("add", "The sum.", add)
    assert client.task(task)(1, 1) == 2


def test_a_task_and_what_its_options_give_say_what_they_are(client: Client) -> None:
    task = client.task(add)
    assert repr(task) == "<Task add of <Client tester>>"
    assert repr(task.options(delay=1)) == "<Launcher add of <Client tester>>"


def test_a_launch_gives_a_job_with_the_value(client: Client) -> None:
    job = client.task(add).launch(1, b=2)
    assert isinstance(job, Job)
    assert job.result(SOON) == 3
    assert job.result() is job.result()
    assert job.exception() is None
    assert job.ready()
    assert job.status() is Status.COMPLETED
    assert job.output() == "printed\n"


def test_an_id_is_the_ulid_of_the_uid(client: Client) -> None:
    job = client.task(add).launch(1)
    assert str(job) == job.id
    assert len(job.id) == 26
    assert client.job(job.id) is job
    assert client.job(job.uid.hex()) is job
    assert {job: 1}[client.job(job.id)] == 1


def test_ids_come_from_the_generator(
    service: SmallService, make_client: Callable[..., Client]
) -> None:
    client = make_client(id_generator=autoincrement(10))
    task = client.task(add)
    jobs = [task.launch(n) for n in range(3)]
    assert [job.id for job in jobs] == ["11", "12", "13"]
    assert client.job("12") is jobs[1]
    assert [job.result(SOON) for job in jobs] == [0, 1, 2]
    assert [record.item.id for record in service.records.values()] == ["11", "12", "13"]


def test_the_generator_of_ulids_sends_no_labels(
    service: SmallService, make_client: Callable[..., Client]
) -> None:
    job = make_client(id_generator=ulid_generator()).task(add).launch(1)
    job.result(SOON)
    assert service.records[job.uid].item.id is None


def test_a_coroutine_function_is_async_by_itself(client: Client, service: SmallService) -> None:
    @client.task
    async def double(n: int) -> int:
        return 2 * n

    assert double.launch(4).result(SOON) == 8
    assert service.tasks[-1][1].spec.execution is Execution.ASYNC
    double.options(hard=True).launch(4)
    with pytest.raises(ConfigError, match="leave `execution` out"):
        double.options(execution="thread")


def test_options_reach_the_wire(client: Client, service: SmallService) -> None:
    task = client.task(
        add,
        name="sum",
        priority=7,
        max_attempts=3,
        retry_delay="2 s",
        retry_backoff=True,
        retry_jitter=0.5,
        hard=True,
        timeout=timedelta(minutes=1),
        memory="64 MiB",
        enable_overdue=False,
    )
    before = datetime.now(UTC).timestamp()
    job = task.options(delay=60, expires=120).launch(1)
    job.result(SOON)
    body, item = service.records[job.uid].task, service.records[job.uid].item
    assert (body.spec.name, body.priority, body.queue) == ("sum", 7, "default")
    assert (body.spec.execution, body.spec.lifetime) == (Execution.FORK, 60.0)
    assert (body.spec.retry.attempts, body.spec.retry.delay) == (3, 2.0)
    assert (body.spec.retry.backoff, body.spec.retry.jitter) == (2.0, 0.5)
    assert body.spec.limits is not None
    assert body.spec.limits.memory == 64 << 20
    assert not body.spec.enable_overdue
    assert item.due == pytest.approx(before + 60, abs=5)
    assert item.deadline == pytest.approx(before + 120, abs=5)


def test_exceptions_that_decide_about_attempts_travel_with_the_code(
    client: Client, service: SmallService
) -> None:
    class Busy(Exception):
        pass

    task = client.task(add, max_attempts=2, retry_on=Busy, give_up_on=[OSError, KeyError])
    task.launch(1).result(SOON)
    loaded = service._unpacker.load_function(service.tasks[-1][1].spec.function)
    assert [error.__name__ for error in loaded.retry_on] == ["Busy"]
    assert loaded.give_up_on == (OSError, KeyError)


def test_code_is_packed_again_when_what_it_uses_was_rebound(client: Client) -> None:
    rate = 2

    @client.task
    def times(n: int) -> int:
        return n * rate

    assert times.launch(3).result(SOON) == 6
    rate = 5
    assert times.launch(3).result(SOON) == 15


def test_a_change_inside_an_object_needs_a_refresh(client: Client) -> None:
    rates = {"a": 1}

    @client.task
    def look_up(key: str) -> int:
        return rates[key]

    assert look_up.launch("a").result(SOON) == 1
    rates["a"] = 2
    look_up.refresh()
    assert look_up.launch("a").result(SOON) == 2
    assert "look_up" in str(look_up.explain())


def test_options_of_one_launch_do_not_stick(client: Client, service: SmallService) -> None:
    task = client.task(add)

    def due(job: Job[int]) -> float | None:
        job.result(SOON)
        return service.records[job.uid].item.due

    assert due(task.options(delay=9).launch(1)) is not None
    assert due(task.launch(1)) is None
    task.set_parameters(delay=9)
    assert due(task.launch(1)) is not None
    task.set_parameters(delay=None)
    assert due(task.launch(1)) is None


def test_equal_options_share_a_template(client: Client) -> None:
    task = client.task(add)
    first, second = task.options(priority=2, delay=0), task.options(delay=0, priority=2)
    assert first._recipe.template() is second._recipe.template()


def test_options_that_only_look_equal_do_not_share_one(client: Client) -> None:
    task = client.task(add)
    backoffs = [
        task.options(retry_backoff=backoff)._recipe.options.retry_backoff for backoff in (1, True)
    ]
    assert backoffs == [1, 2]


def test_a_task_that_is_registered_again_keeps_its_options(
    client: Client, make_client: Callable[..., Client]
) -> None:
    task = client.task(add, name="sum", priority=3, lifetime=5)
    again = make_client("another").task(task, priority=4)
    options = again._recipe.options
    assert (again.name, options.priority, options.effective_lifetime) == ("sum", 4, 5)
    assert again.launch(1, 2).result(SOON) == 3


def test_defaults_come_from_the_client(
    service: SmallService, make_client: Callable[..., Client]
) -> None:
    client = make_client(
        task_lifetime="1 min", hard_task_lifetime=None, enable_overdue=False, max_attempts=2
    )
    client.task(add).launch(1).result(SOON)
    client.task(add, hard=True).launch(1).result(SOON)
    soft, hard = (body.spec for _, body in service.tasks[-2:])
    assert (soft.lifetime, hard.lifetime) == (60.0, None)
    assert (soft.enable_overdue, soft.retry.attempts) == (False, 2)


def test_an_unknown_queue_is_named(client: Client) -> None:
    with pytest.raises(UnknownQueue, match=r"'nobody'.*--queues nobody") as raised:
        client.task(add).options(queue="nobody").launch(1)
    assert [type(job) for job in raised.value.jobs] == [Job]


def test_jobs_of_a_named_queue_go_there(
    url: str, service: SmallService, make_client: Callable[..., Client]
) -> None:
    with SmallService(url, queues=("mail",), store="other") as mail:
        task = make_client().task(add, queue="mail")
        assert task.launch(1).result(SOON) == 1
        assert (len(mail.tasks), len(service.tasks)) == (1, 0)


def test_what_can_not_travel_is_refused_at_launch(client: Client) -> None:
    with pytest.raises(ShipError):
        client.task(add).launch(threading.current_thread())


def test_what_is_too_large_is_refused_by_name(client: Client, service: SmallService) -> None:
    with pytest.raises(TooLarge, match="'add'"):
        client.task(add).launch(b"x" * (9 << 20))
    assert not service.tasks


def test_a_launch_works_while_no_service_is_up(
    url: str, make_client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client()
    assert [r.levelname for r in caplog.records if "no service reads" in r.message] == ["WARNING"]
    job = client.task(add).launch(1, 1)
    with pytest.raises(ResultTimeout, match=job.id):
        job.result(0.01)
    with SmallService(url):
        assert job.result(SOON) == 2


@pytest.mark.parametrize("number", [20, 1000])
def test_launches_from_many_threads_all_arrive(
    client: Client, service: SmallService, number: int
) -> None:
    task = client.task(add)
    with ThreadPoolExecutor(32) as pool:
        jobs = list(pool.map(task.launch, range(number)))
    assert [job.result(SOON) for job in jobs] == list(range(number))
    assert len(service.records) == number


def test_launches_of_the_same_moment_share_an_envelope(
    client: Client, service: SmallService
) -> None:
    task = client.task(add)
    task.launch(0)
    line = client._line()
    loop = line._loop  # type: ignore[attr-defined]
    stopped, go_on = threading.Event(), threading.Event()
    loop.call_soon_threadsafe(lambda: (stopped.set(), go_on.wait(SOON)))
    assert stopped.wait(SOON)
    with ThreadPoolExecutor(50) as pool:
        jobs = [pool.submit(task.launch, n) for n in range(50)]
        while len(line._session._outgoing) < 50:  # type: ignore[attr-defined]
            threading.Event().wait(0.001)
        go_on.set()
        assert [job.result().result(SOON) for job in jobs] == list(range(50))
    assert [len(body.jobs) for _, body in service.tasks] == [1, 50]


def test_a_closed_client_says_so(client: Client, service: SmallService) -> None:
    service.hold = True
    task = client.task(add)
    job = task.launch(1)
    waiting = ThreadPoolExecutor(1).submit(job.result)
    client.close()
    client.close()
    with pytest.raises(BrokerClosed):
        waiting.result(SOON)
    with pytest.raises(BrokerClosed, match="was closed"):
        task.launch(1)


def test_a_client_is_a_context_manager(url: str, service: SmallService) -> None:
    with Client("tester", broker=url) as client:
        assert client.task(add).launch(1).result(SOON) == 1
        thread = client.get_threads()[0]
    assert not thread.is_alive()
    assert not client.get_threads()


def test_an_unconfirmed_launch_can_be_sent_again(
    client: Client, service: SmallService, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = client.task(add)
    task.launch(0)
    client._confirm_timeout = 0.05
    with monkeypatch.context() as patch:
        kept = hold_back_confirms(patch)
        with pytest.raises(LaunchUnconfirmed, match=r"client\.resend") as raised:
            task.launch(1, 1)
        job = raised.value.job
        assert isinstance(job, Job)
        with pytest.raises(LaunchUnconfirmed):  # it is still under way: it is not sent twice
            client.resend(job)
        assert len(kept) == 1
    parcel, _ = parcel_of(job)
    kept[0].get_loop().call_soon_threadsafe(kept[0].set_exception, BrokerClosed("gone"))
    assert parcel.wait(SOON)
    client._confirm_timeout = SOON
    client.resend(job)
    assert job.result(SOON) == 2
    with pytest.raises(ConfigError, match="nothing to send again"):
        client.resend(job)


def test_an_unconfirmed_launch_may_have_arrived(
    client: Client, service: SmallService, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = client.task(add)
    task.launch(0)
    client._confirm_timeout = 0.05
    with monkeypatch.context() as patch:
        kept = hold_back_confirms(patch)
        with pytest.raises(LaunchUnconfirmed) as raised:
            task.launch(1, 1)
    job = raised.value.job
    assert isinstance(job, Job)
    parcel, sent = parcel_of(job)
    assert sent
    kept[0].get_loop().call_soon_threadsafe(kept[0].set_result, None)
    assert parcel.wait(SOON)
    client.resend(job)  # its confirm has come: nothing is sent
    assert task.launch(2).result(SOON) == 2
    assert job.uid not in service.records


def test_cancel_says_what_it_did(client: Client, service: SmallService) -> None:
    service.hold = True
    waiting, running, ended = client.task(add).map([1, 2, 3])
    assert waiting.status() is Status.PENDING
    service.record(running.uid).status = Status.RUNNING
    answer = waiting.cancel()
    assert answer
    assert str(answer) == "cancelled"
    asked = running.cancel(force=True)
    assert asked
    assert str(asked) == "asked"
    assert service.requests[-1].force
    service.records[ended.uid].status = Status.COMPLETED
    too_late = ended.cancel()
    assert not too_late
    assert str(too_late) == "too late"
    with pytest.raises(JobCancelled) as raised:
        waiting.result(SOON)
    assert raised.value.code == 7
    assert str(waiting.cancel()) == "too late"


def test_a_cancel_is_buried_for_own_jobs_and_by_the_queue_of_the_job(
    client: Client, service: SmallService
) -> None:
    service.hold = True
    job = client.task(add).launch(1)
    job.cancel()
    assert service.requests[-1].bury == job.uid
