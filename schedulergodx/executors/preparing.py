"""What is made ready before the first worker is forked: modules, and functions with names."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ParamSpec

import msgspec

from schedulergodx.core import context
from schedulergodx.core.allow_list import AllowList
from schedulergodx.core.registry import OnConflict, registry
from schedulergodx.executors.functions import Functions, find_function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from schedulergodx.core.code import Unpacker

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Prepared:
    """How it went.

    failures: of modules that were to be there early, each with its reason
    broken: what is missing for functions that were promised
    """

    failures: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def prepare(preload: Iterable[str], imports: Iterable[str], functions: int) -> Prepared:
    """Import, and register. Nothing of it connects or starts anything.

    imports: entries of an allow-list, see `AllowList`
    functions: a file that holds `Functions`, which is closed; -1 for none
    """
    context.preparing = True
    prepared = Prepared()
    for module in preload:
        _try(module, prepared.failures, importlib.import_module, module)
    allowed = AllowList(imports)
    for path in allowed.paths:
        _try(f"imports {path}", prepared.broken, _import_path, path)
    if functions >= 0:
        _register(_read(functions), prepared.broken)
    prepared.broken.extend(_shadows(allowed))
    return prepared


def _import_path(path: str) -> None:
    """Import a module, or the one that a function's path begins with."""
    try:
        importlib.import_module(path)
    except ModuleNotFoundError as error:
        module, _, name = path.rpartition(".")
        if error.name != path or not module:
            raise
        if not hasattr(importlib.import_module(module), name):
            raise


def _read(descriptor: int) -> Functions:
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        return msgspec.msgpack.decode(file.read(), type=Functions)


def _register(functions: Functions, broken: list[str]) -> None:
    for name, place in functions.places.items():
        _try(name, broken, _register_place, name, place)
    if not functions.packed:
        return
    from schedulergodx.core.code import Unpacker  # late: it loads dill

    unpacker = Unpacker(in_worker=True)
    for key, body in functions.units.items():
        unpacker.add_unit(key, body)
    for name, key in functions.packed.items():
        _try(name, broken, _register_unit, name, key, unpacker)


def _register_place(name: str, place: tuple[str, str]) -> None:
    importlib.import_module(place[0])
    _add(name, find_function(place))


def _register_unit(name: str, key: bytes, unpacker: Unpacker) -> None:
    _add(name, unpacker.load_function(key).function)


def _shadows(allowed: AllowList) -> Iterator[str]:
    """Names that would hide the function of a path."""
    for name, function in registry.functions.items():
        module, own = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
        if allowed.permits(name) and name != f"{module}.{own}":
            yield f"{name}: it is registered for {module}.{own}, and is a path of `imports` as well"


def _add(name: str, function: Callable[..., object]) -> None:
    """The service has settled already who has the name."""
    registry.add(function, name, OnConflict.REPLACE)


def _try(
    what: str, faults: list[str], step: Callable[P, object], *args: P.args, **kw: P.kwargs
) -> None:
    try:
        step(*args, **kw)
    except (Exception, SystemExit) as error:
        faults.append(f"{what}: {type(error).__name__}: {error}")
