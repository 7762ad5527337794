"""The client of a test: it notes what is launched, and lives on the clock of the harness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schedulergodx.client.client import Client
from schedulergodx.client.line import ThreadLine
from schedulergodx.testing.launches import Launch, Launches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from schedulergodx.client.base_task import BaseTask
    from schedulergodx.client.options import Options
    from schedulergodx.client.recipe import Recipe
    from schedulergodx.client.session import Session
    from schedulergodx.client.template import Template
    from schedulergodx.core.message import JobItem
    from schedulergodx.testing.clock import Clock


class HarnessClient(Client):
    """A client whose launches are noted.

    clock: what it takes for the time
    waiting: entered while a job waits for another one
    """

    def __init__(
        self,
        clock: Clock,
        waiting: Callable[[], AbstractContextManager[None]],
        **given: Any,
    ) -> None:
        self.launches = Launches()
        self._recipes: list[Recipe] = []
        self._functions: dict[bytes, Callable[..., Any]] = {}
        self._waiting = waiting
        self._clock = clock
        super().__init__(**given)

    def original(self, hash: bytes) -> Callable[..., Any] | None:
        """The function that was shipped under a hash."""
        if hash not in self._functions:
            for recipe in self._recipes:
                self._functions[recipe.template().spec.function] = recipe.function
        return self._functions.get(hash)

    def catch_up(self) -> None:
        """Return when all is read that was told to this client before."""
        line = self._line()
        if isinstance(line, ThreadLine):
            line.call(_nothing)

    def _make_task(self, function: Callable[..., Any], name: str, options: Options) -> BaseTask:
        task = super()._make_task(function, name, options)
        self._recipes.append(task._recipe)
        return task

    def _prepare(
        self, recipe: Recipe, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Template, JobItem, Any, Mapping[bytes, bytes]]:
        template, item, job, units = super()._prepare(recipe, args, kwargs)
        self._functions[template.spec.function] = recipe.function
        self.launches.add(Launch(recipe.name, recipe.function, args, kwargs, item.due, job))
        return template, item, job, units

    def _place_is_free(self) -> AbstractContextManager[None]:
        return self._waiting()


async def _nothing(_: Session) -> None:
    """What was to be read before this has been read."""
