"""What the program of a service has called when that starts and stops."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[[], Any])


class Hooks:
    """Mixed into `Service`."""

    def __init__(self) -> None:
        self._startup_hooks: list[Callable[[], Any]] = []
        self._shutdown_hooks: list[Callable[[], Any]] = []

    def hook_startup(self, function: F) -> F:
        """Have a function called at each start, before jobs are run: `@service.hook_startup`.

        It is one of this program, or `async def`, and what it raises keeps the service from
        starting. The service does nothing else meanwhile.
        """
        self._startup_hooks.append(function)
        return function

    def hook_shutdown(self, function: F) -> F:
        """Have a function called at each orderly stop, after the last job; see `hook_startup`."""
        self._shutdown_hooks.append(function)
        return function


async def call_all(hooks: Iterable[Callable[[], Any]]) -> None:
    """Call them in their order, and wait for those that are `async def`."""
    for hook in hooks:
        result = hook()
        if inspect.isawaitable(result):
            await result
