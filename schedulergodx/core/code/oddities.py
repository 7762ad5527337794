"""How objects are written that neither pickle nor dill write well for this purpose."""

from __future__ import annotations

import datetime
import functools
import io
import sys
import threading
import types
import typing
from contextvars import Context, ContextVar
from enum import Enum
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from schedulergodx.core.code import classes, keys, rebuild
from schedulergodx.core.code.failures import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schedulergodx.core.code.pickler import CodePickler

_STREAMS = ("stdin", "stdout", "stderr")
_LOCK, _RLOCK = type(threading.Lock()), type(threading.RLock())
_CACHED = type(functools.lru_cache(lambda: None))
_CAPSULE = type(vars(datetime)["datetime_CAPI"])


def reduce_instance(pickler: CodePickler, obj: Any) -> Any:
    """Anything of which the type is not in `REDUCERS`; the type, for proxies lie about a class."""
    kind = type(obj)
    if issubclass(kind, BaseException):
        return reduce_exception(obj)
    if issubclass(kind, Enum):
        own = pickler.is_unit and classes.travels_by_value(pickler.territory, kind)
        return classes.reduce_member(obj) if own else NotImplemented
    if issubclass(kind, types.ModuleType):
        return rebuild.load_module, (obj.__name__,)
    for name in _STREAMS:
        if obj is getattr(sys, name):
            return rebuild.standard_stream, (name,)
    if issubclass(kind, io.IOBase) and not issubclass(kind, io.BytesIO | io.StringIO):
        raise Refused("an open file stays where it was opened", obj)
    if issubclass(kind, threading.Thread):
        raise Refused("a thread stays in its process", obj)
    return NotImplemented


def reduce_exception(error: BaseException) -> Any:
    """By class, `args` and attributes, unless its class has a way of its own."""
    cls = type(error)
    if cls.__module__ == "builtins" or cls.__reduce_ex__ is not object.__reduce_ex__:
        return NotImplemented
    if not isinstance(cls.__reduce__, types.MethodDescriptorType):
        return NotImplemented
    parts: Any = error.__reduce__()  # (class, args), and the attributes if it has any
    return rebuild.make_exception, parts[:2], *parts[2:]


def in_order(elements: Iterable[Any]) -> list[Any]:
    """The elements of a set in an order that every process agrees on, if there is one."""
    return sorted(elements, key=_rank)


def _rank(element: Any) -> tuple[str, Any]:
    kind = type(element)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind in (str, bytes, bool, int, float):
        return name, element
    if kind is tuple:
        return name, [_rank(part) for part in element]
    if kind is frozenset:
        return name, [_rank(part) for part in in_order(element)]
    if isinstance(element, Enum):
        return name, str(element.name)
    return f"{name} {getattr(element, '__module__', '')}.{getattr(element, '__qualname__', '')}", 0


def _reduce_set(pickler: CodePickler, elements: Any) -> Any:
    return type(elements), (in_order(elements),)


def _reduce_cached(pickler: CodePickler, function: Any) -> Any:
    if pickler.territory.refers(function):
        return function.__qualname__
    asked = function.cache_parameters()
    args = (function.__wrapped__, asked["maxsize"], asked["typed"])
    added = {
        name: value
        for name, value in function.__dict__.items()
        if name not in ("__wrapped__", "cache_parameters")
    }
    return rebuild.make_cached, args, added


def _new(make: Callable[..., Any], what: str) -> Callable[[Any, Any], Any]:
    """Nothing of it but that it is one; in code only, for in a value nobody would expect it."""

    def reduce(pickler: CodePickler, obj: Any) -> Any:
        if not pickler.is_unit:
            raise Refused(f"a {what} belongs to its process", obj)
        pickler.note("new", what, "", obj)
        return make, ()

    return reduce


def _reduce_context_variable(pickler: CodePickler, variable: Any) -> Any:
    if not pickler.is_unit:
        raise Refused("a context variable belongs to its process", variable)
    pickler.note("new", "context variable", variable.name, variable)
    try:
        default: tuple[Any, ...] = (Context().run(variable.get),)
    except LookupError:
        default = ()
    return rebuild.make_context_variable, (variable.name, *default)


def _reduce_weak(pickler: CodePickler, weak: Any) -> Any:
    """In code, without instances: one that nobody else holds would be gone there at once."""

    def stays(thing: object) -> bool:
        return not pickler.is_unit or isinstance(thing, type | types.FunctionType)

    if isinstance(weak, WeakSet):
        return WeakSet, (in_order(filter(stays, weak)),)
    held = 0 if isinstance(weak, WeakKeyDictionary) else 1
    return type(weak), ({pair[0]: pair[1] for pair in weak.items() if stays(pair[held])},)


def _reduce_type_variable(pickler: CodePickler, variable: Any) -> Any:
    options = {
        "bound": variable.__bound__,
        "covariant": variable.__covariant__,
        "contravariant": variable.__contravariant__,
    }
    if getattr(variable, "__infer_variance__", False):
        options = {"bound": variable.__bound__, "infer_variance": True}
    return _named(pickler, variable, (variable.__name__, *variable.__constraints__), options)


def _reduce_parameters(pickler: CodePickler, variable: Any) -> Any:
    return _named(pickler, variable, (variable.__name__,), {})


def _reduce_new_type(pickler: CodePickler, new: Any) -> Any:
    return _named(pickler, new, (new.__name__, new.__supertype__), {})


def _reduce_alias(pickler: CodePickler, alias: Any) -> Any:
    options = {"type_params": alias.__type_params__}
    return _named(pickler, alias, (alias.__name__, alias.__value__), options)


def _named(pickler: CodePickler, thing: Any, args: Any, options: dict[str, Any]) -> Any:
    """Things of `typing` that are equal only to themselves."""
    name = getattr(thing, "__qualname__", thing.__name__)
    if not pickler.territory.owns(thing.__module__) and keys.name_of(thing, name):
        return name
    nothing = getattr(typing, "NoDefault", None)  # before 3.13 there are no defaults
    default = getattr(thing, "__default__", nothing)
    if nothing is not None and default is not nothing:
        options["default"] = default
    key = keys.name_of(thing, name)
    return rebuild.make_named, (key, thing.__module__, type(thing), args, options)


def _refuse_capsule(pickler: CodePickler, capsule: Any) -> Any:
    raise Refused("it is an address in the memory of this process", capsule)


REDUCERS: dict[type, Callable[[Any, Any], Any]] = {
    set: _reduce_set,
    frozenset: _reduce_set,
    _CACHED: _reduce_cached,
    _LOCK: _new(rebuild.make_lock, "lock"),
    _RLOCK: _new(rebuild.make_rlock, "lock"),
    threading.local: _new(rebuild.make_local, "thread-local"),
    ContextVar: _reduce_context_variable,
    WeakSet: _reduce_weak,
    WeakKeyDictionary: _reduce_weak,
    WeakValueDictionary: _reduce_weak,
    typing.TypeVar: _reduce_type_variable,
    typing.ParamSpec: _reduce_parameters,
    typing.TypeVarTuple: _reduce_parameters,
    typing.NewType: _reduce_new_type,
    _CAPSULE: _refuse_capsule,
}
if hasattr(typing, "TypeAliasType"):
    REDUCERS[typing.TypeAliasType] = _reduce_alias
