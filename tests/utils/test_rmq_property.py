"""RabbitMQ in the terms of the document."""

from __future__ import annotations

import pika
import pytest

from schedulergodx.errors import ConfigError
from schedulergodx.utils.rmq_property import RmqConnect, RmqSettings, rmq_default_settings
from tests.rabbitmq_node import Node


def test_the_default_is_a_guest_on_this_machine() -> None:
    """S32: the default is a guest on this machine."""
    assert rmq_default_settings.parametrs["heartbeat"] == 60
    assert rmq_default_settings.parameters is rmq_default_settings.parametrs
    assert rmq_default_settings.credentials == ("guest", "guest")
    read = pika.URLParameters(RmqConnect().url)
    assert (read.host, read.port, read.virtual_host) == ("localhost", 5672, "/")
    assert (read.heartbeat, read.blocked_connection_timeout) == (60, 300)


def test_what_is_odd_is_encoded() -> None:
    settings = RmqSettings({"host": "::1", "virtual_host": "a/b c"}, ("me@home", "p:w/d%"))
    connect = RmqConnect(settings.parametrs, settings.credentials)
    read = pika.URLParameters(connect.url)
    assert (read.host, read.virtual_host) == ("::1", "a/b c")
    assert isinstance(read.credentials, pika.PlainCredentials)
    assert (read.credentials.username, read.credentials.password) == ("me@home", "p:w/d%")
    assert "p:w" not in repr(connect)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="host"):
        RmqConnect({"host": ""})
    with pytest.raises(ConfigError, match="password"):
        RmqConnect(rmq_credentials=("guest",))  # type: ignore[arg-type] # that is the point


def test_a_close_without_a_connection_does_nothing() -> None:
    connect = RmqConnect()
    connect.close()
    connect.close()


def test_a_connection_is_kept_until_another_is_wanted(rabbit: Node) -> None:
    """D6, D7, S32: a connection is kept until another is wanted."""
    connect = RmqConnect({"host": "127.0.0.1", "port": rabbit.port})
    first = connect.connect()
    assert connect.connect() is first
    second = connect.connect(force_new=True)
    assert second is not first
    assert (first.is_closed, second.is_open) == (True, True)
    connect.close()
    assert second.is_closed


def test_nothing_is_there_to_connect_to() -> None:
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        RmqConnect({"host": "127.0.0.1", "port": 1}).connect()
