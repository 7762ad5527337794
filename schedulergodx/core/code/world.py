"""Where arrived code lives. Each function has a world of its own.

In a world one key is one class and one module name is one module, whatever brought it first. Worlds
are addressed by the hash of the unit that they were made from, so that old and new code of one name
live side by side in a worker, and nothing stale is ever met. A world may stand on another one: what
the arguments of a job bring beside its function's code is built above the world of the function.
"""

from __future__ import annotations

import abc
import builtins
import importlib.util
import pickle
import sys
from contextlib import contextmanager
from io import BytesIO
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from schedulergodx.core.code import keys, rebuild
from schedulergodx.core.code.unit import unwrap
from schedulergodx.errors import MissingModule, UnreadableCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_HOOK = "__init_subclass__"
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement, so that it can be changed


_spare_builtins: list[dict[str, Any]] = []


def spare_builtins() -> None:
    """Copy the builtins for the next world, as before a fork: to make a copy touches all of them,
    and so the memory of a process that was just forked is copied page by page."""
    _spare_builtins.append(vars(builtins).copy())


class World:
    """Builds classes, functions and modules, and knows the ones it built.

    tag: tells it from the other worlds of this process; the same for the same code in any process
    base: the world that it stands on
    units: bodies of units, opened when a class is asked for that nothing else has
    outside: what the process itself has for a key; None in a worker
    """

    def __init__(
        self,
        tag: str,
        *,
        base: World | None = None,
        units: Mapping[bytes, bytes] | None = None,
        outside: Callable[[str], object | None] | None = None,
    ) -> None:
        self.tag = tag
        self._base = base
        self._waiting = dict(units or {})
        self._outside: Callable[[str], object | None] | None = outside
        if base is not None:
            self._outside = base._outside
        self._named: dict[str, object] = {}
        self._modules: dict[str, ModuleType] = {}
        self._new: set[int] = set()  # ids of what the pickle that is being opened has made
        self._builtins = _spare_builtins.pop() if _spare_builtins else vars(builtins).copy()
        self._builtins["__import__"] = self._import
        self._unit = (b"", b"")  # hash and body of the one that is being opened

    def open_unit(self, hash: bytes, body: bytes) -> Any:
        """What is in a unit. Raises: UnreadableCode, MissingModule"""
        before, self._unit = self._unit, (hash, body)
        try:
            return self.open(unwrap(hash, body))
        finally:
            self._unit = before

    def open(self, pickled: bytes) -> Any:
        """What is in a pickle. Raises: UnreadableCode, MissingModule"""
        try:
            return _Opener(pickled, self).load()
        except MemoryError:
            raise
        except Exception as error:
            raise as_failure(error) from error
        finally:
            self._new.clear()

    def find(self, key: str, kind: Any) -> Any:
        """What this world, those below it, or the process itself have of that kind for a key."""
        if self._base is not None:
            found = self._base.find(key, kind)
        else:
            found = self._outside(key) if self._outside else None
        found = found if isinstance(found, kind) else self._named.get(key)
        return found if isinstance(found, kind) else None

    # What follows is called by pickles: see `rebuild`.

    def by_key(self, key: str) -> type:
        """The class of that key, from a unit that was not opened yet if need be."""
        found = self._seek(key)
        if found is None:
            raise UnreadableCode(
                f"the class {key} is not known here, and none of the units that came has it"
            )
        return found

    def make_class(
        self,
        key: str,
        metaclass: type,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
    ) -> type:
        """The class of that key, made without a member if there is none yet.

        No hook of the user runs: what hooks and metaclasses did to it is among its members.
        """
        found: type | None = self.find(key, type)
        if found is not None:
            return found
        with _silenced(bases):
            made: type = type.__new__(metaclass, name, bases, namespace)
        if isinstance(made, abc.ABCMeta):
            abc._abc_init(made)  # type: ignore[attr-defined]  # what ABCMeta.__new__ does more
        self._named[key] = made
        self._new.add(id(made))
        keys.arrive(made, keys.Arrival(key, self.tag, *self._unit))
        return made

    def fill_class(self, cls: type, members: dict[str, Any]) -> None:
        """Give a new class some members."""
        if id(cls) in self._new:
            for name, value in members.items():
                type.__setattr__(cls, name, value)

    def register_classes(self, cls: Any, others: dict[str, tuple[type, ...]]) -> None:
        """Tell a new ABC which classes count as its own."""
        if id(cls) in self._new:
            for other in others["registered"]:
                abc.ABCMeta.register(cls, other)

    def make_member(
        self, cls: Any, name: str | None, value: object, kind: type, args: tuple[Any, ...]
    ) -> object:
        """A member of an enum; of one that is being made, without its name and value.

        kind: what the members are beside being members: `object`, `int`, `str`, ...
        """
        if id(cls) not in self._new:
            found = cls._member_map_.get(name)
            return cls(value) if found is None else found
        made: object = kind.__new__(cls, *args)
        self._new.add(id(made))
        return made

    def fill_member(self, member: object, state: dict[str, Any]) -> None:
        """Give a new member of an enum its name, its value and what else it has."""
        if id(member) in self._new:
            vars(member).update(state)

    def make_function(
        self, key: str, code: Any, namespace: dict[str, Any], name: str, closure: Any
    ) -> FunctionType:
        """A function without its state; at home the one that is there under that key."""
        found: FunctionType | None = self.find(key, FunctionType) if key else None
        if found is not None:
            return found
        made = FunctionType(code, namespace, name, None, closure)
        self._new.add(id(made))
        if key:
            keys.arrive_as(made, key)
        return made

    def fill_function(self, function: FunctionType, attributes: dict[str, Any]) -> None:
        """Give a new function some attributes."""
        if id(function) not in self._new:
            return
        for name, value in attributes.items():
            if name == "__dict__":
                function.__dict__.update(value)
            else:
                setattr(function, name, value)

    def make_named(
        self, key: str, module: str, kind: Callable[..., Any], args: Iterable[Any], options: Any
    ) -> object:
        """A `TypeVar` or its like: equal by being the same, so one for each key."""
        found: object | None = self.find(key, kind) if key else None
        if found is None:
            found = kind(*args, **options)
            _set_module(found, module)
            if key:
                self._named[key] = found
                keys.arrive_as(found, key)
        return found

    def make_namespace(self, name: str, package: str) -> dict[str, Any]:
        """The globals of a module of this world."""
        return vars(self._module(name, package))

    def make_module(self, name: str, package: str) -> ModuleType:
        """A module of this world; at home the one that is there."""
        found = keys.home_module(name) if self._outside else None
        return self._module(name, package) if found is None else found

    def fill_module(self, module: ModuleType, members: dict[str, Any]) -> None:
        """Give a new module some members."""
        if id(module) in self._new:
            vars(module).update(members)

    def _seek(self, key: str) -> type | None:
        found = self._base._seek(key) if self._base else None
        found = self.find(key, type) if found is None else found
        while found is None and self._waiting:
            hash = next(iter(self._waiting))
            self.open_unit(hash, self._waiting.pop(hash))
            found = self.find(key, type)
        return found

    def _module(self, name: str, package: str) -> ModuleType:
        found = self._modules.get(name)
        if found is None:
            found = self._modules[name] = ModuleType(name.partition("#")[0])
            found.__package__ = package
            keys.arrived_modules.add(found.__name__)
            self._new.add(id(found))
            vars(found)["__builtins__"] = self._builtins
            self._link(name, found)
        return found

    def _link(self, name: str, module: ModuleType) -> None:
        """Make a module an attribute of the package it is in, as an import does."""
        parent, _, child = name.rpartition(".")
        if parent and "#" not in name:
            setattr(self._module(parent, parent), child, module)

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Iterable[str] = (),
        level: int = 0,
    ) -> ModuleType:
        """`__import__` of the code of this world: its own modules come first."""
        package = (globals or {}).get("__package__") or ""
        full = importlib.util.resolve_name("." * level + name, package) if level else name
        if full not in self._modules:
            return builtins.__import__(name, globals, locals, tuple(fromlist or ()), level)
        return self._modules[full if fromlist else full.partition(".")[0]]


