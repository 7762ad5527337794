"""Functions that a service finds by their names: no code travels, and all data is JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from schedulergodx.client.options import Options
from schedulergodx.client.recipe import Recipe
from schedulergodx.client.template import Template
from schedulergodx.core.allow_list import LONGEST_NAME
from schedulergodx.core.job import Execution, Spec
from schedulergodx.core.json_data import write_arguments
from schedulergodx.core.json_task import SERIALIZER
from schedulergodx.errors import ConfigError

_OF_CODE = ("name", "retry_on", "give_up_on", "by_value", "by_reference")
Arguments = Mapping[str, Any] | Sequence[Any]
EVERYWHERE = ""  # the queue of a job that every store is to run


def _any_call(*args: object, **kwargs: object) -> None:
    """Stands for a function that only workers know: any arguments fit."""


class NamedRecipe(Recipe):
    """Gives the template of a function that only its service knows.

    kind: of what is run that is no function, see `core.kinds`
    """

    def __init__(
        self, name: str, options: Options, *, everywhere: bool = False, kind: bytes = b""
    ) -> None:
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
            raise ConfigError(f"the name of a function is a text of 1 to {LONGEST_NAME} characters")
        self.name = name
        self.options = options
        self.packer: Any = JsonPacker()
        self._everywhere = everywhere
        self._kind = kind
        self._variants = {}
        self.function = _any_call
        self.keys = self._make_keys()
        self._template = self._make_named()

    def template(self) -> Template:
        """The template, which is always the same."""
        return self._template

    def with_options(self, said: Mapping[str, Any]) -> NamedRecipe:
        """The same name with other options. Raises: TypeError, ConfigError"""
        recipe = self.changed(said) if said else self
        assert isinstance(recipe, NamedRecipe)
        return recipe

    def _variant(self, said: Mapping[str, Any]) -> Recipe:
        said = dict(said)
        name = said.pop("name", self.name) if self._kind else self.name  # a kind is no name
        for option in _OF_CODE:
            if option in said:
                raise ConfigError(f"{option} needs code that travels: {self.name!r} is only a name")
        options = self.options.changed(said)
        return NamedRecipe(name, options, everywhere=self._everywhere, kind=self._kind)

    def _make_named(self) -> Template:
        options = self.options
        if self._everywhere and options.batch is not None:
            raise ConfigError("what runs in every store is in no batch: a batch is of one")
        execution = options.execution or Execution.PROCESS
        spec = Spec(
            self.name,
            self._kind,
            "",
            SERIALIZER,
            Execution.FORK if options.is_hard else execution,
            options.effective_lifetime,
            options.retry,
            options.enable_overdue,
            options.limits,
            named=True,
            limit=options.limit_rule(self.name),
        )
        template = Template.of(spec, {}, options)
        return replace(template, queue=EVERYWHERE) if self._everywhere else template


class PackedJson(NamedTuple):
    """Arguments, ready to travel."""

    body: bytes
    units: tuple[bytes, ...] = ()


class JsonPacker:
    """What `core.code.Packer` is for a function whose code travels."""

    def pack_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> PackedJson:
        """The arguments of one job. Raises: ShipError, which names what JSON can't hold"""
        return PackedJson(write_arguments(args, kwargs))


def read_call(arguments: Arguments | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """(args, kwargs) of what a caller gave: a dict of keywords, a list, or nothing.

    Raises: TypeError
    """
    if arguments is None:
        return (), {}
    if isinstance(arguments, Mapping):
        return (), dict(arguments)
    if isinstance(arguments, list | tuple):
        return tuple(arguments), {}
    kind = type(arguments).__name__
    raise TypeError(f"the arguments of a function are a dict of keywords or a list, not {kind}")
