"""The pickler that writes code by value: dill's, asked only after ours.

Everything that has a say in how an object is written is a reducer in one of the neighbours:
`functions`, `classes`, `modules`, `oddities`. What none of them wants is left to dill.

What is written is the same in each process that has the same code: sets are in order, and equal
strings are one string, whoever interned them.
"""

from __future__ import annotations

import sys
from io import BytesIO
from types import CellType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from schedulergodx.core.code import classes, functions, keys, modules, oddities
from schedulergodx.core.code.dill_pickler import DillPickler
from schedulergodx.core.code.failures import Refused
from schedulergodx.core.code.unit import hash_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schedulergodx.core.code.territory import Territory
    from schedulergodx.core.code.watch import Watch

PROTOCOL = 5
ATOMS = frozenset({int, float, bool, type(None), str, bytes, dict, list, tuple})
_DEEP = 100_000  # frames; the recursion of this pickler needs no C stack

_REDUCERS: dict[type, Callable[[Any, Any], Any]] = {
    FunctionType: functions.reduce_function,
    CodeType: functions.reduce_code,
    CellType: functions.reduce_cell,
    functions.Namespace: functions.reduce_namespace,
    ModuleType: modules.reduce_module,
    modules.Remainder: modules.reduce_remainder,
    **oddities.REDUCERS,
}


class CodePickler(DillPickler):
    """Writes one unit, or one value that the fast pickler can't write.

    territory: whose code is whose
    class_key: for values: gives the key of a class that travels as a unit of its own. None for
        units: they hold the classes that they need
    outgoing: see `keys.key_of`
    watch: is told what was used
    """

    # dill asks of each dict whether it is a module's; here that is known, and dicts are data.
    dispatch: ClassVar = {**DillPickler.dispatch, dict: DillPickler.save_dict}

    def __init__(
        self,
        file: BytesIO,
        territory: Territory,
        *,
        class_key: Callable[[type], str] | None = None,
        outgoing: bool = True,
        watch: Watch | None = None,
    ) -> None:
        super().__init__(file, PROTOCOL)
        self.territory = territory
        self.class_key = class_key
        self.watch = watch
        self.needs = modules.ModuleNeeds(territory, watch)
        self.namespaces = functions.Namespaces()
        self.cells: dict[int, CellType] = {}  # those of which the content is taken care of
        self._outgoing = outgoing
        self._nameless = False
        self._strings: dict[str, str] = {}
        self._bytes: dict[bytes, bytes] = {}
        self._tuples: dict[tuple[str, ...], tuple[str, ...]] = {}

    @property
    def is_unit(self) -> bool:
        """Whether classes are written here, not their keys."""
        return self.class_key is None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        kind = type(obj)
        if kind is str:
            obj = self._strings.setdefault(obj, obj)
        elif kind is bytes:
            obj = self._bytes.setdefault(obj, obj)
        super().save(obj, save_persistent_id)

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """An object that says of itself that it is a global: fine, if there is a module for it."""
        module = getattr(obj, "__module__", None)
        if module is not None and self.territory.owns(module):
            raise Refused(
                f"it says that it is {module}.{name}, but {module} travels by value, so that there "
                "is no such global where it goes",
                obj,
            )
        super().save_global(obj, name)

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind in ATOMS:
            return NotImplemented
        reduce = _REDUCERS.get(kind)
        if reduce is not None:
            return reduce(self, obj)
        if issubclass(kind, type):
            return classes.reduce_class(self, obj)
        return oddities.reduce_instance(self, obj)

    def same_names(self, names: Iterable[str]) -> tuple[str, ...]:
        """Equal tuples of names as one tuple."""
        tied = tuple(names)
        return self._tuples.setdefault(tied, tied)

    def key_of(self, cls: type) -> str:
        """The key of a class that is written here."""
        key = keys.key_of(cls, outgoing=self._outgoing)
        if key or self._nameless:
            return key
        return keys.name_by_content(cls, self._digest(cls))

    def note(self, how: str, kind: str, name: str, thing: object = None) -> None:
        """Something was met; `explanation` listens."""

    def _digest(self, cls: type) -> str:
        """The hash of a class that has no name of its own, written with no names for its like."""
        file = BytesIO()
        pickler = CodePickler(file, self.territory, outgoing=self._outgoing)
        pickler._nameless = True
        pickler.dump_with_remainder(cls)
        return hash_of(file.getvalue()).hex()

    def dump_with_remainder(self, thing: object) -> None:
        """Write `(thing, None)`; behind it comes what turned out to be needed on the way."""
        self.dump((thing, modules.Remainder()))


# What the C pickler would write by a name that is not there, or not at all.
SPECIAL = frozenset(_REDUCERS) - {set, frozenset}


def dump_deeply(dump: Callable[[], None]) -> None:
    """Call `dump`, a second time with more frames if it runs out of them."""
    limit = sys.getrecursionlimit()
    try:
        dump()
    except RecursionError:
        if limit >= _DEEP:
            raise
        sys.setrecursionlimit(_DEEP)
        try:
            dump()
        finally:
            sys.setrecursionlimit(limit)
