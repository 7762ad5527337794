"""Where a RabbitMQ is, and how to reach it: what an AMQP URL says."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from schedulergodx.errors import BrokerUnavailable, ConfigError

HEARTBEAT = 60.0
BLOCKED_TIMEOUT = 300.0
_PORTS = {"amqp": 5672, "amqps": 5671}
_OWN_OPTIONS = frozenset(
    {"heartbeat", "blocked_connection_timeout", "cafile", "certfile", "keyfile"}
)
# What else a URL of pika may say. Our own reconnecting takes the place of all of it.
_PASSED_OVER = frozenset(
    {"backpressure_detection", "channel_max", "client_properties", "connection_attempts"}
    | {"frame_max", "locale", "retry_delay", "socket_timeout", "ssl_options", "stack_timeout"}
    | {"tcp_options"}
)
_PARAMETERS = frozenset({"host", "port", "virtual_host"})
_DEFAULTS = {
    "host": "localhost",
    "port": _PORTS["amqp"],
    "virtual_host": "/",
    "heartbeat": HEARTBEAT,
    "blocked_connection_timeout": BLOCKED_TIMEOUT,
}
THREE_WAYS = (
    "Start RabbitMQ there; or name another one with SCHEDULERGODX_BROKER or broker=; or use the "
    "embedded broker, which needs no server: spool:DIRECTORY"
)
CORRECT = "Correct the URL in SCHEDULERGODX_BROKER or broker=, or allow it there"


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """One RabbitMQ and one virtual host on it.

    tls: whether to speak TLS, which is always verified
    cafile: certificates to trust, in the place of the system's
    certfile, keyfile: this side's own certificate, if RabbitMQ wants one
    heartbeat: seconds; a connection that is silent for two of them is given up
    blocked_timeout: seconds after which a connection that RabbitMQ does not read is given up
    """

    host: str
    port: int
    user: str
    password: str
    vhost: str
    tls: bool = False
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    heartbeat: float = HEARTBEAT
    blocked_timeout: float = BLOCKED_TIMEOUT

    @classmethod
    def from_url(
        cls, url: str, *, heartbeat: float = HEARTBEAT, blocked_timeout: float = BLOCKED_TIMEOUT
    ) -> Self:
        """Read `amqp[s]://user:password@host:port/vhost?heartbeat=60&cafile=...`.

        What the URL leaves out is guest:guest, localhost, 5672 (5671 with TLS) and `/`.

        Raises: ConfigError
        """
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS[parts.scheme]
            options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
            heartbeat = float(options.pop("heartbeat", heartbeat))
            blocked_timeout = float(options.pop("blocked_connection_timeout", blocked_timeout))
        except (ValueError, KeyError) as error:
            raise ConfigError(
                f"{_censored(url)} is no AMQP URL ({error}): write "
                "amqp://user:password@host:port/vhost, with %XX for special characters"
            ) from None
        _refuse_unknown(options, "the broker's URL")
        return cls(
            host=parts.hostname or "localhost",
            port=port,
            user=unquote(parts.username) if parts.username is not None else "guest",
            password=unquote(parts.password) if parts.password is not None else "guest",
            vhost=unquote(parts.path[1:]) or "/",
            tls=parts.scheme == "amqps",
            cafile=options.get("cafile"),
            certfile=options.get("certfile"),
            keyfile=options.get("keyfile"),
            heartbeat=heartbeat,
            blocked_timeout=blocked_timeout,
        )

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any], credentials: tuple[str, str]) -> Self:
        """Read the settings object of `utils.rmq_property`.

        parameters: host, port, virtual_host, heartbeat, blocked_connection_timeout
        credentials: user, password

        Raises: ConfigError
        """
        _refuse_unknown(parameters.keys() - _PARAMETERS, "the parameters of RabbitMQ")
        given = {**_DEFAULTS, **{key: v for key, v in parameters.items() if v is not None}}
        try:
            user, password = credentials
            return cls(
                host=str(given["host"]),
                port=int(given["port"]),
                user=user,
                password=password,
                vhost=str(given["virtual_host"]),
                heartbeat=float(given["heartbeat"]),
                blocked_timeout=float(given["blocked_connection_timeout"]),
            )
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"the parameters of RabbitMQ can't be used: {error}; credentials are (user, "
                "password), and port, heartbeat and blocked_connection_timeout are numbers"
            ) from None

    @property
    def url(self) -> str:
        """For people: the password is left out."""
        scheme = "amqps" if self.tls else "amqp"
        host = f"[{self.host}]" if ":" in self.host else self.host
        user, vhost = quote(self.user, safe=""), quote(self.vhost, safe="")
        return f"{scheme}://{user}@{host}:{self.port}/{vhost}"

    @property
    def local(self) -> bool:
        """Whether it is surely this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def ssl_context(self) -> ssl.SSLContext | None:
        """What verifies the server's certificate and name; None without TLS.

        Raises: ConfigError if a file can't be read
        """
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.cafile)
            if self.certfile:
                context.load_cert_chain(self.certfile, self.keyfile)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(
                f"cafile={self.cafile}, certfile={self.certfile}, keyfile={self.keyfile} of the "
                f"broker's URL can't be used: {error}"
            ) from error
        return context

    def unavailable(self, cause: str, *, there: bool = False) -> BrokerUnavailable:
        """The error of a RabbitMQ that can't be used, with what to do. there: it was reached"""
        remedy = CORRECT if there else THREE_WAYS
        return BrokerUnavailable(
            f"RabbitMQ at {self.host}:{self.port} can't be used: {cause}. {remedy}"
        )

    def __repr__(self) -> str:
        return f"Address({self.url})"


def _refuse_unknown(names: Mapping[str, Any] | set[str], place: str) -> None:
    unknown = sorted(set(names) - _OWN_OPTIONS - _PASSED_OVER)
    if unknown:
        raise ConfigError(
            f"{place} can't have {', '.join(unknown)}; "
            f"it can have {', '.join(sorted(_OWN_OPTIONS))}"
        )


def _censored(url: str) -> str:
    head, at, tail = url.rpartition("@")
    scheme, colon, _ = head.partition("://")
    return f"{scheme}{colon}...{at}{tail}" if at else url
