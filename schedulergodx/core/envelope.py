"""The envelope: one signed, versioned message on the wire. `core.message` has what it carries.

An envelope is the msgpack array `[header, body, signature]` of three byte strings. The header names
the hash of the body, so that the signature over the header covers both. `docs/wire.md` describes it
for other languages.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum

import msgspec
from msgspec import Struct

from schedulergodx.core.signing import Signer
from schedulergodx.errors import EnvelopeError

VERSION = 2
# What msgspec raises at bytes that are not what they should be.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
ENVELOPE_BYTES = 1 << 20  # a shared envelope is closed at this size
LARGEST_BYTES = 8 << 20  # one job or one result; RabbitMQ 4 closes the channel above 16 MiB
LARGEST_BUNDLE_BYTES = 15 << 20  # jobs that are stored together


class MessageType(IntEnum):
    """What an envelope carries. The first four numbers are those of version 1."""

    INITIALIZATION = 0  # client -> service: who it is; answered by INFO or ERROR
    INFO = 1  # it went well
    ERROR = 2  # it did not: a Failure
    TASK = 3  # client -> service: jobs
    REQUEST = 4  # client -> service: a question or a wish about jobs
    ANSWER = 5  # service -> client: to a REQUEST
    RESPONSES = 6  # service -> client: outcomes of jobs
    BUNDLE = 7  # client -> service: jobs of several tasks that are stored together or not at all
    BATCH = 8  # service -> client: how batches stand that it waits for
    FOLLOW = 9  # service -> client: how jobs stand that it follows, and what they print


class Header(Struct, frozen=True, omit_defaults=True):
    """The outside of an envelope.

    type: a MessageType; a number that is none can still be read, and answered
    uid: 16 bytes, of this envelope
    client, instance: who sends or, from the service, who is meant; the address of answers
    created: instant, by the clock of the sender
    digest: 16 bytes of BLAKE2b of the body
    key: id of the key that it is signed with; "" for the shared secret
    """

    version: int
    type: int
    uid: bytes
    client: str
    instance: str
    created: float
    digest: bytes
    key: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope that was opened: its signature and its digest are right."""

    header: Header
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_open_parts = msgspec.msgpack.Decoder(tuple[bytes, bytes, bytes]).decode
_open_header = msgspec.msgpack.Decoder(Header).decode


def digest(body: bytes) -> bytes:
    """The hash of a body, 16 bytes."""
    return hashlib.blake2b(body, digest_size=16).digest()


def seal(
    type: MessageType,
    body: object,
    *,
    uid: bytes,
    client: str,
    instance: str,
    created: float,
    signer: Signer,
) -> bytes:
    """The bytes of an envelope; `body` is a struct of `core.message`."""
    packed = _encode(body)
    header = _encode(Header(VERSION, type, uid, client, instance, created, digest(packed)))
    return _encode((header, packed, signer.sign(header)))


def read_header(data: bytes) -> tuple[Header, bytes, bytes, bytes]:
    """(header, its bytes, body, signature) of an envelope, none of it verified.

    Raises: EnvelopeError
    """
    try:
        packed, body, signature = _open_parts(data)
        header = _open_header(packed)
    except UNREADABLE as error:
        raise EnvelopeError(
            f"not an envelope of schedulergodx, or cut off ({len(data)} bytes): {error}"
        ) from error
    return header, packed, body, signature


def unseal(data: bytes, signer: Signer) -> Envelope:
    """Open an envelope: its form, its version, its signature, its digest.

    Raises: EnvelopeError, BadSignature
    """
    header, packed, body, signature = read_header(data)
    if header.version != VERSION:
        raise EnvelopeError(
            f"the envelope is of version {header.version}, this end reads version {VERSION}: "
            "install the same version of schedulergodx on both"
        )
    signer.verify(packed, signature)
    if digest(body) != header.digest:
        raise EnvelopeError("the body is not the one that was sealed: its hash differs")
    return Envelope(header, body)
