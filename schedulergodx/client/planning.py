"""How both clients make schedules of tasks. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec.structs import replace

from schedulergodx.client import reading
from schedulergodx.client.naming import Naming
from schedulergodx.client.options import RegisterOptions, TaskOptions
from schedulergodx.client.policies import read_policy, read_rule_text, read_zone_name
from schedulergodx.client.recipe import Recipe, name_of
from schedulergodx.core import context
from schedulergodx.core.identity import UID_BYTES
from schedulergodx.core.message import JobItem, TaskBody
from schedulergodx.errors import ConfigError

if TYPE_CHECKING:
    import re

    from schedulergodx.client.own_conditions import ToldConditions
    from schedulergodx.client.policies import Conflict, Rule
    from schedulergodx.core.policy import Policy
    from schedulergodx.core.schedule import AskPutSchedule, AskUpdateSchedule

F = TypeVar("F", bound=Callable[..., Any])
_OF_SCHEDULE = RegisterOptions.__annotations__.keys() - TaskOptions.__annotations__.keys()
_encode = msgspec.msgpack.Encoder().encode


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
        said, planned = of_task_and_schedule(said)
        if planned is None:
            return super()._register(function, said)
        self._rule_text(planned["rule"])
        read_zone_name(planned.get("zone", "UTC"))
        if function is None:
            decorate = super()._register(None, said)
            return lambda function: self._scheduled(decorate(function), planned)
        return self._scheduled(super()._register(function, said), planned)

    def _scheduled(self, task: Any, planned: dict[str, Any]) -> Any:
        """That task, of which there is a schedule from now on. planned: keywords of `_plan`"""
        if self._may_plan:
            self._announce(self._plan(task._recipe, **planned))
        return task

    def _policy(self, said: Mapping[str, Any], base: Policy | None = None) -> Policy:
        """A policy from what was said of it. Raises: BadRule, ConfigError, TypeError"""
        if said.get("end_cond") is not None:
            said = {**said, "end_cond": self._rule_text(said["end_cond"])}
        return read_policy(said, base)

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
        policy = self._policy(policies)
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


def of_task_and_schedule(
    said: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """What was said of a task, and of its schedule with the rule; None if there is none.

    Raises: TypeError
    """
    of_task = {name: value for name, value in said.items() if name not in _OF_SCHEDULE}
    planned = {name: value for name, value in said.items() if name in _OF_SCHEDULE}
    rule = planned.pop("schedule", None)
    if rule is not None:
        return of_task, {"rule": rule, **planned}
    if planned.keys() - {"zone"}:
        name = min(planned.keys() - {"zone"})
        raise TypeError(f"{name!r} is said of a schedule: give the rule as well, with schedule=")
    return of_task, None
