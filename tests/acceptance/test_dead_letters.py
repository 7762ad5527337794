"""Dead letters are looked at, sent again and thrown away, and never lost."""

from __future__ import annotations

import signal
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from schedulergodx.client import AsyncClient, dead_letters
from schedulergodx.client.dead_letters import DeadLetterView
from schedulergodx.core.properties import Properties
from schedulergodx.core.signing import SIGNATURE_HEADER, Signer
from schedulergodx.core.view import JobFilter
from schedulergodx.errors import BrokerError, UnknownQueue
from tests.acceptance.deployment import Deployment
from tests.acceptance.folder import Folder
from tests.world import SECRET, until

if TYPE_CHECKING:
    from schedulergodx.client import Client

SOON = 30
OTHER_SECRET = "another secret, which is long enough as well"


def double(number: int) -> int:
    return 2 * number


def letters_of(client: Client, number: int) -> list[DeadLetterView]:
    """The dead letters, once there are so many."""
    found: list[DeadLetterView] = []

    def enough() -> bool:
        found[:] = client.dead_letters()
        return len(found) >= number

    until(enough)
    return found


def test_letters_are_listed_in_their_order_and_stay(either: Deployment) -> None:
    either.service().start()
    client = either.client()
    assert client.dead_letters() == []
    for number in range(5):
        client.push(f"junk {number}")
    first = letters_of(client, 5)
    assert [letter.size for letter in first] == [6] * 5
    assert all(letter.queue == f"{either.prefix}client-service" for letter in first)
    assert all("not an envelope" in letter.reason for letter in first)
    assert client.dead_letters() == first
    assert client.dead_letters(limit=2) == first[:2]
    assert len({letter.id for letter in first}) == 5


def test_letters_are_discarded_one_by_one(either: Deployment) -> None:
    either.service().start()
    client = either.client()
    for number in range(4):
        client.push(f"junk {number}")
    one, two, three, four = (letter.id for letter in letters_of(client, 4))
    assert client.discard_dead_letters([three, "0" * 16, one]) == [one, three]
    assert [letter.id for letter in client.dead_letters()] == [two, four]
    assert client.discard_dead_letters(two) == [two]
    assert client.discard_dead_letters([]) == []


def test_a_letter_that_is_sent_again_runs_once_what_was_wrong_is_mended(
    either: Deployment,
) -> None:
    service = either.service().start()
    service.stop()
    stranger = either.client("stranger", secret=OTHER_SECRET)
    job = stranger.task(double).launch(21)
    service.start()
    client = either.client()
    greeting, letter = letters_of(client, 2)
    assert (greeting.kind, greeting.client) == ("INITIALIZATION", "stranger")
    assert (letter.kind, letter.client, letter.task) == ("TASK", "stranger", "double")
    assert letter.jobs == (job.uid,)
    service.stop()
    service.settings["secret"] = OTHER_SECRET
    service.start()
    assert client.requeue_dead_letters([letter.id]) == [letter.id]
    assert job.result(SOON) == 42
    assert client.dead_letters() == [greeting]


def test_a_letter_that_is_still_wrong_comes_back_with_the_reason(either: Deployment) -> None:
    either.service().start()
    client = either.client()
    client.push("junk")
    [letter] = letters_of(client, 1)
    assert client.requeue_dead_letters(letter.id) == [letter.id]
    [again] = letters_of(client, 1)
    assert (again.reason, again.size) == (letter.reason, letter.size)


def test_a_letter_of_a_queue_that_is_gone_stays(either: Deployment) -> None:
    either.service("one", queues=["mail"]).start().stop()
    either.service("two").start()
    client = either.client()
    line = client._line()
    letter = b"\x84\xa6reason\xa1r\xa5queue\xa7nowhere\xa2at\x01\xa4body\xc4\x01x"
    name = client._names.dead().name
    line.call(lambda session: _publish(session, name, letter))  # type: ignore[attr-defined]
    line.call(lambda session: _publish(session, name, b"foreign"))  # type: ignore[attr-defined]
    lost, foreign = letters_of(client, 2)
    with pytest.raises(UnknownQueue, match="nowhere"):
        client.requeue_dead_letters(lost.id)
    with pytest.raises(BrokerError, match="was not put there by a service"):
        client.requeue_dead_letters(foreign.id)
    assert client.dead_letters() == [lost, foreign]


def test_a_letter_in_json_that_is_sent_again_is_json_again(either: Deployment) -> None:
    service = either.service(imports=["math"]).start()
    client = either.client()
    line = client._line()
    body = b'{"id": "root", "name": "math.sqrt", "args": [16]}'
    signature = Signer(OTHER_SECRET.encode()).sign(body).hex()
    properties = Properties(headers={SIGNATURE_HEADER: signature})
    name = client._names.requests("default").name
    line.call(lambda session: _publish(session, name, body, properties))  # type: ignore[attr-defined]
    [letter] = letters_of(client, 1)
    service.stop()
    service.settings["secret"] = OTHER_SECRET
    service.start()
    assert client.requeue_dead_letters(letter.id) == [letter.id]
    with either.client("json", secret=OTHER_SECRET) as json:
        until(lambda: [view.label for view in json.list_jobs(JobFilter(client="json"))] == ["root"])
        assert json.job("root").result(SOON) == 4.0


async def _publish(
    session: Any, address: str, body: bytes, properties: Properties | None = None
) -> None:
    await session._broker.publish(address, body, properties)


HOLDER = """
import asyncio, os
from schedulergodx.brokers import make_broker
from schedulergodx.core.names import Names

async def main():
    broker = make_broker(os.environ["SCHEDULERGODX_BROKER"])
    await broker.open(10)
    names = Names(os.environ["SCHEDULERGODX_PREFIX"])
    await broker.declare(names.owner("dead"))
    async with broker.peek(names.dead()) as deliveries:
        for _ in range(3):
            await anext(deliveries)
        print("holds three", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def test_who_is_killed_while_it_looks_takes_nothing_along_and_mixes_nothing_up(
    either: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    either.service().start()
    client = either.client()
    for number in range(5):
        client.push(f"junk {number}")
    before = letters_of(client, 5)
    with closing(Folder(either.directory / "holder", **either.address, secret=SECRET)) as folder:
        process = folder.run("holder.py", HOLDER)
        assert process.stdout is not None
        assert process.stdout.readline() == "holds three\n"
        with monkeypatch.context() as hasty:
            hasty.setattr(dead_letters, "_PATIENCE", 0.5)
            with pytest.raises(BrokerError, match="another program looks"):
                client.dead_letters()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert letters_of(client, 5) == before


async def test_an_async_client_does_the_same(either: Deployment) -> None:
    either.service().start()
    client = either.client()
    for number in range(2):
        client.push(f"junk {number}")
    one, two = letters_of(client, 2)
    async with AsyncClient("async", **either.address, secret=SECRET) as other:
        assert await other.dead_letters() == [one, two]
        assert await other.discard_dead_letters(one.id) == [one.id]
        assert await other.requeue_dead_letters("0" * 16) == []
        assert [view.name for view in await other.queues()] == ["default"]
        assert await other.pause("default") is True
        assert await other.resume("default") is True
