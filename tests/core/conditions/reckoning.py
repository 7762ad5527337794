"""An independent reckoning of what a zone's clocks do: every minute of 2027, one by one."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate
from zoneinfo import ZoneInfo

BEGIN = int(datetime(2026, 12, 20, tzinfo=UTC).timestamp())
MINUTES = 379 * 1440  # with some days before and after the year
EPOCH = datetime(1970, 1, 1)


class Clocks:
    """What the clocks of a zone show in each minute, as minutes since 1970 on these clocks."""

    def __init__(self, zone: ZoneInfo) -> None:
        instants = range(BEGIN, BEGIN + MINUTES * 60, 60)
        self.shown = [self._minute(datetime.fromtimestamp(one, zone)) for one in instants]
        self.reached = list(accumulate(self.shown, max))

    @staticmethod
    def _minute(time: datetime) -> int:
        naive = time.replace(tzinfo=None) - EPOCH
        return naive.days * 1440 + naive.seconds // 60

    def first(self, time: datetime) -> int:
        """The number of the first minute at which the clocks have come to that time."""
        return bisect_left(self.reached, self._minute(time))

    def offsets(self) -> list[int]:
        """The offset in each minute."""
        return [shown - (BEGIN // 60 + number) for number, shown in enumerate(self.shown)]


@cache
def clocks(zone: str) -> Clocks:
    return Clocks(ZoneInfo(zone))


def instants(numbers: list[int]) -> list[float]:
    """Of numbers of minutes, those in 2027 by UTC."""
    begin = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
    end = datetime(2028, 1, 1, tzinfo=UTC).timestamp()
    found = (float(BEGIN + 60 * number) for number in numbers)
    return [one for one in found if begin <= one < end]


def days() -> list[date]:
    return [date(2026, 12, 1) + timedelta(days=number) for number in range(430)]


def on(day: date, minutes: int = 0) -> datetime:
    """A wall time: so many minutes after midnight, as the clocks of a usual day count them."""
    return datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)


def windows(of: Clocks, spans: list[tuple[datetime, datetime]]) -> list[tuple[int, int]]:
    """From which minute to which each span of wall times is open; the gap is made up for."""
    found = []
    for opens, closes in spans:
        low, high = of.first(opens), of.first(closes)
        if low < MINUTES and of.reached[0] <= Clocks._minute(opens):
            length = (closes - opens) // timedelta(minutes=1)
            found.append((low, high if high > low else low + length))
    return found
