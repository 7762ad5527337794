"""Rules on what the service was given: its environment and its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schedulergodx.core.conditions.base import Condition, Event, Kind, View
from schedulergodx.core.conditions.words import quoted

if TYPE_CHECKING:
    from schedulergodx.core.conditions.base import Moment


@dataclass(frozen=True, slots=True)
class Env(Condition):
    """In the environment of that name."""

    name: str

    def view(self, moment: Moment) -> View:
        return View(moment.history.env == self.name, None, moment.history.made)

    def __str__(self) -> str:
        return f"env {quoted(self.name)}"


@dataclass(frozen=True, slots=True)
class Param(Condition):
    """While a parameter is there; if a value is given, while it is that, as text."""

    name: str
    value: str | None = None

    def view(self, moment: Moment) -> View:
        params = moment.history.params
        holds = self.name in params and (self.value is None or str(params[self.name]) == self.value)
        return View(holds, None, moment.history.made)

    def events(self) -> frozenset[Event]:
        return frozenset({Event(Kind.PARAM, self.name)})

    def __str__(self) -> str:
        rest = "exists" if self.value is None else f"is {quoted(self.value)}"
        return f"param {quoted(self.name)} {rest}"
