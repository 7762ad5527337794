"""The pickler that writes code by value: dill's, asked only after ours.

Everything that has a say in how an object is written is a reducer in one of the neighbours:
`functions`, `classes`, `modules`, `oddities`. What none of them wants is left to dill.

What is written is the same in each process that has the same code: sets are in order, and equal
strings are one string, whoever interned them.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pickle import POP
from types import CellType, CodeType, FunctionType, MemberDescriptorType, ModuleType, NoneType
from typing import TYPE_CHECKING, Any, ClassVar

from schedulergodx.core.code import classes, functions, keys, modules, oddities
from schedulergodx.core.code.dill_pickler import DillPickler
from schedulergodx.core.code.failures import Refused
from schedulergodx.core.code.later import Later
from schedulergodx.core.code.unit import hash_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schedulergodx.core.code.territory import Territory
    from schedulergodx.core.code.watch import Watch

PROTOCOL = 5
ATOMS = frozenset({int, float, bool, NoneType, str, bytes, dict, list, tuple})
_DEEP = 20_000  # frames: a chain of a thousand helpers; they need little of the C stack

_REDUCERS: dict[type, Callable[[Any, Any], Any]] = {
    FunctionType: functions.reduce_function,
    CodeType: functions.reduce_code,
    CellType: functions.reduce_cell,
    functions.Namespace: functions.reduce_namespace,
    ModuleType: modules.reduce_module,
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
        self.cells: dict[int, CellType] = {}  # those that a function fills
        self._outgoing = outgoing
        self._nameless = False
        self._later = Later(self.call)
        self._writing: object | None = None  # the code that is being written; None within data
        self._begun: set[int] = set()
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
        elif kind is _Root:
            self._save_root(obj)
            return
        elif kind not in ATOMS and (write := self._writer(obj, kind)) is not None:
            self._save_code(obj, write)
            return
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

    def save_reduce(
        self,
        func: Any,
        args: Any,
        state: Any = None,
        listitems: Any = None,
        dictitems: Any = None,
        state_setter: Any = None,
        *,
        obj: object = None,
    ) -> None:
        """Refuse a member of a class that is to be got from that class before it has it."""
        if func is getattr and self.is_unit and self._is_own_member(obj, *args):
            raise Refused(
                f"it is written as a name in the class {args[0].__qualname__}, of which it is a "
                "part: whoever made it keeps account of the class",
                obj,
                "install the module of the class where the job runs, and name it in by_reference",
            )
        super().save_reduce(func, args, state, listitems, dictitems, state_setter, obj=obj)

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

    def make(self, thing: object, verb: Callable[..., Any], *parts: Any) -> None:
        """Write the making of a thing, for a writer: it is what `verb` makes of the parts."""
        self.save_reduce(verb, parts, obj=thing)

    def is_begun(self, thing: object) -> bool:
        """Whether a thing was filled before, because its own parts led to it again."""
        begun = id(thing) in self._begun
        self._begun.add(id(thing))
        return begun

    def fill(
        self, owner: object, verb: Callable[..., Any], thing: object, members: dict[str, Any]
    ) -> None:
        """Write the filling of a thing that is `owner`, or that it needs; its data comes later."""
        now = self._later.fill(owner, verb, thing, members)
        if now:
            self.call(verb, thing, now)

    def call(self, verb: Callable[..., Any], *parts: Any) -> None:
        """Write a call of `verb` for what it does."""
        self.save_reduce(verb, parts)
        self.write(POP)

    def write_aside(self, thing: object) -> None:
        """Write a thing for being there, not for being a part of another one."""
        self.save(thing)
        self.write(POP)

    def dump_all(self, thing: object) -> None:
        """Write a thing and all that it needs."""
        self.dump(_Root(thing))

    def _writer(self, obj: Any, kind: type) -> Callable[[Any, Any], None] | None:
        """What writes a thing, if it is code that travels by value here."""
        if kind is FunctionType:
            return None if self.territory.refers(obj) else functions.write_function
        if issubclass(kind, type):
            by_value = self.is_unit and classes.travels_by_value(self.territory, obj)
            return classes.write_class if by_value else None
        if kind is ModuleType and self.territory.owns(obj.__name__):
            return modules.write_module
        return None

    def _save_code(self, code: object, write: Callable[[Any, Any], None]) -> None:
        """As part of other code: only make and fill it. As part of data: complete it first."""
        known = id(code) in self.memo
        if self._writing is not None:
            self._later.uses(self._writing, code)
        if not known:
            before, self._writing = self._writing, code
            try:
                write(self, code)
            finally:
                self._writing = before
        if self._writing is None:
            self._later.settle(code)
        if known:
            super().save(code)

    def _is_own_member(self, thing: object, owner: object, name: object, *_: object) -> bool:
        return (
            isinstance(owner, type)
            and type(thing) is not MemberDescriptorType
            and vars(owner).get(str(name)) is thing
            and classes.travels_by_value(self.territory, owner)
        )

    def _save_root(self, root: _Root) -> None:
        self.save(root.thing)
        while remainder := self.needs.remainder():
            self._save_code(remainder, modules.write_remainder)

    def _digest(self, cls: type) -> str:
        """The hash of a class that has no name of its own, written with no names for its like."""
        file = BytesIO()
        pickler = CodePickler(file, self.territory, outgoing=self._outgoing)
        pickler._nameless = True
        pickler.dump_all(cls)
        return hash_of(file.getvalue()).hex()


class _Root:
    """What a pickle is made for."""

    def __init__(self, thing: object) -> None:
        self.thing = thing


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
