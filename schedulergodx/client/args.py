"""Defaults of parameters that are found where the job runs: `def work(session=Session())`.

Whatever is given for such a parameter, by a launch or a schedule, comes before it.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from schedulergodx.client.options import UNSET
from schedulergodx.core import context
from schedulergodx.errors import ConfigError, UnknownJob

if TYPE_CHECKING:
    from schedulergodx.client.client import Client


_given: ContextVar[Client | None] = ContextVar("schedulergodx_client", default=None)


class Missing(LookupError):
    """There is no value, and no default was given."""


class Argument:
    """The default of a parameter. `one >> other` is the other one where the first has no value."""

    def value(self, task: str) -> Any:
        """What the parameter is. task: the name of the one that runs. Raises: Missing"""
        raise NotImplementedError

    def __rshift__(self, other: Argument) -> Argument:
        return Either(self, other)


class Either(Argument):
    """The first of two that has a value."""

    def __init__(self, first: Argument, second: Argument) -> None:
        self.first, self.second = first, second

    def value(self, task: str) -> Any:
        """What the parameter is."""
        try:
            return self.first.value(task)
        except Missing:
            return self.second.value(task)


class Session(Argument):
    """The schedules of all clients: `client.session`, in the name of the job's client."""

    def value(self, task: str) -> Any:
        """What the parameter is."""
        return client_here().session


class Task(Argument):
    """The schedule of a name; that of the task that runs if none is given."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name

    def value(self, task: str) -> Any:
        """What the parameter is. Raises: UnknownSchedule"""
        return client_here().session[self.name or task]


class Return(Argument):
    """What the newest completed job of a task has returned."""

    def __init__(self, task: str, default: Any = UNSET) -> None:
        self.task, self.default = task, default

    def value(self, task: str) -> Any:
        """What the parameter is."""
        client = client_here()
        views = client.list_jobs(task=self.task, status="completed", limit=1)
        if views:
            try:
                return client.job(views[0].uid.hex()).result(10)
            except UnknownJob:
                pass  # it was removed meanwhile
        return _or_missing(self.default, f"no job of task {self.task!r} that completed is kept")


class Arg(Argument):
    """A parameter of the session, `client.session.params`."""

    def __init__(self, name: str, default: Any = UNSET) -> None:
        self.name, self.default = name, default

    def value(self, task: str) -> Any:
        """What the parameter is."""
        params = dict(client_here().session.params)
        if self.name in params:
            return params[self.name]
        return _or_missing(self.default, f"the session has no parameter {self.name!r}")


class CliArg(Argument):
    """A word of the command line of the program that makes the task, as `--name value`."""

    def __init__(self, name: str, default: Any = UNSET) -> None:
        self.name, self.default = name, default
        self.found = _said(sys.argv[1:], name)

    def value(self, task: str) -> Any:
        """What the parameter is."""
        if self.found is not None:
            return self.found
        return _or_missing(self.default, f"{self.name} was not said where the task was made")


class FuncArg(Argument):
    """What a function returns that is called first."""

    def __init__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.call = functools.partial(function, *args, **kwargs)

    def value(self, task: str) -> Any:
        """What the parameter is."""
        return self.call()


class EnvArg(Argument):
    """A variable of the environment of the workers."""

    def __init__(self, name: str, default: Any = UNSET) -> None:
        self.name, self.default = name, default

    def value(self, task: str) -> Any:
        """What the parameter is."""
        found = os.environ.get(self.name)
        if found is not None:
            return found
        return _or_missing(self.default, f"there is no variable {self.name} where the job runs")


class Context(Argument):
    """The job that runs, as `current_job()` gives it; None outside of jobs."""

    def value(self, task: str) -> Any:
        """What the parameter is."""
        return context.current_job()


def client_here() -> Client:
    """Inside a job a client in the name of the job's; else the client of the program."""
    given = _given.get()
    if given is not None:
        return given
    if context.outlet is None:
        from schedulergodx.client.default import default_client

        return default_client()
    return _client_of_worker(os.getpid())


def set_client_here(client: Client) -> None:
    """Take that one in this thread, where jobs of a test run."""
    _given.set(client)


@functools.cache
def _client_of_worker(process: int) -> Client:
    from schedulergodx.client.client import Client

    return Client(connect=False)


class Injected:
    """A function whose parameters have such defaults. It is called as that function is."""

    def __init__(self, function: Callable[..., Any], task: str) -> None:
        functools.update_wrapper(self, function)
        self.__wrapped__ = function
        self.task = task

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, with what it is not given."""
        return self.__wrapped__(*args, **_filled(self, args, kwargs))


class InjectedCoroutine(Injected):
    """The same of an `async def` function."""

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, with what it is not given."""
        return await self.__wrapped__(*args, **_filled(self, args, kwargs))


def with_arguments(function: Callable[..., Any], task: str) -> Callable[..., Any]:
    """The function, which finds its defaults when it runs, where it has any of these.

    Raises: ConfigError for one that can be given by its position alone
    """
    if isinstance(function, Injected) or not _arguments_of(function):
        return function
    for name, parameter in inspect.signature(function).parameters.items():
        is_argument = isinstance(parameter.default, Argument)
        if is_argument and parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise ConfigError(f"parameter {name!r} must not be positional-only to be found")
    coroutine = inspect.iscoroutinefunction(function)
    return (InjectedCoroutine if coroutine else Injected)(function, task)


def _arguments_of(function: Callable[..., Any]) -> dict[str, Argument]:
    defaults = getattr(function, "__defaults__", None) or ()
    keyword = getattr(function, "__kwdefaults__", None) or {}
    if not any(isinstance(one, Argument) for one in (*defaults, *keyword.values())):
        return {}
    parameters = inspect.signature(function).parameters.items()
    return {name: p.default for name, p in parameters if isinstance(p.default, Argument)}


def _filled(injected: Injected, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    given = inspect.signature(injected.__wrapped__).bind_partial(*args, **kwargs).arguments
    found = {
        name: argument.value(injected.task)
        for name, argument in _arguments_of(injected.__wrapped__).items()
        if name not in given
    }
    return {**kwargs, **found}


def _said(words: list[str], name: str) -> str | None:
    """What follows a name in a command line, after a space or "="."""
    for word, following in zip(words, [*words[1:], None], strict=True):
        if word == name:
            return following
        if word.startswith(f"{name}="):
            return word[len(name) + 1 :]
    return None


def _or_missing(default: Any, text: str) -> Any:
    if default is UNSET:
        raise Missing(f"{text}, and no default was given")
    return default


context.complete = with_arguments
