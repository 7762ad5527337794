"""Data that JSON can hold: numbers, texts, true, false, None, lists, and dicts with texts as keys.

What is written reads back equal; a tuple becomes a list. Whatever else JSON would change on its
way, as a `datetime` that comes back as text, is refused with the path of it.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from schedulergodx.errors import ShipError

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_DEEPEST = 200  # lists and dicts within each other


def write_json(value: object, what: str) -> bytes:
    """A value as JSON, in UTF-8.

    what: what it is, for the error

    Raises: ShipError, which names the part that JSON can't hold
    """
    try:
        data = _encode(value)
        if _decode(data) == value:  # both in C: a look at each part takes ten times as long
            return data
    except MemoryError:
        raise
    except Exception:  # what it is, is said by the look at each part
        pass
    fault = _find_fault(value, what, 0)
    if fault is not None:
        raise ShipError(f"{fault}: give numbers, texts, lists and dicts of such")
    return _encode(value)


def is_exact(value: Any, depth: int = 0) -> bool:
    """Whether JSON brings a value back as it is, with its types; False for very deep ones."""
    kind = type(value)
    if kind is int:
        return bool(-(2**63) <= value < 2**63)
    if kind is float:
        return math.isfinite(value)
    if kind is list:
        return depth < _DEEPEST and all(is_exact(part, depth + 1) for part in value)
    if kind is dict:
        exact_keys = depth < _DEEPEST and all(type(key) is str for key in value)
        return exact_keys and all(is_exact(part, depth + 1) for part in value.values())
    return value is None or kind is str or kind is bool


def read_json(data: bytes) -> Any:
    """The value of JSON. Raises: what `core.envelope.UNREADABLE` names"""
    return _decode(data)


def write_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """The arguments of a named job: JSON of [args, kwargs].

    Raises: ShipError, which names the one that JSON can't hold
    """
    try:
        return write_json([list(args), kwargs], "arguments")
    except ShipError:
        for number, value in enumerate(args, 1):
            write_json(value, f"argument {number}")
        for name, value in kwargs.items():
            write_json(value, f"argument {name!r}")
        raise


def read_arguments(data: bytes) -> tuple[list[Any], dict[str, Any]]:
    """What `write_arguments` wrote. Raises: what `core.envelope.UNREADABLE` names"""
    return _read_arguments(data)


_read_arguments = msgspec.json.Decoder(tuple[list[Any], dict[str, Any]]).decode


def _find_fault(value: object, path: str, depth: int) -> str | None:
    """What JSON can't hold, and where; None if it can hold all of it."""
    if depth > _DEEPEST:
        return f"{path[:80]}... is nested deeper than {_DEEPEST} levels, or contains itself"
    if isinstance(value, dict):
        return _find_fault_in_dict(value, path, depth)
    if isinstance(value, list | tuple):
        parts = enumerate(value)
        faults = (_find_fault(part, f"{path}[{at}]", depth + 1) for at, part in parts)
        return next((fault for fault in faults if fault is not None), None)
    if isinstance(value, float) and not math.isfinite(value):
        return f"{path} is {value}, which JSON can't hold"
    if isinstance(value, str) and not value.isascii():
        return _find_fault_in_text(value, path)
    if value is None or isinstance(value, bool | int | float | str):
        return None
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    return f"{path} is of type {name}, which JSON can't hold"


def _find_fault_in_dict(value: dict[Any, Any], path: str, depth: int) -> str | None:
    for key, part in value.items():
        if not isinstance(key, str):
            return f"{path} has the key {key!r}, and a key in JSON is a text"
        fault = _find_fault(part, f"{path}[{key!r}]", depth + 1)
        if fault is not None:
            return fault
    return None


def _find_fault_in_text(value: str, path: str) -> str | None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return f"{path} has half of a surrogate pair in it, which JSON can't hold"
    return None
