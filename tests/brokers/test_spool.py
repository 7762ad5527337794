"""The embedded broker: what its directory promises, across processes and crashes."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schedulergodx.brokers import make_broker
from schedulergodx.brokers.base import Broker, Held
from schedulergodx.brokers.spool import SpoolBroker, writer
from schedulergodx.core.names import Names
from schedulergodx.errors import BrokerError, BrokerUnavailable, ConfigError, Unroutable
from tests.brokers.inboxes import Inbox, soon, until

ROOT = Path(__file__).resolve().parents[2]

_SENDER = """
import asyncio, sys
from schedulergodx.brokers import make_broker

async def main(url, queue, name, size):
    broker = make_broker(url)
    await broker.open(5)
    number = 0
    while True:
        futures = []
        for _ in range(20):
            futures.append(broker.publish(queue, f"{name}-{number}-".encode().ljust(size, b".")))
            number += 1
        await asyncio.gather(*futures)
        print(number, flush=True)

asyncio.run(main(*sys.argv[1:4], int(sys.argv[4])))
"""

_READER = """
import asyncio, sys
from schedulergodx.brokers import make_broker
from schedulergodx.core.names import Queue, QueueKind

async def main(url, queue):
    broker = make_broker(url)
    await broker.open(5)
    await broker.declare(Queue("owned", QueueKind.OWNER))
    await broker.consume(Queue(queue, QueueKind.REQUESTS), lambda d: print("read", flush=True))
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def kill(process: subprocess.Popen[str]) -> str:
    """SIGKILL; the answer is what it had written."""
    process.send_signal(signal.SIGKILL)
    return process.communicate()[0]


async def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return (await asyncio.to_thread(process.stdout.readline)).strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
async def broker(folder: Path) -> AsyncIterator[Broker]:
    broker = make_broker(f"spool:{folder}")
    await broker.open(5)
    yield broker
    await broker.close()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_all(path: Path) -> None:
    path.chmod(0o777)


def inbox_of(folder: Path, name: str) -> Path:
    return folder / "queues" / name / "inbox"


# -- the directory --------------------------------------------------------------------------------


async def test_its_secret_is_made_once_and_only_its_owner_can_read_it(folder: Path) -> None:
    brokers = [SpoolBroker(f"spool:{folder}") for _ in range(5)]
    await asyncio.gather(*[broker.open(5) for broker in brokers])
    [secret] = {broker.secret for broker in brokers}
    assert secret is not None and len(secret) == 32
    assert mode_of(folder / "secret") == 0o600
    assert mode_of(folder) == 0o700
    for broker in brokers:
        await broker.close()
    later = SpoolBroker(f"spool:{folder}")
    await later.open(5)
    assert later.secret == secret
    await later.close()


async def test_a_directory_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    open_to_all(tmp_path)
    with pytest.raises(BrokerUnavailable, match="chmod 700"):
        await make_broker(f"spool:{tmp_path}").open(5)


async def test_a_secret_that_others_can_read_is_refused(broker: Broker, folder: Path) -> None:
    (folder / "secret").chmod(0o644)
    with pytest.raises(BrokerUnavailable, match="chmod 600"):
        await make_broker(f"spool:{folder}").open(5)


async def test_a_directory_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerUnavailable, match="file/spool"):
        await make_broker(f"spool:{tmp_path / 'file' / 'spool'}").open(5)


def test_no_directory_is_an_error_of_the_settings() -> None:
    with pytest.raises(ConfigError, match="spool:DIRECTORY"):
        make_broker("spool:")


async def test_a_long_path_works(tmp_path: Path, names: Names) -> None:
    broker = make_broker(f"spool:{tmp_path / ('x' * 120)}")
    await broker.open(5)
    inbox = await Inbox.of(broker, names.requests())
    began = time.monotonic()
    for number in range(5):
        await soon(broker.publish(names.requests().name, b"%d" % number))
        await inbox.get(number + 1)
    assert time.monotonic() - began < 2, "the bell did not ring"
    await broker.close()


