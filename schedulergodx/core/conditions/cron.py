"""Cron lines of five fields, or of six with the second first, as Debian's cron reads them.

Its `Fields` know the wall times that a line names; what these mean in a zone is said here. A line
whose hour or minute begins with `*` follows real time: it skips what the clocks skip and fires
again in what they show twice. Any other names fixed times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from schedulergodx.core.conditions import local
from schedulergodx.core.conditions.base import Condition, Start, View
from schedulergodx.core.conditions.fields import BACK, FORTH, Fields
from schedulergodx.errors import BadRule

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from schedulergodx.core.conditions.base import Moment

_SECOND = timedelta(seconds=1)
_FIELDS = (5, 6)
_BEGIN = 1_798_761_600.0  # 2027; any begin would do


@dataclass(frozen=True)
class Line:
    """A cron line, its fields in capitals with one space between."""

    text: str

    @cached_property
    def fields(self) -> Fields:
        return Fields(self.text)

    @cached_property
    def has_seconds(self) -> bool:
        return len(self.text.split()) == 6

    @cached_property
    def follows_real_time(self) -> bool:
        minute, hour = self.text.split()[-5:-3]
        return minute.startswith("*") or hour.startswith("*")

    def next(self, zone: ZoneInfo, after: float) -> float | None:
        """The next instant that it names after that one; None if there is none in 50 years."""
        return (self._next_real if self.follows_real_time else self._next_fixed)(zone, after)

    def latest(self, zone: ZoneInfo, until: float) -> float | None:
        """The latest instant that it names until then."""
        return (self._latest_real if self.follows_real_time else self._latest_fixed)(zone, until)

    def _next_fixed(self, zone: ZoneInfo, after: float) -> float | None:
        time = self._forward(local.reached(zone, after))
        return None if time is None else local.first(zone, time)

    def _latest_fixed(self, zone: ZoneInfo, until: float) -> float | None:
        time = self._backward(local.reached(zone, until))
        return None if time is None else local.first(zone, time)

    def _next_real(self, zone: ZoneInfo, after: float) -> float | None:
        found = self._shown_after(zone, local.wall(zone, after), after)
        back = local.set_back(zone, after, local.nearby(after)[1])
        if back is None or (found is not None and found < back):
            return found
        return self._shown_after(zone, local.wall(zone, back) - _SECOND, back - 1)

    def _latest_real(self, zone: ZoneInfo, until: float) -> float | None:
        found = self._shown_until(zone, local.wall(zone, until), until)
        back = local.set_back(zone, local.nearby(until)[0], until)
        if back is None or (found is not None and found >= back):
            return found
        return self._shown_until(zone, local.reached(zone, back), back - 1)

    def _shown_after(self, zone: ZoneInfo, time: datetime, after: float) -> float | None:
        """When the clocks next show a wall time that is named and later than `time`."""
        while (named := self._forward(time)) is not None:
            shown = [instant for instant in local.showings(zone, named) if instant > after]
            if shown:
                return shown[0]
            time = local.wall(zone, local.first(zone, named)) - _SECOND  # from the end of the gap
        return None

    def _shown_until(self, zone: ZoneInfo, time: datetime, until: float) -> float | None:
        """When the clocks last showed a wall time that is named and not later than `time`."""
        while (named := self._backward(time)) is not None:
            shown = [instant for instant in local.showings(zone, named) if instant <= until]
            if shown:
                return shown[-1]
            time = local.wall(zone, local.first(zone, named) - 1)  # from before the gap
        return None

    def _forward(self, after: datetime) -> datetime | None:
        """The next wall time later than that one."""
        return self.fields.nearest(after.replace(microsecond=0) + _SECOND, FORTH)

    def _backward(self, until: datetime) -> datetime | None:
        """The latest wall time until that one."""
        return self.fields.nearest(until.replace(microsecond=0), BACK)


@dataclass(frozen=True, slots=True)
class Cron(Condition):
    """At each instant that a cron line names."""

    line: str

    def view(self, moment: Moment) -> View:
        history, line = moment.history, _line(self.line)
        if history.fired is None and history.start is Start.NOW:
            return View(True, None, history.made)
        base = history.fired.at if history.fired else history.made
        following = line.next(moment.zone, base)
        if following is None or following > moment.now:
            return View(False, following, base)
        return View(True, None, line.latest(moment.zone, moment.now) or following)

    @property
    def level(self) -> bool:
        return False

    def __str__(self) -> str:
        return f"cron {self.line}"


@dataclass(frozen=True, slots=True)
class CronTime(Condition):
    """During each minute that a cron line names; during each second if it has six fields."""

    line: str

    def view(self, moment: Moment) -> View:
        line = _line(self.line)
        latest = line.latest(moment.zone, moment.now)
        width = 1 if line.has_seconds else 60
        if latest is not None and moment.now < latest + width:
            return View(True, latest + width, latest)
        since = moment.history.made if latest is None else latest + width
        return View(False, line.next(moment.zone, moment.now), since)

    def __str__(self) -> str:
        return f"crontime {self.line}"


def cron_fields(text: str) -> str:
    """The fields of a line in their one form.

    Raises: ValueError, which says what is wrong, as far as is known without the library
    """
    fields = text.upper().split()
    if len(fields) not in _FIELDS:
        raise ValueError(f"a cron line has 5 fields, or 6 with the second first; not {len(fields)}")
    line = " ".join(fields)
    try:
        found = _line(line).next(_utc(), _BEGIN)
    except BadRule:
        return line  # whoever only sends the rule need not have the library
    except Exception as error:
        raise ValueError(f"{error}: it is no cron line") from error
    if found is None:
        raise ValueError("it names no day in fifty years")
    return line


@lru_cache(1024)
def _line(text: str) -> Line:
    return Line(text)


@lru_cache(1)
def _utc() -> ZoneInfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo("UTC")
