"""The tasks of an `AsyncClient`: functions whose launch is awaited."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, Unpack, overload

from schedulergodx.client.async_job import AsyncJob
from schedulergodx.client.base_task import BaseTask
from schedulergodx.client.draft import Draft
from schedulergodx.client.expansion import expand_async, steps_for_each
from schedulergodx.client.options import TaskOptions

if TYPE_CHECKING:
    from schedulergodx.client.async_client import AsyncClient
    from schedulergodx.client.async_schedule import AsyncSchedule
    from schedulergodx.client.policies import Rule
    from schedulergodx.client.recipe import Recipe

P = ParamSpec("P")
R = TypeVar("R")


class AsyncLauncher(Generic[P, R]):
    """Launches a function with options: a task itself, or what its `options(...)` gives."""

    def __init__(self, client: AsyncClient, recipe: Recipe) -> None:
        self._client = client
        self._recipe = recipe

    async def launch(self, *args: P.args, **kwargs: P.kwargs) -> AsyncJob[R]:
        """Ask for one execution. Returns when the broker has confirmed and routed it.

        Raises: LaunchUnconfirmed, UnknownQueue, ShipError, TooLarge
        """
        return await self._client._launch(self._recipe, args, kwargs)

    async def map(self, values: Iterable[Any]) -> list[AsyncJob[R]]:
        """One job for each value, as the only argument; hundreds share an envelope."""
        return await self.starmap((value,) for value in values)

    async def starmap(self, arguments: Iterable[Iterable[Any]]) -> list[AsyncJob[R]]:
        """One job for each tuple of arguments; hundreds share an envelope.

        Raises: as a pipeline does at its end
        """
        return await self._client._launch_all(self._recipe, arguments)

    def step(self, *args: P.args, **kwargs: P.kwargs) -> AsyncJob[R]:
        """A job of a workflow, which runs when that is submitted and its turn has come.

        What other steps will return stands among the arguments as their `value`; it then runs after
        those.
        """
        return AsyncJob._drafted(
            Draft(function=self._recipe, args=args, params=kwargs), self._recipe.name
        )

    def step_for_each(self, values: Iterable[Any]) -> AsyncJob[list[R]]:
        """Steps for the values in a list that is known only later, the `value` of another step.

        Each is called with one of them. The answer is a job that has the list of what they return;
        it is cancelled if one does not complete. Raises: ConfigError for a function by name
        """
        return steps_for_each(self, values, expand_async, AsyncJob)

    def options(self, **said: Unpack[TaskOptions]) -> AsyncLauncher[P, R]:
        """The same function with other options, for launches from here.

        Raises: TypeError for a name that is no option, ConfigError for a value that can't be used
        """
        return AsyncLauncher(self._client, self._recipe.changed(said))

    async def schedule(self, rule: Rule, **options: Any) -> AsyncSchedule:
        """Have a service make a job each time that a rule says so; see `Client.schedule`."""
        return await self._client.schedule(rule, self, **options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._recipe.name} of {self._client!r}>"


class AsyncTask(AsyncLauncher[P, R], BaseTask):
    """A function registered with an `AsyncClient`."""

    def __init__(self, client: AsyncClient, recipe: Recipe) -> None:
        self._define(client, recipe)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function here and now."""
        result: R = self._recipe.function(*args, **kwargs)
        return result


class AsyncCoroutineTask(AsyncLauncher[P, R], BaseTask):
    """An `async def` function registered with one. R is what it returns when awaited."""

    def __init__(self, client: AsyncClient, recipe: Recipe) -> None:
        self._define(client, recipe)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Run the function here and now."""
        coroutine: Coroutine[Any, Any, R] = self._recipe.function(*args, **kwargs)
        return coroutine


class AsyncTaskDecorator(Protocol):
    """What `client.task(queue="mail")` gives: it makes a task of a function."""

    @overload  # the narrower one first: the job of an `async def` gives what that returns
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncCoroutineTask[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> AsyncTask[P, R]: ...
