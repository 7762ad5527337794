"""The order in which code and data are written, so that each is complete before it is needed.

Functions, classes and modules refer to each other in circles, so they are made first and filled
then. Nothing of the user runs while that is done. To open an instance may run anything: a
`__setstate__`, a `__hash__` of a key, a function that a `__reduce__` named. So instances wait until
all code around them is complete; and before one is written, so is the data that its class, and what
that uses, refer to.
"""

from __future__ import annotations

from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodDescriptorType,
    ModuleType,
    NoneType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SCALARS = frozenset({int, float, bool, NoneType, str, bytes})
_CONTAINERS = frozenset({dict, list, tuple, set, frozenset})
_CODE = frozenset(
    {FunctionType, ModuleType, BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType}
)

_Key = tuple[int, str]


class _Owner:
    """A function, a class or a module in a pickle.

    keys: of its members that wait, or did
    uses: other owners that it refers to
    """

    __slots__ = ("keys", "settled", "thing", "uses")

    def __init__(self, thing: object) -> None:
        self.thing = thing
        self.keys: dict[_Key, None] = {}
        self.uses: dict[int, object] = {}
        self.settled = False


class Later:
    """Members that wait for their value.

    call: writes the call of a verb
    """

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call
        self._owners: dict[int, _Owner] = {}
        self._known: dict[_Key, object] = {}  # with the things, so that their ids stay theirs
        self._waiting: dict[_Key, tuple[Callable[..., Any], object, object]] = {}

    def uses(self, owner: object, code: object) -> None:
        """`owner` refers to other code that is in the pickle."""
        self._owner(owner).uses[id(code)] = code

    def fill(
        self, owner: object, verb: Callable[..., Any], thing: object, members: dict[str, Any]
    ) -> dict[str, Any]:
        """Take members of `thing` that `owner` needs; those that can be written now come back.

        Things may be shared: the globals of a module have many owners. A member is taken once.
        """
        now = {}
        for name, value in members.items():
            key = (id(thing), name)
            self._owner(owner).keys[key] = None
            if key not in self._known:
                self._known[key] = thing
                if is_inert(value):
                    now[name] = value
                else:
                    self._waiting[key] = (verb, thing, value)
        return now

    def settle(self, thing: object) -> None:
        """Write what waits in `thing`, and in all that it uses."""
        owner = self._owners.get(id(thing))
        if owner is None or owner.settled:
            return
        owner.settled = True
        last = [key for key in owner.keys if self._waits_for(key, thing)]
        for key in owner.keys:
            if key not in last:
                self._write(key)
        for used in owner.uses.values():
            self.settle(used)
        for key in last:
            self._write(key)

    def _waits_for(self, key: _Key, thing: object) -> bool:
        """Whether a waiting member of a class is an instance of it, or holds one."""
        waiting = self._waiting.get(key)
        return waiting is not None and isinstance(thing, type) and _holds(waiting[2], thing)

    def _write(self, key: _Key) -> None:
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            verb, thing, value = waiting
            self._call(verb, thing, {key[1]: value})

    def _owner(self, thing: object) -> _Owner:
        return self._owners.setdefault(id(thing), _Owner(thing))


def is_inert(value: object) -> bool:
    """Whether nothing of the user runs when it is opened: code, and data without instances."""
    kind = type(value)
    if kind in _CODE or issubclass(kind, type):
        return True
    if kind is staticmethod or kind is classmethod:
        return type(value.__func__) is FunctionType  # type: ignore[attr-defined]
    if kind is property:
        return all(type(part) in (FunctionType, NoneType) for part in _accessors(value))
    return _is_plain(value, 3)


def _accessors(value: Any) -> tuple[object, ...]:
    return value.fget, value.fset, value.fdel


def _is_plain(value: object, depth: int) -> bool:
    """Whether it is made of builtin containers and scalars, down to some depth."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if depth == 0 or kind not in _CONTAINERS:
        return False
    return all(_is_plain(part, depth - 1) for part in _contents(value))


def _holds(value: object, cls: type) -> bool:
    """Whether it is an instance, or a container with one. No class is asked: some object to it."""
    if cls in type(value).__mro__:
        return True
    return type(value) in _CONTAINERS and any(cls in type(v).__mro__ for v in _contents(value))


def _contents(container: Any) -> Iterator[object]:
    if isinstance(container, dict):
        yield from container.keys()
        yield from container.values()
    else:
        yield from container
