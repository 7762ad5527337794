"""The properties of a message, to and from those of a library for AMQP."""

from __future__ import annotations

from typing import Any

from schedulergodx.core.properties import Properties


def read_properties(basic: Any) -> Properties | None:
    """Those of a message that says its content type; None of any other, as of envelopes.

    basic: an object with the fields of AMQP, from pika or from aiormq
    """
    if not basic.content_type:
        return None
    headers = basic.headers or {}
    return Properties(
        _text(basic.content_type),
        _text(basic.reply_to),
        _text(basic.correlation_id),
        _text(basic.message_id),
        {name: _text(value) for name, value in headers.items() if isinstance(value, str | bytes)},
    )


def write_properties(properties: Properties) -> dict[str, Any]:
    """The fields of AMQP; the id of a message is used otherwise, and left out."""
    said = {
        "content_type": properties.content_type,
        "reply_to": properties.reply_to,
        "correlation_id": properties.correlation_id,
        "headers": properties.headers,
    }
    return {name: value for name, value in said.items() if value}


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