# -- processes ------------------------------------------------------------------------------------


async def test_what_a_killed_sender_was_told_is_there_and_whole(
    broker: Broker, folder: Path, names: Names
) -> None:
    queue = names.requests()
    await broker.declare(queue)
    size = 3_000
    senders = [start(_SENDER, broker.url, queue.name, name, str(size)) for name in "abc"]
    said = [int(await line(sender)) for sender in senders]
    for number, sender in enumerate(senders):
        written = kill(sender).split("\n")
        said[number] = max([said[number], *map(int, filter(str.isdigit, written[:-1]))])
    inbox = await Inbox.of(broker, queue)

    def all_are_there() -> bool:
        came = Counter(body[:1].decode() for body in inbox.bodies)
        return all(came[name] >= count for name, count in zip("abc", said, strict=True))

    await inbox.settle_until(broker, all_are_there)
    assert {len(body) for body in inbox.bodies} == {size}
    for name, count in zip("abc", said, strict=True):
        numbers = [int(b.split(b"-")[1]) for b in inbox.bodies if b.startswith(name.encode())]
        assert numbers[:count] == list(range(count))


async def test_a_queue_has_one_reader_and_another_follows_its_death(
    broker: Broker, folder: Path, names: Names
) -> None:
    queue = names.requests()
    await broker.declare(queue)
    await soon(broker.publish(queue.name, b"x"))
    reader = start(_READER, broker.url, queue.name)
    try:
        assert {await line(reader), await line(reader)} == {"ready", "read"}
        with pytest.raises(BrokerError, match="one reader"):
            await broker.consume(queue, lambda _: None)
        owner = names.owner("q")
        assert await broker.consumers(queue) == 1
        with pytest.raises(Held):
            await broker.declare(type(owner)("owned", owner.kind))
    finally:
        kill(reader)
    await broker.declare(type(owner)("owned", owner.kind))
    inbox = await Inbox.of(broker, queue)
    [delivery] = await inbox.get(1)
    assert delivery.redelivered
    await soon(broker.publish(queue.name, b"new"))
    assert not (await inbox.get(2))[1].redelivered


async def test_after_a_clean_end_nothing_counts_as_delivered_before(
    folder: Path, names: Names
) -> None:
    for number in range(3):
        broker = make_broker(f"spool:{folder}")
        await broker.open(5)
        inbox = await Inbox.of(broker, names.requests())
        await soon(broker.publish(names.requests().name, b"%d" % number))
        [delivery] = await inbox.get(1)
        assert not delivery.redelivered
        broker.settle([delivery])
        await broker.close()


# -- bounds ---------------------------------------------------------------------------------------


async def test_a_reader_holds_a_window_only(broker: Broker, names: Names) -> None:
    queue = names.requests()
    await broker.declare(queue)
    await soon(asyncio.gather(*[broker.publish(queue.name, b"%d" % n) for n in range(1_100)]))
    inbox = await Inbox.of(broker, queue)
    await inbox.get(1_000)
    await asyncio.sleep(0.05)
    assert len(inbox.deliveries) == 1_000
    broker.settle(inbox.deliveries[:50])
    await inbox.get(1_050)
    await asyncio.sleep(0.05)
    assert len(inbox.deliveries) == 1_050
    assert inbox.bodies == [b"%d" % n for n in range(1_050)]


async def test_a_full_disk_fails_the_message_and_leaves_nothing(
    broker: Broker, folder: Path, names: Names
) -> None:
    queue = names.requests()
    await broker.declare(queue)
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n" + _SENDER
    ).replace("await asyncio.gather(*futures)", _SAY_ERRORS)
    sender = start(program, broker.url, queue.name, "a", "60000")
    said, _ = await asyncio.to_thread(sender.communicate, timeout=30)
    assert said.startswith("BrokerError the spool took no message")
    assert not list(inbox_of(folder, queue.name).iterdir())
    assert not list((folder / "queues" / queue.name / "partial").iterdir())


