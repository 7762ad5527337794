"""Files of environment variables, as `.env`: a line each, `NAME=value`.

`export` may stand before the name. A value may be quoted: literally in '...', and in "..." with the
escapes of a string and over several lines. ` #` begins a comment, after a value as well. A value
may hold `=`. Nothing is put in the place of `$NAME`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from schedulergodx.errors import ConfigError

_ASSIGNMENT = re.compile(
    r"""
    [ \t]* (?:export[ \t]+)? (?P<name>[A-Za-z_][A-Za-z0-9_.]*) [ \t]* = [ \t]*
    (?: '(?P<single>[^']*)' | "(?P<double>(?:[^"\\]|\\.)*)"
      | (?P<bare>(?!(?<=\s)\#)[^'"\n][^\n]*?)? )
    [ \t]* (?:(?<=\s)\#[^\n]*)? (?:\n|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_NOTHING = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read_env_file(path: str | os.PathLike[str], prefix: str = "") -> dict[str, str]:
    """The variables of a file whose names begin with `prefix`.

    A line that is no assignment is passed over where it does not name such a variable: a file
    may serve other programs, which read other forms.

    Raises: ConfigError, which names the line; FileNotFoundError
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the variables in {path} can't be read: {error}") from error
    try:
        return _parse(text.replace("\r\n", "\n"), prefix)
    except ValueError as error:
        raise ConfigError(f"the variables in {path} can't be read: {error}") from None


def _parse(text: str, prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _NOTHING.match(text, at)
        if match is None:
            match = _ASSIGNMENT.match(text, at)
            if match is not None:
                found[match["name"]] = _value(match)
        if match is None:
            match = _LINE.match(text, at)
            assert match is not None  # it matches anything
            if prefix in match[0]:
                number = text.count("\n", 0, at) + 1
                raise ValueError(f"line {number} is not NAME=value, or a quote is not closed")
        at = match.end()
    return {name: value for name, value in found.items() if name.startswith(prefix)}


def _value(match: re.Match[str]) -> str:
    if match["single"] is not None:
        return match["single"]
    if match["double"] is not None:
        return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), match["double"])
    return (match["bare"] or "").rstrip()
