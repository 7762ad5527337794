"""What a broker on RabbitMQ does when RabbitMQ, the network or the settings fail it."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from schedulergodx.brokers import make_async_broker, make_broker
from schedulergodx.brokers.amqp.broker import AmqpBroker
from schedulergodx.brokers.backoff import Backoff
from schedulergodx.brokers.base import Held
from schedulergodx.brokers.rabbitmq import RabbitBroker
from schedulergodx.core.names import Names
from schedulergodx.core.properties import Properties
from schedulergodx.errors import (
    BrokerClosed,
    BrokerError,
    BrokerUnavailable,
    ConfigError,
    Unroutable,
)
from tests.brokers.certificates import make_certificates
from tests.brokers.inboxes import PATIENCE, Inbox, soon, until
from tests.rabbitmq_node import Node, free_ports

LARGEST = 1_000_000
CONSUMER_TIMEOUT = 3.0
# RabbitMQ can forget a queue that was made a moment before it is killed, with the messages that it
# has confirmed in it (3.10.8: one time in thirty). Its own store of names is written with a delay.
NEW_QUEUE_SECONDS = 2.5


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    make_certificates(folder)
    return folder


@pytest.fixture(scope="module")
def tls_port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def strict_node(rabbitmq_server: None, tls: Path, tls_port: int) -> Iterator[Node]:
    """A node with small limits."""
    config = {
        "max_message_size": LARGEST,
        "consumer_timeout": round(CONSUMER_TIMEOUT * 1000),
        "listeners.ssl.1": f"127.0.0.1:{tls_port}",
        "ssl_options.cacertfile": tls / "ca.pem",
        "ssl_options.certfile": tls / "cert.pem",
        "ssl_options.keyfile": tls / "key.pem",
    }
    with Node(config, advanced="{rabbit, [{channel_tick_interval, 500}]}") as node:
        yield node


@pytest.fixture
def node(strict_node: Node) -> Node:
    """The node of these tests, which may kill it: it is up again for the next one."""
    if not strict_node.alive:
        strict_node.start()
    return strict_node


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that is back is looked for every half a second, and not every five."""
    monkeypatch.setattr(Backoff.__init__, "__defaults__", (0.1, 0.5))


@pytest.fixture(params=["pika", "aio-pika"])
def library(request: pytest.FixtureRequest) -> Any:
    return make_broker if request.param == "pika" else make_async_broker


class Ups:
    """What a listener hears."""

    def __init__(self, broker: AmqpBroker) -> None:
        self.heard: list[tuple[bool, str]] = []
        broker.on_connection(lambda up, why: self.heard.append((up, why)))

    async def came_back(self, times: int = 1) -> None:
        await until(lambda: [up for up, _ in self.heard].count(True) >= times)


@asynccontextmanager
async def opened(broker: AmqpBroker) -> AsyncIterator[AmqpBroker]:
    await broker.open(20)
    try:
        yield broker
    finally:
        await broker.close()


@pytest.fixture
async def broker(node: Node, library: Any) -> AsyncIterator[AmqpBroker]:
    async with opened(library(node.url)) as broker:
        yield broker


@pytest.fixture
async def witness(node: Node) -> AsyncIterator[AmqpBroker]:
    """Another end, always by pika."""
    async with opened(RabbitBroker(node.url)) as witness:
        yield witness


# -- the node dies ------------------------------------------------------------------------------


async def test_nothing_is_lost_when_the_node_is_killed_while_publishing(
    node: Node, broker: AmqpBroker, names: Names
) -> None:
    ups = Ups(broker)
    queue = names.requests()
    await broker.declare(queue)
    futures: list[asyncio.Future[None]] = []

    async def publish_until(condition: Callable[[], bool]) -> None:
        while not condition():
            futures.append(broker.publish(queue.name, b"%d" % len(futures)))
            await asyncio.sleep(0.001)

    began = time.monotonic()
    await publish_until(lambda: time.monotonic() - began > NEW_QUEUE_SECONDS)
    killing = asyncio.create_task(asyncio.to_thread(node.kill))
    await publish_until(killing.done)
    futures += [broker.publish(queue.name, b"%d" % (len(futures) + n)) for n in range(500)]
    assert futures[0].done() and not futures[-1].done()
    await asyncio.to_thread(node.start)
    await soon(asyncio.gather(*futures))
    await ups.came_back()
    assert [up for up, _ in ups.heard] == [False, True]
    inbox = await Inbox.of(broker, queue)
    sent = {b"%d" % n for n in range(len(futures))}
    await inbox.settle_until(broker, lambda: set(inbox.bodies) == sent)


