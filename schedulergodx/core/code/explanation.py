"""What would travel with a function, in words: the answer of `task.explain()`."""

from __future__ import annotations

import builtins
import sys
from dataclasses import dataclass
from io import BytesIO
from types import FunctionType
from typing import TYPE_CHECKING, Any

from schedulergodx.core.code.culprit import Culprit
from schedulergodx.core.code.functions import used_globals
from schedulergodx.core.code.pickler import ATOMS, CodePickler, dump_deeply
from schedulergodx.core.code.unit import wrap
from schedulergodx.core.code.use import use_of
from schedulergodx.errors import TooLarge
from schedulergodx.quantity import format_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schedulergodx.core.code.territory import Territory

_LARGE = 256 << 10  # bytes of one thing that are worth a warning
_LOOKS_UP_BY_TEXT = frozenset({"globals", "eval", "exec"})
_OURS = frozenset({"schedulergodx", "dill"})  # they are where anything can be opened
_UNSAID = _OURS | {"builtins"}
_CHANGES = (dict, list, set, bytearray)


@dataclass(slots=True)
class Item:
    """One thing that travels.

    how: "value", "reference", or "new" for one of which only the kind travels, as of a lock
    kind: "function", "class", "module", "data", ...
    name: dotted
    size: bytes in the pickle that are its own; what it uses has its own items
    """

    how: str
    kind: str
    name: str
    size: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """What travels with a function. A prompt or a notebook shows it as `print` does.

    name: of the function
    size: bytes of its unit before it is compressed
    wire_size: bytes that are sent
    items: what is in it
    packages: installed ones that it needs where it runs, the standard library not among them
    warnings: what may surprise
    error: why it can't travel; None if it can
    """

    name: str
    size: int
    wire_size: int
    items: tuple[Item, ...]
    packages: tuple[str, ...]
    warnings: tuple[str, ...]
    error: str | None = None

    def by_value(self) -> tuple[Item, ...]:
        """What is sent itself."""
        return tuple(item for item in self.items if item.how == "value")

    def by_reference(self) -> tuple[Item, ...]:
        """What is sent as a name."""
        return tuple(
            item
            for item in self.items
            if item.how == "reference" and item.name.partition(".")[0] not in _UNSAID
        )

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    __repr__ = __str__


def explain(function: Callable[..., Any], territory: Territory) -> Explanation:
    """What would travel with `function`."""
    pickler = _ExplainingPickler(BytesIO(), territory)

    def dump() -> None:
        nonlocal pickler
        pickler = _ExplainingPickler(BytesIO(), territory)
        pickler.dump_all((function, (), ()))

    error, wire_size = None, 0
    try:
        dump_deeply(dump)
        wire_size = len(wrap(pickler.file.getvalue()))
    except TooLarge as failure:
        error = str(failure)
    except Exception as failure:
        error = str(Culprit.of_function(function, territory, failure).as_error())
    return Explanation(
        name=_name(function),
        size=len(pickler.file.getvalue()),
        wire_size=wire_size,
        items=tuple(pickler.items.values()),
        packages=tuple(sorted(pickler.packages())),
        warnings=tuple(dict.fromkeys(pickler.warnings())),
        error=error,
    )


class _ExplainingPickler(CodePickler):
    """Takes down what it meets, and how many bytes each thing costs."""

    def __init__(self, file: BytesIO, territory: Territory) -> None:
        super().__init__(file, territory)
        self.file = file
        self.items: dict[tuple[str, str, str], Item] = {}
        self._things: dict[int, tuple[Item, Any]] = {}
        self._current = Item("value", "task", "")
        self._count_what_is_written()

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        before = self._current
        item, _ = self._things.get(id(obj), (before, None))
        self._current = item
        try:
            super().save(obj, save_persistent_id)
        finally:
            self._current = before

    def note(self, how: str, kind: str, name: str, thing: object = None) -> None:
        owner = f"of {self._current.name}" if how == "new" and not name else name
        item = self.items.setdefault((how, kind, owner), Item(how, kind, owner))
        if kind == "data" and type(thing) in ATOMS - set(_CHANGES) - {str, bytes, tuple}:
            return
        if thing is not None:
            self._things[id(thing)] = (item, thing)
        if kind != "data":
            self._current = item

    def packages(self) -> set[str]:
        """Installed packages that are referred to."""
        named = (item for item in self.items.values() if item.how == "reference")
        tops = {item.name.partition(".")[0] for item in named}
        return tops - sys.stdlib_module_names - _OURS

    def warnings(self) -> Iterator[str]:
        """What may surprise about what was met."""
        for item, thing in self._things.values():
            if item.how == "new":
                yield f"a new {item.kind} is made where it runs: {item.name}"
            elif item.kind == "function":
                yield from _function_warnings(item.name, thing)
            elif item.kind == "data" and issubclass(type(thing), _CHANGES):
                yield (
                    f"{item.name} ({type(thing).__name__}) is copied: what a job changes in it, "
                    "no other worker sees, nor does this process"
                )
            if item.size > _LARGE:
                yield (
                    f"{item.kind} {item.name} has {format_size(item.size)}: pass it as an "
                    "argument, or load it where it is used"
                )
        for module in self.needs.opened():
            yield (
                f"module {module} is used in a way that can't be followed: of its members those "
                "travel of which the name occurs in the code"
            )

    def _count_what_is_written(self) -> None:
        write, write_large = self.write, self._write_large_bytes

        def count(data: bytes) -> Any:
            self._current.size += len(data)
            return write(data)

        def count_large(header: bytes, payload: bytes) -> Any:
            self._current.size += len(header) + len(payload)
            return write_large(header, payload)

        self.write, self._write_large_bytes = count, count_large


def _function_warnings(name: str, function: FunctionType) -> Iterator[str]:
    use = use_of(function.__code__)
    for assigned in sorted(use.assigned):
        yield f"{name} assigns the global {assigned!r}: that of its worker, not of this process"
    if "__file__" in use.globals:
        yield f"{name} uses __file__: a path of this machine"
    for called in sorted(_LOOKS_UP_BY_TEXT.intersection(use.globals)):
        yield f"{name} calls {called}(): names in texts are not seen, and what they mean stays here"
    known = used_globals(function, use)
    for missing in use.globals:
        if missing not in known and missing not in function.__globals__ | vars(builtins):
            yield f"{name} uses {missing!r}, which is not defined now"


def _name(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', '')}.{name}"


def _lines(told: Explanation) -> Iterator[str]:
    sizes = f"{format_size(told.wire_size)} on the wire, {format_size(told.size)} unpacked"
    yield f"{told.name}: {told.error or sizes}"
    yield "by value:"
    for item in sorted(told.by_value(), key=lambda item: -item.size):
        size = format_size(item.size) if item.size else ""
        yield f"  {item.kind:<9} {item.name:<50} {size:>14}".rstrip()
    named = sorted(told.by_reference(), key=lambda item: (item.name, item.kind))
    yield "by reference:" if named else "by reference: nothing"
    for item in named:
        yield f"  {item.kind:<9} {item.name}"
    if told.packages:
        yield f"must be installed where it runs: {', '.join(told.packages)}"
    if told.warnings:
        yield "worth knowing:"
        yield from (f"  {warning}" for warning in told.warnings)
