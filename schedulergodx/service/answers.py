"""What a request can be answered with, beside its value."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from schedulergodx.core.envelope import MessageType
from schedulergodx.core.request import Answer
from schedulergodx.errors import StoreError
from schedulergodx.service.tick import Reply

if TYPE_CHECKING:
    from schedulergodx.core.envelope import Header
    from schedulergodx.core.job import ErrorCode

_encode = msgspec.msgpack.Encoder().encode


class Instead(Enum):
    """What stands for a value that there is not."""

    UNKNOWN = "unknown"  # this store does not know what is asked about
    LATER = "later"  # it takes more than one round


class RefusedError(StoreError):
    """A wish that can't be fulfilled, with the reason for its client."""

    def __init__(self, code: ErrorCode | int, text: str) -> None:
        super().__init__(text)
        self.code = code


def answer(header: Header, value: object) -> Reply:
    """The answer to the request of that header."""
    body = Answer(header.uid, msgspec.Raw(_encode(value)))
    return Reply(header.client, header.instance, MessageType.ANSWER, body)
