"""The properties of a message, to and from those of a library for AMQP."""

from __future__ import annotations

from typing import Any

from schedulergodx.core.properties import Properties

_TAG = "schedulergodx-tag"  # a header: the tag of a message whose id is its sender's own


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


def write_properties(properties: Properties | None, tag: int) -> dict[str, Any]:
    """The fields of AMQP. `tag_of` finds the tag again, should the message be returned."""
    if properties is None:
        return {"message_id": str(tag)}
    own = properties.message_id
    said = {
        "content_type": properties.content_type,
        "reply_to": properties.reply_to,
        "correlation_id": properties.correlation_id,
        "message_id": own or str(tag),
        "headers": {**properties.headers, _TAG: str(tag)} if own else properties.headers,
    }
    return {name: value for name, value in said.items() if value}


def tag_of(basic: Any) -> int:
    """The tag that a message was sent with."""
    return int((basic.headers or {}).get(_TAG) or basic.message_id)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
