"""The URL of a RabbitMQ, put together from its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote, urlencode

from schedulergodx.errors import ConfigError


class BrokerParts(Protocol):
    """The settings that say together what `broker` says in one."""

    @property
    def broker_address(self) -> str | None: ...
    @property
    def broker_user(self) -> str | None: ...
    @property
    def broker_password(self) -> str | None: ...
    @property
    def broker_vhost(self) -> str: ...


_NEEDED = ("broker_address", "broker_user", "broker_password")
_PORT = "5672"


def has_parts(settings: BrokerParts) -> bool:
    """Whether any of them was given."""
    return any(getattr(settings, name) for name in _NEEDED)


def compose_url(settings: BrokerParts) -> str:
    """The URL that these say, percent-encoded. It holds the password.

    Raises: ConfigError, which names what is missing
    """
    address, user, password = (
        settings.broker_address,
        settings.broker_user,
        settings.broker_password,
    )
    if not (address and user and password):
        missing = ", ".join(name for name in _NEEDED if not getattr(settings, name))
        raise ConfigError(
            f"where RabbitMQ is is not said whole: {missing} is missing. Set it, or `broker`, "
            "which says all in one"
        )
    host, port = _split(address)
    return make_url(user, password, host=host, port=port, vhost=settings.broker_vhost)


def _split(address: str) -> tuple[str, str]:
    """ "host:port", "[::1]:port", or either without a port."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or (":" in host and not host.endswith("]")):
        host, port = address, _PORT
    return host.strip("[]"), port


def make_url(
    user: str,
    password: str,
    *,
    host: str,
    port: int | str,
    vhost: str,
    options: Mapping[str, object] | None = None,
) -> str:
    """An AMQP URL, percent-encoded."""
    place = f"[{host}]" if ":" in host else host
    who = f"{quote(user, safe='')}:{quote(password, safe='')}"
    rest = f"?{urlencode(options)}" if options else ""
    return f"amqp://{who}@{place}:{port}/{quote(vhost, safe='')}{rest}"
