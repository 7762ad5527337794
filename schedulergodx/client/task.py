"""The tasks of a `Client`: functions that are launched."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, Unpack, overload

from schedulergodx.client.base_task import BaseTask
from schedulergodx.client.job import Job
from schedulergodx.client.options import TaskOptions

if TYPE_CHECKING:
    from schedulergodx.client.client import Client
    from schedulergodx.client.policies import Rule
    from schedulergodx.client.recipe import Recipe
    from schedulergodx.client.schedule import Schedule

P = ParamSpec("P")
R = TypeVar("R")


class Launcher(Generic[P, R]):
    """Launches a function with options: a task itself, or what its `options(...)` gives."""

    def __init__(self, client: Client, recipe: Recipe) -> None:
        self._client = client
        self._recipe = recipe

    def launch(self, *args: P.args, **kwargs: P.kwargs) -> Job[R]:
        """Ask for one execution. Returns when the broker has confirmed and routed it.

        Raises: LaunchUnconfirmed, UnknownQueue, ShipError, TooLarge
        """
        return self._client._launch(self._recipe, args, kwargs)

    def map(self, values: Iterable[Any]) -> list[Job[R]]:
        """One job for each value, as the only argument; hundreds share an envelope."""
        return self.starmap((value,) for value in values)

    def starmap(self, arguments: Iterable[Iterable[Any]]) -> list[Job[R]]:
        """One job for each tuple of arguments; hundreds share an envelope.

        Raises: as a pipeline does at its end
        """
        return self._client._launch_all(self._recipe, arguments)

    def step(self, *args: P.args, **kwargs: P.kwargs) -> Job[R]:
        """A job of a workflow, which runs when that is submitted and its turn has come.

        What other steps will return stands among the arguments as their `value`; it then runs after
        those.
        """
        from schedulergodx.client.draft import Draft  # late: few programs have workflows

        return Job._drafted(
            Draft(function=self._recipe, args=args, params=kwargs), self._recipe.name
        )

    def step_for_each(self, values: Iterable[Any]) -> Job[list[R]]:
        """Steps for the values in a list that is known only later, the `value` of another step.

        Each is called with one of them. The answer is a job that has the list of what they return;
        it is cancelled if one does not complete. Raises: ConfigError for a function by name
        """
        from schedulergodx.client.expansion import expand, steps_for_each  # late: as in `step`

        return steps_for_each(self, values, expand, Job)

    def options(self, **said: Unpack[TaskOptions]) -> Launcher[P, R]:
        """The same function with other options, for launches from here.

        Raises: TypeError for a name that is no option, ConfigError for a value that can't be used
        """
        return Launcher(self._client, self._recipe.changed(said))

    def schedule(self, rule: Rule, **options: Any) -> Schedule:
        """Have a service make a job each time that a rule says so; see `Client.schedule`."""
        return self._client.schedule(rule, self, **options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._recipe.name} of {self._client!r}>"


class Task(Launcher[P, R], BaseTask):
    """A function registered with a client."""

    def __init__(self, client: Client, recipe: Recipe) -> None:
        self._define(client, recipe)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function here and now."""
        result: R = self._recipe.function(*args, **kwargs)
        return result


class CoroutineTask(Launcher[P, R], BaseTask):
    """An `async def` function registered with a client. R is what it returns when awaited."""

    def __init__(self, client: Client, recipe: Recipe) -> None:
        self._define(client, recipe)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Run the function here and now."""
        coroutine: Coroutine[Any, Any, R] = self._recipe.function(*args, **kwargs)
        return coroutine


class TaskDecorator(Protocol):
    """What `client.task(queue="mail")` gives: it makes a task of a function."""

    @overload  # the narrower one first: the job of an `async def` gives what that returns
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> CoroutineTask[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R]: ...
