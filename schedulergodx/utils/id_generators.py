"""Where the ids of jobs come from.

An id is a label for people. What makes a job unique is its uid, which a client draws by itself: a
generator that begins again at 1 after a restart does no harm.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from threading import Lock
from typing import Self

from schedulergodx.errors import ConfigError

IdGenerator = Iterable[str] | Callable[[], str]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_ULID_LENGTH = 26
_RANDOM_BITS = 80


def autoincrement(start_point: int = 0) -> Generator[str, None, None]:
    """ "1", "2", and so on; the first is the one after `start_point`."""
    number = start_point
    while True:
        number += 1
        yield str(number)


class UlidGenerator(Iterator[str]):
    """ULIDs: 26 letters and digits that sort by the millisecond in which they were made.

    A client that is given one does better: it takes the ULID of the job's uid for its id.
    """

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        number = time.time_ns() // 1_000_000 << _RANDOM_BITS
        number |= int.from_bytes(os.urandom(_RANDOM_BITS // 8), "big")
        shifts = range(5 * (_ULID_LENGTH - 1), -1, -5)
        return "".join(_ALPHABET[number >> shift & 31] for shift in shifts)


def ulid_generator() -> UlidGenerator:
    """The default: ULIDs, without end."""
    return UlidGenerator()


class Labels:
    """The ids of one client, from a generator of its user, one caller at a time.

    source: a generator, an iterator, an iterable, or a callable that gives the next id
    """

    def __init__(self, source: IdGenerator) -> None:
        if isinstance(source, str) or not (callable(source) or isinstance(source, Iterable)):
            raise ConfigError(
                f"id_generator is {source!r}: give a generator of str, as "
                "id_generators.autoincrement(), or a function that returns one"
            )
        self._draw = iter(source).__next__ if isinstance(source, Iterable) else source
        self._lock = Lock()

    def next(self) -> str:
        """The next id. Raises: ConfigError if there is none, or it is not a text"""
        with self._lock:
            try:
                label = self._draw()
            except StopIteration:
                raise ConfigError("id_generator has no more ids") from None
        if not isinstance(label, str) or not label:
            raise ConfigError(f"id_generator gave {label!r}: an id is a str that is not empty")
        return label

    def after_fork(self) -> None:
        """In a child: a thread that held the lock is not here."""
        self._lock = Lock()
