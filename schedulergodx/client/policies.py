"""The policies of a schedule, as programs say them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from msgspec.structs import replace

from schedulergodx.client import reading
from schedulergodx.errors import ConfigError
from schedulergodx.quantity import parse_duration

if TYPE_CHECKING:
    from schedulergodx.core.conditions.base import Condition
    from schedulergodx.core.policy import Missed, Overlap, Policy

Rule: TypeAlias = "str | Condition"
Conflict = Literal["raise", "rename", "ignore", "replace"]


class FirePolicies(TypedDict, total=False):
    """Policies of a schedule, as keywords. Durations are seconds, a `timedelta`, or "10 min".

    start: not before that `datetime`; or "now" for the first run at once, or "next" for none before
        the next window opens
    end: not at that `datetime` or later
    missed: what is made of instants that passed while no service ran or it was paused: "run_once",
        "skip", or "run_all" for each of them
    overlap: what happens while `max_instances` runs have not ended: "skip", "queue" or
        "cancel_previous"; "queue" where events fire it, and "skip" elsewhere, if left out
    max_instances: how many runs may be unfinished at once, 1 if left out; None for any number
    multilaunch: True for any number
    grace: how late a run may be that was not missed; a minute if left out
    jitter: by how much runs may start later, spread evenly
    max_runs: how often it fires at the most
    end_cond: a rule; its runs are ended when that holds
    """

    start: datetime | Literal["now", "next"] | None
    end: datetime | None
    missed: Missed | Literal["run_once", "skip", "run_all"]
    overlap: Overlap | Literal["skip", "queue", "cancel_previous"] | None
    max_instances: int | None
    multilaunch: bool
    grace: float | timedelta | str
    jitter: float | timedelta | str
    max_runs: int | None
    end_cond: Rule | None


class SchedulePolicies(FirePolicies, total=False):
    """The same, and one whose name means something else for a task.

    limit: of runs that "run_all" makes up for, and of jobs that "queue" lets wait; 100 if left out
    """

    limit: int


def read_rule_text(rule: Rule) -> str:
    """The text of a rule. Raises: BadRule"""
    from schedulergodx.core.rule import read_rule  # late: few programs have any

    return str(read_rule(str(rule)))


def read_zone_name(zone: str) -> str:
    """A zone that there is. Raises: BadRule"""
    from schedulergodx.core.rule import read_zone  # late: few programs have any

    return read_zone(zone).key


def read_policy(said: Mapping[str, Any], base: Policy | None = None) -> Policy:
    """A policy from what was said of it, `end_cond` as the text of a rule that was read.

    Raises: TypeError, ConfigError
    """
    from schedulergodx.core.policy import Policy, fault_of  # late: few programs have any

    unknown = said.keys() - SchedulePolicies.__annotations__.keys()
    if unknown:
        raise TypeError(
            f"{min(unknown)!r} is no policy of a schedule: there are "
            + ", ".join(sorted(SchedulePolicies.__annotations__))
        )
    fields: dict[str, Any] = {}
    for name, value in said.items():
        try:
            fields |= _read_policy(name, value)
        except ValueError as error:
            raise ConfigError(f"{name}={value!r} can't be used: {error}") from None
    policy = replace(base or Policy(), **fields)
    fault = fault_of(policy)
    if fault:
        raise ConfigError(fault)
    return policy


def _read_policy(name: str, value: Any) -> dict[str, Any]:
    from schedulergodx.core.conditions.base import Start  # late: few programs have any
    from schedulergodx.core.policy import Missed, Overlap

    match name:
        case "start" if value in ("now", "next"):
            return {"first": Start(value)}
        case "start" | "end":
            return {name: None if value is None else reading.read_instant(value)}
        case "missed":
            return {name: reading.read_choice(Missed, value)}
        case "overlap":
            return {name: None if value is None else reading.read_choice(Overlap, value)}
        case "multilaunch":
            return {"max_instances": None} if reading.read_flag(value) else {}
        case "max_instances" | "max_runs":
            return {name: None if value is None else reading.read_count(value)}
        case "limit":
            return {name: reading.read_count(value)}
        case "end_cond":
            return {name: value or ""}
    return {name: parse_duration(value)}