async def test_a_restarted_node_has_its_queues_and_readers_again(
    node: Node, broker: AmqpBroker, names: Names
) -> None:
    ups = Ups(broker)
    requests = await Inbox.of(broker, names.requests())
    control = await Inbox.of(broker, names.control("s"))
    responses = await Inbox.of(broker, names.responses("c", "1"))
    await broker.declare(names.owner("q"))
    await soon(broker.publish(names.requests().name, b"before"))
    await requests.get(1)
    await asyncio.to_thread(node.restart)
    await ups.came_back()
    await soon(broker.publish(names.responses("c", "1").name, b"response"))
    await soon(broker.broadcast(names.fanout(), b"all"))
    await responses.get(1)
    await control.get(1)
    await until(lambda: requests.deliveries[-1].redelivered)
    first, *_, again = requests.deliveries
    assert (first.body, first.redelivered, again.body) == (b"before", False, b"before")
    assert again.epoch != first.epoch
    broker.settle([first])  # of a connection that is gone: nothing
    broker.settle([again])
    async with opened(RabbitBroker(node.url)) as other:
        with pytest.raises(Held):
            await other.declare(names.owner("q"))


# -- the connection or the channel goes -----------------------------------------------------------


async def test_connections_closed_by_the_server_come_back(
    node: Node, broker: AmqpBroker, names: Names
) -> None:
    ups = Ups(broker)
    inbox = await Inbox.of(broker, names.requests())
    await asyncio.to_thread(node.ctl, "close_all_connections", "a test")
    await ups.came_back()
    await until(lambda: inbox.gaps == 1)
    await soon(broker.publish(names.requests().name, b"x"))
    await inbox.get(1)


async def test_a_queue_deleted_under_its_reader_is_no_loss_of_the_connection(
    broker: AmqpBroker, witness: AmqpBroker, names: Names
) -> None:
    ups = Ups(broker)
    inbox = await Inbox.of(broker, names.requests())
    await witness.delete(names.requests())
    await until(lambda: inbox.gaps == 1)
    assert await witness.consumers(names.requests()) == 1
    assert ups.heard == []


async def test_a_delivery_held_for_too_long_costs_its_channel_only(
    broker: AmqpBroker, names: Names
) -> None:
    ups = Ups(broker)
    slow = await Inbox.of(broker, names.requests("slow"))
    quick = await Inbox.of(broker, names.requests("quick"))
    await soon(broker.publish(names.requests("quick").name, b"1"))
    await soon(broker.publish(names.requests("slow").name, b"x"))
    broker.settle(await quick.get(1))
    first, second = await slow.get(2)
    assert second.redelivered and second.epoch != first.epoch
    broker.settle([first])
    broker.settle([second])
    await soon(broker.publish(names.requests("quick").name, b"2"))
    await quick.get(2)
    assert ups.heard == []
    assert quick.deliveries[0].epoch == quick.deliveries[1].epoch


async def test_an_idle_connection_outlives_many_heartbeats(
    node: Node, library: Any, names: Names
) -> None:
    async with opened(library(node.url, heartbeat=1)) as broker:
        ups = Ups(broker)
        inbox = await Inbox.of(broker, names.requests())
        await asyncio.sleep(4)  # RabbitMQ gives up a silent connection after two heartbeats
        await soon(broker.publish(names.requests().name, b"x"))
        await inbox.get(1)
        assert ups.heard == []


async def test_the_watchdog_notices_a_reader_that_rabbitmq_does_not_know(
    node: Node, witness: AmqpBroker, names: Names
) -> None:
    async with opened(RabbitBroker(node.url, watchdog_interval=0.2)) as broker:
        ups = Ups(broker)
        inbox = await Inbox.of(broker, names.requests())
        consumer = broker._consumers[names.requests().name]
        assert consumer._channel is not None
        await consumer._channel.stop_consuming()  # as if it got lost on RabbitMQ's side
        await ups.came_back()
        assert "nobody reads" in ups.heard[0][1]
        await soon(witness.publish(names.requests().name, b"x"))
        await inbox.get(1)


