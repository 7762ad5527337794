"""What stands beside the body of a message that is not an envelope."""

from __future__ import annotations

from msgspec import Struct

JSON = "application/json"


class Properties(Struct, frozen=True, omit_defaults=True):
    """As AMQP 0-9-1 calls them. Envelopes have none: what they say of themselves is signed.

    headers: those whose values are texts
    """

    content_type: str = JSON
    reply_to: str = ""
    correlation_id: str = ""
    message_id: str = ""
    headers: dict[str, str] = {}
