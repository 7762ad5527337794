"""The functions that every contestant runs. Each takes one argument.

They stand alone, with what they need in module globals: peers import this module in their workers,
the product ships each function by value.
"""

from __future__ import annotations

import asyncio
import os
import random
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.place import Place

JOURNAL = Place.here().journal
LOOPS = Place.here().loops
MARK = "<qd"  # the format of a mark: the argument, the instant
NAP = 0.1
TABLE = random.Random(7).randbytes(10_000)


def noop(value: int) -> int:
    """Nothing."""
    return value


def tabled(value: int) -> int:
    """Nothing, with 10 KB of what does not compress in its code."""
    return value + TABLE[value % 10_000] * 0


def stamp(value: int) -> int:
    """Write down that it started, and when."""
    now = time.time()
    journal = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(journal, struct.pack(MARK, value, now))
    os.close(journal)
    return value


def burn(value: int) -> int:
    """20 ms of computing."""
    number = value
    for turn in range(LOOPS):
        number = (number * 31 + turn) & 0xFFFFFFFF
    return value


def nap(value: int) -> int:
    """100 ms of waiting, in a thread."""
    time.sleep(NAP)
    return value


async def nap_async(value: int) -> int:
    """100 ms of waiting, on an event loop."""
    await asyncio.sleep(NAP)
    return value


def weigh(value: bytes) -> int:
    """How many bytes came."""
    return len(value)


def hard(value: int) -> int:
    """Nothing, in a process of its own."""
    return value


FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    function.__name__: function
    for function in (noop, tabled, stamp, burn, nap, nap_async, weigh, hard)
}
PLAIN = ("noop", "stamp", "burn")  # what every peer runs


def calibrate(seconds: float = 0.02) -> int:
    """How many turns of `burn` take so long here, with nothing beside it."""
    turns = 100_000
    best = min(_time_turns(turns) for _ in range(5))
    return int(turns * seconds / best)


def _time_turns(turns: int) -> float:
    begin = time.perf_counter()
    number = 1
    for turn in range(turns):
        number = (number * 31 + turn) & 0xFFFFFFFF
    return time.perf_counter() - begin
