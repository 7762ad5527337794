"""How both clients make schedules of tasks. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, TypeVar

import msgspec
from msgspec.structs import replace

from schedulergodx.client import reading
from schedulergodx.client.naming import Naming
from schedulergodx.client.recipe import Recipe, name_of
from schedulergodx.core import context
from schedulergodx.core.identity import UID_BYTES
from schedulergodx.core.message import JobItem, TaskBody
from schedulergodx.errors import ConfigError
from schedulergodx.quantity import parse_duration

if TYPE_CHECKING:
    import re

    from schedulergodx.client.own_conditions import ToldConditions
    from schedulergodx.core.conditions.base import Condition
    from schedulergodx.core.policy import Missed, Overlap, Policy
    from schedulergodx.core.schedule import AskPutSchedule, AskUpdateSchedule

F = TypeVar("F", bound=Callable[..., Any])
Rule: TypeAlias = "str | Condition"
Conflict = Literal["raise", "rename", "ignore", "replace"]
_encode = msgspec.msgpack.Encoder().encode


class SchedulePolicies(TypedDict, total=False):
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
    limit: of runs that "run_all" makes up for, and of jobs that "queue" lets wait; 100 if left out
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
    limit: int
    grace: float | timedelta | str
    jitter: float | timedelta | str
    max_runs: int | None
    end_cond: Rule | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A schedule that is to be made. queue: where its jobs go"""

    request: AskPutSchedule
    queue: str


