"""Whether a rule can ever hold.

Everything but the clock is taken to say whatever helps. What is left is asked for a while.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from schedulergodx.core.conditions.base import Moment
from schedulergodx.core.conditions.calendar import Periodic, TimeOf
from schedulergodx.core.conditions.combined import All, Any, Constant, Not
from schedulergodx.core.conditions.cron import CronTime
from schedulergodx.core.conditions.span import WHOLE, Unit
from schedulergodx.errors import BadRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.core.conditions.base import Condition, History

_BEGIN = 1_798_761_600.0  # 2027, a Friday; any begin would do
_DAY = 86400.0
_LONG_ENOUGH = {Unit.MINUTE: 3600.0, Unit.HOUR: _DAY, Unit.DAY: 3 * _DAY, Unit.WEEK: 15 * _DAY}
_YEARS = 9 * 366 * _DAY  # over a leap year, whatever day of the week a day of a month must be
_LOOKS = 5000  # at one part of a rule, after which nothing is said: a tenth of a second


def check(condition: Condition, rule: str | None = None) -> None:
    """Refuse a rule that can never hold.

    rule: its text, if it was given as one

    Raises: BadRule, with the reason
    """
    reason = why_never(condition)
    if reason:
        text = f"this can never hold: {reason}"
        raise BadRule(text, str(condition) if rule is None else rule.strip())


def why_never(condition: Condition) -> str | None:
    """Why a rule can never hold; None if it may, or if that would take long to find out."""
    return _why_never(condition, iter(range(_LOOKS)))


def _why_never(condition: Condition, looks: Iterator[int]) -> str | None:
    """The same. looks: one for each time that a part may be asked"""
    if isinstance(condition, Constant):
        return None if condition.holds else "false is never true"
    if isinstance(condition, Any):
        reasons = [_why_never(part, looks) for part in condition.parts]
        return reasons[0] if all(reasons) else None
    if isinstance(condition, All):
        parts = condition.parts
        reasons = [reason for part in parts if (reason := _why_never(part, looks))]
        opposite = [part for part in parts if isinstance(part, Not) and part.part in parts]
        reasons += [f"{part} is the opposite of {part.part}" for part in opposite]
        return reasons[0] if reasons else _never_together(condition, looks)
    return _never_together(condition, looks) if isinstance(condition, Not) else None


def _never_together(condition: Condition, looks: Iterator[int]) -> str | None:
    hoped = _hoped(condition, wanted=True)
    if isinstance(hoped, Constant):
        return None if hoped.holds else f"{condition} is never true"
    horizons = _horizons(hoped)
    moment = Moment(_BEGIN, ZoneInfo("UTC"), cast("History", _NoHistory()))
    while len(list(islice(looks, len(horizons)))) == len(horizons):
        view = hoped.view(moment)
        if view.holds:
            return None
        if view.changes is None or view.changes > _BEGIN + max(horizons):
            return "these times are never at the same time"
        moment = Moment(view.changes, moment.zone, moment.history)
    return None


def _hoped(condition: Condition, *, wanted: bool) -> Condition:
    """The rule with all but the clock as it is wanted: it holds where the rule may."""
    if isinstance(condition, TimeOf | CronTime | Constant):
        return condition
    if isinstance(condition, Not):
        return _settled(Not(_hoped(condition.part, wanted=not wanted)))
    if isinstance(condition, All | Any):
        parts = tuple(_hoped(part, wanted=wanted) for part in condition.parts)
        return _settled(type(condition)(parts))
    if isinstance(condition, Periodic) and wanted and not condition.span.instant:
        return Constant(True) if condition.span == WHOLE else TimeOf(condition.unit, condition.span)
    return Constant(wanted)


def _settled(condition: Not | All | Any) -> Condition:
    """The same without constants, unless it is one."""
    if isinstance(condition, Not):
        part = condition.part
        return Constant(not part.holds) if isinstance(part, Constant) else condition
    decisive = isinstance(condition, Any)
    left = [part for part in condition.parts if not isinstance(part, Constant)]
    if any(isinstance(part, Constant) and part.holds is decisive for part in condition.parts):
        return Constant(decisive)
    return type(condition)(tuple(left)) if left else Constant(not decisive)


def _horizons(condition: Condition) -> list[float]:
    """How long to look, as each of its parts has it."""
    if isinstance(condition, Not):
        return _horizons(condition.part)
    if isinstance(condition, All | Any):
        return [one for part in condition.parts for one in _horizons(part)]
    return [_LONG_ENOUGH.get(condition.unit, _YEARS) if isinstance(condition, TimeOf) else _YEARS]


class _NoHistory:
    """Times of the clock ask only when the schedule was made."""

    made = _BEGIN
