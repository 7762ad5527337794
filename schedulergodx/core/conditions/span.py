"""Which part of a minute, an hour, a day, a week or a month is meant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


class Unit(StrEnum):
    """A period of the calendar."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Bound(StrEnum):
    """How a span is bounded."""

    WHOLE = ""
    BETWEEN = "between"
    BEFORE = "before"
    AFTER = "after"
    STARTING = "starting"  # the period itself begins there, and not at its usual begin
    AT = "at"


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A place in a period: a whole day of it, or an instant.

    day: 1 to 7 of a week, 1 to 31 of a month; 1 in shorter periods
    second: of that day, or of that hour or minute; None for the whole day
    """

    day: int
    second: int | None = None

    @property
    def key(self) -> tuple[int, int]:
        """By which points of one period are in order."""
        return self.day, self.second or 0

    def start(self, period: datetime, following: datetime) -> datetime:
        """Its wall time in the period that begins there; the 31st is the last day of any month."""
        day = min(self.day, (following - period).days or 1)
        return period + timedelta(days=day - 1, seconds=self.second or 0)

    def end(self, period: datetime, following: datetime) -> datetime:
        """When it is over: of an instant, the same."""
        return self.start(period, following) + timedelta(days=self.second is None)

    def text(self, unit: Unit) -> str:
        """As people write it: 30, 15:00, 10:00, Mon 10:00, 5th."""
        clock = "" if self.second is None else _clock(self.second, unit)
        day = {Unit.WEEK: DAYS[(self.day - 1) % 7], Unit.MONTH: ordinal(self.day)}.get(unit, "")
        return f"{day} {clock}".strip()


@dataclass(frozen=True, slots=True)
class Span:
    """A part of each period: from `low` to `high`, as its bound says."""

    bound: Bound = Bound.WHOLE
    low: Point | None = None
    high: Point | None = None

    @property
    def instant(self) -> bool:
        """Whether it is a moment, and no stretch of time."""
        return self.bound is Bound.AT and self.low is not None and self.low.second is not None

    @property
    def over_the_end(self) -> bool:
        """Whether it ends in the period after the one in which it begins."""
        if self.bound is Bound.STARTING:
            return True
        if self.low is None or self.high is None:
            return False
        if self.low.key == self.high.key:
            return self.high.second is not None
        return self.high.key < self.low.key

    def text(self, unit: Unit) -> str:
        """As it stands in a rule."""
        if self.low is None and self.high is None:
            return ""
        if self.bound is Bound.BETWEEN and self.low and self.high:
            return f"between {self.low.text(unit)} and {self.high.text(unit)}"
        point = self.low or self.high
        word = "on" if self.bound is Bound.AT and unit in (Unit.WEEK, Unit.MONTH) else self.bound
        return f"{word} {point.text(unit) if point else ''}"


WHOLE = Span()


def ordinal(day: int) -> str:
    """1st, 2nd, 3rd, 4th."""
    ending = "th" if 11 <= day <= 13 else _ENDINGS.get(day % 10, "th")
    return f"{day}{ending}"


def _clock(second: int, unit: Unit) -> str:
    if unit is Unit.MINUTE:
        return str(second)
    minutes, seconds = divmod(second, 60)
    if unit is Unit.HOUR:
        return f"{minutes:02}:{seconds:02}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")
