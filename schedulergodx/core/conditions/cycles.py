"""The windows that a span opens in a zone, one after the other.

A day, a week and a month are those of the wall clock. A second, a minute and an hour are real time:
an hour is as long as the clocks show it without being set, so that one which is shown twice is two.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from schedulergodx.core.conditions import local
from schedulergodx.core.conditions.span import WHOLE, Bound, Span, Unit

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

P = TypeVar("P")

_REAL = {Unit.SECOND: 1, Unit.MINUTE: 60, Unit.HOUR: 3600}


class Window(NamedTuple):
    """From when to when something is open. An instant opens and never closes: both are the same."""

    open: float
    close: float


class Cycle(Protocol[P]):
    """The periods of one unit in one zone."""

    def at(self, instant: float) -> P:
        """The period that instant is in."""

    def before(self, period: P) -> P:
        """The one before."""

    def after(self, period: P) -> P:
        """The one after."""

    def window(self, period: P, span: Span) -> Window | None:
        """What a span opens in it, if that period has it."""


class Stretch(NamedTuple):
    """A real period: from when to when, and when it would have begun without a change of clocks."""

    start: float
    end: float
    base: float


class WallCycle:
    """Days, weeks or months. A period is the wall time at which it begins."""

    __slots__ = ("unit", "zone")

    def __init__(self, unit: Unit, zone: ZoneInfo) -> None:
        self.unit, self.zone = unit, zone

    def at(self, instant: float) -> datetime:
        time = local.reached(self.zone, instant)
        day = time.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.unit is Unit.WEEK:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self.unit is Unit.MONTH else day

    def before(self, period: datetime) -> datetime:
        if self.unit is Unit.MONTH:
            return (period - timedelta(days=1)).replace(day=1)
        return period - timedelta(days=7 if self.unit is Unit.WEEK else 1)

    def after(self, period: datetime) -> datetime:
        if self.unit is Unit.MONTH:
            return (period + timedelta(days=32)).replace(day=1)
        return period + timedelta(days=7 if self.unit is Unit.WEEK else 1)

    def window(self, period: datetime, span: Span) -> Window | None:
        opens, closes = self._bounds(period, span)
        start = local.first(self.zone, opens)
        if opens == closes:
            return Window(start, start)
        end = local.first(self.zone, closes)
        if end == start:  # wholly inside a gap: it is made up for after it
            end += (closes - opens).total_seconds()
        return Window(start, end)

    def _bounds(self, period: datetime, span: Span) -> tuple[datetime, datetime]:
        following = self.after(period)
        opens = span.low.start(period, following) if span.low else period
        if span.bound is Bound.AT and span.low:
            return opens, span.low.end(period, following)
        last = span.low if span.bound is Bound.STARTING else span.high
        if last is None:
            return opens, following
        if span.over_the_end:
            period, following = following, self.after(following)
        closes = last.end if span.bound is Bound.BETWEEN else last.start
        return opens, closes(period, following)


class RealCycle:
    """Seconds, minutes or hours."""

    __slots__ = ("length", "zone")

    def __init__(self, unit: Unit, zone: ZoneInfo) -> None:
        self.length, self.zone = _REAL[unit], zone

    def at(self, instant: float) -> Stretch:
        shift = local.offset(self.zone, instant)
        base = (instant + shift) // self.length * self.length - shift
        start, end = base, base + self.length
        if local.offset(self.zone, start) != shift:
            start = local.transition(self.zone, start, instant)
        if local.offset(self.zone, end) != shift:
            end = local.transition(self.zone, instant, end)
        return Stretch(start, end, base)

    def before(self, period: Stretch) -> Stretch:
        return self.at(period.start - 0.5)

    def after(self, period: Stretch) -> Stretch:
        return self.at(period.end)

    def window(self, period: Stretch, span: Span) -> Window | None:
        start, end, base = period
        low = base + (span.low.second or 0) if span.low else base
        if span.instant:
            return Window(low, low) if start <= low < end else None
        last = span.low if span.bound is Bound.STARTING else span.high
        high = base + (last.second or 0) if last else base + self.length
        high = high + self.length if span.over_the_end else min(high, end)
        low = max(low, start)
        return Window(low, high) if low < min(high, end) else None


def around(unit: Unit, span: Span, zone: ZoneInfo, now: float) -> tuple[Window, Window]:
    """The last window that has opened until now, and the next one."""
    if unit in _REAL:
        return _around(RealCycle(unit, zone), span, now)
    return _around(WallCycle(unit, zone), span, now)


def this(unit: Unit, span: Span, zone: ZoneInfo, now: float) -> tuple[Window, Window | None]:
    """The period that is now, and what a span opens in it."""
    if unit in _REAL:
        return _this(RealCycle(unit, zone), span, now)
    return _this(WallCycle(unit, zone), span, now)


def _this(cycle: Cycle[P], span: Span, now: float) -> tuple[Window, Window | None]:
    period = cycle.at(now)
    whole = cycle.window(period, WHOLE)
    return whole or Window(now, now), cycle.window(period, span)


def _around(cycle: Cycle[P], span: Span, now: float) -> tuple[Window, Window]:
    period = now_in = cycle.at(now)
    last, following = cycle.window(period, span), None
    while last is None or last.open > now:
        following = last or following
        period = cycle.before(period)
        last = cycle.window(period, span)
    while following is None:
        now_in = cycle.after(now_in)
        following = cycle.window(now_in, span)
    return last, following