async def test_an_owner_queue_is_held_again_before_reading_goes_on(
    node: Node, broker: AmqpBroker, witness: AmqpBroker, names: Names
) -> None:
    await broker.declare(names.owner("q"))
    inbox = await Inbox.of(broker, names.requests("q"))
    thief = RabbitBroker(node.url)
    await thief.open(20)
    ups = Ups(broker)
    broker._reader().reset("a test")
    while True:  # between the loss and the return there is a moment for it
        try:
            await thief.declare(names.owner("q"))
            break
        except Held:
            if ups.heard[-1:] and ups.heard[-1][0]:
                broker._reader().reset("a test")
            await asyncio.sleep(0)
    await soon(witness.publish(names.requests("q").name, b"x"))
    await soon(broker.publish(names.requests("q").name, b"y"))
    assert not broker._reader().up
    assert broker._sessions is not None
    broker._sessions[1].reset("a test")
    await soon(broker.publish(names.requests("q").name, b"z"))
    assert inbox.deliveries == []
    await thief.close()
    await inbox.get(3)


# -- RabbitMQ takes nothing -----------------------------------------------------------------------


@asynccontextmanager
async def alarm(node: Node) -> AsyncIterator[None]:
    """The memory alarm, while this lasts."""
    await asyncio.to_thread(node.ctl, "set_vm_memory_high_watermark", "0.00000001")
    try:
        yield
    finally:
        await asyncio.to_thread(node.ctl, "set_vm_memory_high_watermark", "0.6")


