"""What a setting is: a row of the table in `config`, and how its value is read and shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from schedulergodx.quantity import format_duration, format_size, parse_duration, parse_size

ENV_PREFIX = "SCHEDULERGODX_"
_HIDDEN = frozenset({"secret", "broker_password"})  # never shown
_URLS = frozenset({"broker", "db"})  # shown without their passwords


class Scope(Enum):
    """Who reads a setting."""

    BOTH = "client and service"
    CLIENT = "client"
    SERVICE = "service"


class Kind(Enum):
    """What the value of a setting is, in the words of the page of settings."""

    TEXT = "text"
    FLAG = "true or false"
    COUNT = "whole number"
    DURATION = "duration"
    SIZE = "size"
    NAMES = "names"
    LIMITS = "names with numbers"


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
            raise ValueError(f"it is one of {', '.join(self.choices)}")
        if isinstance(result, int | float) and result < self.least:
            raise ValueError(f"it is {self.least:g} or more")
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
        raise ValueError(f"it is a text, not {type(value).__name__}")
    return value


_FLAGS = {"1": True, "true": True, "yes": True, "on": True}
_FLAGS |= {"0": False, "false": False, "no": False, "off": False}


def _read_flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _FLAGS:
        return _FLAGS[value.strip().lower()]
    raise ValueError("it is true or false")


def _read_count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().removeprefix("-").isdecimal():
        return int(value)
    raise ValueError("it is a whole number")


def _read_names(value: object) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple | set | frozenset):
        raise ValueError("it is a list of names, or names with commas between them")
    names = tuple(_read_text(part).strip() for part in parts)
    return tuple(dict.fromkeys(name for name in names if name))


def _read_limits(value: object) -> dict[str, int]:
    pairs = dict(value) if isinstance(value, Mapping) else _split_pairs(_read_names(value))
    limits = {_read_text(name).strip(): _read_count(number) for name, number in pairs.items()}
    if any(number < 1 for number in limits.values()):
        raise ValueError("a limit is 1 or more; to serve a queue no more, leave it out of `queues`")
    return limits


def _split_pairs(pairs: tuple[str, ...]) -> dict[object, object]:
    split = [pair.partition("=") for pair in pairs]
    if not all(name and equals for name, equals, _ in split):
        raise ValueError("it has the form mail=2,video=1")
    return {name: number for name, _, number in split}


_READERS: Mapping[Kind, Callable[[object], object]] = {
    Kind.TEXT: _read_text,
    Kind.FLAG: _read_flag,
    Kind.COUNT: _read_count,
    Kind.DURATION: parse_duration,
    Kind.SIZE: parse_size,
    Kind.NAMES: _read_names,
    Kind.LIMITS: _read_limits,
}
_FORMATS: Mapping[Kind, Callable[[Any], str]] = {
    Kind.FLAG: lambda value: "true" if value else "false",
    Kind.DURATION: format_duration,
    Kind.SIZE: format_size,
    Kind.NAMES: ",".join,
    Kind.LIMITS: lambda limits: ",".join(f"{name}={number}" for name, number in limits.items()),
}
