"""What a file of a spool holds: an envelope as it is, or JSON with its signature in a last line.

An envelope is msgpack and begins with another byte than JSON does. The signature is 64 hex digits;
there is no line for it where nothing was signed.
"""

from __future__ import annotations

import re

from schedulergodx.core.properties import Properties
from schedulergodx.core.signing import SIGNATURE_HEADER

_SIGNED = re.compile(rb"(.*)\n([0-9a-fA-F]{64})\s*", re.DOTALL)


def to_file(body: bytes, properties: Properties | None) -> bytes:
    """The bytes of a file."""
    signature = properties.headers.get(SIGNATURE_HEADER, "") if properties is not None else ""
    return body + b"\n" + signature.encode() if signature else body


def from_file(data: bytes) -> tuple[bytes, Properties | None]:
    """(body, properties) of a file; an envelope has none."""
    if data[:1] != b"{":
        return data, None
    signed = _SIGNED.fullmatch(data)
    if signed is None:
        return data, Properties()
    body, signature = signed.groups()
    return body, Properties(headers={SIGNATURE_HEADER: signature.decode()})
