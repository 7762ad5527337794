"""Which broker a URL makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from schedulergodx.brokers import make_async_broker, make_broker
from schedulergodx.brokers.memory import MemoryBroker
from schedulergodx.brokers.rabbitmq import RabbitBroker
from schedulergodx.brokers.rabbitmq_async import AioRabbitBroker
from schedulergodx.brokers.spool import SpoolBroker
from schedulergodx.errors import ConfigError

RABBIT = {"quorum": True, "heartbeat": 5.0, "watchdog_interval": 1.0, "prefetch": 10}


@pytest.mark.parametrize(
    ("url", "kind", "async_kind"),
    [
        ("amqp://localhost", RabbitBroker, AioRabbitBroker),
        ("amqps://me:pw@localhost/vhost", RabbitBroker, AioRabbitBroker),
        ("spool:somewhere", SpoolBroker, SpoolBroker),
        ("spool:///somewhere", SpoolBroker, SpoolBroker),
        ("memory:", MemoryBroker, MemoryBroker),
        ("memory:name", MemoryBroker, MemoryBroker),
    ],
)
def test_a_url_makes_its_broker(url: str, kind: type, async_kind: type) -> None:
    assert type(make_broker(url, **RABBIT)) is kind
    assert type(make_async_broker(url, **RABBIT)) is async_kind


@pytest.mark.parametrize(
    "url", ["redis://localhost", "localhost", "", "/var/spool", "http://me:pw@x"]
)
def test_another_url_is_refused_with_the_forms_there_are(url: str) -> None:
    for make in (make_broker, make_async_broker):
        with pytest.raises(ConfigError) as caught:
            make(url)
        for form in ("amqp://", "amqps://", "spool:DIRECTORY", "memory:"):
            assert form in str(caught.value)
        assert "pw" not in str(caught.value)


def test_a_broker_comes_from_the_settings_object_of_the_document() -> None:
    parameters = {"host": "h", "port": 5672, "virtual_host": "/", "heartbeat": 60}
    broker = RabbitBroker.from_parameters(
        {**parameters, "blocked_connection_timeout": 300}, ("me", "pw"), quorum=True
    )
    assert broker.url == "amqp://me@h:5672/%2F"


def test_no_library_is_imported_before_it_is_needed() -> None:
    program = (
        "import sys, schedulergodx.brokers as b\n"
        "b.make_broker('memory:'), b.make_broker('spool:x')\n"
        "sys.exit(any(name in sys.modules for name in ('pika', 'aio_pika')))"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", program], cwd=root, check=True)
