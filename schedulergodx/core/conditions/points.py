"""Places in a period as people write them: 45, 15:00, 10:00, Mon, Friday 18:30, 5th, 31st 12:00."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schedulergodx.core.conditions.span import DAYS, WHOLE, Bound, Point, Span, Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.core.conditions.words import Words

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SECOND = re.compile(r"(\d{1,2})", re.ASCII)
_OF_HOUR = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_OF_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?", re.ASCII)
_EXAMPLES = {
    Unit.MINUTE: "a second of the minute, such as 30",
    Unit.HOUR: "minutes and seconds of the hour, such as 15:00",
    Unit.DAY: "a time of the day, such as 10:00",
    Unit.WEEK: "a day of the week, such as Mon, or Mon 10:00",
    Unit.MONTH: "a day of the month, such as 5th, or 5th 10:00",
}


def read_span(words: Words, unit: Unit) -> Span:
    """What bounds a period, if anything does: `between A and B`, `before A`, ..."""
    if not words.next():
        return WHOLE
    place = words.at
    known = [bound.value for bound in Bound if bound.value]
    word = words.one_of([*known, "on"])
    if unit is Unit.SECOND:
        words.at = place
        words.fail("a second has no parts here: expected nothing more")
    if word == Bound.BETWEEN:
        low = read_point(words, unit)
        words.one_of(["and"])
        return Span(Bound.BETWEEN, low, read_point(words, unit))
    place = words.at
    point = read_point(words, unit)
    if word == Bound.BEFORE:
        if point.key == (1, 0):
            words.at = place
            words.fail(f"nothing of a {unit} is before that")
        return Span(Bound.BEFORE, None, point)
    return Span(Bound.AT if word == "on" else Bound(word), point)


def read_point(words: Words, unit: Unit) -> Point:
    """One place in a period."""
    word = words.next()
    point = _READERS[unit](word)
    if point is None:
        words.fail(f"expected {_EXAMPLES[unit]}", word.capitalize(), (*DAYS, *_WEEKDAYS))
    words.word("")
    if unit in (Unit.WEEK, Unit.MONTH) and _OF_DAY.fullmatch(words.next()):
        time = _of_day(words.next())
        if time is None:
            words.fail(f"expected {_EXAMPLES[Unit.DAY]}")
        words.word("")
        return Point(point.day, time.second)
    return point


def _of_minute(text: str) -> Point | None:
    match = _SECOND.fullmatch(text)
    return Point(1, int(text)) if match and int(text) < 60 else None


def _of_hour(text: str) -> Point | None:
    match = _OF_HOUR.fullmatch(text)
    if not match or int(match[1]) > 59 or int(match[2]) > 59:
        return None
    return Point(1, int(match[1]) * 60 + int(match[2]))


def _of_day(text: str) -> Point | None:
    match = _OF_DAY.fullmatch(text)
    if not match or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3] or 0) > 59:
        return None
    return Point(1, int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0))


def _of_week(text: str) -> Point | None:
    names = [*map(str.lower, DAYS), *map(str.lower, _WEEKDAYS)]
    return Point(names.index(text) % 7 + 1) if text in names else None


def _of_month(text: str) -> Point | None:
    match = _OF_MONTH.fullmatch(text)
    return Point(int(match[1])) if match and 1 <= int(match[1]) <= 31 else None


_READERS: dict[Unit, Callable[[str], Point | None]] = {
    Unit.MINUTE: _of_minute,
    Unit.HOUR: _of_hour,
    Unit.DAY: _of_day,
    Unit.WEEK: _of_week,
    Unit.MONTH: _of_month,
}
