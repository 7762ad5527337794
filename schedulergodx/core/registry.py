"""Functions that can be called by their names, without their code: those of this process.

Whoever registers one makes it known to a service in the same process, and to the workers of a
service that imports the module (`imports`): they are forked from a process that imported it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar, overload

from schedulergodx.core.allow_list import LONGEST_NAME
from schedulergodx.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])


class OnConflict(StrEnum):
    """What becomes of a name that another function has."""

    RAISE = "raise"  # an error
    RENAME = "rename"  # the new one gets " - 1" after its name, or the next number that is free
    IGNORE = "ignore"  # the first one stays
    REPLACE = "replace"  # the new one is called from now on


class Registry:
    """Functions by their names."""

    def __init__(self) -> None:
        self.functions: dict[str, Callable[..., Any]] = {}

    def add(
        self,
        function: Callable[..., Any],
        name: str | None = None,
        on_conflict: OnConflict = OnConflict.RAISE,
    ) -> str:
        """Register a function; the answer is the name that it got.

        name: `__name__` of the function if left out

        Raises: ConfigError
        """
        name = _check_name(function, name)
        there = self.functions.get(name)
        if there is not None and there is not function:
            if on_conflict is OnConflict.RAISE:
                raise ConfigError(
                    f"{name!r} is the name of {_place(there)}, and {_place(function)} would take "
                    'it: register it with name="...", or say on_conflict="replace"'
                )
            if on_conflict is OnConflict.IGNORE:
                return name
            if on_conflict is OnConflict.RENAME:
                name = self._free_name(name)
        self.functions[name] = function
        return name

    def find(self, name: str) -> Callable[..., Any]:
        """The function of that name. Raises: ConfigError"""
        if name not in self.functions:
            there = ", ".join(sorted(self.functions)) or "none are"
            raise ConfigError(f"no function is registered here as {name!r}: {there}")
        return self.functions[name]

    def _free_name(self, name: str) -> str:
        numbered = (f"{name} - {number}" for number in itertools.count(1))
        return next(name for name in numbered if name not in self.functions)


registry = Registry()


@overload
def register(function: F, /) -> F: ...


@overload
def register(
    *, name: str | None = None, on_conflict: str = OnConflict.RAISE
) -> Callable[[F], F]: ...


def register(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    on_conflict: str = OnConflict.RAISE,
) -> Any:
    """Have a function called by its name, as `@register` or `@register(name="mail.send")`.

    The function is given back as it is.

    name: `__name__` of the function if left out
    on_conflict: where another function has the name: "raise", "rename", "ignore" or "replace"

    Raises: ConfigError
    """
    policy = _read_policy(on_conflict)
    if function is None:
        return lambda function: _register(function, name, policy)
    return _register(function, name, policy)


class Registering:
    """A program that functions can be registered with; they are those of its whole process."""

    settings: Any

    @overload
    def register(self, function: F, /) -> F: ...

    @overload
    def register(
        self, /, *, name: str | None = None, on_conflict: str | None = None
    ) -> Callable[[F], F]: ...

    def register(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str | None = None,
        on_conflict: str | None = None,
    ) -> Any:
        """Have a function called by its name; see `schedulergodx.register`.

        on_conflict: the setting `on_conflict` if left out
        """
        policy = _read_policy(on_conflict or self.settings.on_conflict)
        if function is None:
            return lambda function: _register(function, name, policy)
        return _register(function, name, policy)


def _register(function: F, name: str | None, policy: OnConflict) -> F:
    registry.add(function, name, policy)
    return function


def _read_policy(on_conflict: str) -> OnConflict:
    try:
        return OnConflict(on_conflict)
    except ValueError:
        words = ", ".join(OnConflict)
        raise ConfigError(f"on_conflict={on_conflict!r} is none of {words}") from None


def _check_name(function: Callable[..., Any], name: str | None) -> str:
    if not callable(function):
        raise ConfigError(f"{function!r} can't be called, so it can't be registered")
    name = getattr(function, "__name__", "") if name is None else name
    if not isinstance(name, str) or not name.strip("<>") or len(name) > LONGEST_NAME:
        raise ConfigError(f"{function!r} needs a name of 1 to {LONGEST_NAME} characters: name=...")
    if name == "<lambda>":
        raise ConfigError('a lambda has no name of its own: register it with name="..."')
    return name


def _place(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', '?')}.{name}"
