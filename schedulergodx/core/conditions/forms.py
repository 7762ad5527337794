"""Conditions as objects: each is what `parse` makes of its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.core.conditions.base import Action
from schedulergodx.core.conditions.bounded import Bounded, span_of
from schedulergodx.core.conditions.calendar import Periodic, TimeOf
from schedulergodx.core.conditions.combined import Constant
from schedulergodx.core.conditions.cron import Cron, CronTime, cron_fields
from schedulergodx.core.conditions.given import Env, Param
from schedulergodx.core.conditions.interval import (
    AfterServiceStart,
    Based,
    Every,
    ServiceHasRun,
    ServiceStarted,
)
from schedulergodx.core.conditions.runs import After, Has, Retry, Running
from schedulergodx.core.conditions.span import Unit
from schedulergodx.core.conditions.words import interval
from schedulergodx.errors import BadRule

if TYPE_CHECKING:
    from datetime import timedelta

    from schedulergodx.core.conditions.span import Span

secondly = Periodic(Unit.SECOND)
minutely = Periodic(Unit.MINUTE)
hourly = Periodic(Unit.HOUR)
daily = Periodic(Unit.DAY)
weekly = Periodic(Unit.WEEK)
monthly = Periodic(Unit.MONTH)

true = always = Constant(True)
false = Constant(False)


class Times(Bounded[TimeOf]):
    """What `time of day` and the like begin with; its methods make the condition."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def _bounded(self, text: str) -> TimeOf:
        span: Span = span_of(text, self._unit)
        if span.instant:
            raise BadRule("an instant is no stretch of time: say between what and what", text)
        return TimeOf(self._unit, span)


time_of_minute = Times(Unit.MINUTE)
time_of_hour = Times(Unit.HOUR)
time_of_day = Times(Unit.DAY)
time_of_week = Times(Unit.WEEK)
time_of_month = Times(Unit.MONTH)


def every(duration: str | float | timedelta, *, based: str = "run") -> Every:
    """Each time that so much time has passed.

    duration: seconds, a `timedelta`, or a text such as "1 hour 30 min"
    based: since the last "run" began, or since the last "finish", "success" or "fail"
    """
    known = [one.value for one in Based]
    if based not in known:
        raise BadRule(f"every ... based on what? One of {', '.join(known)}", repr(based))
    return Every(interval(duration), Based(based))


def cron(
    line: str | None = None,
    *,
    second: str | int | None = None,
    minute: str | int = "*",
    hour: str | int = "*",
    day_of_month: str | int = "*",
    month: str | int = "*",
    day_of_week: str | int = "*",
) -> Cron:
    """At each instant that a cron line names; it is given whole, or field by field.

    line: 5 fields, or 6 with the second first

    Raises: BadRule if it is none
    """
    fields = (second, minute, hour, day_of_month, month, day_of_week)
    return Cron(_line(line, fields))


def crontime(line: str) -> CronTime:
    """During each minute that a cron line names; each second if it has 6 fields."""
    return CronTime(_line(line, ()))


def _line(line: str | None, fields: tuple[str | int | None, ...]) -> str:
    text = " ".join(str(field) for field in fields if field is not None) if line is None else line
    try:
        return cron_fields(text)
    except ValueError as error:
        raise BadRule(str(error), text, 0) from error


def after_success(task: object) -> After:
    """When that task has succeeded: once for each time."""
    return After((name_of(task),))


def after_fail(task: object) -> After:
    """When that task has failed: once for each time."""
    return After((name_of(task),), Action.FAILED)


def after_finish(task: object) -> After:
    """When that task has ended, however: once for each time."""
    return After((name_of(task),), Action.FINISHED)


def after_terminate(task: object) -> After:
    """When that task was terminated: once for each time."""
    return After((name_of(task),), Action.TERMINATED)


def after_all_success(*tasks: object) -> After:
    """When all of these have succeeded since the last fire."""
    return After(_names(tasks))


def after_all_fail(*tasks: object) -> After:
    """When all of these have failed since the last fire."""
    return After(_names(tasks), Action.FAILED)


def after_all_finish(*tasks: object) -> After:
    """When all of these have ended since the last fire, however."""
    return After(_names(tasks), Action.FINISHED)


def after_any_success(*tasks: object) -> After:
    """When one of these has succeeded: once for each time."""
    return After(_names(tasks), Action.SUCCEEDED, all_of=False)


def after_any_fail(*tasks: object) -> After:
    """When one of these has failed: once for each time."""
    return After(_names(tasks), Action.FAILED, all_of=False)


def after_any_finish(*tasks: object) -> After:
    """When one of these has ended, however: once for each time."""
    return After(_names(tasks), Action.FINISHED, all_of=False)


def started(task: object = None) -> Has:
    """When a task has started, ever; `.today`, `.past("2 hours")`, `.more_than(3)` say more."""
    return Has(Action.STARTED, _name(task))


def succeeded(task: object = None) -> Has:
    """When a task has succeeded. task: its name; None for the schedule's own"""
    return Has(Action.SUCCEEDED, _name(task))


def failed(task: object = None) -> Has:
    """When a task has failed."""
    return Has(Action.FAILED, _name(task))


def finished(task: object = None) -> Has:
    """When a task has ended, however."""
    return Has(Action.FINISHED, _name(task))


def terminated(task: object = None) -> Has:
    """When a task was terminated."""
    return Has(Action.TERMINATED, _name(task))


def inacted(task: object = None) -> Has:
    """When a task has chosen to do nothing."""
    return Has(Action.INACTED, _name(task))


def running(task: object = None) -> Running:
    """While a task is running; `.more_than(2)` while so many of its runs are."""
    return Running(_name(task))


def retry(times: int | None = None) -> Retry:
    """When the last run has failed, at most so many times in a row."""
    return Retry(times)


def scheduler_started(
    duration: str | float | timedelta | None = None,
) -> AfterServiceStart | ServiceStarted:
    """When the service has started; with a duration while it has been there for at most so long."""
    return AfterServiceStart() if duration is None else ServiceStarted(interval(duration))


def scheduler_running(duration: str | float | timedelta) -> ServiceHasRun:
    """From when the service has been there for so long."""
    return ServiceHasRun(interval(duration))


def env(name: str) -> Env:
    """In the environment of that name."""
    return Env(name)


def param(name: str, value: str | None = None) -> Param:
    """While a parameter is there, or has that value."""
    return Param(name, value)


def name_of(task: object) -> str:
    """The name of what has one, such as a task; a text is a name."""
    name = task if isinstance(task, str) else getattr(task, "name", None)
    if not isinstance(name, str) or not name:
        raise BadRule(f"give a task or its name, not {task!r}", "")
    return name


def _name(task: object) -> str | None:
    return None if task is None else name_of(task)


def _names(tasks: tuple[object, ...]) -> tuple[str, ...]:
    if not tasks:
        raise BadRule("give at least one task, or its name", "")
    return tuple(name_of(task) for task in tasks)
