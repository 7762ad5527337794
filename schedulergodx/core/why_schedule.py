"""Why a schedule has not fired: one rule, from facts that a service has gathered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schedulergodx.core.conditions.base import Kind
from schedulergodx.core.conditions.combined import All
from schedulergodx.core.policy import runs_left
from schedulergodx.core.schedule import FireReason, ScheduleState
from schedulergodx.core.why import Reason, Why
from schedulergodx.core.why_job import Related, as_dict, at, names

if TYPE_CHECKING:
    from schedulergodx.core.conditions.base import Condition, Moment
    from schedulergodx.core.schedule import FireView, ScheduleView

_OF_TASKS = frozenset({Kind.STARTED, Kind.FINISHED})


@dataclass(frozen=True, slots=True)
class Part:
    """One of the conditions that must hold together.

    changes: the instant at which it may hold by time alone
    tasks: those whose runs may make it hold
    """

    text: str
    holds: bool
    changes: float | None
    tasks: Sequence[str]


@dataclass(frozen=True, slots=True)
class ScheduleFacts:
    """What is known of a schedule.

    parts: of its rule; none where that was not looked at
    next: the instant of its next fire, as far as the clock alone decides
    newest: its last fire, or what was passed by in its place
    unfinished: its jobs that have not ended
    """

    view: ScheduleView
    now: float
    parts: Sequence[Part] = ()
    next: float | None = None
    newest: FireView | None = None
    unfinished: Sequence[Related] = ()


def parts_of(condition: Condition, moment: Moment, own: str) -> list[Part]:
    """The parts of a rule, and what each says at that moment. own: the task of the schedule"""
    found = []
    for part in condition.parts if isinstance(condition, All) else (condition,):
        view = part.view(moment)
        tasks = {event.name or own for event in part.events() if event.kind in _OF_TASKS}
        found.append(Part(str(part), view.holds, view.changes, sorted(tasks)))
    return found


def explain_schedule(facts: ScheduleFacts) -> Why:
    """Why it has not fired, and what it waits for."""
    return _turned_off(facts) or _bounded(facts) or _still_running(facts) or _waiting(facts)


def _turned_off(facts: ScheduleFacts) -> Why | None:
    view = facts.view
    if view.state is ScheduleState.DELETED:
        return Why(Reason.DELETED, "it was deleted: make it again")
    if view.state is ScheduleState.DISABLED:
        return Why(Reason.DISABLED, "it is disabled: when it is resumed it begins anew")
    if view.state is ScheduleState.PAUSED:
        return Why(
            Reason.PAUSED,
            f"it is paused: what passes until it is resumed is missed ({view.policy.missed})",
        )
    if view.trouble:
        sentence = f"its rule can't be told: {view.trouble}"
        return Why(Reason.TROUBLE, sentence, {"trouble": view.trouble})
    return None


def _bounded(facts: ScheduleFacts) -> Why | None:
    policy, now = facts.view.policy, facts.now
    if runs_left(facts.view.fires, policy) == 0:
        sentence = f"it has fired {facts.view.fires} times, and may no more often"
        return Why(Reason.OVER, sentence, {"fires": facts.view.fires})
    if policy.end is not None and now >= policy.end:
        return Why(Reason.OVER, "its end has passed", {"end": policy.end})
    if policy.start is not None and now < policy.start:
        sentence = f"it begins later: it may fire from {at(policy.start, now)}"
        return Why(Reason.NOT_DUE, sentence, {"due": policy.start})
    return None


def _still_running(facts: ScheduleFacts) -> Why | None:
    most, jobs = facts.view.policy.max_instances, facts.unfinished
    if facts.newest is None or most is None or len(jobs) < most:
        return None
    if facts.newest.why is not FireReason.STILL_RUNNING:
        return None
    sentence = (
        f"its last fire was passed by: of its jobs {most} may be unfinished at once, and as many "
        f"are: {names(jobs, len(jobs))}"
    )
    details = {"instant": facts.newest.instant, "max_instances": most}
    return Why(Reason.STILL_RUNNING, sentence, details | {"jobs": [as_dict(one) for one in jobs]})


def _waiting(facts: ScheduleFacts) -> Why:
    open = [part for part in facts.parts if not part.holds]
    tasks = sorted({task for part in open for task in part.tasks})
    details: dict[str, Any] = {"parts": [part.text for part in open], "tasks": tasks}
    if facts.next is not None:
        details["due"] = facts.next
        return Why(Reason.NOT_DUE, f"it fires next from {at(facts.next, facts.now)}", details)
    if not open:
        return Why(Reason.SOON, "its rule holds: it fires when its last run is over")
    unmet = "; ".join(_unmet(part, facts.now) for part in open)
    if tasks:
        return Why(Reason.TASKS, f"it waits for other tasks: {unmet}", details)
    return Why(Reason.NEVER, f"nothing is known that would fire it: {unmet}", details)


def _unmet(part: Part, now: float) -> str:
    if part.tasks:
        return f"{part.text} (it waits for {', '.join(map(repr, part.tasks))})"
    if part.changes is None:
        return f"{part.text} does not hold"
    return f"{part.text} (it may hold from {at(part.changes, now)})"
