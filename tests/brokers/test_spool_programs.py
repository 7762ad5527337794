"""How a program without this package puts a message into a spool, and takes one out."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schedulergodx.brokers import make_broker
from schedulergodx.brokers.base import Broker
from schedulergodx.core.names import Names
from schedulergodx.core.properties import Properties
from schedulergodx.core.signing import SIGNATURE_HEADER
from schedulergodx.errors import Unroutable
from tests.brokers.inboxes import Inbox, soon, until

NAME = "01700000000000000000-program1"
SIGNATURE = "0123456789abcdef" * 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
async def broker(folder: Path) -> AsyncIterator[Broker]:
    broker = make_broker(f"spool:{folder}")
    await broker.open(5)
    yield broker
    await broker.close()


def drop(folder: Path, queue: str, data: bytes, name: str = NAME, mode: int = 0o600) -> Path:
    """As `docs/wire.md` says it is done: written aside, synced, renamed in."""
    partial = folder / "queues" / queue / "partial" / name
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.chmod(mode)
    return partial.rename(folder / "queues" / queue / "inbox" / name)


async def test_a_file_that_is_renamed_in_is_delivered_and_then_removed(
    broker: Broker, folder: Path, names: Names
) -> None:
    inbox = await Inbox.of(broker, names.requests())
    path = drop(folder, names.requests().name, b'{"a": 1}\n' + SIGNATURE.encode() + b"\n")
    [delivery] = await inbox.get(1)
    assert delivery.body == b'{"a": 1}'
    assert delivery.properties == Properties(headers={SIGNATURE_HEADER: SIGNATURE})
    broker.settle([delivery])
    await until(lambda: not path.exists())
    assert not list((folder / "spare").iterdir()), "a file of somebody else is not written over"


async def test_a_file_without_a_signature_has_none(
    broker: Broker, folder: Path, names: Names
) -> None:
    inbox = await Inbox.of(broker, names.requests())
    drop(folder, names.requests().name, b'{\n "a": 1\n}\n')
    [delivery] = await inbox.get(1)
    assert (delivery.body, delivery.properties) == (b'{\n "a": 1\n}\n', Properties())


async def test_any_name_and_any_mode_will_do(broker: Broker, folder: Path, names: Names) -> None:
    inbox = await Inbox.of(broker, names.requests())
    drop(folder, names.requests().name, b'{"a": 1}', "z.json", 0o400)
    drop(folder, names.requests().name, b'{"a": 2}', "b", 0o644)
    deliveries = await inbox.get(2)
    assert {delivery.body for delivery in deliveries} == {b'{"a": 1}', b'{"a": 2}'}
    broker.settle(deliveries)
    await until(lambda: not list((folder / "queues" / names.requests().name / "inbox").iterdir()))
    await soon(broker.publish(names.requests().name, b"after"))
    assert [delivery.body for delivery in await inbox.get(3)][2] == b"after"


async def test_an_answer_comes_into_a_queue_of_two_folders(broker: Broker, folder: Path) -> None:
    home = folder / "queues" / "answers-of-a-program"
    for part in ("inbox", "partial"):
        (home / part).mkdir(parents=True)
    signed = Properties(correlation_id="c", headers={SIGNATURE_HEADER: SIGNATURE})
    await soon(broker.publish(home.name, b'{"status": "completed"}', signed))
    [answer] = (home / "inbox").iterdir()
    assert answer.read_bytes() == b'{"status": "completed"}\n' + SIGNATURE.encode()


async def test_a_name_that_no_file_can_have_is_that_of_no_queue(broker: Broker) -> None:
    with pytest.raises(Unroutable):
        await soon(broker.publish("ü" * 127, b"{}", Properties()))
