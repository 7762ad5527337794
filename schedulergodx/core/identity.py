"""Uids: the 16 bytes by which a launch is known everywhere, and how people write them.

A uid is a ULID (https://github.com/ulid/spec): 48 bits of milliseconds, then 80 bits of chance. So
uids sort by time, which keeps the index of a store append-only, and two processes never make the
same one.
"""

from __future__ import annotations

import hashlib
import os
import time
import weakref
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

UID_BYTES = 16
_TIME_BYTES = 6

_RANDOM_BYTES = 10
_RANDOM_BITS = 80
_ULID_CHARS = 26
_HEX_CHARS = 32

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_PAIR_SHIFTS = range(120, -1, -10)
_DIGITS = {char: digit for digit, char in enumerate(_ALPHABET)}
_DIGITS |= {char.lower(): digit for char, digit in _DIGITS.items()}
_DIGITS |= {"O": 0, "o": 0, "I": 1, "i": 1, "L": 1, "l": 1}  # as people misread them


def new_uid(now: float, random: bytes) -> bytes:
    """The uid of an instant and ten random bytes."""
    return int(now * 1000).to_bytes(6, "big") + random


class UidSource:
    """Makes uids, each greater than the one before, from any thread.

    Within one millisecond, and while the clock goes backwards, a uid is the one before plus one. A
    process that was forked draws anew, so that it never repeats its parent.

    clock: instant in seconds
    entropy: so many random bytes
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._clock = clock
        self._entropy = entropy
        self._lock = Lock()
        self._millisecond = -1  # of the last draw; 0 is a time that a test's clock may show
        self._last = -1
        _sources.add(self)

    def __call__(self) -> bytes:
        """The next uid, 16 bytes."""
        with self._lock:
            millisecond = int(self._clock() * 1000)
            if millisecond > self._millisecond:
                self._draw(millisecond)
            else:
                self._last += 1
            return self._last.to_bytes(UID_BYTES, "big")

    def _draw(self, millisecond: int) -> None:
        self._millisecond = millisecond
        self._last = millisecond << _RANDOM_BITS | int.from_bytes(self._entropy(_RANDOM_BYTES))

    def _part_from_parent(self) -> None:
        """In a forked child: a lock that nobody holds, and chance that the parent has not."""
        self._lock = Lock()
        if self._last >= 0:
            self._draw((self._last >> _RANDOM_BITS) + 1)


_sources: weakref.WeakSet[UidSource] = weakref.WeakSet()


def _part_all_from_parent() -> None:
    for source in list(_sources):
        source._part_from_parent()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_part_all_from_parent)


def derived_uid(uid: bytes, number: int) -> bytes:
    """A uid that follows from another one, as of the same millisecond: always the same."""
    digest = hashlib.blake2b(uid + number.to_bytes(8, "big"), digest_size=UID_BYTES - _TIME_BYTES)
    return uid[:_TIME_BYTES] + digest.digest()


def ulid(uid: bytes) -> str:
    """A uid as people see it: 26 characters of Crockford's base 32."""
    number = int.from_bytes(uid)
    return "".join([_PAIRS[number >> shift & 1023] for shift in _PAIR_SHIFTS])


def uid_of(ulid_or_hex: str) -> bytes | None:
    """The uid that a ULID or 32 hex digits stand for; None if the text is neither."""
    if len(ulid_or_hex) == _ULID_CHARS:
        return _uid_of_ulid(ulid_or_hex)
    if len(ulid_or_hex) == _HEX_CHARS:
        return _uid_of_hex(ulid_or_hex)
    return None


def _uid_of_ulid(text: str) -> bytes | None:
    number = 0
    for char in text:
        digit = _DIGITS.get(char)
        if digit is None:
            return None
        number = number << 5 | digit
    return None if number >> 128 else number.to_bytes(UID_BYTES, "big")


def _uid_of_hex(text: str) -> bytes | None:
    try:
        uid = bytes.fromhex(text)
    except ValueError:
        return None
    return uid if len(uid) == UID_BYTES else None  # fromhex takes spaces