async def test_while_an_alarm_is_on_publishes_wait_and_reading_goes_on(
    node: Node, broker: AmqpBroker, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = await Inbox.of(broker, names.requests())
    await soon(broker.publish(names.requests().name, b"before"))
    await inbox.get(1)
    with caplog.at_level(logging.WARNING):
        async with alarm(node):
            futures = [broker.publish(names.requests().name, b"%d" % n) for n in range(10)]
            await until(lambda: broker.blocked)
            futures += [broker.publish(names.requests().name, b"%d" % n) for n in range(10, 20)]
            broker.settle(inbox.deliveries)
            async with asyncio.timeout(PATIENCE):
                while await broker.consumers(names.requests()) != 1:
                    await asyncio.sleep(0.01)  # it may be reading anew: it waited too long before
            assert not any(future.done() for future in futures)
    await soon(asyncio.gather(*futures))
    assert not broker.blocked
    assert len([r for r in caplog.records if "takes no messages" in r.message]) == 1
    await until(lambda: len(set(inbox.bodies)) == 21)  # some may have come twice


async def test_a_connection_that_is_blocked_too_long_is_made_anew(
    node: Node, library: Any, names: Names
) -> None:
    async with opened(library(node.url, blocked_connection_timeout=1)) as broker:
        ups = Ups(broker)
        inbox = await Inbox.of(broker, names.requests())
        async with alarm(node):
            future = broker.publish(names.requests().name, b"x")
            await ups.came_back()
            assert not future.done()
        await soon(future)
        await inbox.get(1)


async def test_what_rabbitmq_could_not_take_is_sent_until_it_does(
    node: Node, broker: AmqpBroker, names: Names
) -> None:
    queue = names.requests()
    await broker.declare(queue)
    full = '{"max-length": 1, "overflow": "reject-publish"}'
    await asyncio.to_thread(node.ctl, "set_policy", "full", f"^{names.prefix}", full)
    first, *more = [broker.publish(queue.name, b"%d" % n) for n in range(5)]
    await soon(first)
    await asyncio.sleep(0.3)
    assert not any(future.done() for future in more)
    await asyncio.to_thread(node.ctl, "clear_policy", "full")
    await soon(asyncio.gather(*more))
    inbox = await Inbox.of(broker, queue)
    await until(lambda: set(inbox.bodies) == {b"0", b"1", b"2", b"3", b"4"})


@pytest.mark.parametrize("beside", [0, 1, 50])
async def test_a_message_that_is_too_large_fails_alone(
    broker: AmqpBroker, names: Names, beside: int
) -> None:
    queue = names.requests()
    await broker.declare(queue)
    before = [broker.publish(queue.name, b"%d" % n) for n in range(beside)]
    large = broker.publish(queue.name, bytes(LARGEST + 1))
    after = [broker.publish(queue.name, b"%d" % n) for n in range(beside, 2 * beside)]
    with pytest.raises(BrokerError, match=str(LARGEST + 1)):
        await soon(large)
    await soon(asyncio.gather(*before, *after))
    await soon(broker.publish(queue.name, bytes(LARGEST - 1)))
    inbox = await Inbox.of(broker, queue)
    await until(lambda: len(set(inbox.bodies)) == 2 * beside + 1)


async def test_two_messages_that_are_too_large_fail_both(broker: AmqpBroker, names: Names) -> None:
    await broker.declare(names.requests())
    futures = [
        broker.publish(names.requests().name, bytes(LARGEST + 1) if n in (3, 7) else b"x")
        for n in range(10)
    ]
    results = await soon(asyncio.gather(*futures, return_exceptions=True))
    assert [n for n, result in enumerate(results) if isinstance(result, BrokerError)] == [3, 7]


async def test_a_queue_that_is_there_in_another_shape_is_refused_by_name(
    node: Node, broker: AmqpBroker, names: Names
) -> None:
    await broker.declare(names.requests())
    async with opened(RabbitBroker(node.url, quorum=True)) as other:
        with pytest.raises(BrokerError, match=r"client-service.*can't be declared"):
            await other.declare(names.requests())
        await other.declare(names.requests("quorum"))
        inbox = await Inbox.of(other, names.requests("quorum"))
        await soon(other.publish(names.requests("quorum").name, b"x"))
        other.settle(await inbox.get(1))


# -- RabbitMQ can't be reached --------------------------------------------------------------------


async def refused(broker: AmqpBroker, timeout: float = 5) -> str:
    with pytest.raises(BrokerUnavailable) as caught:
        await broker.open(timeout)
    text = str(caught.value)
    assert "SCHEDULERGODX_BROKER" in text
    await broker.close()
    return text


async def test_nobody_listening_is_said_after_the_timeout(library: Any) -> None:
    [port] = free_ports(1)
    began = asyncio.get_running_loop().time()
    text = await refused(library(f"amqp://127.0.0.1:{port}/"), timeout=0.5)
    assert f"127.0.0.1:{port}" in text
    assert "nobody listens there" in text
    assert "spool:DIRECTORY" in text
    assert asyncio.get_running_loop().time() - began < 2


async def test_a_wrong_password_is_said_at_once_and_not_shown(node: Node, library: Any) -> None:
    text = await refused(library(f"amqp://guest:a-secret@127.0.0.1:{node.port}/"), timeout=60)
    assert "login of 'guest'" in text
    assert "Correct the URL" in text
    assert "Start RabbitMQ" not in text
    assert "a-secret" not in text


async def test_a_virtual_host_that_is_not_there_is_named(node: Node, library: Any) -> None:
    text = await refused(library(f"amqp://127.0.0.1:{node.port}/no-such"), timeout=60)
    assert "'no-such'" in text


async def test_a_server_that_says_nothing_is_given_up(library: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        text = await refused(library(f"amqp://127.0.0.1:{silent.getsockname()[1]}/"), timeout=0.5)
    assert "does not answer" in text


async def test_open_can_be_tried_again(node: Node, library: Any, names: Names) -> None:
    [port] = free_ports(1)
    broker = library(f"amqp://127.0.0.1:{port}/")
    with pytest.raises(BrokerUnavailable):
        await broker.open(0.2)
    waiting = broker.publish(names.requests().name, b"x")
    broker._address = library(node.url)._address  # now there is one
    await broker.open(20)
    await broker.declare(names.requests())
    await soon(asyncio.wait([waiting]))
    await broker.close()


# -- TLS ------------------------------------------------------------------------------------------


async def test_tls_is_verified_by_a_ca_of_our_own(
    node: Node, library: Any, tls: Path, tls_port: int, names: Names
) -> None:
    async with opened(library(f"amqps://localhost:{tls_port}/?cafile={tls / 'ca.pem'}")) as broker:
        inbox = await Inbox.of(broker, names.requests())
        await soon(broker.publish(names.requests().name, bytes(LARGEST // 2)))
        await inbox.get(1)


async def test_an_untrusted_certificate_is_refused(node: Node, library: Any, tls_port: int) -> None:
    text = await refused(library(f"amqps://localhost:{tls_port}/"), timeout=60)
    assert "not trusted" in text
    assert "cafile" in text


async def test_a_certificate_of_another_name_is_refused(
    node: Node, library: Any, tls: Path, tls_port: int
) -> None:
    url = f"amqps://127.0.0.1:{tls_port}/?cafile={tls / 'ca.pem'}"
    assert "not trusted" in await refused(library(url), timeout=60)


async def test_a_ca_file_that_is_not_there_is_an_error_of_the_settings(library: Any) -> None:
    broker = library("amqps://localhost/?cafile=/no/such/file")
    with pytest.raises(ConfigError, match="/no/such/file"):
        await broker.open(1)


# -- closing --------------------------------------------------------------------------------------


async def test_closing_beside_a_dead_node_fails_what_is_open_and_opening_waits_for_it(
    node: Node, names: Names
) -> None:
    broker = RabbitBroker(node.url)
    await broker.open(20)
    await broker.declare(names.requests())
    await asyncio.to_thread(node.kill)
    future = broker.publish(names.requests().name, b"x")
    await broker.close()
    with pytest.raises(BrokerClosed):
        await soon(future)
    later = RabbitBroker(node.url)
    opening = asyncio.create_task(later.open(30))
    await asyncio.to_thread(node.start)
    await opening
    await later.declare(names.requests())
    await later.close()


# -- messages with an id of their sender ----------------------------------------------------------


async def test_a_message_keeps_the_id_of_its_sender_also_where_it_is_returned(
    node: Node, library: Any
) -> None:
    names = Names("own-id.")
    async with opened(library(node.url)) as broker:
        inbox = await Inbox.of(broker, names.requests())
        own = Properties(message_id="one of its own")
        with pytest.raises(Unroutable):
            await soon(broker.publish("nowhere", b"{}", own))
        kept = broker.publish(names.requests().name, b"{}", own)
        other = broker.publish(names.requests().name, b"[]", Properties())
        await soon(asyncio.gather(kept, other))
        first, second = await inbox.get(2)
        assert first.properties is not None
        assert first.properties.message_id == "one of its own"
        assert second.properties is not None
        assert second.properties.message_id.isdecimal()
        broker.settle([first, second])


# -- RabbitMQ of other versions -------------------------------------------------------------------


@pytest.mark.parametrize("quorum", [False, True])
async def test_nothing_is_asked_for_that_a_newer_rabbitmq_refuses(
    node: Node, library: Any, quorum: bool
) -> None:
    """From 4.0 on: no shared queue that is not durable, and no prefetch for a whole channel."""
    names = Names(f"newer-{library.__name__}-{quorum}.")
    queues = [names.requests(), names.responses("c", "i"), names.dead(), names.control("s")]
    async with opened(library(node.url, quorum=quorum)) as broker:
        for queue in [*queues, names.owner("default")]:
            await soon(broker.declare(queue))
        await Inbox.of(broker, names.requests())
        columns = ("name", "durable", "auto_delete", "exclusive", "arguments")
        listed = json.loads(node.ctl("list_queues", *columns, "--formatter", "json"))
        channels = json.loads(
            node.ctl("list_channels", "global_prefetch_count", "--formatter", "json")
        )
    own = [queue for queue in listed if queue["name"].startswith(names.prefix)]
    assert len(own) == 5
    assert [queue for queue in own if not queue["durable"] and not queue["exclusive"]] == []
    assert not any(queue["auto_delete"] for queue in own)
    arguments = {name for queue in own for name, _, _ in queue["arguments"]}
    assert arguments <= {"x-expires", "x-queue-type", "x-delivery-limit"}
    assert channels
    assert {channel["global_prefetch_count"] for channel in channels} == {0}
