"""Acknowledging and confirming: the numbers, against a model of what RabbitMQ holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedulergodx.brokers.amqp.address import Address
from schedulergodx.brokers.amqp.link import Loss
from schedulergodx.brokers.amqp.naming import from_wire, to_wire
from schedulergodx.brokers.amqp.publisher import Publisher
from schedulergodx.brokers.amqp.reading import Reading
from schedulergodx.brokers.base import Delivery
from schedulergodx.errors import BrokerError, ConfigError, Unroutable


class UnsettledModel:
    """What RabbitMQ has delivered over a channel; a tag that it does not know is an error."""

    def __init__(self, tags: int) -> None:
        self.unsettled = set(range(1, tags + 1))
        self.acked: set[int] = set()
        self.requeued: set[int] = set()
        self.frames = 0

    def ack(self, tag: int, *, multiple: bool) -> None:
        self.frames += 1
        assert tag in self.unsettled, "406 unknown delivery tag"
        gone = {t for t in self.unsettled if t <= tag} if multiple else {tag}
        self.acked |= gone
        self.unsettled -= gone

    def requeue(self, tag: int) -> None:
        self.frames += 1
        assert tag in self.unsettled, "406 unknown delivery tag"
        self.requeued.add(tag)
        self.unsettled.remove(tag)


def reading_of(model: UnsettledModel) -> Reading:
    deliveries: list[Delivery] = []
    reading = Reading("q", 1, model, deliveries.append)  # type: ignore[arg-type]  # settles only
    for tag in sorted(model.unsettled):
        reading.deliver(tag, False, b"")
    return reading


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.integers(1, 12), min_size=1, max_size=12)),
        max_size=12,
    )
)
def test_exactly_what_is_settled_is_acknowledged(steps: list[tuple[bool, list[int]]]) -> None:
    model = UnsettledModel(12)
    reading = reading_of(model)
    settled: set[int] = set()
    requeued: set[int] = set()
    for settle, tags in steps:
        (reading.settle if settle else reading.requeue)(tags)
        new = set(tags) - settled - requeued
        (settled if settle else requeued).update(new)
        assert model.acked == settled
        assert model.requeued == requeued


def test_what_has_no_gap_below_it_takes_one_frame() -> None:
    model = UnsettledModel(1000)
    reading = reading_of(model)
    reading.settle(range(1, 501))
    reading.settle(range(501, 1001))
    assert model.frames == 2
    assert not model.unsettled


class ConfirmModel:
    """A channel of RabbitMQ that confirms what it is told to."""

    def __init__(self) -> None:
        self.published: dict[int, bytes] = {}

    def publish(self, tag: int, exchange: str, key: str, body: bytes, properties: object) -> None:
        assert tag == len(self.published) + 1, "RabbitMQ counts by itself"
        self.published[tag] = body


def run(test: Callable[[], None]) -> None:
    async def on_a_loop() -> None:
        test()

    asyncio.run(on_a_loop())


@settings(deadline=None)
@given(st.data())
def test_confirms_of_any_order_settle_exactly_their_publishes(data: st.DataObject) -> None:
    def test() -> None:
        publisher = Publisher(window=20)
        channel = ConfirmModel()
        publisher._attach(channel)  # type: ignore[arg-type]  # publishes only
        futures = [publisher.publish("", "q", b"%d" % n) for n in range(30)]
        confirmed: set[int] = set()
        while len(confirmed) < 30:
            open_tags = sorted(set(channel.published) - confirmed)
            assert len(open_tags) <= 20
            tag = data.draw(st.sampled_from(open_tags))
            multiple = data.draw(st.booleans())
            confirmed |= {t for t in open_tags if t <= tag} if multiple else {tag}
            publisher._confirm(tag, multiple, True)
            assert {n + 1 for n, f in enumerate(futures) if f.done()} == confirmed

    run(test)


@settings(deadline=None)
@given(st.integers(1, 40), st.data())
def test_one_refused_message_is_found_without_losing_the_others(
    count: int, data: st.DataObject
) -> None:
    bad = data.draw(st.integers(0, count - 1))

    def test() -> None:
        publisher = Publisher(window=16)
        futures = [publisher.publish("", "q", b"%d" % n) for n in range(count)]
        for _ in range(200):
            channel = ConfirmModel()
            publisher._attach(channel)  # type: ignore[arg-type]
            while open_tags := [t for t in channel.published if t in publisher._sent]:
                if channel.published[open_tags[0]] == b"%d" % bad:
                    break
                publisher._confirm(open_tags[0], False, True)
            if not open_tags:
                break
            publisher._detach(Loss(406, "too large"))
        for number, future in enumerate(futures):
            assert future.done()
            assert isinstance(future.exception(), BrokerError) == (number == bad)

    run(test)


def test_a_returned_message_fails_and_its_confirm_changes_nothing() -> None:
    def test() -> None:
        publisher = Publisher()
        publisher._attach(ConfirmModel())  # type: ignore[arg-type]
        first, second = publisher.publish("", "a", b""), publisher.publish("", "b", b"")
        publisher._return(1)
        publisher._confirm(2, True, True)
        error = first.exception()
        assert isinstance(error, Unroutable) and error.address == "a"
        assert second.exception() is None

    run(test)


def test_more_bytes_than_the_window_wait() -> None:
    def test() -> None:
        publisher = Publisher(window_bytes=1000)
        channel = ConfirmModel()
        publisher._attach(channel)  # type: ignore[arg-type]
        for _ in range(3):
            publisher.publish("", "q", bytes(900))
        assert len(channel.published) == 1
        publisher._confirm(1, False, True)
        assert len(channel.published) == 2

    run(test)


# -- names and addresses ------------------------------------------------------------------------


@settings(deadline=None)
@given(st.text(max_size=20))  # each of up to four bytes, each byte of up to three
def test_a_name_comes_back_from_the_wire(name: str) -> None:
    assert from_wire(to_wire(name)) == name
    assert to_wire(name).isascii()


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(BrokerError, match="too long"):
        to_wire("x" * 256)


def test_an_address_is_read_from_its_url() -> None:
    address = Address.from_url("amqps://me:p%40ss@[::1]:1234/my%2Fhost?heartbeat=5&cafile=/a%20b")
    assert (address.host, address.port, address.user) == ("::1", 1234, "me")
    assert (address.password, address.vhost, address.tls) == ("p@ss", "my/host", True)
    assert (address.heartbeat, address.cafile) == (5.0, "/a b")
    assert address.local
    assert "p@ss" not in address.url + repr(address)


@pytest.mark.parametrize("url", ["amqp://", "amqp://localhost", "amqp://localhost/%2F"])
def test_an_address_has_defaults(url: str) -> None:
    address = Address.from_url(url)
    assert (address.host, address.port, address.vhost) == ("localhost", 5672, "/")
    assert (address.user, address.password) == ("guest", "guest")


@pytest.mark.parametrize(
    "url", ["amqp://host:port/", "amqp://host/?heartbeat=soon", "amqp://me:pw@host/?colour=red"]
)
def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Address.from_url(url)
    assert "pw" not in str(caught.value)


def test_options_of_pika_are_passed_over() -> None:
    Address.from_url("amqp://host/?connection_attempts=3&retry_delay=2&socket_timeout=5")


def test_an_address_is_read_from_the_settings_object() -> None:
    parameters = {"host": "h", "port": 1, "virtual_host": "v", "heartbeat": 60}
    address = Address.from_parameters(
        {**parameters, "blocked_connection_timeout": 300}, ("me", "pw")
    )
    assert (address.host, address.port, address.vhost) == ("h", 1, "v")
    assert (address.user, address.password, address.blocked_timeout) == ("me", "pw", 300.0)
    assert not address.local
