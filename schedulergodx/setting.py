"""What a setting is: a row of the table in `config`, and how its value is read and shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import urlsplit

from schedulergodx.quantity import (
    format_duration,
    format_rate,
    format_size,
    parse_duration,
    parse_rate,
    parse_size,
)

T = TypeVar("T")

ENV_PREFIX = "SCHEDULERGODX_"
_HIDDEN = frozenset({"secret", "broker_password"})  # never shown
_URLS = frozenset({"broker", "db"})  # shown without their passwords


class Scope(Enum):
    """Who reads a setting."""

    BOTH = "client and service"
    CLIENT = "client"
    SERVICE = "service"
    WORKER = "worker of a file"


class Kind(Enum):
    """What the value of a setting is, in the words of the page of settings."""

    TEXT = "text"
    FLAG = "true or false"
    COUNT = "whole number"
    DURATION = "duration"
    SIZE = "size"
    NAMES = "names"
    LIMITS = "names with numbers"
    RATES = "names with rates"
    DURATIONS = "names with durations"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    help: one sentence, for the page and for `--help`
    least: the smallest value
    choices: all values, where there are only some
    none: what None means; "" where None is not a value
    shown: the default in words, where its value says too little
    also: other names by which it may be given, as documents have them
    """

    name: str
    kind: Kind
    scope: Scope
    help: str
    default: object
    least: float = 0
    choices: tuple[str, ...] = ()
    none: str = ""
    shown: str = ""
    also: tuple[str, ...] = ()

    @property
    def env(self) -> str:
        """The environment variable."""
        return ENV_PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """The flag on a command line; "" for a secret, which every list of processes would show."""
        return "" if self.name in _HIDDEN else "--" + self.name.replace("_", "-")

    @property
    def default_text(self) -> str:
        """The default in words."""
        return self.shown or self.format(self.default)

    def read(self, value: object) -> Any:
        """A value as it is used, from a keyword, a TOML value or a text. Raises: ValueError"""
        if self.none and (value is None or value == "none"):
            return None
        result = _READERS[self.kind](value)
        if self.choices and result not in self.choices:
            raise ValueError(f"it must be one of {', '.join(self.choices)}")
        if isinstance(result, int | float) and result < self.least:
            raise ValueError(f"it must be {self.least:g} or more")
        return result

    def says(self, value: object) -> bool:
        """Whether a keyword of that value was given: None says something to few settings."""
        return value is not None or bool(self.none and self.default is not None)

    def format(self, value: object) -> str:
        """A value in words, without secrets and passwords."""
        if value is None:
            return self.none
        if self.name in _HIDDEN:
            return "(set, not shown)"
        if self.name in _URLS:
            return without_password(str(value))
        return _FORMATS.get(self.kind, str)(value)

    def quote(self, value: object) -> str:
        """What somebody gave, for an error; nothing of what may hold a secret."""
        return "the value" if self.name in _HIDDEN | _URLS else repr(value)


def without_password(url: str) -> str:
    """A URL whose password, if it has one, is `***`."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    return url.replace(f":{parts.password}@", ":***@", 1)


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"it must be a text, not {type(value).__name__}")
    return value


_FLAGS = {"1": True, "true": True, "yes": True, "on": True}
_FLAGS |= {"0": False, "false": False, "no": False, "off": False}


def _read_flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _FLAGS:
        return _FLAGS[value.strip().lower()]
    raise ValueError("it must be true or false")


def _read_count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().removeprefix("-").isdecimal():
        return int(value)
    raise ValueError("it must be a whole number")


def _read_names(value: object) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple | set | frozenset):
        raise ValueError("it must be a list of names, or names with commas between them")
    names = tuple(_read_text(part).strip() for part in parts)
    return tuple(dict.fromkeys(name for name in names if name))


def _read_limits(value: object) -> dict[str, int]:
    limits = _read_pairs(value, _read_count, "mail=2,video=1")
    if any(number < 1 for number in limits.values()):
        raise ValueError("a limit is 1 or more; to serve a queue no more, leave it out of `queues`")
    return limits


def _read_rates(value: object) -> dict[str, tuple[int, float]]:
    return _read_pairs(value, _read_rate, "mail=10/min,video=1/s")


def _read_rate(value: object) -> tuple[int, float]:
    """A rate; also one that was read already."""
    return parse_rate(format_rate(*value) if isinstance(value, tuple) else value)


def _read_durations(value: object) -> dict[str, float | None]:
    return _read_pairs(value, _read_duration, "mail=1h,mail/failed=30d,audit=none")


def _read_duration(value: object) -> float | None:
    return None if value is None or value == "none" else parse_duration(value)


def _read_pairs(value: object, read: Callable[[object], T], form: str) -> dict[str, T]:
    """Names with values, from a table or from a text of that form."""
    if isinstance(value, Mapping):
        pairs = dict(value)
    else:
        split = [pair.partition("=") for pair in _read_names(value)]
        if not all(name and equals for name, equals, _ in split):
            raise ValueError(f"it has the form {form}")
        pairs = {name: one for name, _, one in split}
    return {_read_text(name).strip(): read(one) for name, one in pairs.items()}


def _format_pairs(pairs: Mapping[str, Any], format: Callable[[Any], str] = str) -> str:
    return ",".join(f"{name}={format(value)}" for name, value in pairs.items())


_READERS: Mapping[Kind, Callable[[object], object]] = {
    Kind.TEXT: _read_text,
    Kind.FLAG: _read_flag,
    Kind.COUNT: _read_count,
    Kind.DURATION: parse_duration,
    Kind.SIZE: parse_size,
    Kind.NAMES: _read_names,
    Kind.LIMITS: _read_limits,
    Kind.RATES: _read_rates,
    Kind.DURATIONS: _read_durations,
}
_FORMATS: Mapping[Kind, Callable[[Any], str]] = {
    Kind.FLAG: lambda value: "true" if value else "false",
    Kind.DURATION: format_duration,
    Kind.SIZE: format_size,
    Kind.NAMES: ",".join,
    Kind.LIMITS: _format_pairs,
    Kind.RATES: lambda rates: _format_pairs(rates, lambda rate: format_rate(*rate)),
    Kind.DURATIONS: lambda times: _format_pairs(
        times, lambda time: "none" if time is None else format_duration(time)
    ),
}


def setting(kind: Kind, scope: Scope, help: str, default: object = None, **more: object) -> Any:
    """A field of the table; `more` is what else a `Setting` has."""
    metadata = {"kind": kind, "scope": scope, "help": help, "default": default, **more}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)


def count_cpus() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
