"""What a task is beside launching: a function with options that stays a function."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Unpack, cast

from schedulergodx.client.references import rebuild_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.client.launching import Launching
    from schedulergodx.client.options import TaskOptions
    from schedulergodx.client.recipe import Recipe
    from schedulergodx.core.code import Explanation


class BaseTask:
    """A function registered with a client. Called, it runs here, as the function that it is."""

    _client: Any  # the one that the launcher beside this class is made with
    _recipe: Recipe
    __name__: str
    __wrapped__: Callable[..., Any]

    def _define(self, client: Launching, recipe: Recipe) -> None:
        function = recipe.function
        functools.update_wrapper(cast("Any", self), function)
        self.__wrapped__ = function
        self._client = client
        self._recipe = recipe

    @property
    def name(self) -> str:
        """What the task is called, in lists and logs."""
        return self._recipe.name

    def set_parameters(self, **said: Unpack[TaskOptions]) -> None:
        """Change the options of all launches from now on.

        Raises: TypeError for a name that is no option, ConfigError for a value that can't be used
        """
        self._recipe = self._recipe.changed(said)

    def explain(self) -> Explanation:
        """What is shipped with the task, by value and by reference, its size, what surprises."""
        return self._recipe.packer.explain(self._recipe.function)

    def refresh(self) -> None:
        """Ship the code anew at the next launch.

        A global, closure cell or default that was rebound is seen by itself; a change inside an
        object, as in a list or a dict, is not.
        """
        self._recipe.packer.refresh(self._recipe.function)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Any, ...]]:
        recipe = self._recipe
        return rebuild_task, (self._client, recipe.function, recipe.name, recipe.options)
