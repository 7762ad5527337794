"""Which code is the user's own, and so travels by value."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from importlib.machinery import ExtensionFileLoader
from pathlib import PurePath
from types import ModuleType
from typing import TYPE_CHECKING

from schedulergodx.core.code import keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.machinery import ModuleSpec

_HERE = __name__.partition(".")[0]
_STANDARD = sys.stdlib_module_names | {_HERE}
_STANDARD_PLACES = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
_INSTALLED = frozenset({"site-packages", "dist-packages", "__pypackages__"})


class Territory:
    """Knows which modules are the user's own.

    These are: `__main__` of any kind (script, `-c`, notebook, prompt), modules that were made at
    run time, and modules in files outside of `site-packages`, `dist-packages` and the standard
    library. So a project that is installed as editable is the user's own, and one that was copied
    into `site-packages` is not. Compiled extension modules never are.

    by_value, by_reference: modules, or names of modules, that the guess is wrong for; each counts
        for the modules below it too, and the longest name wins
    in_worker: nothing is the user's own but what came by value
    """

    def __init__(
        self,
        by_value: Iterable[str | ModuleType] = (),
        by_reference: Iterable[str | ModuleType] = (),
        *,
        in_worker: bool = False,
    ) -> None:
        self._rules = dict.fromkeys(map(_name, by_reference), False)
        self._rules.update(dict.fromkeys(map(_name, by_value), True))
        self._in_worker = in_worker
        self._decided: dict[str, bool] = {}

    def owns(self, module: str | None) -> bool:
        """Whether the code of that module is the user's own."""
        if module is None or module in keys.arrived_modules:
            return True
        decided = self._decided.get(module)
        if decided is None:
            decided = self._decide(module)
            if module in sys.modules:  # one that is not loaded may yet turn up elsewhere
                self._decided[module] = decided
        return decided

    def refers(self, thing: object) -> bool:
        """Whether a function or a class travels by reference: by its name alone."""
        return not self.owns(getattr(thing, "__module__", None)) and keys.is_found(thing)

    def _decide(self, module: str) -> bool:
        for name in _upwards(module):
            if name in self._rules:
                return self._rules[name] and not _is_compiled(_spec(module))
        if self._in_worker or module.partition(".")[0] in _STANDARD:
            return False
        return module in ("__main__", "__mp_main__") or _is_outside(module)


def _name(module: str | ModuleType) -> str:
    return module if isinstance(module, str) else module.__name__


def _upwards(module: str) -> Iterator[str]:
    while module:
        yield module
        module = module.rpartition(".")[0]


def _is_outside(module: str) -> bool:
    """Whether a module is neither installed nor compiled."""
    spec = _spec(module)
    if _is_compiled(spec):
        return False
    place = _place(module, spec)
    if place is None:
        return True
    return not place.startswith(_STANDARD_PLACES) and _INSTALLED.isdisjoint(PurePath(place).parts)


def _is_compiled(spec: ModuleSpec | None) -> bool:
    if spec is None:
        return False
    return isinstance(spec.loader, ExtensionFileLoader) or spec.origin in ("built-in", "frozen")


def _spec(module: str) -> ModuleSpec | None:
    loaded = sys.modules.get(module)
    if loaded is not None:
        return getattr(loaded, "__spec__", None)
    try:
        return importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return None


def _place(module: str, spec: ModuleSpec | None) -> str | None:
    """Its file, or the first directory of a package that has none."""
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None) or (spec.origin if spec else None)
    if file:
        return str(file)
    directories = getattr(loaded, "__path__", None) or (
        spec.submodule_search_locations if spec else None
    )
    return next(iter(directories), None) if directories else None
