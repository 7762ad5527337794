"""The wall times that the fields of a cron line name.

A library reads the fields. What they name is kept as masks, bit n for the number n, and a day is
looked for a month at a time: a line that names a day in 28 years costs little more than another.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from schedulergodx.errors import BadRule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cronsim import CronSim

    Clock = tuple[int, int, int]  # hour, minute, second

_YEARS = 50  # in which a line that names no day names none
_EACH_WEEK = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28
_SATURDAY = 5


class Way(NamedTuple):
    """Forth or back through time, and through the numbers of a mask.

    edge: the number that comes before all others
    nearest: of a mask, the first number from that one on, which may be itself; -1 if there is none
    """

    step: int
    edge: int
    nearest: Callable[[int, int], int]


def _lowest(mask: int, number: int) -> int:
    left = mask >> number << number
    return (left & -left).bit_length() - 1


def _highest(mask: int, number: int) -> int:
    return (mask & (1 << number + 1) - 1).bit_length() - 1


FORTH = Way(1, 0, _lowest)
BACK = Way(-1, 63, _highest)


class Fields:
    """What a line names, whatever the zone.

    Raises: BadRule without the library; its own error for a line that is none
    """

    def __init__(self, line: str) -> None:
        read = _library()(line, datetime(2027, 1, 1))
        self._seconds, self._minutes = _mask(read.seconds), _mask(read.minutes)
        self._hours, self._months = _mask(read.hours), _mask(read.months)
        self._in_month = _mask(day for day in read.days if day > 0)
        self._last = read.LAST in read.days
        self._last_workday = read.LAST_WEEKDAY in read.days
        self._weekdays = tuple(_weekday(item, read.LAST) for item in read.weekdays)
        self._both = read.day_and
        self._known: dict[tuple[int, int], int] = {}  # by the first day of the week, and the length

    def nearest(self, time: datetime, way: Way) -> datetime | None:
        """The first wall time from that one on that is named; None if there is none in 50 years."""
        clock = self._clock(time.hour, time.minute, time.second, way)
        begin = time.date() if clock else time.date() + timedelta(days=way.step)
        day = self._day(begin, way)
        if day is None:
            return None
        if clock is None or day != time.date():
            clock = self._edge(way)
        return datetime(day.year, day.month, day.day, *clock)

    def _clock(self, hour: int, minute: int, second: int, way: Way) -> Clock | None:
        """The first time of that day; None if the day is over."""
        if self._hours >> hour & 1:
            if self._minutes >> minute & 1:
                found = way.nearest(self._seconds, second)
                if found >= 0:
                    return hour, minute, found
            found = way.nearest(self._minutes, minute + way.step)
            if found >= 0:
                return hour, found, way.nearest(self._seconds, way.edge)
        found = way.nearest(self._hours, hour + way.step)
        return (found, *self._edge(way)[1:]) if found >= 0 else None

    def _edge(self, way: Way) -> Clock:
        """The first time of a whole day."""
        hour, minute, second = (
            way.nearest(mask, way.edge) for mask in (self._hours, self._minutes, self._seconds)
        )
        return hour, minute, second

    def _day(self, begin: date, way: Way) -> date | None:
        """The first day from that one on."""
        year, month, day = begin.year, begin.month, begin.day
        while abs(year - begin.year) <= _YEARS:
            found = way.nearest(self._days(year, month), day)
            if found > 0:
                return date(year, month, found)
            month = way.nearest(self._months, month + way.step)
            if month < 0:
                month, year = way.nearest(self._months, way.edge), year + way.step
            day = way.edge
        return None

    def _days(self, year: int, month: int) -> int:
        """The days of a month that are named: none if the month is not."""
        if not self._months >> month & 1:
            return 0
        key = monthrange(year, month)
        if key not in self._known:
            self._known[key] = self._days_of(*key)
        return self._known[key]

    def _days_of(self, begins: int, length: int) -> int:
        """Those of any month that begins with that day of the week, 0 for Monday."""
        days = self._in_month | self._last << length
        if self._last_workday:
            over = (begins + length - 1) % 7 - (_SATURDAY - 1)
            days |= 1 << length - max(over, 0)
        of_week = 0
        for weekday, nth in self._weekdays:
            all_of_it = _EACH_WEEK << (weekday - begins) % 7 + 1 & (2 << length) - 1
            of_week |= all_of_it if nth is None else _nth(all_of_it, nth)
        return (days & of_week if self._both else days | of_week) & (2 << length) - 1


def _mask(numbers: Iterable[int]) -> int:
    return sum(1 << number for number in set(numbers))


def _weekday(item: int | tuple[int, int], last: int) -> tuple[int, int | None]:
    """A day of the week, 0 for Monday, and which of a month: None for each, 0 for the last."""
    if isinstance(item, int):
        return (item - 1) % 7, None
    return (item[0] - 1) % 7, 0 if item[1] == last else item[1]


def _nth(days: int, nth: int) -> int:
    """One of these, counted from 1; 0 for the last."""
    if nth == 0:
        return 1 << days.bit_length() - 1
    return days & -days if nth == 1 else _nth(days & days - 1, nth - 1)


@lru_cache(1)
def _library() -> type[CronSim]:
    try:
        from cronsim import CronSim
    except ImportError as error:
        text = "cron lines need cronsim: pip install 'schedulergodx[service]'"
        raise BadRule(text, "") from error
    return CronSim
