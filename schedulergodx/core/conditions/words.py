"""The words of one phrase, taken one after the other; names and durations as rules write them."""

from __future__ import annotations

import re
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn

from schedulergodx.errors import BadRule
from schedulergodx.quantity import format_duration, parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from schedulergodx.core.conditions.tokens import Token

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SHORTEST = 0.001  # seconds: instants as floats are no finer than that with room to spare
_LONGEST = 3_200_000_000.0  # seconds, a century: what is later is a mistake, and no calendar has it


class Words:
    """What is left of a phrase."""

    def __init__(self, rule: str, tokens: list[Token]) -> None:
        self.rule, self.tokens = rule, tokens
        self.at = 0

    @property
    def text(self) -> str:
        """All that is left, as it was written."""
        left = self.tokens[self.at :]
        return self.rule[left[0].start : left[-1].end] if left else ""

    def next(self) -> str:
        """The next word in small letters, without taking it; "" at the end and for a name."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        return token.text.lower() if token and token.kind != "name" else ""

    def take(self, *words: str) -> bool:
        """Take these words if they are the next ones."""
        left = self.tokens[self.at : self.at + len(words)]
        found = tuple(token.text.lower() for token in left if token.kind != "name")
        if found != words:
            return False
        self.at += len(words)
        return True

    def one_of(self, words: Iterable[str]) -> str:
        """Take the next word, which is one of these."""
        known = list(words)
        if self.next() not in known:
            self.fail(f"expected {_or(known)}", self.next(), known)
        self.at += 1
        return self.tokens[self.at - 1].text.lower()

    def word(self, what: str) -> str:
        """Take any word."""
        word = self.next() or self.fail(f"expected {what}")
        self.at += 1
        return word

    def name(self, what: str) -> str:
        """Take a name in quotes."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is None or token.kind != "name":
            self.fail(f"expected {what} in quotes")
        self.at += 1
        return unquoted(token.text)

    def number(self, what: str) -> int:
        """Take a whole number from 1 on."""
        word = self.next()
        if not (word.isascii() and word.isdecimal() and 0 < int(word[:10]) < 10**9):
            self.fail(f"expected {what}, a whole number from 1 on")
        self.at += 1
        return int(word)

    def duration(self, *ends: str) -> float:
        """Take a duration, up to the end or to one of these words."""
        first = self.at
        while self.next() and self.next() not in ends:
            self.at += 1
        taken = self.tokens[first : self.at]
        text = self.rule[taken[0].start : taken[-1].end] if taken else ""
        try:
            return interval(" ".join(text.split()))
        except BadRule as error:
            self.at = first
            self.fail(str(error.args[0]))

    def rest(self) -> str:
        """Take all that is left."""
        text = self.text
        self.at = len(self.tokens)
        return text

    def end(self) -> None:
        """Nothing may be left."""
        if self.at < len(self.tokens):
            self.fail("expected nothing more here, or & or | before it")

    def fail(self, text: str, word: str = "", known: Iterable[str] = ()) -> NoReturn:
        """Point at the next word. known: of which one may have been meant"""
        near = get_close_matches(word, list(known), n=1) if word else []
        if near:
            text = f"{text}: did you mean {near[0]}?"
        place = self.tokens[-1].end
        if self.at < len(self.tokens):
            place = self.tokens[self.at].start
        raise BadRule(text, self.rule, place)


def interval(duration: str | float | timedelta) -> float:
    """Seconds of a duration that a rule can have.

    Raises: BadRule if it is none
    """
    try:
        seconds = parse_duration(duration)
    except (ValueError, OverflowError):
        seconds = 0.0
    if not _SHORTEST <= seconds <= _LONGEST:
        text = "expected a duration, such as 10 min, 1 hour 30 min or 0.5 s; at least 1 ms"
        raise BadRule(text, duration if isinstance(duration, str) else repr(duration))
    return seconds


def quoted(name: str) -> str:
    """A name in quotes, which may hold anything."""
    if "'" in name and '"' not in name and "\\" not in name:
        return f'"{name}"'
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def unquoted(text: str) -> str:
    """The name that was put in quotes."""
    return _ESCAPED.sub(r"\1", text[1:-1])


def duration_text(seconds: float) -> str:
    """A duration that reads back as the very same number: "10 min", "0.1 s"."""
    text = format_duration(seconds)
    if "e" not in text and parse_duration(text) == seconds:
        return text
    return f"{Decimal(repr(seconds)):f} s"


def _or(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
