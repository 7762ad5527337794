"""The phrases of which rules are made; the first word tells which one it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.core.conditions.base import Action
from schedulergodx.core.conditions.calendar import NAMES, Periodic, TimeOf
from schedulergodx.core.conditions.combined import Constant, Not
from schedulergodx.core.conditions.cron import Cron, CronTime, cron_fields
from schedulergodx.core.conditions.given import Env, Param
from schedulergodx.core.conditions.interval import (
    AfterServiceStart,
    Based,
    Every,
    ServiceHasRun,
    ServiceStarted,
)
from schedulergodx.core.conditions.points import read_span
from schedulergodx.core.conditions.runs import After, Has, Past, Retry, Running, This
from schedulergodx.core.conditions.span import Unit
from schedulergodx.errors import BadRule

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.core.conditions.base import Condition
    from schedulergodx.core.conditions.own import OwnConditions
    from schedulergodx.core.conditions.words import Words

_ACTIONS = [action.value for action in Action]
_AFTER = ["succeeded", "failed", "finished", "terminated"]
_NO_CYCLES = (
    "a service does not go round in cycles, nothing polls here: say how long it has run, "
    "as in scheduler has run over 10 min"
)
_UNITS = [unit.value for unit in Unit if unit is not Unit.SECOND]


def read_phrase(words: Words, own: OwnConditions | None) -> Condition:
    """The condition of one phrase. What is none of ours may be one of the user's."""
    whole = " ".join(words.text.split())
    try:
        reader = _PHRASES.get(words.next())
        if reader is None:
            words.fail(f"there is no condition {whole!r}", words.next(), _PHRASES)
        condition = reader(words)
        words.end()
    except BadRule:
        if own is None or (found := own.find(whole)) is None:
            raise
        return found
    return condition


def _periodic(words: Words) -> Condition:
    unit = NAMES[words.word("")]
    return Periodic(unit, read_span(words, unit))


def _time_of(words: Words) -> Condition:
    words.word("")
    words.one_of(["of"])
    unit = Unit(words.one_of(_UNITS))
    place = words.at
    if not words.next():
        words.fail("expected between, before, after or on, and when")
    span = read_span(words, unit)
    if span.instant:
        words.at = place
        words.fail("an instant is no stretch of time: say between what and what")
    return TimeOf(unit, span)


def _every(words: Words) -> Condition:
    words.word("")
    seconds = words.duration("based")
    if not words.take("based"):
        return Every(seconds)
    words.one_of(["on"])
    return Every(seconds, Based(words.one_of([based.value for based in Based])))


def _cron(words: Words) -> Condition:
    kind = Cron if words.word("") == "cron" else CronTime
    if not words.text:
        words.fail("expected the fields of a cron line, such as 0 9 * * MON-FRI")
    try:
        fields = cron_fields(words.text)
    except ValueError as error:
        words.fail(str(error))
    words.rest()
    return kind(fields)


def _after(words: Words) -> Condition:
    words.word("")
    if words.take("any"):
        all_of, _ = False, words.one_of(["tasks"])
    else:
        all_of, _ = True, words.one_of(["task", "tasks", "any"])
    tasks = [words.name("the name of a task")]
    while words.take(","):
        tasks.append(words.name("the name of a task"))
    action = Action(words.one_of(_AFTER)) if words.next() else Action.SUCCEEDED
    return After(tuple(tasks), action, all_of)


def _task(words: Words) -> Condition:
    words.take("while")
    words.one_of(["task"])
    task = words.name("the name of a task") if words.next() not in ("has", "is") else None
    if words.next() == "has":
        return _has(words, task)
    words.one_of(["is", "has"])
    words.one_of(["running"])
    times, fewer = _times(words)
    return Not(Running(task, times)) if fewer else Running(task, times)


def _has(words: Words, task: str | None = None) -> Condition:
    words.word("")
    negated = words.take("not")
    action = Action(words.one_of(_ACTIONS))
    times, fewer = _times(words)
    has = Has(action, task, times, _period(words))
    return Not(has) if negated != fewer else has


def _times(words: Words) -> tuple[int, bool]:
    """How often: (at least so often, whether it must be less than that)."""
    for comparison, more in ((("at", "least"), 0), (("more", "than"), 1), (("less", "than"), 0)):
        if words.take(*comparison):
            times = words.number("how many times") + more
            words.one_of(["times", "time"])
            return times, comparison[0] == "less"
    return 1, False


def _period(words: Words) -> Past | This | None:
    if not words.next():
        return None
    if words.take("in", "past") or words.take("past"):
        return Past(words.duration())
    if words.take("today"):
        return This(Unit.DAY, read_span(words, Unit.DAY))
    words.one_of(["this", "today", "past"])
    unit = Unit(words.one_of(_UNITS))
    return This(unit, read_span(words, unit))


def _retry(words: Words) -> Condition:
    words.word("")
    if not words.next():
        return Retry()
    if words.take("("):
        times = words.number("how many times")
        words.one_of([")"])
    else:
        times = words.number("how many times")
        words.one_of(["times", "time"])
    return Retry(times)


def _scheduler(words: Words) -> Condition:
    words.word("")
    if words.take("has"):
        if words.text.lower().endswith(("cycle", "cycles")):
            words.fail(_NO_CYCLES)
        words.one_of(["run"])
        words.one_of(["over"])
        return ServiceHasRun(words.duration())
    words.one_of(["started", "has"])
    if not words.next():
        return AfterServiceStart()
    seconds = words.duration("ago")
    words.one_of(["ago"])
    return ServiceStarted(seconds)


def _env(words: Words) -> Condition:
    words.word("")
    return Env(words.name("the name of an environment"))


def _param(words: Words) -> Condition:
    words.word("")
    name = words.name("the name of a parameter")
    if words.one_of(["exists", "is"]) == "exists":
        return Param(name)
    return Param(name, words.name("the value"))


def _constant(words: Words) -> Condition:
    word = words.word("")
    if word == "always" and words.next():
        word = words.one_of(["true", "false"])
    return Constant(word != "false")


_PHRASES: dict[str, Callable[[Words], Condition]] = {
    **dict.fromkeys(NAMES, _periodic),
    "time": _time_of,
    "every": _every,
    "cron": _cron,
    "crontime": _cron,
    "after": _after,
    "task": _task,
    "while": _task,
    "has": _has,
    "retry": _retry,
    "scheduler": _scheduler,
    "env": _env,
    "param": _param,
    "true": _constant,
    "false": _constant,
    "always": _constant,
}
