"""Conditions that the user registers, by the words with which a rule names them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schedulergodx.core.conditions.base import Condition, Event, Kind, View

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schedulergodx.core.conditions.base import Moment


@dataclass(frozen=True, slots=True)
class Own(Condition):
    """A condition that somebody else knows: it is asked for by name.

    name: under which it was registered
    text: as it stands in the rule
    arguments: the named groups of its syntax in that text
    """

    name: str
    text: str
    arguments: tuple[tuple[str, str], ...] = ()

    def view(self, moment: Moment) -> View:
        return moment.ask(self.name, dict(self.arguments))

    def events(self) -> frozenset[Event]:
        return frozenset({Event(Kind.OWN, self.name)})

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Registered:
    """What was registered. look_every: seconds after which its answer is asked for again"""

    syntax: re.Pattern[str]
    predicate: Callable[..., bool]
    look_every: float | None = None


class OwnConditions:
    """Which there are: a table from names to predicates.

    `add("is foo", predicate)` is asked for by just these words. With a pattern as its syntax,
    `add(re.compile("is (?P<thing>.+)"), predicate)`, the named groups are passed as keywords.
    """

    def __init__(self) -> None:
        self._known: dict[str, Registered] = {}

    def add(
        self,
        syntax: str | re.Pattern[str],
        predicate: Callable[..., bool],
        *,
        look_every: float | None = None,
    ) -> None:
        """Register one. look_every: seconds; None if an event tells when it has changed."""
        pattern = syntax if isinstance(syntax, re.Pattern) else re.compile(re.escape(syntax))
        name = syntax.pattern if isinstance(syntax, re.Pattern) else syntax
        self._known[name] = Registered(pattern, predicate, look_every)

    def find(self, text: str) -> Own | None:
        """The condition that a piece of a rule names."""
        for name, known in self._known.items():
            if match := known.syntax.fullmatch(text):
                given = {
                    key: value for key, value in match.groupdict().items() if value is not None
                }
                return Own(name, text, tuple(sorted(given.items())))
        return None

    def ask(self, name: str, arguments: Mapping[str, str], now: float, since: float) -> View:
        """What one says now.

        since: an instant that stays the same, such as when the schedule was made

        Raises: LookupError if none has that name; what the predicate raises
        """
        if name not in self._known:
            raise LookupError(f"no condition {name!r} is registered here")
        known = self._known[name]
        changes = None if known.look_every is None else now + known.look_every
        return View(bool(known.predicate(**arguments)), changes, since)
