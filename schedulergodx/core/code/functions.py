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
    from schedulergodx.core.code.watch import Watch

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

    def in_order(self, members: dict[str, object]) -> dict[str, object]:
        """Members in the order of the module: what is bound later may need what was before."""
        if len(members) > 1:
            places = {name: place for place, name in enumerate(self.globals)}
            return dict(sorted(members.items(), key=lambda member: places[member[0]]))
        return members


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


def write_function(pickler: CodePickler, function: FunctionType) -> None:
    """By value: made of its code first, and filled then, so that it may refer to itself."""
    pickler.note("value", "function", f"{function.__module__}.{function.__qualname__}", function)
    use = use_of(function.__code__)
    namespace = pickler.namespaces.of(function.__globals__, pickler)
    members = {} if namespace.installed else used_globals(function, use)
    _tell(pickler, function, use, members)
    pickler.cells.update((id(cell), cell) for cell in function.__closure__ or ())
    pickler.make(
        function,
        rebuild.make_function,
        keys.name_of(function, function.__qualname__),
        function.__code__,
        namespace,
        function.__name__,
        function.__closure__,
    )
    if pickler.is_begun(function):
        return
    for module in () if namespace.installed else pickler.needs.imported(use, namespace.package):
        pickler.write_aside(module)
    pickler.fill(function, rebuild.fill_namespace, namespace, namespace.in_order(members))
    for cell in filter(is_filled, function.__closure__ or ()):
        pickler.fill(function, rebuild.fill_cell, cell, {"cell_contents": cell.cell_contents})
    pickler.fill(function, rebuild.fill_function, function, _attributes(function, namespace))


def reduce_function(pickler: CodePickler, function: FunctionType) -> Any:
    """By name."""
    pickler.note("reference", "function", f"{function.__module__}.{function.__qualname__}")
    return function.__qualname__


def _tell(
    pickler: CodePickler, function: FunctionType, use: Use, members: dict[str, object]
) -> None:
    """Tell those who want to know what a function uses."""
    contents = map(content_of, function.__closure__ or ())
    free = dict(zip(function.__code__.co_freevars, contents, strict=True))
    pickler.needs.read(use, {**members, **free})
    if pickler.watch is not None:
        _watch(pickler.watch, function, use, members)
    for name, value in members.items():
        if not issubclass(type(value), _CODE):
            pickler.note("value", "data", f"{function.__globals__.get('__name__')}.{name}", value)


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
    if id(cell) in pickler.cells or not is_filled(cell):
        return rebuild.make_cell, ()
    content = {"cell_contents": cell.cell_contents}
    return rebuild.make_cell, (), content, None, None, rebuild.fill_cell


def content_of(cell: CellType) -> object:
    """What is in a cell; None for an empty one."""
    return cell.cell_contents if is_filled(cell) else None


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
        "__dict__": function.__dict__,
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


def _watch(watch: Watch, function: FunctionType, use: Use, members: dict[str, object]) -> None:
    watch.add_function(function)
    for name in members:
        watch.add_global(function.__globals__, name)
    for name in use.globals:
        if name not in function.__globals__ and not hasattr(builtins, name):
            watch.add_missing(function.__globals__, name)
