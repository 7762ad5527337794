"""The policies of a schedule: what is made of the instants at which its rule fires.

Everything about that is here: which instants count, which were missed and what is made of them,
what happens while earlier runs have not ended, and what makes a fire one job and not two.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

from msgspec import Struct

from schedulergodx.core.conditions.base import Start
from schedulergodx.core.identity import new_uid

_LONGEST = 1e11  # seconds, some thousand years
_SHARES = 1 << 64
_DIGEST = 18  # bytes: ten for a uid, and eight for the share of its jitter


class Missed(StrEnum):
    """What is made of instants that passed while nobody could fire them."""

    RUN_ONCE = "run_once"  # one run for all of them, as soon as possible
    SKIP = "skip"  # none
    RUN_ALL = "run_all"  # one for each, the first `Policy.limit` of them


class Overlap(StrEnum):
    """What a fire does while `Policy.max_instances` runs have not ended."""

    SKIP = "skip"  # it is passed by
    QUEUE = "queue"  # its job waits for the end of one of them; at most `Policy.limit` wait
    CANCEL_PREVIOUS = "cancel_previous"  # the oldest is called off, and the new one follows it


class Policy(Struct, frozen=True, omit_defaults=True):
    """How a schedule fires, beside its rule.

    first: when it fires first
    missed: what is made of instants that passed by more than `grace`
    overlap: what a fire does while `max_instances` runs have not ended; None for `queue` where it
        uses up an event, so that none is lost, and `skip` elsewhere
    max_instances: how many runs may be unfinished at once; None for any number
    limit: of runs that `run_all` makes up for, and of jobs that `queue` lets wait
    grace: seconds that a fire may be late and is not missed
    jitter: seconds by which each run may start later, spread evenly; the same for the same fire
    start, end: instants; it fires at `start` or later, and before `end`
    max_runs: how often it fires at the most
    expires: seconds after its instant in which the job must have started
    end_cond: a rule at which its runs are ended; "" for none
    """

    first: Start = Start.RULE
    missed: Missed = Missed.RUN_ONCE
    overlap: Overlap | None = None
    max_instances: int | None = 1
    limit: int = 100
    grace: float = 60.0
    jitter: float = 0.0
    start: float | None = None
    end: float | None = None
    max_runs: int | None = None
    expires: float | None = None
    end_cond: str = ""


class Deed(StrEnum):
    """What a fire does."""

    RUN = "run"
    WAIT = "wait"  # its job follows the run that is in its way
    REPLACE = "replace"  # the same, and that run is called off
    PASS_BY = "pass by"  # it makes no job


def uid_of_fire(schedule: bytes, instant: float) -> bytes:
    """The uid of the job of a fire. The same fire is the same job, whoever makes it, and when."""
    return new_uid(instant, _digest(schedule, instant)[:10])


def jitter_of_fire(schedule: bytes, instant: float, policy: Policy) -> float:
    """By how many seconds the job of a fire is to start later."""
    share = int.from_bytes(_digest(schedule, instant)[10:]) / _SHARES if policy.jitter else 0.0
    return policy.jitter * share


def is_missed(instant: float, now: float, policy: Policy) -> bool:
    """Whether it is too late for a fire that belongs to that instant."""
    return now - instant > policy.grace


def is_open(instant: float, policy: Policy) -> bool:
    """Whether a schedule may fire at that instant, by its start and its end."""
    if policy.start is not None and instant < policy.start:
        return False
    return policy.end is None or instant < policy.end


def runs_left(fires: int, policy: Policy) -> int | None:
    """How often it may fire yet; None for any number."""
    return None if policy.max_runs is None else max(0, policy.max_runs - fires)


def deed(unfinished: int, policy: Policy, *, uses_event: bool) -> Deed:
    """What a fire does while so many runs have not ended."""
    most = policy.max_instances
    if most is None or unfinished < most:
        return Deed.RUN
    overlap = policy.overlap or (Overlap.QUEUE if uses_event else Overlap.SKIP)
    if overlap is Overlap.SKIP:
        return Deed.PASS_BY
    if overlap is Overlap.QUEUE and not uses_event and unfinished - most >= policy.limit:
        return Deed.PASS_BY
    return Deed.WAIT if overlap is Overlap.QUEUE else Deed.REPLACE


def fault_of(policy: Policy) -> str:
    """What is wrong with a policy; "" if nothing is. A client of ours sends none of these."""
    for name in ("limit", "grace", "jitter"):
        if not 0 <= getattr(policy, name) < _LONGEST:
            return f"{name} is {getattr(policy, name)}: give a number that is not below zero"
    for name in ("max_instances", "max_runs", "expires"):
        value = getattr(policy, name)
        if value is not None and not 0 < value < _LONGEST:
            return f"{name} is {value}: give a number above zero, or None"
    for name in ("start", "end"):
        value = getattr(policy, name)
        if value is not None and not abs(value) < _LONGEST:
            return f"{name} is {value}, which is no instant"
    if policy.start is not None and policy.end is not None and policy.start >= policy.end:
        return "it ends before it starts"
    return ""


def _digest(schedule: bytes, instant: float) -> bytes:
    microseconds = round(instant * 1e6).to_bytes(8, signed=True)
    return hashlib.blake2b(schedule + microseconds, digest_size=_DIGEST).digest()
