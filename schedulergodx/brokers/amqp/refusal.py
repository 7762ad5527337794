"""Why RabbitMQ can't be reached, in words that say what to do."""

from __future__ import annotations

import socket
import ssl

from schedulergodx.brokers.amqp.address import Address
from schedulergodx.brokers.amqp.link import CannotConnect


def explain_socket(error: BaseException) -> CannotConnect:
    """For what happened below AMQP."""
    if isinstance(error, ssl.SSLCertVerificationError):
        cause = (
            f"its certificate is not trusted: {error.verify_message.rstrip('.')}; if a CA of your "
            "own made it, add ?cafile=FILE to the URL"
        )
        return CannotConnect(cause, final=True)
    if isinstance(error, ssl.SSLError):
        return CannotConnect(f"TLS failed ({error.reason or error}): is it a TLS port?", final=True)
    if isinstance(error, socket.gaierror):
        return CannotConnect(f"its name is not known ({error.strerror})")
    if isinstance(error, ConnectionRefusedError):
        return CannotConnect("nobody listens there (connection refused)")
    if isinstance(error, TimeoutError):
        return CannotConnect("it does not answer")
    return CannotConnect(f"the connection failed ({error or type(error).__name__})")


def explain_login(address: Address) -> CannotConnect:
    """For a name or a password that RabbitMQ does not take."""
    hint = "" if address.local or address.user != "guest" else "; guest may only log in locally"
    return CannotConnect(
        f"it refused the login of {address.user!r}: wrong name or password{hint}", final=True
    )


def explain_vhost(address: Address, text: str) -> CannotConnect:
    """For a virtual host that is not there or not for this user."""
    return CannotConnect(
        f"it refused {address.user!r} the virtual host {address.vhost!r}: {text}", final=True
    )


def explain_handshake(text: str) -> CannotConnect:
    """For a peer that hung up before AMQP had begun."""
    return CannotConnect(
        f"it hung up at once ({text}): it may be starting or stopping, be a TLS port (amqps://), "
        "or be no RabbitMQ"
    )
