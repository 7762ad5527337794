"""Keys that are made of the arguments of a launch: what is unique, and what shares a limit."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from schedulergodx.core.canonical import canonical
from schedulergodx.core.job import Conflict, Status
from schedulergodx.core.job import Unique as Key
from schedulergodx.core.limit import LONGEST_KEY, is_name
from schedulergodx.core.unique import KEY_BYTES
from schedulergodx.errors import ConfigError

if TYPE_CHECKING:
    from schedulergodx.client.options import Options
    from schedulergodx.client.unique import By
    from schedulergodx.core.message import JobItem

_NO_KEY = object()
_EVERY_STATE = tuple(Status)


class Keys:
    """Makes the keys of the jobs of one task.

    function: looked at when the first key is made; its code may come later than this object
    """

    def __init__(self, function: Callable[..., Any], name: str, options: Options) -> None:
        self._function = function
        self._name = name
        self._unique = options.unique
        self._idempotency = options.idempotency_key
        self._period = options.idempotency_period
        self._limit_key = options.limit_key

    def check(self) -> None:
        """Whether the parameters are there that are named. Raises: ConfigError"""
        unique = () if self._unique is None else self._unique.by
        if isinstance(unique, tuple):
            self._check_names("unique", unique)
        if isinstance(self._limit_key, str):
            self._check_names("limit_key", (self._limit_key,))

    def put_on(
        self, item: JobItem, args: tuple[Any, ...], kwargs: Mapping[str, Any], client: str
    ) -> JobItem:
        """A job with its keys; see `make`."""
        unique, limit_key = self.make(args, kwargs, client)
        return replace(item, unique=unique, limit_key=limit_key)

    def make(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], client: str
    ) -> tuple[Key | None, str]:
        """The key of one launch, and the key of its limit. Raises: ConfigError, TypeError

        client: who launches, in whose name an idempotency key is
        """
        limit_key = "" if self._limit_key is None else self._make_limit_key(args, kwargs)
        if self._idempotency is not None:
            key = _hash("idempotency_key", ("key", client, self._idempotency))
            return Key(key, Conflict.JOIN, self._period, _EVERY_STATE), limit_key
        return self._make_unique(args, kwargs), limit_key

    def _make_unique(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Key | None:
        unique = self._unique
        if unique is None:
            return None
        chosen = self._choose(unique.by, args, kwargs)
        if chosen is _NO_KEY:
            return None
        key = _hash("unique", ("task", self._name, chosen))
        assert isinstance(unique.conflict, Conflict)  # as it was read
        return Key(key, unique.conflict, unique.period, unique.held_in)

    def _make_limit_key(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        assert self._limit_key is not None
        chosen = self._choose(self._limit_key, args, kwargs)
        if chosen is _NO_KEY or chosen is None or chosen == "":
            return ""
        text = str(chosen) if isinstance(chosen, str | int) else ""
        return text if is_name(text, LONGEST_KEY) else _hash("limit_key", chosen).hex()

    def _choose(self, by: By, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> object:
        """What counts of the arguments."""
        if callable(by):
            chosen = by(*args, **kwargs)
            return _NO_KEY if chosen is None else chosen
        arguments = self._bound(args, kwargs)
        if isinstance(by, str):
            return arguments.get(by)
        if isinstance(by, tuple):
            return {name: arguments.get(name) for name in by}
        return arguments

    def _bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments by their names, however they were given, with the defaults."""
        signature = self._signature
        if signature is None:
            return {"args": args, "kwargs": kwargs}
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        return {**arguments, **arguments.get(self._rest, {})}

    @cached_property
    def _signature(self) -> inspect.Signature | None:
        try:
            return inspect.signature(self._function)
        except (TypeError, ValueError):  # of some functions written in C
            return None

    @cached_property
    def _rest(self) -> str:
        """The name of `**kwargs`; "" without."""
        parameters = self._signature.parameters.values() if self._signature else ()
        kinds = {parameter.kind: parameter.name for parameter in parameters}
        return kinds.get(inspect.Parameter.VAR_KEYWORD, "")

    def _check_names(self, option: str, names: tuple[str, ...]) -> None:
        known = list(self._signature.parameters) if self._signature else ["args", "kwargs"]
        unknown = [name for name in names if name not in known]
        if unknown and not self._rest:
            raise ConfigError(
                f"{option} names {', '.join(unknown)}, which is no parameter of {self._name}: it "
                f"has {', '.join(known) or 'none'}"
            )


def _hash(option: str, value: object) -> bytes:
    try:
        packed = canonical(value)
    except TypeError as error:
        raise ConfigError(
            f"no key can be made of the arguments, for {option}: one of them has or is {error}. "
            f'Name the parameters that count, {option}=("id",), or give a function of them'
        ) from None
    return hashlib.blake2b(packed, digest_size=KEY_BYTES).digest()
