"""The groups of a `Client`: tasks and schedules that have something in common."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, overload

from schedulergodx.client.base_group import BaseGroup
from schedulergodx.client.options import RegisterOptions
from schedulergodx.client.requests import ANSWER_TIMEOUT
from schedulergodx.client.schedule import Schedule

if TYPE_CHECKING:
    from schedulergodx.client.policies import Rule
    from schedulergodx.client.task import CoroutineTask, Task, TaskDecorator

P = ParamSpec("P")
R = TypeVar("R")


class Group(BaseGroup):
    """Makes tasks and schedules as its client does. `client.group(...)` gives one."""

    @overload  # the narrower one first: the job of an `async def` gives what that returns
    def task(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /, **options: Unpack[RegisterOptions]
    ) -> CoroutineTask[P, R]: ...

    @overload
    def task(
        self, function: Callable[P, R], /, **options: Unpack[RegisterOptions]
    ) -> Task[P, R]: ...

    @overload
    def task(self, /, **options: Unpack[RegisterOptions]) -> TaskDecorator: ...

    def task(self, function: Any = None, /, **options: Any) -> Any:
        """Register a function as a task of the group; see `Client.task`.

        Raises: TypeError, ConfigError, BadRule
        """
        return self._register(function, options)

    def schedule(self, rule: Rule, func: Any = None, **options: Any) -> Schedule:
        """Have a service make jobs by a rule and that of the group; see `Client.schedule`."""
        planned = self._plan(rule, func, options)
        view = self._client._ask(planned.request, planned.queue, ANSWER_TIMEOUT)
        return Schedule(self._client, view)
