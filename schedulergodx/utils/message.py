"""A door: the messages of schedulergodx, by the names of the document."""

from __future__ import annotations

from schedulergodx.client.message import (
    Message,
    MessageConstructor,
    MessageDisassemble,
    MessageErrorStatus,
    MessageInfoStatus,
)

__all__ = [
    "Message",
    "MessageConstructor",
    "MessageDisassemble",
    "MessageErrorStatus",
    "MessageInfoStatus",
]
