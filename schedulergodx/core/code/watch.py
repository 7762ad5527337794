"""Notices cheaply that something a packed function used has been bound anew."""

from __future__ import annotations

import weakref
from operator import attrgetter, is_, itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CellType, FunctionType

_parts_of = attrgetter("__code__", "__defaults__", "__kwdefaults__")
_content_of = attrgetter("cell_contents")


class Watch:
    """What a packed function used: globals, cells, code and defaults, by their identity.

    Everything is held strongly, for an identity says nothing about what is gone; only the root,
    what was packed, is not, so that it can go. What happens inside of an object is not seen.
    """

    def __init__(self, root: object = None) -> None:
        self._root = root
        self._namespaces: dict[int, tuple[dict[str, Any], dict[str, object]]] = {}
        self._missing: dict[int, tuple[dict[str, Any], set[str]]] = {}
        self._cells: dict[int, CellType] = {}
        self._functions: dict[int, FunctionType] = {}
        self._checks: tuple[Callable[[], bool], ...] = ()

    def add_global(self, namespace: dict[str, Any], name: str) -> None:
        """`namespace` has `name`, and that was used."""
        self._namespaces.setdefault(id(namespace), (namespace, {}))[1][name] = namespace[name]

    def add_missing(self, namespace: dict[str, Any], name: str) -> None:
        """`namespace` has no `name`, and that was used; it may come."""
        self._missing.setdefault(id(namespace), (namespace, set()))[1].add(name)

    def add_function(self, function: FunctionType) -> None:
        """Its code, its defaults and its cells were used."""
        self._functions[id(function)] = function
        self._cells.update((id(cell), cell) for cell in function.__closure__ or ())

    def seal(self) -> None:
        """Nothing is added any more: prepare the question."""
        root = self._functions.pop(id(self._root), None)
        if root is not None:
            self._forget_own_cell(root)
        self._root = None
        checks = [_namespace_check(*watched) for watched in self._namespaces.values()]
        checks += [_missing_check(*watched) for watched in self._missing.values()]
        if self._functions:
            checks.append(_function_check(list(self._functions.values())))
        if root is not None:
            checks.append(_root_check(weakref.ref(root), _parts_of(root)))
        if filled := [cell for cell in self._cells.values() if is_filled(cell)]:
            checks.append(_cell_check(filled))
        if empty := [cell for cell in self._cells.values() if not is_filled(cell)]:
            checks.append(lambda: not any(map(is_filled, empty)))
        self._checks = tuple(checks)

    def _forget_own_cell(self, root: FunctionType) -> None:
        """A function of a function that calls itself would hold itself."""
        own = [
            n for n, cell in self._cells.items() if is_filled(cell) and _content_of(cell) is root
        ]
        for number in own:
            del self._cells[number]

    def unchanged(self) -> bool:
        """Whether all of it still is what it was. Hot: once a launch."""
        try:
            for check in self._checks:
                if not check():
                    return False
        except (KeyError, ValueError):  # a global was deleted, a cell emptied
            return False
        return True


def _namespace_check(namespace: dict[str, Any], seen: dict[str, object]) -> Callable[[], bool]:
    names = list(seen)
    pick = itemgetter(*names, names[0])  # two at least, so that it makes a tuple
    values = pick(seen)
    return lambda: all(map(is_, pick(namespace), values))


def _missing_check(namespace: dict[str, Any], names: set[str]) -> Callable[[], bool]:
    return lambda: names.isdisjoint(namespace)


def _function_check(functions: list[FunctionType]) -> Callable[[], bool]:
    parts = [part for function in functions for part in _parts_of(function)]
    return lambda: all(
        map(is_, [part for function in functions for part in _parts_of(function)], parts)
    )


def _root_check(root: weakref.ref[FunctionType], parts: tuple[object, ...]) -> Callable[[], bool]:
    return lambda: all(map(is_, _parts_of(root()), parts))


def _cell_check(cells: list[CellType]) -> Callable[[], bool]:
    contents = list(map(_content_of, cells))
    return lambda: all(map(is_, map(_content_of, cells), contents))


def is_filled(cell: CellType) -> bool:
    """Whether the variable that it is the place of is bound."""
    try:
        _content_of(cell)
    except ValueError:
        return False
    return True
