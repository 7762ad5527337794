"""A function with its options: what the template of its jobs is made from."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from schedulergodx.client.options import Options
from schedulergodx.client.template import Template
from schedulergodx.core.envelope import LARGEST_BYTES
from schedulergodx.core.job import Spec
from schedulergodx.errors import TooLarge
from schedulergodx.quantity import format_size

if TYPE_CHECKING:
    from schedulergodx.client.keys import Keys
    from schedulergodx.core.code import PackedFunction, Packer

_VARIANTS = 64  # recipes with other options that one remembers


class Recipe:
    """Gives the template of a function, and another one when the code of the function changed.

    find_packer: the packer for options, as they say what goes by value
    """

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        options: Options,
        find_packer: Callable[[Options], Packer],
    ) -> None:
        self.function = function
        self.name = options.name or name
        self.options = options
        self.packer = find_packer(options)
        self.keys = self._make_keys()
        self._find_packer = find_packer
        self._execution = options.execution_of(coroutine=is_coroutine_function(function))
        self._made: tuple[PackedFunction, Template] | None = None
        self._variants: dict[tuple[tuple[str, type, Any], ...], Recipe] = {}

    def template(self) -> Template:
        """The template as of now. Raises: ShipError, which says what can't travel"""
        options = self.options
        packed = self.packer.pack_function(
            self.function, retry_on=options.retry_on, give_up_on=options.give_up_on
        )
        made = self._made
        if made is None or made[0] is not packed:
            made = self._made = (packed, self._make(packed))
        return made[1]

    def changed(self, said: Mapping[str, Any]) -> Recipe:
        """The same function with other options; asked for twice, it is the same recipe."""
        if not said:
            return self
        try:
            # With types: 1 and True are equal, and as a retry_backoff they are not the same.
            key = tuple((name, type(value), value) for name, value in sorted(said.items()))
            known = self._variants.get(key)
        except TypeError:  # a value that has no hash
            return self._variant(said)
        if known is None:
            if len(self._variants) >= _VARIANTS:
                self._variants.clear()
            known = self._variants[key] = self._variant(said)
        return known

    def _variant(self, said: Mapping[str, Any]) -> Recipe:
        options = self.options.changed(said)
        return Recipe(self.function, self.name, options, self._find_packer).checked()

    def _make_keys(self) -> Keys | None:
        options = self.options
        if (options.unique, options.idempotency_key, options.limit_key) == (None, None, None):
            return None
        from schedulergodx.client.keys import Keys  # late: few tasks have any

        return Keys(self.function, self.name, options)

    def takes(self, parameter: str, given: int) -> bool:
        """Whether a call with so many positional arguments can have that keyword too."""
        return self._keywords.get(parameter, -1) >= given

    @functools.cached_property
    def _keywords(self) -> Mapping[str, float]:
        """Parameters that can be given by name, with how many arguments may stand before each."""
        try:
            parameters = inspect.signature(self.function).parameters.values()
        except (TypeError, ValueError):  # of some functions written in C
            return {}
        return {
            one.name: math.inf if one.kind is one.KEYWORD_ONLY else place
            for place, one in enumerate(parameters)
            if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)
        }

    def checked(self) -> Recipe:
        """This one, whose options fit its function. Raises: ConfigError"""
        if self.keys is not None:
            self.keys.check()
        return self

    def _make(self, packed: PackedFunction) -> Template:
        from schedulergodx.core.code import interpreter_tag, serializer_tag  # late: it loads dill

        size = sum(map(len, packed.units.values()))
        if size > LARGEST_BYTES:
            raise TooLarge(
                f"the code of task {self.name!r} has {format_size(size)} and at most "
                f"{format_size(LARGEST_BYTES)} travel: `explain()` lists what is shipped"
            )
        options = self.options
        spec = Spec(
            self.name,
            packed.hash,
            interpreter_tag(),
            serializer_tag(),
            self._execution,
            options.effective_lifetime,
            options.retry,
            options.enable_overdue,
            options.limits,
            limit=options.limit_rule(self.name),
        )
        return Template.of(spec, packed.units, options)


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine; also for a partial and an object with `__call__`."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004 - the method is wanted, not the answer
    )


def name_of(function: Callable[..., Any]) -> str:
    """What a task is called that is given no name."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return str(name).rpartition("<locals>.")[2]
