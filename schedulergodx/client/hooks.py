"""Hooks of a client: what is called for each task that it makes, and around each of their runs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from schedulergodx.client.recipe import is_coroutine_function
from schedulergodx.core.context import current_job

if TYPE_CHECKING:
    from schedulergodx.client.base_task import BaseTask

InitHook: TypeAlias = "Callable[[BaseTask], object]"
RunHook: TypeAlias = Callable[[str], object]


class Hooked:
    """A function with what goes around its runs. It is called as that function is."""

    def __init__(self, function: Callable[..., Any], task: str, hooks: Sequence[RunHook]) -> None:
        functools.update_wrapper(self, function)
        self.__wrapped__ = function
        self.task = task
        self.hooks = tuple(hooks)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, in a job inside of the hooks."""
        with _inside(self.hooks, self.task):
            return self.__wrapped__(*args, **kwargs)


class HookedCoroutine(Hooked):
    """The same of an `async def` function."""

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, in a job inside of the hooks."""
        with _inside(self.hooks, self.task):
            return await self.__wrapped__(*args, **kwargs)


def with_hooks(function: Callable[..., Any], task: str, hooks: Sequence[RunHook]) -> Hooked:
    """The function inside of hooks; one that has some keeps them. task: its name"""
    if isinstance(function, Hooked):
        hooks = function.hooks
        function = function.__wrapped__
    return (HookedCoroutine if is_coroutine_function(function) else Hooked)(function, task, hooks)


@contextmanager
def _inside(hooks: Sequence[RunHook], task: str) -> Iterator[None]:
    """A block inside of the hooks, the first one outermost; outside of jobs inside of none."""
    with ExitStack() as stack:
        for hook in hooks if current_job() is not None else ():
            if inspect.isgeneratorfunction(hook):
                stack.enter_context(contextmanager(hook)(task))
            else:
                hook(task)
        yield
