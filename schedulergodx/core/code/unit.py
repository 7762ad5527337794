"""Units: pickled code, addressed by the hash of its bytes; and what a packer hands out."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schedulergodx.core.code.failures import UnreadableCode

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN, _DEFLATED = b"\0", b"\1"  # the first byte of a body
_LARGE = 512  # bytes of a pickle from which on compressing it pays


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
    """The body of a unit: a byte that says how, and the pickle, deflated if it is large."""
    if len(pickled) < _LARGE:
        return _PLAIN + pickled
    return _DEFLATED + zlib.compress(pickled)


def unwrap(hash: bytes, body: bytes) -> bytes:
    """The pickle in a body. Raises: UnreadableCode if it is not what its hash says."""
    try:
        pickled = zlib.decompress(body[1:]) if body[:1] == _DEFLATED else body[1:]
    except zlib.error as error:
        raise UnreadableCode(f"the unit {hash.hex()} can't be inflated: {error}") from error
    if hash_of(pickled) != hash:
        raise UnreadableCode(
            f"the unit {hash.hex()} is not what its hash says: it was damaged on its way"
        )
    return pickled
