"""What every broker keeps, whichever it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from schedulergodx.brokers import make_async_broker, make_broker
from schedulergodx.brokers.base import Broker, Held
from schedulergodx.core.names import Names, Queue, QueueKind
from schedulergodx.core.properties import Properties
from schedulergodx.core.signing import SIGNATURE_HEADER
from schedulergodx.errors import BrokerClosed, BrokerError, Unroutable
from tests.brokers.inboxes import PATIENCE, Inbox, soon, until

LARGE = 5_000_000
MANY = 2_000


@pytest.fixture(params=["memory", "spool", "pika", "aio-pika"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Broker]:
    """Makes brokers of one kind that meet each other."""
    if request.param == "memory":
        url = f"memory:{uuid4().hex}"
    elif request.param == "spool":
        url = f"spool:{tmp_path / 'spool'}"
    else:
        url = request.getfixturevalue("rabbit").url
    return lambda: (make_async_broker if request.param == "aio-pika" else make_broker)(url)


@pytest.fixture
async def broker(make: Callable[[], Broker]) -> AsyncIterator[Broker]:
    broker = make()
    await broker.open(10)
    yield broker
    await broker.close()


@pytest.fixture
async def other(make: Callable[[], Broker]) -> AsyncIterator[Broker]:
    """A second end."""
    other = make()
    await other.open(10)
    yield other
    await other.close()


async def test_a_message_is_confirmed_and_comes_to_who_reads(
    broker: Broker, other: Broker, names: Names
) -> None:
    inbox = await Inbox.of(other, names.requests("a"))
    await soon(broker.publish(names.requests("a").name, b"hello"))
    [delivery] = await inbox.get(1)
    assert (delivery.body, delivery.redelivered) == (b"hello", False)
    assert delivery.queue == names.requests("a").name


async def test_a_message_waits_for_its_reader(broker: Broker, other: Broker, names: Names) -> None:
    await broker.declare(names.requests())
    await soon(broker.publish(names.requests().name, b"early"))
    inbox = await Inbox.of(other, names.requests())
    assert [d.body for d in await inbox.get(1)] == [b"early"]


async def test_a_message_for_no_queue_is_unroutable(broker: Broker, names: Names) -> None:
    await broker.declare(names.requests())
    lost = broker.publish("no-such-queue", b"x")
    kept = broker.publish(names.requests().name, b"y")
    with pytest.raises(Unroutable) as caught:
        await soon(lost)
    assert caught.value.address == "no-such-queue"
    await soon(kept)


async def test_the_order_of_a_sender_is_kept(broker: Broker, other: Broker, names: Names) -> None:
    inbox = await Inbox.of(other, names.requests())
    bodies = [b"%d" % number for number in range(300)]
    for body in bodies[:10]:
        await soon(broker.publish(names.requests().name, body))
    for body in bodies[10:]:
        broker.publish(names.requests().name, body)
    await inbox.get(300)
    assert inbox.bodies == bodies


async def test_many_messages_are_under_way_at_once(
    broker: Broker, other: Broker, names: Names
) -> None:
    inbox = await Inbox.of(other, names.requests())
    futures = [broker.publish(names.requests().name, b"%d" % n) for n in range(MANY)]
    settled = 0
    while settled < MANY:
        deliveries = await inbox.get(settled + 1)
        other.settle(deliveries[settled:])
        settled = len(deliveries)
    await soon(asyncio.gather(*futures))
    assert inbox.bodies == [b"%d" % n for n in range(MANY)]


async def test_a_large_message_arrives_whole(broker: Broker, other: Broker, names: Names) -> None:
    inbox = await Inbox.of(other, names.requests())
    body = bytes(range(250)) * (LARGE // 250)
    await soon(asyncio.gather(*[broker.publish(names.requests().name, body) for _ in range(3)]))
    assert [len(d.body) for d in await inbox.get(3)] == [LARGE] * 3
    assert all(received == body for received in inbox.bodies)


async def test_messages_of_every_size_arrive_whole_and_in_order(
    broker: Broker, other: Broker, names: Names
) -> None:
    inbox = await Inbox.of(other, names.requests())
    frame = 131_064  # what fits into one frame of RabbitMQ
    edges = [0, 1, 7, 8, 4_095, 4_096, frame - 1, frame, frame + 1, 2 * frame, 3 * frame + 1]
    sizes = [*edges, *range(0, 9_000, 97), *edges, *reversed(edges)]
    bodies = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    await soon(asyncio.gather(*[broker.publish(names.requests().name, body) for body in bodies]))
    await inbox.get(len(bodies))
    assert inbox.bodies == bodies


async def test_an_empty_message_arrives(broker: Broker, names: Names) -> None:
    inbox = await Inbox.of(broker, names.requests())
    await soon(broker.publish(names.requests().name, b""))
    assert [d.body for d in await inbox.get(1)] == [b""]


async def test_what_was_not_settled_comes_again_when_its_reader_is_gone(
    make: Callable[[], Broker], broker: Broker, names: Names
) -> None:
    first = make()
    await first.open(10)
    inbox = await Inbox.of(first, names.requests())
    for body in (b"1", b"2", b"3"):
        await soon(broker.publish(names.requests().name, body))
    deliveries = await inbox.get(3)
    first.settle(deliveries[:1])
    await first.close()
    again = await (await Inbox.of(broker, names.requests())).get(2)
    assert [(d.body, d.redelivered) for d in again] == [(b"2", True), (b"3", True)]


async def test_what_was_settled_does_not_come_again(
    make: Callable[[], Broker], broker: Broker, names: Names
) -> None:
    first = make()
    await first.open(10)
    inbox = await Inbox.of(first, names.requests())
    for number in range(5):
        await soon(broker.publish(names.requests().name, b"%d" % number))
    deliveries = list(await inbox.get(5))
    first.settle([deliveries[3], deliveries[1]])
    first.settle([deliveries[0]])
    first.settle([deliveries[4]])
    await first.close()
    again = await Inbox.of(broker, names.requests())
    await soon(broker.publish(names.requests().name, b"last"))
    assert [d.body for d in await again.get(2)] == [b"2", b"last"]


async def test_settling_after_the_close_or_twice_does_no_harm(
    make: Callable[[], Broker], broker: Broker, names: Names
) -> None:
    inbox = await Inbox.of(broker, names.requests())
    await soon(broker.publish(names.requests().name, b"1"))
    [delivery] = await inbox.get(1)
    broker.settle([delivery])
    broker.settle([delivery])
    await soon(broker.publish(names.requests().name, b"2"))
    [_, second] = await inbox.get(2)
    await broker.close()
    broker.settle([second])
    broker.reject([second])


async def test_what_is_rejected_comes_again(broker: Broker, names: Names) -> None:
    inbox = await Inbox.of(broker, names.requests())
    await soon(broker.publish(names.requests().name, b"x"))
    [delivery] = await inbox.get(1)
    broker.reject([delivery])
    again = (await inbox.get(2))[1]
    assert (again.body, again.redelivered) == (b"x", True)
    broker.settle([again])


async def test_settling_beside_rejecting_touches_only_its_own(
    broker: Broker, other: Broker, names: Names
) -> None:
    inbox = await Inbox.of(broker, names.requests())
    for number in range(6):
        await soon(other.publish(names.requests().name, b"%d" % number))
    first = list(await inbox.get(6))
    broker.reject([first[2]])
    broker.settle([first[0], first[1], first[3], first[4], first[5]])
    again = (await inbox.get(7))[6]
    assert again.body == b"2"


async def test_a_broadcast_reaches_every_control_queue(
    broker: Broker, other: Broker, names: Names
) -> None:
    one = await Inbox.of(broker, names.control("one"))
    two = await Inbox.of(other, names.control("two"))
    await soon(broker.broadcast(names.fanout(), b"all"))
    assert [d.body for d in await one.get(1)] == [b"all"]
    assert [d.body for d in await two.get(1)] == [b"all"]


async def test_a_broadcast_to_nobody_is_unroutable_and_costs_nothing_else(
    broker: Broker, names: Names
) -> None:
    await broker.declare(names.requests())
    nobody = broker.broadcast(names.fanout(), b"x")
    kept = broker.publish(names.requests().name, b"y")
    with pytest.raises(Unroutable):
        await soon(nobody)
    await soon(kept)


async def test_a_deleted_control_queue_is_fed_no_more(broker: Broker, names: Names) -> None:
    await broker.declare(names.control("one"))
    await broker.delete(names.control("one"))
    with pytest.raises(Unroutable):
        await soon(broker.broadcast(names.fanout(), b"x"))


async def test_an_owner_queue_is_held_by_one_until_it_closes(
    make: Callable[[], Broker], broker: Broker, names: Names
) -> None:
    first = make()
    await first.open(10)
    await first.declare(names.owner("q"))
    await first.declare(names.owner("q"))
    with pytest.raises(Held):
        await broker.declare(names.owner("q"))
    await broker.declare(names.owner("another"))
    await first.close()
    await broker.declare(names.owner("q"))


async def test_a_refused_owner_breaks_nothing(broker: Broker, other: Broker, names: Names) -> None:
    await other.declare(names.owner("q"))
    inbox = await Inbox.of(broker, names.requests())
    with pytest.raises(Held):
        await broker.declare(names.owner("q"))
    await soon(broker.publish(names.requests().name, b"x"))
    [delivery] = await inbox.get(1)
    broker.settle([delivery])
    with pytest.raises(Held):
        await broker.declare(names.owner("q"))


async def test_after_cancel_nothing_comes_and_what_came_can_be_settled(
    broker: Broker, other: Broker, names: Names
) -> None:
    inbox = await Inbox.of(broker, names.requests())
    await soon(other.publish(names.requests().name, b"1"))
    [delivery] = await inbox.get(1)
    await broker.cancel(names.requests())
    await soon(other.publish(names.requests().name, b"2"))
    broker.settle([delivery])
    await broker.close()
    later = await Inbox.of(other, names.requests())
    assert [d.body for d in await later.get(1)] == [b"2"]
    assert len(inbox.deliveries) == 1


async def test_reading_can_begin_again_after_cancel(broker: Broker, names: Names) -> None:
    first = await Inbox.of(broker, names.requests())
    await soon(broker.publish(names.requests().name, b"1"))
    broker.settle(await first.get(1))
    await broker.cancel(names.requests())
    second = await Inbox.of(broker, names.requests())
    await soon(broker.publish(names.requests().name, b"2"))
    assert [d.body for d in await second.get(1)] == [b"2"]


async def test_consumers_are_counted(broker: Broker, other: Broker, names: Names) -> None:
    queue = names.requests()
    assert await broker.consumers(queue) is None
    await broker.declare(queue)
    assert await broker.consumers(queue) == 0
    await Inbox.of(other, queue)
    assert await broker.consumers(queue) == 1
    await other.cancel(queue)
    assert await broker.consumers(queue) == 0


async def test_a_deleted_queue_takes_nothing(broker: Broker, names: Names) -> None:
    queue = names.responses("client", "1")
    await broker.declare(queue)
    await soon(broker.publish(queue.name, b"x"))
    await broker.delete(queue)
    await broker.delete(queue)
    with pytest.raises(Unroutable):
        await soon(broker.publish(queue.name, b"y"))
    assert await broker.consumers(queue) is None


async def test_a_queue_that_is_read_can_be_deleted(broker: Broker, names: Names) -> None:
    queue = names.responses("client", "1")
    await Inbox.of(broker, queue)
    await broker.delete(queue)
    with pytest.raises(Unroutable):
        await soon(broker.publish(queue.name, b"y"))


async def test_a_queue_deleted_under_its_reader_is_made_and_read_again(
    broker: Broker, other: Broker, names: Names
) -> None:
    inbox = await Inbox.of(broker, names.control("s"))
    untouched = await Inbox.of(broker, names.requests())
    await other.delete(names.control("s"))
    await until(lambda: inbox.gaps == 1)
    await soon(other.publish(names.control("s").name, b"x"))
    await soon(other.broadcast(names.fanout(), b"y"))
    await inbox.get(2)
    assert (inbox.bodies, inbox.gaps, untouched.gaps) == ([b"x", b"y"], 1, 0)


async def test_declaring_again_changes_nothing(broker: Broker, other: Broker, names: Names) -> None:
    for queue in (names.requests(), names.responses("c", "1"), names.dead(), names.control("s")):
        await broker.declare(queue)
        await soon(broker.publish(queue.name, b"kept"))
        await broker.declare(queue)
        await other.declare(queue)
        inbox = await Inbox.of(other, queue)
        assert [d.body for d in await inbox.get(1)] == [b"kept"]


async def test_close_waits_for_what_is_being_published(
    make: Callable[[], Broker], broker: Broker, names: Names
) -> None:
    sender = make()
    await sender.open(10)
    await broker.declare(names.requests())
    futures = [sender.publish(names.requests().name, b"%d" % n) for n in range(100)]
    await sender.close()
    assert all(future.done() and future.exception() is None for future in futures)
    inbox = await Inbox.of(broker, names.requests())
    assert len(await inbox.get(100)) == 100


async def test_after_close_everything_is_refused(make: Callable[[], Broker], names: Names) -> None:
    broker = make()
    await broker.open(10)
    await broker.close()
    await broker.close()
    for future in (broker.publish("x", b""), broker.broadcast("x", b"")):
        with pytest.raises(BrokerClosed):
            await soon(future)
    with pytest.raises(BrokerClosed):
        await broker.declare(names.requests())
    with pytest.raises(BrokerClosed):
        await broker.consumers(names.requests())


async def test_names_of_every_alphabet_work(broker: Broker, names: Names) -> None:
    queue = names.responses("пользователь@host:a/b c%2F", "..")
    inbox = await Inbox.of(broker, queue)
    await soon(broker.publish(queue.name, b"x"))
    [delivery] = await inbox.get(1)
    assert delivery.queue == queue.name


async def test_a_broker_says_what_it_is(broker: Broker) -> None:
    assert broker.info.kind in {"memory", "spool", "RabbitMQ"}
    assert broker.info.version
    assert broker.info.local
    assert "guest:guest" not in broker.url


async def test_a_cancelled_publish_disturbs_nobody(
    broker: Broker, other: Broker, names: Names
) -> None:
    inbox = await Inbox.of(other, names.requests())
    futures = [broker.publish(names.requests().name, b"%d" % n) for n in range(20)]
    futures[3].cancel()
    await soon(asyncio.gather(*(f for f in futures if not f.cancelled())))
    await until(lambda: b"19" in inbox.bodies)


# -- messages that are no envelopes ---------------------------------------------------------------


async def test_json_comes_with_its_type_and_signature_and_an_envelope_without(
    broker: Broker, other: Broker, names: Names
) -> None:
    inbox = await Inbox.of(other, names.requests())
    signed = Properties(headers={SIGNATURE_HEADER: "ab" * 32})
    await soon(broker.publish(names.requests().name, b'{"a": 1}', signed))
    await soon(broker.publish(names.requests().name, b"\x93 an envelope"))
    await soon(broker.publish(names.requests().name, b'{"a": 2}', Properties()))
    first, envelope, second = await inbox.get(3)
    assert (first.body, envelope.body, second.body) == (
        b'{"a": 1}',
        b"\x93 an envelope",
        b'{"a": 2}',
    )
    assert envelope.properties is None
    assert first.properties is not None
    assert second.properties is not None
    assert first.properties.content_type == second.properties.content_type == "application/json"
    assert first.properties.headers == signed.headers
    assert SIGNATURE_HEADER not in second.properties.headers


async def test_json_between_envelopes_keeps_the_order(
    broker: Broker, other: Broker, names: Names
) -> None:
    bodies = [b'{"n": %d}' % n if n % 3 == 0 else b"\x93%d" % n for n in range(300)]
    await broker.declare(names.requests())
    for body in bodies:
        broker.publish(names.requests().name, body, Properties() if body[:1] == b"{" else None)
    inbox = await Inbox.of(other, names.requests())
    deliveries = await inbox.get(300)
    assert [delivery.body for delivery in deliveries] == bodies
    assert all((one.properties is None) == (one.body[:1] != b"{") for one in deliveries)
    other.settle(deliveries)


async def test_large_json_comes_whole(broker: Broker, other: Broker, names: Names) -> None:
    inbox = await Inbox.of(other, names.requests())
    body = b'{"a": "' + b"x" * LARGE + b'"}'
    await soon(broker.publish(names.requests().name, body, Properties()))
    [delivery] = await inbox.get(1)
    assert delivery.body == body
    assert delivery.properties is not None


async def test_an_answer_goes_to_a_queue_of_somebody_else(
    broker: Broker, other: Broker, names: Names
) -> None:
    answers = Queue(f"{names.prefix}answers.of-a_program", QueueKind.RESPONSES)
    inbox = await Inbox.of(other, answers)
    await soon(broker.publish(answers.name, b"{}", Properties(correlation_id="c1")))
    [delivery] = await inbox.get(1)
    assert delivery.body == b"{}"
    lost = broker.publish(f"{names.prefix}gone", b"{}", Properties())
    with pytest.raises(Unroutable):
        await soon(lost)


@pytest.mark.parametrize("name", ["q" * 255, "q" * 300, "grün/=?#", "ü" * 200, "\0"])
async def test_an_answer_to_a_strange_name_fails_alone(
    broker: Broker, other: Broker, names: Names, name: str
) -> None:
    """Whatever a program calls its queue, the others are served."""
    inbox = await Inbox.of(other, names.requests())
    strange = broker.publish(name, b"{}", Properties())
    await soon(broker.publish(names.requests().name, b"kept"))
    with pytest.raises(BrokerError):
        await soon(strange)
    assert [delivery.body for delivery in await inbox.get(1)] == [b"kept"]


# -- looking through a queue -----------------------------------------------------------------------


async def bodies_of(broker: Broker, queue: Queue) -> list[bytes]:
    async with broker.peek(queue) as deliveries:
        return [delivery.body async for delivery in deliveries]


async def test_looking_through_a_queue_leaves_it_as_it_was(
    broker: Broker, other: Broker, names: Names
) -> None:
    await broker.declare(names.dead())
    bodies = [b"%d" % number for number in range(50)]
    for body in bodies:
        await soon(broker.publish(names.dead().name, body))
    for _ in range(30):  # more often than a quorum queue delivers one message by default
        assert await bodies_of(broker, names.dead()) == bodies
    assert await bodies_of(other, names.dead()) == bodies
    inbox = await Inbox.of(other, names.dead())
    assert [delivery.body for delivery in await inbox.get(50)] == bodies


async def test_what_is_settled_while_it_is_looked_at_is_gone(broker: Broker, names: Names) -> None:
    await broker.declare(names.dead())
    for number in range(9):
        await soon(broker.publish(names.dead().name, b"%d" % number))
    async with broker.peek(names.dead()) as deliveries:
        async for delivery in deliveries:
            if delivery.body in (b"3", b"5"):
                broker.settle([delivery])
            if delivery.body == b"6":
                break
    assert await bodies_of(broker, names.dead()) == [b"0", b"1", b"2", b"4", b"6", b"7", b"8"]


async def test_an_end_that_goes_while_it_looks_takes_nothing_with_it(
    make: Callable[[], Broker], broker: Broker, names: Names
) -> None:
    await broker.declare(names.dead())
    for number in range(5):
        await soon(broker.publish(names.dead().name, b"%d" % number))
    gone = make()
    await gone.open(10)
    async with gone.peek(names.dead()) as deliveries:
        assert (await anext(deliveries)).body == b"0"
        assert (await anext(deliveries)).body == b"1"
        await gone.close()
    async with asyncio.timeout(PATIENCE):
        while len(left := await bodies_of(broker, names.dead())) < 5:
            await asyncio.sleep(0.01)  # RabbitMQ is about to notice
    assert left == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_queue_that_is_not_there_has_no_messages(broker: Broker, names: Names) -> None:
    assert await bodies_of(broker, names.requests("nowhere")) == []
