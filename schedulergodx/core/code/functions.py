"""How functions are written: their code, and of their globals what the code uses."""

from __future__ import annotations

import builtins
import sys
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from schedulergodx.core.code import keys, rebuild
from schedulergodx.core.code.use import Use, use_of
from schedulergodx.core.code.watch import is_filled

if TYPE_CHECKING:
    from types import CellType, CodeType

    from schedulergodx.core.code.pickler import CodePickler

_CODE = (FunctionType, ModuleType, type)
_OF_MODULE = frozenset({"__builtins__", "__name__", "__package__", "__loader__", "__spec__"})


class Namespace:
    """Stands for the globals of functions: a dict that must stay one, and of which little travels.

    installed: it is the one of a module that is there where the function goes
    """

    __slots__ = ("globals", "installed", "name", "package")

    def __init__(self, globals: dict[str, Any], name: str, installed: bool) -> None:
        self.globals = globals
        self.name = name
        self.package = _package(globals)
        self.installed = installed


class Namespaces:
    """The namespaces of one pickle, each under a name of its own."""

    def __init__(self) -> None:
        self._known: dict[int, Namespace] = {}
        self._names: dict[str, int] = {}

    def of(self, globals: dict[str, Any], pickler: CodePickler) -> Namespace:
        """The one that stands for these globals."""
        known = self._known.get(id(globals))
        if known is None:
            name = str(globals.get("__name__") or "")
            module = sys.modules.get(name)
            installed = getattr(module, "__dict__", None) is globals and not pickler.territory.owns(
                name
            )
            known = Namespace(globals, self._unique(name), installed)
            self._known[id(globals)] = known
        return known

    def _unique(self, name: str) -> str:
        count = self._names[name] = self._names.get(name, 0) + 1
        return name if count == 1 else f"{name}#{count}"


def reduce_namespace(pickler: CodePickler, namespace: Namespace) -> Any:
    """Installed: by the name of its module. Else an empty one, which functions fill."""
    if namespace.installed:
        pickler.note("reference", "module", namespace.name)
        return rebuild.installed_namespace, (namespace.name,)
    return rebuild.make_namespace, (namespace.name, namespace.package)


def reduce_function(pickler: CodePickler, function: FunctionType) -> Any:
    """By name if it is installed, else by value, in two steps, so that it may refer to itself."""
    if pickler.territory.refers(function):
        pickler.note("reference", "function", f"{function.__module__}.{function.__qualname__}")
        return function.__qualname__
    pickler.note("value", "function", f"{function.__module__}.{function.__qualname__}", function)
    use = use_of(function.__code__)
    namespace = pickler.namespaces.of(function.__globals__, pickler)
    members = {} if namespace.installed else used_globals(function, use)
    for name, value in members.items():
        if not issubclass(type(value), _CODE):
            pickler.note("value", "data", f"{namespace.name}.{name}", value)
    _watch(pickler, function, use, namespace)
    contents = map(content_of, function.__closure__ or ())
    free = dict(zip(function.__code__.co_freevars, contents, strict=True))
    pickler.needs.read(use, {**members, **free})
    imported = () if namespace.installed else pickler.needs.imported(use, namespace.package)
    args = (
        keys.name_of(function, function.__qualname__),
        function.__code__,
        namespace,
        function.__name__,
        function.__closure__,
    )
    state = (
        members,
        _claim_cells(pickler, function.__closure__ or ()),
        _attributes(function, namespace),
        function.__dict__,
        imported,
    )
    return rebuild.make_function, args, state, None, None, rebuild.fill_function


def used_globals(function: FunctionType, use: Use) -> dict[str, object]:
    """The globals of a function that its code uses, with their values."""
    space = function.__globals__
    return {n: space[n] for n in use.globals if n in space and n not in _OF_MODULE}


def reduce_code(pickler: CodePickler, code: CodeType) -> Any:
    """All that its constructor takes. Names are tied, for their identity is chance."""
    tie = pickler.same_names
    return rebuild.make_code, (
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_nlocals,
        code.co_stacksize,
        code.co_flags,
        code.co_code,
        code.co_consts,
        tie(code.co_names),
        tie(code.co_varnames),
        code.co_filename,
        code.co_name,
        code.co_qualname,
        code.co_firstlineno,
        code.co_linetable,
        code.co_exceptiontable,
        tie(code.co_freevars),
        tie(code.co_cellvars),
    )


def reduce_cell(pickler: CodePickler, cell: CellType) -> Any:
    """An empty cell; the function that has it fills it, if there is one."""
    claimed = _claim_cells(pickler, (cell,))
    if not claimed:
        return rebuild.make_cell, ()
    return rebuild.make_cell, (), (claimed[0][1],), None, None, rebuild.fill_cell


def content_of(cell: CellType) -> object:
    """What is in a cell; None for an empty one."""
    return cell.cell_contents if is_filled(cell) else None


def _claim_cells(
    pickler: CodePickler, cells: tuple[CellType, ...]
) -> tuple[tuple[CellType, object], ...]:
    """Those of the cells that are filled and that nobody fills yet, with what is in them.

    Functions that share a variable share its cell, here as there.
    """
    fresh = [cell for cell in cells if id(cell) not in pickler.cells]
    pickler.cells.update((id(cell), cell) for cell in fresh)
    return tuple((cell, cell.cell_contents) for cell in fresh if is_filled(cell))


def _attributes(function: FunctionType, namespace: Namespace) -> dict[str, object]:
    """Those that differ from what a new function has."""
    found = {
        "__defaults__": function.__defaults__,
        "__kwdefaults__": function.__kwdefaults__,
        "__annotations__": _annotations(function),
        "__type_params__": getattr(function, "__type_params__", None),
        "__doc__": function.__doc__ if function.__doc__ != _own_doc(function) else None,
        "__module__": _unless(function.__module__, namespace.globals.get("__name__")),
        "__qualname__": _unless(function.__qualname__, function.__code__.co_qualname),
    }
    return {name: value for name, value in found.items() if value}


def _unless(value: str, default: object) -> str | None:
    return None if value == default else value


def _own_doc(function: FunctionType) -> object:
    """The docstring that the code itself has."""
    constants = function.__code__.co_consts
    return constants[0] if constants and isinstance(constants[0], str) else None


def _annotations(function: FunctionType) -> dict[str, object]:
    try:
        return function.__annotations__
    except NameError:  # from 3.14 on they are made when they are asked for
        return {}


def _package(globals: dict[str, Any]) -> str:
    package = globals.get("__package__")
    name = str(globals.get("__name__") or "")
    if package is None:
        return name if "__path__" in globals else name.rpartition(".")[0]
    return str(package)


def _watch(pickler: CodePickler, function: FunctionType, use: Use, namespace: Namespace) -> None:
    if pickler.watch is None:
        return
    pickler.watch.add_function(function)
    if namespace.installed:
        return
    for name in use.globals:
        if name in namespace.globals:
            pickler.watch.add_global(namespace.globals, name)
        elif not hasattr(builtins, name):
            pickler.watch.add_missing(namespace.globals, name)
