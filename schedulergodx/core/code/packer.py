"""The end that sends: functions, arguments and results become bytes and the units they need."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from schedulergodx.core.code import keys
from schedulergodx.core.code.culprit import Culprit
from schedulergodx.core.code.explanation import Explanation, explain
from schedulergodx.core.code.pickler import CodePickler, dump_deeply
from schedulergodx.core.code.plain import dump_plain
from schedulergodx.core.code.recent import Recent
from schedulergodx.core.code.territory import Territory
from schedulergodx.core.code.unit import PackedFunction, PackedValue, hash_of, wrap
from schedulergodx.core.code.value_pickler import ValuePickler
from schedulergodx.core.code.watch import Watch
from schedulergodx.errors import ShipError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

SLOW = b"\1"  # before a value of the slow pickler; a pickle begins with another byte

_Errors = tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class _Launchable:
    """A function that was packed, and how to see that it must be again."""

    function: Callable[[], object]
    errors: tuple[_Errors, _Errors]
    watch: Watch
    packed: PackedFunction


@dataclass(frozen=True, slots=True)
class _ClassUnit:
    """A class that was packed as a unit of its own."""

    key: str
    hash: bytes
    body: bytes
    watch: Watch | None


class Packer:
    """Packs functions, arguments, results and exceptions. Safe to use from any thread.

    by_value, by_reference: see `Territory`
    in_worker: it packs results in a worker, where nothing is the user's own but what came by value
    """

    def __init__(
        self,
        *,
        by_value: Iterable[str | ModuleType] = (),
        by_reference: Iterable[str | ModuleType] = (),
        in_worker: bool = False,
    ) -> None:
        self._territory = Territory(by_value, by_reference, in_worker=in_worker)
        self._lock = threading.RLock()
        self._functions: Recent[int, _Launchable] = Recent(4096)
        self._classes: dict[bool, Recent[type, _ClassUnit]] = {
            False: Recent(4096),
            True: Recent(4096),
        }
        self._units: Recent[bytes, bytes] = Recent(8192)

    def pack_function(
        self, function: Callable[..., Any], *, retry_on: _Errors = (), give_up_on: _Errors = ()
    ) -> PackedFunction:
        """A function and the exception classes of its task, as one unit.

        It is pickled once, and again when a global, cell or default that it uses, itself or through
        what it calls, is another object than before. What changed inside of an object is seen
        after `refresh`.

        Raises: ShipError
        """
        known = self._functions.get(id(function))
        if (
            known is not None
            and known.function() is function
            and known.errors == (retry_on, give_up_on)
            and known.watch.unchanged()
        ):
            return known.packed
        with self._lock:
            return self._pack_function(function, retry_on, give_up_on)

    def pack_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> PackedValue:
        """The arguments of one job. Raises: ShipError, which names the one that can't travel"""
        return self._pack((args, kwargs), Culprit.of_arguments, outgoing=True)

    def pack_value(self, value: object) -> PackedValue:
        """A result, or an exception. Raises: ShipError"""
        return self._pack(value, Culprit.of_value, outgoing=False)

    def unit(self, hash: bytes) -> bytes:
        """The body of a unit that this packer named lately. Raises: KeyError"""
        return self._units[hash]

    def refresh(self, function: Callable[..., Any]) -> None:
        """Forget how `function` was packed, and every class: something inside of them changed."""
        with self._lock:
            self._functions.pop(id(function), None)
            for packed in self._classes.values():
                packed.clear()

    def explain(self, function: Callable[..., Any]) -> Explanation:
        """What travels with a function and how. It raises nothing for one that can't travel."""
        with self._lock:
            return explain(function, self._territory)

    def after_fork(self) -> None:
        """In a child: a thread that held the lock is not here."""
        self._lock = threading.RLock()

    def _pack_function(
        self, function: Callable[..., Any], retry_on: _Errors, give_up_on: _Errors
    ) -> PackedFunction:
        watch = Watch(function)
        thing = (function, retry_on, give_up_on)
        try:
            pickled = self._dump_unit(thing, watch=watch, outgoing=True)
        except Exception as error:
            raise Culprit.of_function(function, self._territory, error).as_error() from error
        hash = hash_of(pickled)
        packed = PackedFunction(hash, {hash: wrap(pickled)})
        self._units[hash] = packed.units[hash]
        forget = self._functions
        number = id(function)
        self._functions[number] = _Launchable(
            _reference(function, lambda _: forget.pop(number, None)),
            (retry_on, give_up_on),
            watch,
            packed,
        )
        return packed

    def _dump_unit(self, thing: object, *, watch: Watch, outgoing: bool) -> bytes:
        """The pickle of a unit."""

        def dump() -> None:
            file.seek(0)
            file.truncate()
            pickler = CodePickler(file, self._territory, outgoing=outgoing, watch=watch)
            pickler.dump_all(thing)

        file = BytesIO()
        dump_deeply(dump)
        watch.seal()
        return file.getvalue()

    def _pack(
        self, value: object, culprit: Callable[..., Culprit], *, outgoing: bool
    ) -> PackedValue:
        plain = dump_plain(value)
        if plain is not None:
            return PackedValue(plain, ())
        units: dict[bytes, None] = {}

        def class_key(cls: type) -> str:
            unit = self._class_unit(cls, outgoing)
            units[unit.hash] = None
            return unit.key

        file = BytesIO()
        try:
            ValuePickler(file, self._territory, class_key).dump(value)
            return PackedValue(file.getvalue(), tuple(units))
        except MemoryError:
            raise
        except Exception:  # either it needs the slow way, or that says better why it can't travel
            units.clear()
        try:
            body = self._dump_slowly(value, class_key, outgoing=outgoing)
        except (ShipError, MemoryError):
            raise
        except Exception as error:
            raise culprit(value, self._territory, error).as_error() from error
        return PackedValue(body, tuple(units))

    def _dump_slowly(
        self, value: object, class_key: Callable[[type], str], *, outgoing: bool
    ) -> bytes:
        """The body of a value in which there is code, or something else that needs dill."""

        def dump() -> None:
            file.seek(len(SLOW))
            file.truncate()
            pickler = CodePickler(file, self._territory, class_key=class_key, outgoing=outgoing)
            pickler.dump_all(value)

        file = BytesIO(SLOW)
        with self._lock:
            dump_deeply(dump)
        return file.getvalue()

    def _class_unit(self, cls: type, outgoing: bool) -> _ClassUnit:
        """The unit of a class, packed again if what it uses was bound anew."""
        known = self._classes[outgoing].get(cls)
        if known is None or not (known.watch is None or known.watch.unchanged()):
            with self._lock:
                known = self._classes[outgoing][cls] = self._pack_class(cls, outgoing)
        if known.hash not in self._units:
            with self._lock:
                self._units[known.hash] = known.body
        return known

    def _pack_class(self, cls: type, outgoing: bool) -> _ClassUnit:
        arrival = keys.arrival_of(cls)
        if arrival is not None and arrival.unit and not outgoing:  # it goes back as it came
            return _ClassUnit(arrival.key, arrival.unit, arrival.body, None)
        watch = Watch()
        try:
            pickled = self._dump_unit(cls, watch=watch, outgoing=outgoing)
        except Exception as error:
            raise Culprit.of_class(cls, self._territory, error).as_error() from error
        key = keys.key_of(cls, outgoing=outgoing)
        return _ClassUnit(key, hash_of(pickled), wrap(pickled), watch)


def _reference(
    thing: Callable[..., Any], forget: Callable[[object], object]
) -> Callable[[], object]:
    """A weak reference where there can be one."""
    try:
        return weakref.ref(thing, forget)
    except TypeError:
        return lambda: thing
