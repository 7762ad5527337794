"""Rules of the calendar: once a day, and only between ten and three."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schedulergodx.core.conditions.base import Condition, Start, View
from schedulergodx.core.conditions.bounded import Bounded, span_of
from schedulergodx.core.conditions.cycles import around
from schedulergodx.core.conditions.span import WHOLE, Span, Unit

if TYPE_CHECKING:
    from schedulergodx.core.conditions.base import Moment
    from schedulergodx.core.conditions.cycles import Window

NAMES = {
    "secondly": Unit.SECOND,
    "minutely": Unit.MINUTE,
    "hourly": Unit.HOUR,
    "daily": Unit.DAY,
    "weekly": Unit.WEEK,
    "monthly": Unit.MONTH,
}
_WORDS = {unit: word for word, unit in NAMES.items()}


@dataclass(frozen=True, slots=True)
class Periodic(Condition, Bounded["Periodic"]):
    """Once in each period, as soon as its window is open; `at` an instant, from then on."""

    unit: Unit
    span: Span = WHOLE

    def view(self, moment: Moment) -> View:
        last, following = around(self.unit, self.span, moment.zone, moment.now)
        if self.span.instant:
            return self._from_an_instant(moment, last, following)
        fired, made = moment.history.fired, moment.history.made
        if moment.now >= last.close:
            return View(False, following.open, last.close)
        if fired is None and moment.history.start is Start.NEXT and last.open <= made:
            return View(False, following.open, made)
        if fired is not None and fired.at >= last.open:
            return View(False, following.open, fired.at)
        return View(True, last.close, max(last.open, made))

    @staticmethod
    def _from_an_instant(moment: Moment, last: Window, following: Window) -> View:
        history = moment.history
        if history.fired is None and history.start is Start.NOW:
            return View(True, None, history.made)
        base = history.fired.at if history.fired else history.made
        if last.open > base:
            return View(True, None, last.open)
        return View(False, following.open, base)

    @property
    def level(self) -> bool:
        return False

    def _bounded(self, text: str) -> Periodic:
        return Periodic(self.unit, span_of(text, self.unit))

    def __str__(self) -> str:
        return f"{_WORDS[self.unit]} {self.span.text(self.unit)}".strip()


@dataclass(frozen=True, slots=True)
class TimeOf(Condition):
    """While a window is open, whether anything has fired in it or not."""

    unit: Unit
    span: Span

    def view(self, moment: Moment) -> View:
        last, following = around(self.unit, self.span, moment.zone, moment.now)
        if moment.now < last.close:
            return View(True, last.close, last.open)
        return View(False, following.open, last.close)

    def __str__(self) -> str:
        return f"time of {self.unit} {self.span.text(self.unit)}"
