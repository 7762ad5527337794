"""How modules are written: installed ones by name, of the user's own the members in use."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from schedulergodx.core.code import rebuild

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schedulergodx.core.code.pickler import CodePickler
    from schedulergodx.core.code.territory import Territory
    from schedulergodx.core.code.use import Import, Use
    from schedulergodx.core.code.watch import Watch

logger = logging.getLogger(__name__)

_NEVER = frozenset(
    {"__builtins__", "__loader__", "__spec__", "__name__", "__package__", "__path__"}
)


class Remainder(NamedTuple):
    """What is needed of a module: members of one of the user's own, submodules of an installed."""

    module: ModuleType
    members: dict[str, Any]
    submodules: tuple[str, ...]


class _Need:
    """What is needed of one module.

    names: of members, or full ones of submodules if the module is installed
    open: it is used as a value, so that any name that the code has may be one of its members
    placed: it is one of the user's own, and in the pickle
    written: the names that are
    """

    __slots__ = ("module", "names", "open", "placed", "written")

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.names: dict[str, None] = {}
        self.open = False
        self.placed = False
        self.written: set[str] = set()


class ModuleNeeds:
    """Gathers, while functions are written, what they use of modules."""

    def __init__(self, territory: Territory, watch: Watch | None) -> None:
        self._territory = territory
        self._watch = watch
        self._needs: dict[int, _Need] = {}
        self._words: dict[str, None] = {}  # all that may be names of members

    def read(self, use: Use, values: Mapping[str, object]) -> None:
        """A function uses these values."""
        self._words.update(dict.fromkeys(use.attributes))
        for name, value in values.items():
            if issubclass(type(value), ModuleType):
                for chain in sorted(use.chains.get(name, {()})):
                    self._follow(cast("ModuleType", value), chain)

    def imported(self, use: Use, package: str) -> tuple[ModuleType, ...]:
        """Modules of the user that a function imports when it runs; they are imported now."""
        found: dict[int, ModuleType] = {}
        for statement in use.imports:
            for module in self._import(statement, package):
                found[id(module)] = module
        return tuple(found.values())

    def members(self, module: ModuleType) -> dict[str, Any]:
        """The members of a module of the user that are needed and not written yet."""
        need = self._need_of(module)
        need.placed = True
        names = {**need.names, **self._words} if need.open else need.names
        space = vars(module)
        fresh = [n for n in names if n in space and n not in need.written and n not in _NEVER]
        need.written.update(fresh)
        if self._watch is not None:
            for name in fresh:
                self._watch.add_global(space, name)
        return {name: space[name] for name in fresh}

    def submodules(self, module: ModuleType) -> tuple[str, ...]:
        """The submodules of an installed module that are needed and not written yet."""
        need = self._need_of(module)
        if need.open:
            need.names.update(dict.fromkeys(self._loaded_below(module.__name__)))
        fresh = tuple(name for name in need.names if name not in need.written)
        need.written.update(fresh)
        return fresh

    def is_known(self, module: ModuleType) -> bool:
        """Whether it is known how the module is used."""
        return id(module) in self._needs

    def open(self, module: ModuleType) -> None:
        """It is used in a way that can't be followed."""
        self._need_of(module).open = True

    def remainder(self) -> list[Remainder]:
        """What is needed of modules that were written before it was."""
        own = ((need, self.members(need.module)) for need in self._needs.values() if need.placed)
        found = [Remainder(need.module, members, ()) for need, members in own]
        for need in self._needs.values():
            if not self._territory.owns(need.module.__name__):
                found += [Remainder(need.module, {}, self.submodules(need.module))]
        return [remainder for remainder in found if remainder.members or remainder.submodules]

    def opened(self) -> list[str]:
        """Names of the user's own modules that are used in a way that can't be followed."""
        opened = (need.module.__name__ for need in self._needs.values() if need.open)
        return [name for name in opened if self._territory.owns(name)]

    def _follow(self, module: ModuleType, chain: tuple[str, ...]) -> None:
        """`module.a.b` is used, where `chain` is a and b."""
        if not self._territory.owns(module.__name__):
            self._follow_installed(module, chain)
        elif not chain:
            self.open(module)
        else:
            self._need_of(module).names[chain[0]] = None
            member = vars(module).get(chain[0])
            if issubclass(type(member), ModuleType):
                self._follow(cast("ModuleType", member), chain[1:])

    def _follow_installed(self, module: ModuleType, chain: tuple[str, ...]) -> None:
        need = self._need_of(module)
        need.open = need.open or not chain
        name = module.__name__
        for part in chain:
            name = f"{name}.{part}"
            if name not in sys.modules:
                return
            need.names[name] = None

    def _loaded_below(self, name: str) -> Iterator[str]:
        for word in list(self._words):
            full = f"{name}.{word}"
            if full in sys.modules:
                yield full
                yield from self._loaded_below(full)

    def _import(self, statement: Import, package: str) -> Iterator[ModuleType]:
        name = _absolute(statement, package)
        if not self._territory.owns(name.partition(".")[0]) or not self._territory.owns(name):
            return
        module = _imported(name)
        if module is None:
            return
        if not statement.names:
            self.open(module)
            yield from self._above(name)
        yield module
        for member in statement.names:
            if not hasattr(module, member):
                _imported(f"{name}.{member}")
            self._follow(module, (member,))

    def _above(self, name: str) -> Iterator[ModuleType]:
        """The packages that a module is in: an import without names binds the topmost."""
        while name := name.rpartition(".")[0]:
            package = sys.modules[name]
            self.open(package)
            yield package

    def _need_of(self, module: ModuleType) -> _Need:
        return self._needs.setdefault(id(module), _Need(module))


def write_module(pickler: CodePickler, module: ModuleType) -> None:
    """By value: an empty one, and those of its members that are in use."""
    pickler.note("value", "module", module.__name__, module)
    if not pickler.needs.is_known(module):
        pickler.needs.open(module)
    namespace = pickler.namespaces.of(vars(module), pickler)
    pickler.make(module, rebuild.make_module, namespace.name, namespace.package)
    if not pickler.is_begun(module):
        pickler.fill(module, rebuild.fill_module, module, pickler.needs.members(module))


def write_remainder(pickler: CodePickler, remainder: list[Remainder]) -> None:
    """What turned out to be needed of modules after they were written."""
    for module, members, submodules in remainder:
        if submodules:
            pickler.call(rebuild.load_module, module.__name__, submodules)
        pickler.fill(remainder, rebuild.fill_module, module, members)


def reduce_module(pickler: CodePickler, module: ModuleType) -> Any:
    """By name, with the submodules that are in use."""
    if not pickler.needs.is_known(module):
        pickler.needs.open(module)
    pickler.note("reference", "module", module.__name__)
    return rebuild.load_module, (module.__name__, pickler.needs.submodules(module))


def _absolute(statement: Import, package: str) -> str:
    if not statement.level:
        return statement.name
    try:
        return importlib.util.resolve_name("." * statement.level + statement.name, package)
    except ImportError:
        return ""


def _imported(name: str) -> ModuleType | None:
    """The module, or None: an import inside a function may be meant to fail."""
    try:
        return importlib.import_module(name)
    except Exception as error:
        logger.debug("%s, which a function imports, can't be imported here: %r", name, error)
        return None
