"""Bytes that are the same for equal values, in every process: what keys of jobs are made from.

A pickle is not: it depends on which objects are one and the same, and on the order of sets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any

from msgspec import Struct


def canonical(value: object) -> bytes:
    """The bytes of a value that is made of plain ones.

    That is numbers, texts, bytes, dates and times, lists, tuples, sets, dicts, enums, paths, UUIDs,
    dataclasses, named tuples and structs. 1, 1.0 and True are different, as are a list and a tuple
    of the same values. A class counts by its name.

    Raises: TypeError for others, which names the type; also for a value that contains itself
    """
    try:
        return _encode(value)
    except RecursionError:
        raise TypeError("a value that contains itself, or is nested very deep") from None


def _encode(value: object) -> bytes:
    for kinds, tag, read in _PLAIN:
        if isinstance(value, kinds):
            return _framed(tag, read(value))
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if name in _BY_NAME:
        return _framed(b"x", f"{name} {value}".encode())
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return _object(value, dict(zip(value._fields, value, strict=True)))
    if isinstance(value, list | tuple):
        return _framed(b"l" if isinstance(value, list) else b"t", b"".join(map(_encode, value)))
    if isinstance(value, set | frozenset):
        return _framed(b"s", b"".join(sorted(map(_encode, value))))
    if isinstance(value, Mapping):
        return _framed(b"m", _pairs(value))
    if isinstance(value, Struct):
        return _object(value, {name: getattr(value, name) for name in value.__struct_fields__})
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value) if field.compare]
        return _object(value, {name: getattr(value, name) for name in fields})
    raise TypeError(name)


def _framed(tag: bytes, body: bytes) -> bytes:
    """No value can end where another one goes on."""
    return b"%s%d:%s" % (tag, len(body), body)


def _pairs(mapping: Mapping[Any, Any]) -> bytes:
    return b"".join(sorted(_encode(key) + _encode(value) for key, value in mapping.items()))


def _object(value: object, fields: Mapping[str, Any]) -> bytes:
    return _framed(b"o", _encode(type(value).__qualname__) + _pairs(fields))


def _of_float(value: float) -> bytes:
    return float.__repr__(value + 0.0).encode()  # -0.0 equals 0.0, and this makes one of them


def _of_datetime(value: datetime) -> bytes:
    """Two instants that are the same are, whatever their zones."""
    return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat().encode()


# Their text says all, and nobody should pay for the import of their modules.
_BY_NAME = frozenset({"decimal.Decimal", "fractions.Fraction", "uuid.UUID"})
# In this order: a bool is an int, a datetime is a date, and an enum may be any of them.
_PLAIN: tuple[tuple[type | tuple[type, ...], bytes, Callable[[Any], bytes]], ...] = (
    (type(None), b"n", lambda _: b""),
    (Enum, b"e", lambda value: f"{type(value).__qualname__}.{value.name}".encode()),
    (bool, b"b", lambda value: b"%d" % value),
    (int, b"i", lambda value: int.__repr__(value).encode()),
    (float, b"f", _of_float),
    (str, b"u", lambda value: value.encode("utf-8", "surrogatepass")),
    ((bytes, bytearray, memoryview), b"y", bytes),
    (datetime, b"T", _of_datetime),
    ((date, time), b"d", lambda value: f"{type(value).__name__} {value.isoformat()}".encode()),
    (timedelta, b"D", lambda value: f"{value.days} {value.seconds} {value.microseconds}".encode()),
    (complex, b"c", lambda value: complex.__repr__(value).encode()),
    (PurePath, b"p", lambda value: str(value).encode("utf-8", "surrogatepass")),
)
