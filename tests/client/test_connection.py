"""How a client comes to its broker, what it says there, and how it goes."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import subprocess
import sys
import threading
import traceback
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from schedulergodx.brokers.memory import MemoryBroker
from schedulergodx.client import Client, session
from schedulergodx.core.envelope import MessageType, seal
from schedulergodx.core.job import ErrorCode, Failure, Status
from schedulergodx.core.names import Names, Queue
from schedulergodx.core.request import AskOutcomes
from schedulergodx.core.signing import Signer
from schedulergodx.errors import BadSignature, BrokerUnavailable, ConfigError, ResultTimeout
from schedulergodx.utils.rmq_property import RmqConnect
from tests.client.small_service import SmallService

SOON = 10  # seconds, the deadline of what must happen
SECRET, OTHER = "a secret of the tests", "another secret of the tests"


def echo(value: int) -> int:
    return value


def test_a_client_introduces_itself(service: SmallService, client: Client) -> None:
    """S7: a client introduces itself."""
    assert service.greetings == 1


def test_a_refused_introduction_is_raised(
    service: SmallService, make_client: Callable[..., Client]
) -> None:
    """S7: a refused introduction is raised."""
    service.refuse = Failure(ErrorCode.BAD_INITIALIZATION, "no strangers")
    with pytest.raises(ConfigError, match="no strangers"):
        make_client()


def test_a_busy_service_is_not_waited_for_for_ever(
    service: SmallService, make_client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    service.silent = True
    make_client(connect_timeout=0.05)
    assert "did not answer within 0.05 s" in caplog.text


def test_both_ends_sign(url: str, make_client: Callable[..., Client]) -> None:
    with SmallService(url, secret=SECRET.encode()):
        assert make_client(secret=SECRET).task(echo).launch(1).result(SOON) == 1
        assert make_client(secret=SECRET.encode()).task(echo).launch(1).result(SOON) == 1


@pytest.mark.parametrize(
    ("ours", "theirs"), [(SECRET, OTHER), (SECRET, None), (None, SECRET)], ids=str
)
def test_ends_that_do_not_sign_alike_are_told(
    url: str, make_client: Callable[..., Client], ours: str | None, theirs: str | None
) -> None:
    with (
        SmallService(url, secret=theirs.encode() if theirs else None),
        pytest.raises(BadSignature, match="SCHEDULERGODX_SECRET"),
    ):
        client = make_client(secret=ours)
        client.task(echo).launch(1).result(SOON)


def test_a_message_that_can_not_be_verified_is_named_later(
    service: SmallService, make_client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    service.hold = True
    client = make_client(secret=None)
    job = client.task(echo).launch(1)
    client._reader.signer = Signer(SECRET.encode())
    service.release()
    with pytest.raises(ResultTimeout, match="dropped: the message is not signed"):
        job.result(timeout=0.5)
    assert "was dropped" in caplog.text


def test_junk_harms_nothing(service: SmallService, client: Client) -> None:
    service.send_raw(client.name, client.instance, b"junk")
    strange = seal(
        MessageType.TASK, {}, uid=b"", client="", instance="", created=0.0, signer=Signer()
    )
    service.send_raw(client.name, client.instance, strange)
    assert client.task(echo).launch(1).result(SOON) == 1
    assert "no message of type" in client._reader.dropped


def test_a_broker_that_is_not_there_is_named_with_the_ways_out() -> None:
    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:1") as raised:
        Client("alone", broker="amqp://guest:guest@127.0.0.1:1/", connect_timeout=0.5)
    assert "spool:" in str(raised.value)
    assert "SCHEDULERGODX_BROKER" in str(raised.value)


def test_the_error_of_a_broker_that_is_not_there_is_short() -> None:
    with pytest.raises(BrokerUnavailable) as raised:
        Client("alone", broker="amqp://127.0.0.1:1/", connect_timeout=0.1)
    text = "".join(traceback.format_exception(raised.value))
    assert "pika" not in text
    assert "asyncio" not in text


def test_who_waits_for_a_broker_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(session, "_SILENCE", 0.1)
    with pytest.raises(BrokerUnavailable):
        Client("alone", broker="amqp://127.0.0.1:1/", connect_timeout=1)
    assert "amqp://guest@127.0.0.1:1/%2F can't be reached yet: trying on for 0.9 s" in caplog.text


def test_what_is_no_settings_object_is_refused() -> None:
    with pytest.raises(ConfigError, match="broker="):
        Client("tester", rmq_connect="amqp://localhost/")  # type: ignore[arg-type]


def test_a_secret_that_is_no_text_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="secret"):
        Client("tester", broker=url, secret=1234567890123456)  # type: ignore[arg-type]


def test_two_brokers_are_one_too_many(url: str) -> None:
    with pytest.raises(ConfigError, match="rmq_connect"):
        Client(broker=url, rmq_connect=RmqConnect())


def test_a_client_can_connect_later(
    service: SmallService, make_client: Callable[..., Client]
) -> None:
    client = make_client(connect=False)
    task = client.task(echo)
    assert client.get_threads() == []
    assert service.greetings == 0
    assert task.launch(1).result(SOON) == 1
    assert [thread.is_alive() for thread in client.get_threads()] == [True]


def test_a_bad_name_is_refused(url: str) -> None:
    for name in ("x" * 200, "two\nlines"):
        with pytest.raises(ConfigError, match="name"):
            Client(name, broker=url)


def test_a_prefix_parts_deployments(url: str, make_client: Callable[..., Client]) -> None:
    """T20: a prefix parts deployments."""
    with SmallService(url, prefix="one."), SmallService(url, prefix="two.", store="two") as two:
        assert make_client(prefix="one.").task(echo).launch(1).result(SOON) == 1
        assert two.records == {}


async def queues(url: str, client: Client) -> int | None:
    """How many read the responses of a client; None if their queue is gone."""
    broker = MemoryBroker(url)
    await broker.open(1)
    return await broker.consumers(Names().responses(client.name, client.instance))


def test_a_close_removes_the_queue_of_responses(url: str, client: Client) -> None:
    assert asyncio.run(queues(url, client)) == 1
    client.close()
    assert asyncio.run(queues(url, client)) is None


def test_a_client_that_nobody_keeps_ends_its_thread(url: str, service: SmallService) -> None:
    client = Client("forgotten", broker=url)
    task = client.task(echo)
    assert task.launch(1).result(SOON) == 1
    [thread] = client.get_threads()
    gone = weakref.ref(client)
    del client, task
    gc.collect()
    assert gone() is None
    thread.join(SOON)
    assert not thread.is_alive()


def test_a_job_keeps_its_client(url: str, service: SmallService) -> None:
    service.hold = True
    job = Client("kept", broker=url).task(echo).launch(1)
    gc.collect()
    service.release()
    assert job.result(SOON) == 1
    job._client.close()


def test_a_loss_of_the_connection_is_logged(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    session = client._line()._session  # type: ignore[attr-defined]
    session._change(False, "a cable")
    session._change(True, "")
    assert "is lost: a cable" in caplog.text
    assert "connected again" in caplog.text


def test_what_was_missed_is_asked_for_when_the_queue_of_responses_is_back(
    url: str, service: SmallService, client: Client
) -> None:
    service.silent = True
    jobs = client.task(echo).map(range(2500))
    service.wait_for_ends(2500)
    service.silent = False
    asyncio.run(delete(url, Names().responses(client.name, client.instance)))
    assert [job.result(SOON) for job in jobs] == list(range(2500))
    asked = [request for request in service.requests if isinstance(request, AskOutcomes)]
    assert [len(request.uids) for request in asked] == [1000, 1000, 500]


async def delete(url: str, queue: Queue) -> None:
    """As an operator does, over another connection."""
    broker = MemoryBroker(url)
    await broker.open(1)
    await broker.delete(queue)
    await broker.close()


_FAREWELL = """
import sys, threading
from schedulergodx.client import Client
client = Client("leaving", broker="memory:")
task = client.task(lambda n: n)
pipeline = client.pipeline().__enter__()
jobs = [task.launch(n) for n in range(10)]
waiting = threading.Thread(target=jobs[0].result, daemon=True)
waiting.start()
"""


def test_a_program_ends_without_a_word(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _FAREWELL],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_job_waits_without_a_thread_of_its_own(client: Client, service: SmallService) -> None:
    service.hold = True
    before = threading.active_count()
    jobs = client.task(echo).map(range(100))
    assert jobs[0].status() is Status.PENDING
    assert threading.active_count() == before
