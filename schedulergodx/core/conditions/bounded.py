"""What bounds a period, said with methods: `daily.between("10:00", "15:00")`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from schedulergodx.core.conditions.points import read_span
from schedulergodx.core.conditions.span import Span, Unit
from schedulergodx.core.conditions.tokens import tokens_of
from schedulergodx.core.conditions.words import Words

T = TypeVar("T")


class Bounded(ABC, Generic[T]):
    """Whose span is given with methods. A point is a text as in rules, or a number: "Mon", 5."""

    __slots__ = ()

    @abstractmethod
    def _bounded(self, text: str) -> T:
        """The same with that span."""

    def between(self, low: str | int, high: str | int) -> T:
        """From the begin of `low` to the end of `high`: an instant ends when it comes."""
        return self._bounded(f"between {low} and {high}")

    def before(self, point: str | int) -> T:
        """From the begin of the period to the begin of that point."""
        return self._bounded(f"before {point}")

    def after(self, point: str | int) -> T:
        """From the begin of that point to the end of the period."""
        return self._bounded(f"after {point}")

    def starting(self, point: str | int) -> T:
        """The whole period, which begins at that point and not at its usual begin."""
        return self._bounded(f"starting {point}")

    def at(self, point: str | int) -> T:
        """At that instant, or during that day."""
        return self._bounded(f"at {point}")

    def on(self, point: str | int) -> T:
        """At that instant, or during that day."""
        return self._bounded(f"on {point}")


def span_of(text: str, unit: Unit) -> Span:
    """The span that a text says.

    Raises: BadRule, which points at the place
    """
    words = Words(text, tokens_of(text))
    span = read_span(words, unit)
    words.end()
    return span