class Planning(Naming):
    """The part of both clients that prepares schedules."""

    def _set_up(self, *given: Any) -> None:
        super()._set_up(*given)
        self._planned: dict[str, Planned] = {}
        self._own: ToldConditions | None = None

    def cond(
        self, syntax: str | re.Pattern[str], *, look_every: float | timedelta | str = 60.0
    ) -> Callable[[F], F]:
        """Have rules of this client ask a function, by words: `@client.cond("it is quiet")`.

        A schedule of its own has a worker call it and set a parameter of the session, by which the
        service knows the answer; so the answer may be as old as that.

        syntax: the words; or a pattern, whose named groups are passed as keywords
        look_every: how often it is asked

        Raises: ConfigError
        """
        from schedulergodx.client.own_conditions import ToldConditions  # late: few have any

        try:
            seconds = reading.read_lifetime(look_every)
        except ValueError as error:
            raise ConfigError(f"look_every={look_every!r} can't be used: {error}") from None
        own = self._own = self._own or ToldConditions()

        def register(predicate: F) -> F:
            own.tell(syntax, predicate, seconds)
            return predicate

        return register

    def _rule_text(self, rule: Rule) -> str:
        """The text of a rule, whose own conditions are looked at from now on. Raises: BadRule"""
        if self._own is None:
            return read_rule_text(rule)
        text = self._own.read(rule)
        while self._own.wanted:
            check, every = self._own.wanted.pop()
            if self._may_plan:
                recipe = self._recipe_of(check, f"condition: {check.words}")
                self._announce(self._plan(recipe, every, start="now"))
        return text

    def _register(self, function: Callable[..., Any] | None, said: Mapping[str, Any]) -> Any:
        """A task, and a schedule of it where one is asked for."""
        said = dict(said)
        rule, zone = said.pop("schedule", None), said.pop("zone", "UTC")
        if rule is None:
            return super()._register(function, said)
        self._rule_text(rule)
        read_zone_name(zone)
        if function is None:
            decorate = super()._register(None, said)
            return lambda function: self._scheduled(decorate(function), rule, zone=zone)
        return self._scheduled(super()._register(function, said), rule, zone=zone)

    def _scheduled(self, task: Any, rule: Rule, **said: Any) -> Any:
        if self._may_plan:
            self._announce(self._plan(task._recipe, rule, **said))
        return task

    def _announce(self, planned: Planned) -> None:
        """Have a schedule made by the service as soon as there is one: nobody waits for it."""
        raise NotImplementedError

    def _recipe_to_plan(self, function: Any, name: str | None, **said: Any) -> Recipe:
        """What a schedule is to run: a function, or what the keywords of `program` say."""
        if all(value is None for value in said.values()):
            return self._recipe_of(function, None)
        if function is not None:
            raise TypeError("a schedule runs a function, or what path=, command= or code= says")
        return self._program({"name": name}, **said)

    def _recipe_of(self, function: Any, name: str | None) -> Recipe:
        """What is to be run: a task, or a function that is none yet."""
        given = getattr(function, "_recipe", None)
        recipe: Recipe
        if isinstance(given, Recipe):
            recipe = given
        elif callable(function):
            recipe = self._make_task(function, name_of(function), self._options)._recipe
        else:
            raise TypeError(f"a schedule runs a task or a function, not {function!r}")
        return recipe if name is None or recipe.name == name else recipe.changed({"name": name})

    def _plan(
        self,
        recipe: Recipe,
        rule: Rule,
        *,
        name: str | None = None,
        zone: str = "UTC",
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        on_conflict: Conflict | None = None,
        **policies: Any,
    ) -> Planned:
        """A schedule as it is asked for. Raises: BadRule, ConfigError, TypeError, ShipError"""
        from schedulergodx.core.schedule import AskPutSchedule  # late: few programs have any

        conflict = on_conflict or self.settings.on_conflict
        if conflict not in ("raise", "rename", "ignore", "replace"):
            raise ConfigError(
                f"on_conflict={conflict!r}: it is 'raise', 'rename', 'ignore' or 'replace'"
            )
        policy = read_policy(policies)
        body, expires = self._pack_task(recipe, tuple(args), dict(kwargs or {}))
        request = AskPutSchedule(
            name=name or recipe.name,
            rule=self._rule_text(rule),
            zone=read_zone_name(zone),
            task=body,
            policy=replace(policy, expires=expires),
            keep=conflict == "ignore",
        )
        planned = self._without_conflict(Planned(request, recipe.options.queue), conflict)
        self._planned[planned.request.name] = planned
        return planned

    def _without_conflict(self, planned: Planned, conflict: str) -> Planned:
        """The same under a name that no other schedule of this program has, or the other one."""
        name = planned.request.name
        known = self._planned.get(name)
        if known is None or known == planned or conflict == "replace":
            return planned
        if conflict == "ignore":
            return known
        if conflict == "raise":
            raise ConfigError(
                f"this program has another schedule {name!r}: give one of them another name=, or "
                "say with on_conflict= what is to happen: 'rename', 'ignore' or 'replace'"
            )
        number = 1
        while f"{name} - {number}" in self._planned:
            number += 1
        return Planned(replace(planned.request, name=f"{name} - {number}"), planned.queue)

    def _pack_task(
        self, recipe: Recipe, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[bytes, float | None]:
        """The body of a TASK with the one job of a schedule, and in what time it must start."""
        template = recipe.template()
        said = (template.delay, template.run_at, template.expires_at, template.batch)
        if said != (None,) * 4:
            raise ConfigError(
                "a schedule says when its jobs run, and they belong to no batch: leave delay=, "
                "run_at=, batch= and an expires= with a datetime out"
            )
        packed = recipe.packer.pack_arguments(args, kwargs)
        item = JobItem(bytes(UID_BYTES), packed.body, units=packed.units)
        if recipe.keys is not None:
            item = recipe.keys.put_on(item, args, kwargs, self._launcher)
        units = {**template.units, **{key: recipe.packer.unit(key) for key in packed.units}}
        spec, queue, priority = template.spec, template.queue, template.priority
        body = TaskBody(spec, units, [item], queue, priority, reply=False)
        return _encode(body), template.expires

    def _update_request(
        self,
        name: str,
        rule: Rule | None,
        zone: str | None,
        policy: Policy | None,
        task: tuple[Recipe, tuple[Any, ...], dict[str, Any]] | None,
    ) -> AskUpdateSchedule:
        from schedulergodx.core.schedule import AskUpdateSchedule  # late: few programs have any

        body = None if task is None else self._pack_task(*task)[0]
        return AskUpdateSchedule(
            name,
            None if rule is None else self._rule_text(rule),
            None if zone is None else read_zone_name(zone),
            policy,
            body,
        )

    @property
    def _may_plan(self) -> bool:
        """Whether a module that is imported here makes schedules: not where jobs run."""
        return context.outlet is None and not context.preparing


def read_rule_text(rule: Rule) -> str:
    """The text of a rule. Raises: BadRule"""
    from schedulergodx.core.rule import read_rule  # late: few programs have any

    return str(read_rule(str(rule)))


def read_zone_name(zone: str) -> str:
    """A zone that there is. Raises: BadRule"""
    from schedulergodx.core.rule import read_zone  # late: few programs have any

    return read_zone(zone).key


def read_policy(said: Mapping[str, Any], base: Policy | None = None) -> Policy:
    """A policy from what was said of it. Raises: TypeError, ConfigError"""
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
            return {name: "" if value is None else read_rule_text(value)}
    return {name: parse_duration(value)}
