"""Finds what it is that can't travel, once something did not, and says where it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from io import BytesIO
from types import CellType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from schedulergodx.core.code.functions import content_of, used_globals
from schedulergodx.core.code.pickler import ATOMS, PROTOCOL, CodePickler, dump_deeply
from schedulergodx.core.code.use import use_of
from schedulergodx.errors import ShipError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schedulergodx.core.code.territory import Territory

_MOST_TRIES = 1_000  # objects that are pickled in search of it


@dataclass(frozen=True, slots=True)
class Culprit:
    """What can't travel.

    path: where it is, as "argument 1: .config.connection['x']"
    thing: what it is
    error: why not
    remedy: what to do
    """

    path: str
    thing: object
    error: Exception
    remedy: str

    @classmethod
    def of_arguments(
        cls,
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        territory: Territory,
        error: Exception,
    ) -> Culprit:
        """The one in arguments that a pickler failed on with `error`."""
        args, kwargs = arguments
        named = [(f"argument {n}", value) for n, value in enumerate(args, 1)]
        named += [(f"argument {name!r}", value) for name, value in kwargs.items()]
        search = _Search(territory, in_value=True)
        remedy = "pass what it is made from instead, and make it inside the job"
        for name, value in named:
            if search.reason(value) is not None:
                return search.found(name, value, error, remedy)
        return cls("the arguments", arguments, error, remedy)

    @classmethod
    def of_value(cls, value: object, territory: Territory, error: Exception) -> Culprit:
        """The one in a result or an exception."""
        name = "the exception" if isinstance(value, BaseException) else "the result"
        remedy = "return what somebody else can make use of: data, or an instance of a plain class"
        return _Search(territory, in_value=True).found(name, value, error, remedy)

    @classmethod
    def of_function(
        cls, function: Callable[..., Any], territory: Territory, error: Exception
    ) -> Culprit:
        """The one in a function."""
        name = getattr(function, "__qualname__", type(function).__qualname__)
        name = f"function {getattr(function, '__module__', '')}.{name}"
        remedy = "make it inside the function, when it is needed, or pass it as an argument"
        return _Search(territory, in_value=False).found(name, function, error, remedy)

    @classmethod
    def of_class(cls, kind: type, territory: Territory, error: Exception) -> Culprit:
        """The one in a class."""
        name = f"class {kind.__module__}.{kind.__qualname__}"
        remedy = "install its module where the job runs, and name it in by_reference"
        return _Search(territory, in_value=False).found(name, kind, error, remedy)

    def as_error(self) -> ShipError:
        """The error to raise."""
        kind = type(self.thing)
        name = kind.__qualname__ if kind.__module__ == "builtins" else _full_name(kind)
        if isinstance(self.error, RecursionError):
            return ShipError(f"{self.path} is nested too deeply to travel: {self.remedy}")
        return ShipError(
            f"{self.path} is of type {name}, which can't travel: {self.error}; "
            f"{getattr(self.error, 'remedy', '') or self.remedy}"
        )


class _Search:
    """Goes down from a thing that fails to the innermost one that does.

    in_value: as arguments and results are written, not as code is
    """

    def __init__(self, territory: Territory, *, in_value: bool) -> None:
        self._territory = territory
        self._class_key = _full_name if in_value else None
        self._seen: set[int] = set()
        self._tries = 0

    def found(self, name: str, thing: object, error: Exception, remedy: str) -> Culprit:
        """The culprit in `thing`, or `thing` itself."""
        itself = getattr(error, "thing", thing)  # for when the way to it can't be told
        path, culprit, reason = self._descend("", thing) or ("", itself, error)
        return Culprit(
            f"{name}: {path.removeprefix(', ')}" if path else name, culprit, reason, remedy
        )

    def reason(self, thing: object) -> Exception | None:
        """Why it can't be pickled; None if it can."""
        self._tries += 1
        try:
            dump_deeply(lambda: self._dump(thing))
        except Exception as error:
            return error
        return None

    def _dump(self, thing: object) -> None:
        CodePickler(BytesIO(), self._territory, class_key=self._class_key).dump_all(thing)

    def _descend(self, path: str, thing: object) -> tuple[str, object, Exception] | None:
        """The innermost; None where failing is only that of something that was seen before."""
        self._seen.add(id(thing))
        reason = self.reason(thing)
        if reason is None:
            return None
        if isinstance(reason, RecursionError) or getattr(reason, "thing", self) is thing:
            return path, thing, reason
        failing = [
            (label, part)
            for label, part in _parts(thing, self._territory)
            if type(part) not in ATOMS - _CONTAINERS
            and self._tries < _MOST_TRIES
            and self.reason(part) is not None
        ]
        if not failing:
            return path, thing, reason
        for label, part in failing:
            if id(part) not in self._seen and (found := self._descend(path + label, part)):
                return found
        return None


_CONTAINERS = frozenset({dict, list, tuple})


def _parts(thing: Any, territory: Territory) -> Iterator[tuple[str, object]]:
    """What a thing consists of for a pickler, with how to get there."""
    kind = type(thing)
    if issubclass(kind, dict):
        yield from ((f"[{key!r}]", value) for key, value in thing.items())
        yield from ((f", key {key!r}", key) for key in thing)
    elif issubclass(kind, list | tuple | set | frozenset):
        yield from ((f"[{n}]", part) for n, part in enumerate(thing))
    elif issubclass(kind, FunctionType):
        if not territory.refers(thing):
            yield from _function_parts(thing)
    elif issubclass(kind, type):
        if not territory.refers(thing):
            yield from ((f".{name}", part) for name, part in vars(thing).items())
    elif issubclass(kind, staticmethod | classmethod):
        yield "", thing.__func__
    elif issubclass(kind, property):
        yield from (("", part) for part in (thing.fget, thing.fset, thing.fdel) if part)
    elif issubclass(kind, MethodType):
        yield from ((".__self__", thing.__self__), ("", thing.__func__))
    elif issubclass(kind, partial):
        yield from ((".func", thing.func), (".args", thing.args), (".keywords", thing.keywords))
    elif issubclass(kind, CellType):
        yield "", content_of(thing)
    else:
        yield from _instance_parts(thing)


def _function_parts(function: FunctionType) -> Iterator[tuple[str, object]]:
    used = used_globals(function, use_of(function.__code__))
    yield from ((f", global {name!r}", value) for name, value in used.items())
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield f", variable {name!r}", content_of(cell)
    yield from ((f", default {n}", part) for n, part in enumerate(function.__defaults__ or (), 1))
    for name, part in (function.__kwdefaults__ or {}).items():
        yield f", default of {name!r}", part
    yield from ((f".{name}", part) for name, part in vars(function).items())


def _instance_parts(thing: Any) -> Iterator[tuple[str, object]]:
    """Of what it says of itself to a pickler."""
    try:
        reduced = thing.__reduce_ex__(PROTOCOL)
    except Exception:
        return
    if not isinstance(reduced, tuple):
        return
    _, args, state, items, pairs = (*reduced, None, None, None, None)[:5]
    for n, part in enumerate(args, 1):
        yield (f", {part.__qualname__}" if part is type(thing) else f", part {n}"), part
    for members in state if isinstance(state, tuple) else (state,):
        if isinstance(members, dict):
            yield from ((f".{name}", part) for name, part in members.items())
    yield from ((f"[{n}]", part) for n, part in enumerate(items or ()))
    yield from ((f"[{key!r}]", part) for key, part in pairs or ())


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
