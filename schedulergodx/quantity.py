"""Durations, sizes and rates as people write them: "1 h 30 min", "8 MiB", "10/min"."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import timedelta

_SECONDS = {
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "min": 60.0,
    "m": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "w": 604800.0,
    "week": 604800.0,
}
_BYTES = {
    "b": 1,
    "byte": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*,?")
_NUMBER = re.compile(r"\s*[+-]?\d+(?:\.\d+)?\s*")


def parse_duration(value: object) -> float:
    """Seconds of a number, of a `timedelta`, or of a text such as "90", "10 min", "1 h 30 min".

    Raises: ValueError if it is none of these, negative or not finite
    """
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, str):
        seconds = _parse(value, _SECONDS, 'a duration such as 90, "10 min" or "1 h 30 min"')
    else:
        seconds = _number(value, "a duration")
    return _positive(seconds, "a duration")


def parse_size(value: object) -> int:
    """Bytes of a number, or of a text such as "4096", "64 KiB", "8 MB".

    Raises: ValueError if it is neither, negative, or no whole number of bytes
    """
    what = 'a size such as 4096, "64 KiB" or "8 MB"'
    size = _parse(value, _BYTES, what) if isinstance(value, str) else _number(value, "a size")
    if _positive(size, "a size") != int(size):
        raise ValueError("a size is a whole number of bytes")
    return int(size)


def parse_rate(value: object) -> tuple[int, float]:
    """(how many, in how many seconds) of a text such as "10/min", "5/s", "100/15 min".

    Raises: ValueError if it is none, or of nothing
    """
    number, _, time = value.partition("/") if isinstance(value, str) else ("", "", "")
    time = time.strip()
    seconds = None
    if number.strip().isdecimal() and time:
        with suppress(ValueError):  # which speaks of a duration alone
            seconds = parse_duration(time if time[0].isdigit() else f"1 {time}")
    if seconds is None:
        raise ValueError('a rate is a text such as "10/min", "5/s" or "100/15 min"')
    if not int(number) or not seconds:
        raise ValueError("a rate is more than nothing, in more than no time")
    return int(number), seconds


def format_rate(number: int, seconds: float) -> str:
    """A rate as it is written: 10 in 60 seconds is "10/min"."""
    return f"{number}/{format_duration(seconds).removeprefix('1 ')}"


def format_duration(seconds: float) -> str:
    """A duration in the largest unit that leaves a whole number: 600 is "10 min"."""
    for unit in ("d", "h", "min"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{int(seconds / _SECONDS[unit])} {unit}"
    return f"{seconds:g} s"


def format_size(size: int) -> str:
    """A size in the largest unit that leaves a whole number: 65536 is "64 KiB"."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _BYTES[unit.lower()] == 0:
            return f"{size // _BYTES[unit.lower()]} {unit}"
    return f"{size} bytes"


def _parse(text: str, units: dict[str, float] | dict[str, int], what: str) -> float:
    if _NUMBER.fullmatch(text):
        return float(text)
    total, at = 0.0, 0
    while at < len(text):
        part = _PART.match(text, at)
        factor = _unit(part[2], units) if part else None
        if part is None or factor is None:
            raise ValueError(f"it is not {what}")
        total, at = total + float(part[1]) * factor, part.end()
    if not at:
        raise ValueError(f"it is empty, and not {what}")
    return total


def _unit(name: str, units: dict[str, float] | dict[str, int]) -> float | None:
    lower = name.lower()
    return units.get(lower, units.get(lower.removesuffix("s")))


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{what} is a number or a text, not {type(value).__name__}")
    return float(value)


def _positive(value: float, what: str) -> float:
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{what} is neither negative nor infinite")
    return value
