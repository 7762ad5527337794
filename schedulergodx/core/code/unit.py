"""Units: pickled code, addressed by the hash of its bytes; and what a packer hands out."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schedulergodx.errors import TooLarge, UnreadableCode
from schedulergodx.quantity import format_size

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN, _DEFLATED = b"\0", b"\1"  # the first byte of a body
_LARGE = 512  # bytes of a pickle from which on compressing it pays
_MOST = 64 << 20  # bytes of a pickle; what inflates to more is not opened


@dataclass(frozen=True, slots=True)
class PackedFunction:
    """A function that is ready to travel.

    hash: of its unit, 16 bytes
    units: bodies of all units that it needs, its own among them, by their hashes
    """

    hash: bytes
    units: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class PackedValue:
    """Arguments, a result or an exception, ready to travel.

    body: what `Unpacker.load_arguments` and `Unpacker.load_value` open
    units: hashes of the units that it needs; `Packer.unit` has their bodies
    """

    body: bytes
    units: tuple[bytes, ...] = ()


def hash_of(pickled: bytes) -> bytes:
    """The address of a unit: 16 bytes of BLAKE2b of its pickle, before it is compressed."""
    return hashlib.blake2b(pickled, digest_size=16).digest()


def wrap(pickled: bytes) -> bytes:
    """The body of a unit: a byte that says how, and the pickle, deflated if it is large.

    Raises: TooLarge
    """
    if len(pickled) > _MOST:
        raise TooLarge(
            f"the code and its globals have {format_size(len(pickled))}, and {format_size(_MOST)} "
            "is the most: pass large data as an argument, or load it where it is used"
        )
    if len(pickled) < _LARGE:
        return _PLAIN + pickled
    return _DEFLATED + zlib.compress(pickled)


def unwrap(hash: bytes, body: bytes) -> bytes:
    """The pickle in a body. Raises: UnreadableCode if it is not what its hash says"""
    pickled = _inflate(hash, body[1:]) if body[:1] == _DEFLATED else body[1:]
    if hash_of(pickled) != hash:
        raise UnreadableCode(
            f"the unit {hash.hex()} is not what its hash says: it was damaged on its way"
        )
    return pickled


def _inflate(hash: bytes, deflated: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        pickled = stream.decompress(deflated, _MOST)
    except zlib.error as error:
        raise UnreadableCode(f"the unit {hash.hex()} can't be inflated: {error}") from error
    if stream.unconsumed_tail:
        raise UnreadableCode(f"the unit {hash.hex()} inflates to more than {format_size(_MOST)}")
    return pickled