class _Opener(pickle.Unpickler):
    """Opens a pickle in a world."""

    def __init__(self, pickled: bytes, world: World) -> None:
        super().__init__(BytesIO(pickled))
        self._world = world

    def find_class(self, module: str, name: str) -> Any:
        if module == rebuild.__name__ and name in rebuild.WORLDLY:
            return getattr(self._world, name)
        return super().find_class(module, name)


def as_failure(error: Exception) -> UnreadableCode:
    """What to raise for what opening a pickle raised."""
    if isinstance(error, UnreadableCode):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name:
        return MissingModule(error.name)
    return UnreadableCode(
        f"it can't be opened here: {type(error).__name__}: {error}; where an installed package is "
        "of another version than where it was packed, install the same one; where a framework "
        "keeps account of a class, as an ORM does, name its module in by_reference"
    )


@contextmanager
def _silenced(bases: Iterable[type]) -> Iterator[None]:
    """Keep `__init_subclass__` of the bases from being called with a class that has no member yet.

    Those of the standard library are left alone: they want to be called, and can bear it.
    """
    hooks = {
        owner: vars(owner)[_HOOK]
        for base in bases
        for owner in base.__mro__
        if _HOOK in vars(owner)
        and owner.__flags__ & _HEAP_TYPE
        and owner.__module__.partition(".")[0] not in sys.stdlib_module_names
    }
    for owner in hooks:
        type.__delattr__(owner, _HOOK)
    try:
        yield
    finally:
        for owner, hook in hooks.items():
            type.__setattr__(owner, _HOOK, hook)


def _set_module(thing: Any, module: str) -> None:
    try:
        thing.__module__ = module
    except AttributeError:  # some know it only from where they were made
        return
