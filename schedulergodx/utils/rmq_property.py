"""Where RabbitMQ is, in the terms of the document: settings, and a connection made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from schedulergodx.broker_url import make_url
from schedulergodx.errors import ConfigError
from schedulergodx.setting import without_password

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
        parameters = {**rmq_default_settings.parametrs, **rmq_parameters}
        self._connection: BlockingConnection | None = None
        missing = [name for name in _PLACE if parameters[name] in (None, "")]
        if missing or len(rmq_credentials) != 2:
            raise ConfigError(
                f"RmqConnect lacks {', '.join(sorted(missing)) or 'a user or a password'}: "
                "rmq_property.rmq_default_settings shows what it takes"
            )

        host, port, vhost = (parameters[name] for name in ("host", "port", "virtual_host"))
        rest = {name: value for name, value in parameters.items() if name not in _PLACE}
        self._url = make_url(*rmq_credentials, host=host, port=port, vhost=vhost, options=rest)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The RabbitMQ of an AMQP URL, as `Config.amqp_url()` gives it."""
        connect = cls()
        connect._url = url
        return connect

    @property
    def url(self) -> str:
        """The same as an AMQP URL, percent-encoded. It holds the password."""
        return self._url

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
        return f"RmqConnect({without_password(self._url)})"
