"""Conditions made of others, and the two that never change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schedulergodx.core.conditions.base import Condition, View

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schedulergodx.core.conditions.base import Consumed, Event, Moment


@dataclass(frozen=True, slots=True)
class All(Condition):
    """Holds while all of its parts do."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(_flat(All, self.parts)))

    def view(self, moment: Moment) -> View:
        return _joined([part.view(moment) for part in self.parts], all_of=True)

    def events(self) -> frozenset[Event]:
        return frozenset().union(*(part.events() for part in self.parts))

    def consumed(self, moment: Moment) -> tuple[Consumed, ...]:
        return tuple(one for part in self.parts for one in part.consumed(moment))

    def counts(self, moment: Moment) -> bool:
        return any(part.counts(moment) for part in self.parts)

    @property
    def level(self) -> bool:
        return all(part.level for part in self.parts)

    def __str__(self) -> str:
        return " & ".join(
            f"({part})" if isinstance(part, Any) else str(part) for part in self.parts
        )


@dataclass(frozen=True, slots=True)
class Any(Condition):
    """Holds while one of its parts does. A fire is that of the part that has held longest."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(_flat(Any, self.parts)))

    def view(self, moment: Moment) -> View:
        return _joined([part.view(moment) for part in self.parts], all_of=False)

    def events(self) -> frozenset[Event]:
        return frozenset().union(*(part.events() for part in self.parts))

    def consumed(self, moment: Moment) -> tuple[Consumed, ...]:
        firing = self._firing(moment)
        return () if firing is None else firing.consumed(moment)

    def counts(self, moment: Moment) -> bool:
        firing = self._firing(moment)
        return firing is not None and firing.counts(moment)

    def _firing(self, moment: Moment) -> Condition | None:
        """The part that has held longest."""
        views = [(part.view(moment), part) for part in self.parts]
        holding = [(view.since, part) for view, part in views if view.holds]
        return min(holding, key=lambda pair: pair[0])[1] if holding else None

    @property
    def level(self) -> bool:
        return any(part.level for part in self.parts)

    def __str__(self) -> str:
        return " | ".join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not(Condition):
    """Holds while its part does not."""

    part: Condition

    def view(self, moment: Moment) -> View:
        view = self.part.view(moment)
        return View(not view.holds, view.changes, view.since)

    def events(self) -> frozenset[Event]:
        return self.part.events()

    def __str__(self) -> str:
        return f"~({self.part})" if isinstance(self.part, All | Any) else f"~{self.part}"


@dataclass(frozen=True, slots=True)
class Constant(Condition):
    """Always holds, or never."""

    holds: bool

    def view(self, moment: Moment) -> View:
        return View(self.holds, None, moment.history.made)

    def __str__(self) -> str:
        return "true" if self.holds else "false"


def _flat(kind: type[All] | type[Any], parts: Iterable[Condition]) -> Iterable[Condition]:
    for part in parts:
        if isinstance(part, kind):
            yield from part.parts
        else:
            yield part


def _joined(views: list[View], *, all_of: bool) -> View:
    """All of them, or one of them. What decides is the kind of answer that settles it alone."""
    deciding = [view for view in views if view.holds is not all_of]
    if deciding:
        since = min(view.since for view in deciding)
        return View(not all_of, _together(deciding), since)
    return View(all_of, _earliest(views), max(view.since for view in views))


def _earliest(views: list[View]) -> float | None:
    return min((view.changes for view in views if view.changes is not None), default=None)


def _together(deciding: list[View]) -> float | None:
    """When the last of them may give way: until then, each alone keeps the answer."""
    latest = 0.0
    for view in deciding:
        if view.changes is None:
            return None
        latest = max(latest, view.changes)
    return latest
