"""Where RabbitMQ is, in the terms of the document: settings, and a connection made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from schedulergodx.broker_url import make_url
from schedulergodx.errors import ConfigError

if TYPE_CHECKING:
    from pika import BlockingConnection

_PLACE = frozenset({"host", "port", "virtual_host"})


@dataclass(frozen=True, slots=True)
class RmqSettings:
    """Where RabbitMQ is, and who asks.

    parametrs: host, port, virtual_host, heartbeat and blocked_connection_timeout in seconds, and
        whatever else a URL of pika takes
    credentials: (user, password)
    """

    parametrs: Mapping[str, Any]
    credentials: tuple[str, str]

    @property
    def parameters(self) -> Mapping[str, Any]:
        """`parametrs`, spelled right."""
        return self.parametrs


rmq_default_settings = RmqSettings(
    {
        "host": "localhost",
        "port": 5672,
        "virtual_host": "/",
        "heartbeat": 60,
        "blocked_connection_timeout": 300,
    },
    ("guest", "guest"),
)


class RmqConnect:
    """Names a RabbitMQ for a client or a service; nothing is connected before `connect()`.

    A client and a service take only `url` from it, and hold connections of their own.
    """

    def __init__(
        self,
        rmq_parameters: Mapping[str, Any] = rmq_default_settings.parametrs,
        rmq_credentials: tuple[str, str] = rmq_default_settings.credentials,
    ) -> None:
        self._parameters = {**rmq_default_settings.parametrs, **rmq_parameters}
        self._credentials = rmq_credentials
        self._connection: BlockingConnection | None = None
        missing = [name for name in _PLACE if self._parameters[name] in (None, "")]
        if missing or len(rmq_credentials) != 2:
            raise ConfigError(
                f"RmqConnect lacks {', '.join(sorted(missing)) or 'a user or a password'}: "
                "rmq_property.rmq_default_settings shows what it takes"
            )

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The RabbitMQ of an AMQP URL, as `Config.amqp_url()` gives it. Raises: ConfigError"""
        parts = urlsplit(url)
        if parts.scheme != "amqp":
            raise ConfigError("RmqConnect knows URLs that begin with amqp:// only")
        place = {
            "host": parts.hostname or "",
            "port": parts.port or 5672,
            "virtual_host": unquote(parts.path[1:]) or "/",
        }
        who = unquote(parts.username or "guest"), unquote(parts.password or "guest")
        return cls({**place, **dict(parse_qsl(parts.query))}, who)

    @property
    def url(self) -> str:
        """The same as an AMQP URL, percent-encoded. It holds the password."""
        host, port, vhost = (self._parameters[n] for n in ("host", "port", "virtual_host"))
        rest = {name: v for name, v in self._parameters.items() if name not in _PLACE}
        return make_url(*self._credentials, host=host, port=port, vhost=vhost, options=rest)

    def connect(self, force_new: bool = False) -> BlockingConnection:
        """A connection of your own, kept until `close()`.

        force_new: close the one that is kept and make another

        Raises: pika.exceptions.AMQPConnectionError
        """
        import pika

        if force_new:
            self.close()
        if self._connection is None or self._connection.is_closed:
            self._connection = pika.BlockingConnection(pika.URLParameters(self.url))
        return self._connection

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.is_open:
            connection.close()

    def __repr__(self) -> str:
        host, port, vhost = (self._parameters[n] for n in ("host", "port", "virtual_host"))
        return f"RmqConnect({host}:{port}, virtual_host={vhost!r})"


def url_of(rmq_connect: object) -> str:
    """The URL for a client or a service. Raises: ConfigError for what is no `RmqConnect`"""
    if isinstance(rmq_connect, RmqConnect):
        return rmq_connect.url
    raise ConfigError(
        f"rmq_connect is a {type(rmq_connect).__name__}, and takes an RmqConnect of "
        "utils.rmq_property; a URL is given as broker=, without it"
    )
