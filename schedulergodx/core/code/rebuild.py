"""What the pickles call when they are opened. Names and parameters here are a wire format:

a job may wait for a year, so an opener must understand what was written for these before. New
parameters go last and have defaults.

The first group needs to know where it builds: it only has names here, and an opener binds them to
its `World`. The second group is complete.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import sys
import threading
from contextvars import ContextVar
from types import CellType, CodeType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


WORLDLY: set[str] = set()  # names of the first group


def _bound_by_opener(name: str) -> Callable[..., Any]:
    def verb(*parts: object) -> object:
        raise RuntimeError(f"only an Unpacker can open this pickle: it calls {name}")

    verb.__name__ = verb.__qualname__ = name
    WORLDLY.add(name)
    return verb


by_key = _bound_by_opener("by_key")
make_class = _bound_by_opener("make_class")
fill_class = _bound_by_opener("fill_class")
register_classes = _bound_by_opener("register_classes")
make_member = _bound_by_opener("make_member")
fill_member = _bound_by_opener("fill_member")
make_function = _bound_by_opener("make_function")
fill_function = _bound_by_opener("fill_function")
make_named = _bound_by_opener("make_named")
make_namespace = _bound_by_opener("make_namespace")
make_module = _bound_by_opener("make_module")
fill_module = _bound_by_opener("fill_module")


def make_code(*parts: Any) -> CodeType:
    """A code object of its parts, in the order of the constructor of this Python."""
    return CodeType(*parts)


def make_cell() -> CellType:
    """A cell without content."""
    return CellType()


def fill_cell(cell: CellType, content: dict[str, object]) -> None:
    """Give a cell its content."""
    cell.cell_contents = content["cell_contents"]


def fill_namespace(namespace: dict[str, Any], members: dict[str, Any]) -> None:
    """Give the globals of a module some members."""
    namespace.update(members)


def load_module(name: str, submodules: Iterable[str] = ()) -> ModuleType:
    """An installed module; of a package, the submodules too that are used as its attributes."""
    module = importlib.import_module(name)
    for submodule in submodules:
        importlib.import_module(submodule)
    return module


def installed_namespace(name: str) -> dict[str, Any]:
    """The globals of an installed module."""
    return vars(importlib.import_module(name))


def make_exception(cls: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    """An exception with these `args`, without a call of the `__init__` that its class has.

    That one often takes other parameters than the `args` that it leaves behind.
    """
    base: Any = next(base for base in cls.__mro__ if base.__module__ == builtins.__name__)
    made: BaseException = base.__new__(cls, *args)
    base.__init__(made, *args)
    made.args = args
    return made


def make_cached(function: Callable[..., Any], maxsize: int | None, typed: bool) -> object:
    """A function under `functools.lru_cache`, with nothing in its cache."""
    return functools.lru_cache(maxsize, typed)(function)


def make_lock() -> object:
    """A lock that nobody holds."""
    return threading.Lock()


def make_rlock() -> object:
    """A reentrant lock that nobody holds."""
    return threading.RLock()


def make_local() -> threading.local:
    """A thread-local without content."""
    return threading.local()


def make_context_variable(name: str, *default: object) -> ContextVar[Any]:
    """A context variable that is not set."""
    return ContextVar(name, default=default[0]) if default else ContextVar(name)


def standard_stream(name: str) -> object:
    """`sys.stdin`, `sys.stdout` or `sys.stderr` of this process."""
    return getattr(sys, name)
