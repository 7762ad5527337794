"""What carries envelopes: RabbitMQ, or the embedded broker.

`make_broker` and `make_async_broker` choose by the form of a URL. What a broker needs is imported
when it is made, so that importing a client stays cheap and needs no library that it does not use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schedulergodx.errors import ConfigError

if TYPE_CHECKING:
    from schedulergodx.brokers.base import Broker

FORMS = """\
amqp://user:password@host:port/vhost    RabbitMQ
amqps://user:password@host:port/vhost   RabbitMQ over TLS; ?cafile=FILE&certfile=FILE&keyfile=FILE
spool:DIRECTORY                         embedded, on this machine, needs no server
memory: or memory:NAME                  inside of this process, for tests"""


def make_broker(url: str, **settings: Any) -> Broker:
    """The broker of a URL, for a loop that runs on any thread.

    settings: quorum, heartbeat, blocked_connection_timeout, prefetch, watchdog_interval and window,
        for RabbitMQ; others pass them over

    Raises: ConfigError if no broker has such a URL
    """
    if _scheme(url) in {"amqp", "amqps"}:
        from schedulergodx.brokers.rabbitmq import RabbitBroker

        return RabbitBroker(url, **settings)
    return _make_embedded(url)


def make_async_broker(url: str, **settings: Any) -> Broker:
    """The same with aio-pika for RabbitMQ, for a loop that belongs to the user.

    Raises: ConfigError, also if aio-pika is not installed
    """
    if _scheme(url) in {"amqp", "amqps"}:
        try:
            from schedulergodx.brokers.rabbitmq_async import AioRabbitBroker
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"{error.name} is not installed: pip install 'schedulergodx[async]'"
            ) from error
        return AioRabbitBroker(url, **settings)
    return _make_embedded(url)


def _make_embedded(url: str) -> Broker:
    if _scheme(url) == "spool":
        from schedulergodx.brokers.spool import SpoolBroker

        return SpoolBroker(url)
    if _scheme(url) == "memory":
        from schedulergodx.brokers.memory import MemoryBroker

        return MemoryBroker(url)
    raise ConfigError(
        f"no broker has a URL that begins with {_scheme(url)!r}; write one of\n{FORMS}"
    )


def _scheme(url: str) -> str:
    return url.partition(":")[0].lower()
