"""The names of the document of version 1, and what it shows."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from schedulergodx.brokers import make_broker
from schedulergodx.client import Client, Response
from schedulergodx.core.envelope import MessageType, read_header
from schedulergodx.core.job import ErrorCode, Failure, Outcome, Status
from schedulergodx.core.names import Names
from schedulergodx.errors import ConfigError, EnvelopeError, JobTimeout, LaunchError, ResultTimeout
from schedulergodx.utils.id_generators import autoincrement
from schedulergodx.utils.message import Message, MessageConstructor
from tests.client.small_service import SmallService

SOON = 10  # seconds, the deadline of what must happen


def divide(a: float, b: float) -> float:
    return a / b


def test_its_program_runs(url: str, service: SmallService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULERGODX_BROKER", url)
    import schedulergodx.client as scheduler

    client = scheduler.Client()

    @client.task
    def test(a, b):  # type: ignore[no-untyped-def] # as it is printed
        print(a / b)

    test.set_parameters(delay=10, task_lifetime=10)
    for _ in range(3):
        test.launch(10, b=1)
    records = service.wait_for_jobs(3)
    assert {record.task.spec.lifetime for record in records} == {10.0}
    assert all(record.item.due is not None for record in records)
    client.close()


def test_a_response_has_metadata_and_arguments(
    service: SmallService, make_client: Callable[..., Client]
) -> None:
    """S14, S22, S23: a response has metadata and arguments."""
    client = make_client(id_generator=autoincrement())
    message_id = client.task(divide).launch(6, 3)
    response = client.sync_await_responce(message_id)
    assert isinstance(response, Response)
    assert response.metadata == {"id": "1", "client": client.name, "type": Message.INFO}
    assert response.arguments["responce"] == 0
    assert response.arguments["result"] == 2
    assert client.get_response("1").arguments == response.arguments  # type: ignore[union-attr]


def test_an_error_response_says_why(client: Client, service: SmallService) -> None:
    """S22, S24: an error response says why."""
    job = client.task(divide).launch(1, 0)
    response = client.await_response(str(job), SOON)
    assert response.metadata["type"] is MessageType.ERROR
    assert response.arguments["error_code"] is ErrorCode.ERROR_IN_TASK
    assert "division by zero" in response.arguments["message"]
    assert isinstance(response.arguments["error"], ZeroDivisionError)


def test_a_timeout_has_the_number_of_the_document(client: Client, service: SmallService) -> None:
    """S24: a timeout has the number of the document."""
    service.hold = True
    job = client.task(divide).launch(1, 1)
    failure = Failure(ErrorCode.TASK_TIMEOUT_ERROR, "too slow")
    service.end(job.uid, Outcome(Status.TIMEOUT, failure=failure))
    arguments = client.await_response(job, SOON).arguments
    assert arguments["error_code"] == ErrorCode.TASK_TIMEOT_ERROR == 5
    assert isinstance(arguments["error"], JobTimeout)


def test_get_response_does_not_wait(
    client: Client, service: SmallService, make_client: Callable[..., Client]
) -> None:
    service.hold = True
    job = client.task(divide).launch(1, 1)
    service.record(job.uid)
    assert client.get_response(job) is None
    assert client.get_responce(job.id) is None
    assert client.get_response("there is none") is None
    other = make_client(client.name)
    assert other.get_response(job.id) is None
    service.release()
    assert job.result(SOON) == 1
    found = other.get_response(job.id)
    assert found is not None
    assert found.arguments["result"] == 1


async def test_responses_can_be_awaited(client: Client, service: SmallService) -> None:
    job = client.task(divide).launch(4, 2)
    async with asyncio.timeout(SOON):
        for get in (client.async_get_responce, client.async_get_response):
            assert (await get(job)).arguments["result"] == 2
        assert (await client.async_await_response(job.id)).arguments["result"] == 2
    service.hold = True
    with pytest.raises(ResultTimeout):
        await client.async_get_responce(client.task(divide).launch(1, 1), timeout=0.01)


def test_threads_are_found_by_their_exact_id(
    service: SmallService, make_client: Callable[..., Client]
) -> None:
    """S12: threads are found by their exact id."""
    client = make_client(id_generator=autoincrement(10))
    job = client.task(divide).launch(1, 1)
    [thread] = client.get_threads()
    assert isinstance(thread, threading.Thread)
    assert client.get_thread("11") is thread
    assert client.get_thread(job) is thread
    assert client.get_thread("1") is None


def test_the_logger_takes_handlers_and_filters(
    service: SmallService, make_client: Callable[..., Client]
) -> None:
    """S8: the logger takes handlers and filters."""
    client = make_client("logs", core_name="core.test")
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    client.logger.addHandler(handler)
    client.logger.addFilter(lambda record: "secret" not in record.getMessage())
    client.logger.warning("heard")
    client.logger.warning("secret")
    assert [record.getMessage() for record in records] == ["heard"]
    assert client.logger.getLogger().name == "core.test.logs"


# -- push, and messages made by hand ---------------------------------------------------------------


def test_a_pushed_task_runs_and_is_signed(url: str, make_client: Callable[..., Client]) -> None:
    """S13: a pushed task runs and is signed."""
    secret = "a secret of the tests"
    with SmallService(url, secret=secret.encode()):
        client = make_client(secret=secret)
        message = MessageConstructor.task("seven", "anyone", 10, divide, (7,), {"b": 2})
        client.push(message)
        client.push(message, delivery_mode=2)
        assert client.await_response("seven", SOON).arguments["result"] == 3.5


def test_what_is_pushed_need_not_be_an_envelope(
    url: str, make_client: Callable[..., Client]
) -> None:
    client = make_client()
    client.push("junk")
    client.push(b"junk", delivery_mode=1)
    assert asyncio.run(read_all(url)) == [b"junk", b"junk"]
    with pytest.raises(ConfigError, match="delivery_mode"):
        client.push(b"junk", delivery_mode=3)


async def read_all(url: str) -> list[bytes]:
    """What waits in the default queue, beside greetings."""
    broker = make_broker(url)
    await broker.open(1)
    found: list[bytes] = []
    await broker.consume(Names().requests(), lambda delivery: found.append(delivery.body))
    while len(found) < 3:
        await asyncio.sleep(0.001)
    return found[1:]


def test_a_push_that_goes_nowhere_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client._confirm_timeout = 0.01
    monkeypatch.setattr(type(client._line()), "submit", lambda self, outgoing: None)
    with pytest.raises(LaunchError, match="did not confirm"):
        client.push(b"junk")


def test_messages_are_taken_apart_again() -> None:
    """S26: messages are taken apart again."""
    info = MessageConstructor.disassemble(MessageConstructor.info("is anybody there?", "me"))
    assert info.metadata == {"id": "is anybody there?", "client": "me", "type": Message.INFO}
    assert info.arguments == {"responce": 0}
    error = MessageConstructor.disassemble(MessageConstructor.error("1", "me", 3, "no"))
    assert error.metadata["type"] is Message.ERROR
    assert error.arguments == {"error_code": 3, "message": "no"}
    hello = MessageConstructor.initialization("1", "me", enable_overdue=False)
    metadata, arguments = MessageConstructor.disassemble(hello)
    assert metadata["type"] is Message.INITIALIZATION
    assert arguments == {"enable_overdue": False}
    assert read_header(hello)[0].client == "me"
    with pytest.raises(EnvelopeError):
        MessageConstructor.disassemble(b"junk")


def test_a_task_is_taken_apart_again() -> None:
    """S25, S26: a task is taken apart again."""
    when = datetime(2031, 1, 1, tzinfo=UTC)
    message = MessageConstructor.task(
        "1", "me", None, divide, [1], {"b": 4}, time_to_start=when, hard=True
    )
    metadata, arguments = MessageConstructor.disassemble(message)
    assert metadata == {"id": "1", "client": "me", "type": Message.TASK}
    assert (arguments["name"], arguments["hard"], arguments["lifetime"]) == ("divide", True, None)
    assert arguments["time_to_start"] == when.timestamp()
    function, (args, kwargs) = MessageConstructor.bulk_deserialization(
        [arguments["function"], arguments["arguments"]]
    )
    assert function(*args, **kwargs) == 0.25


def test_values_survive_as_text() -> None:
    value = {"a": [1, 2.5, None], "when": datetime(2031, 1, 1, tzinfo=UTC)}
    text = MessageConstructor.serialization(value)
    assert text.isascii()
    assert MessageConstructor.deserialization(text) == value
    with pytest.raises(ConfigError):
        MessageConstructor.deserialization("bm8=")
