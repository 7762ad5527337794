"""What a group of tasks and schedules is for both clients. Nothing is sent here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schedulergodx.client.base_task import BaseTask
from schedulergodx.client.planning import of_task_and_schedule
from schedulergodx.client.recipe import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schedulergodx.client.planning import Planned, Planning
    from schedulergodx.client.policies import Rule
    from schedulergodx.client.recipe import Recipe

_PROGRAM = ("path", "func_name", "command", "cwd", "code")


class BaseGroup:
    """Tasks and schedules that have something in common."""

    def __init__(
        self,
        client: Planning,
        prefix: str,
        start_cond: Rule | None,
        zone: str,
        params: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> None:
        if "name" in options:
            raise TypeError("each task of a group has a name, after its prefix: leave name= out")
        client._options.changed(options)  # what is wrong is said where it is written
        self._client: Any = client
        self._prefix = prefix
        self._start_cond = None if start_cond is None else client._rule_text(start_cond)
        self._zone = zone
        self._params = dict(params)
        self._options = dict(options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._prefix!r} of {self._client!r}>"

    def _register(self, function: Any, said: Mapping[str, Any]) -> Any:
        """A task of the group, or what makes one of the function that it decorates."""
        if function is None:
            return lambda function: self._register(function, said)
        said, planned = of_task_and_schedule({"zone": self._zone, **self._options, **said})
        own = function.name if isinstance(function, BaseTask) else name_of(function)
        name = self._prefix + (said.pop("name", None) or own)
        task = self._client._register(function, {**said, "name": name})
        if planned is not None:
            self._client._scheduled(task, self._with_shared(task._recipe, planned))
        return task

    def _plan(self, rule: Rule, func: Any, said: Mapping[str, Any]) -> Planned:
        """A schedule as it is asked for. A task stays what it is; all else becomes one here."""
        said = {"zone": self._zone, **said, "rule": rule}
        name, program = said.pop("name", None), {key: said.pop(key, None) for key in _PROGRAM}
        if callable(func) and not hasattr(func, "_recipe"):
            func = self._register(func, {"name": name})
        recipe: Recipe = self._client._recipe_to_plan(func, name, **program)
        if func is None:
            recipe = recipe.changed({**self._options, "name": self._prefix + recipe.name})
        said["name"] = self._prefix + name if name else None
        planned: Planned = self._client._plan(recipe, **self._with_shared(recipe, said))
        return planned

    def _with_shared(self, recipe: Recipe, planned: dict[str, Any]) -> dict[str, Any]:
        """What is said of a schedule, with the rule of the group and its parameters.

        A function gets those that it has a place for beside its arguments. Raises: BadRule
        """
        args, kwargs = tuple(planned.get("args", ())), planned.get("kwargs") or {}
        shared = {key: value for key, value in self._params.items() if recipe.takes(key, len(args))}
        return {
            **planned,
            "rule": self._joined(planned["rule"]),
            "args": args,
            "kwargs": {**shared, **kwargs},
        }

    def _joined(self, rule: Rule) -> str:
        """A rule of a member, with that of the group. Raises: BadRule"""
        both = rule if self._start_cond is None else f"({self._start_cond}) & ({rule})"
        text: str = self._client._rule_text(both)
        return text