_SAY_ERRORS = """
        for error in await asyncio.gather(*futures, return_exceptions=True):
            print(type(error).__name__, error, flush=True)
        break
"""


async def test_a_message_is_read_before_it_is_synced_and_confirmed_after(
    broker: Broker, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk_works = threading.Event()
    monkeypatch.setattr(writer, "_sync_file", lambda _: disk_works.wait(30))
    inbox = await Inbox.of(broker, names.requests())
    confirmed = broker.publish(names.requests().name, b"early")
    broker.settle(await inbox.get(1))
    assert not confirmed.done()
    disk_works.set()
    await soon(confirmed)


async def test_a_message_that_can_not_be_synced_fails_and_is_taken_away(
    broker: Broker, folder: Path, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    await broker.declare(names.requests())
    monkeypatch.setattr(writer, "_sync_file", fail)
    with pytest.raises(BrokerError, match="the spool took no message: Input/output error"):
        await soon(broker.publish(names.requests().name, b"lost"))
    assert not list(inbox_of(folder, names.requests().name).iterdir())


async def test_settled_files_are_written_over_and_none_piles_up(
    broker: Broker, folder: Path, names: Names
) -> None:
    inbox = await Inbox.of(broker, names.requests())
    for number in range(30):
        body = b"%d" % number * (number + 1)
        await soon(broker.publish(names.requests().name, body))
        delivery = (await inbox.get(number + 1))[number]
        assert delivery.body == body
        broker.settle([delivery])
        await until(lambda: not list(inbox_of(folder, names.requests().name).iterdir()))
    assert len(list((folder / "spare").iterdir())) < 15


async def test_a_file_in_two_queues_is_not_written_over_while_one_has_it(
    broker: Broker, folder: Path, names: Names
) -> None:
    one = await Inbox.of(broker, names.control("one"))
    await broker.declare(names.control("two"))
    await broker.declare(names.requests())
    await soon(broker.broadcast(names.fanout(), b"both"))
    broker.settle(await one.get(1))
    await until(lambda: not list(inbox_of(folder, names.control("one").name).iterdir()))
    await soon(asyncio.gather(*[broker.publish(names.requests().name, b"new") for _ in range(5)]))
    two = await Inbox.of(broker, names.control("two"))
    assert [d.body for d in await two.get(1)] == [b"both"]


# -- the life of queues ---------------------------------------------------------------------------


def age(folder: Path, name: str) -> None:
    """As if a queue had not been used for an hour."""
    then = time.time() - 3600
    os.utime(folder / "queues" / name / "kind", (then, then))


async def test_unused_queues_of_responses_are_removed_by_who_makes_the_next(
    broker: Broker, folder: Path, names: Names
) -> None:
    unused, read, fresh = (names.responses("c", n) for n in ("unused", "read", "fresh"))
    for queue in (unused, fresh, names.requests()):
        await broker.declare(queue)
    await Inbox.of(broker, read)
    await until(lambda: (folder / "queues" / read.name / "unclean").exists())
    for queue in (unused, read, names.requests()):
        age(folder, queue.name)
    await broker.declare(names.responses("c", "next"))
    assert await broker.consumers(unused) is None
    for queue in (read, fresh, names.requests()):
        await soon(broker.publish(queue.name, b"x"))


async def test_a_message_comes_without_the_bell_as_well(
    broker: Broker, folder: Path, names: Names
) -> None:
    inbox = await Inbox.of(broker, names.requests())
    (folder / "queues" / names.requests().name / "bell").unlink()
    await soon(broker.publish(names.requests().name, b"x"))
    await inbox.get(1)


async def test_a_message_for_a_queue_that_was_deleted_is_unroutable(
    broker: Broker, names: Names
) -> None:
    await broker.declare(names.requests())
    await soon(broker.publish(names.requests().name, b"x"))
    other = make_broker(broker.url)
    await other.open(5)
    await other.delete(names.requests())
    await other.close()
    with pytest.raises(Unroutable):
        await soon(broker.publish(names.requests().name, b"y"))
