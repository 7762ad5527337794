"""A rule and a zone from their texts; the same text is read once."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from schedulergodx.core.conditions.base import Action, Kind, wakes
from schedulergodx.core.conditions.combined import All, Any
from schedulergodx.core.conditions.reading import parse
from schedulergodx.core.conditions.runs import After
from schedulergodx.errors import BadRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from schedulergodx.core.conditions.base import Condition

NO_TASK = ""  # the name of none
_OF_SERVICE = ("scheduler ", "env ", "param ")
_OF_TASKS = frozenset({Kind.STARTED, Kind.FINISHED})
_GOES_ON = frozenset({Action.SUCCEEDED, Action.FINISHED})  # ends after which a circle has no end


@lru_cache(10_000)
def read_rule(text: str) -> Condition:
    """The condition that a text says. Raises: BadRule"""
    return parse(text)


@lru_cache(1000)
def read_zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises: BadRule"""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise BadRule(
            f'there is no time zone {name!r} here: give an IANA name, as "Europe/Berlin"', ""
        ) from error


def trouble_of(error: Exception) -> str:
    """What is said of a rule that raises instead of an answer."""
    return str(error) if isinstance(error, BadRule) else f"{type(error).__name__}: {error}"


def tasks_of(rule: str, own: str) -> list[str]:
    """The tasks that a rule listens to. own: the schedule's. Raises: BadRule

    A rule that asks about the service itself, or for a parameter, listens to NO_TASK: whoever
    listens to anything is looked at when a service starts.
    """
    events = wakes(read_rule(rule))
    tasks = {event.name or own for event in events if event.kind in _OF_TASKS}
    if any(word in rule for word in _OF_SERVICE):
        tasks.add(NO_TASK)
    return sorted(tasks)


def tasks_before(rule: str) -> set[str]:
    """The tasks that a rule comes after when all goes well. Raises: BadRule"""
    return {task for one in _afters(read_rule(rule)) for task in one.tasks}


def circle_of(
    task: str, before: set[str], after: Callable[[str], Iterable[str]]
) -> list[str] | None:
    """The tasks that come after each other without an end, if a task comes after those `before` it.

    after: the tasks that come after one
    """
    ways, seen = [[task]], {task}
    while ways:
        way = ways.pop()
        if way[-1] in before:
            return way
        new = [one for one in after(way[-1]) if one not in seen]
        seen.update(new)
        ways += [[*way, one] for one in new]
    return None


def _afters(condition: Condition) -> Iterator[After]:
    if isinstance(condition, All | Any):
        for part in condition.parts:
            yield from _afters(part)
    elif isinstance(condition, After) and condition.action in _GOES_ON:
        yield condition
