"""The end that receives: units become functions and classes, bytes become values."""

from __future__ import annotations

import hashlib
import logging
import pickle
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from schedulergodx.core.code import keys
from schedulergodx.core.code.packer import SLOW
from schedulergodx.core.code.recent import Recent
from schedulergodx.core.code.unit import unwrap
from schedulergodx.core.code.world import World, as_failure, spare_builtins
from schedulergodx.errors import UnreadableCode

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


class LoadedFunction(NamedTuple):
    """A function that arrived, with the exception classes of its task."""

    function: Callable[..., Any]
    retry_on: tuple[type[BaseException], ...]
    give_up_on: tuple[type[BaseException], ...]


class _Address(NamedTuple):
    """Of a world for values: whose arguments they are, what they need, and whether at home."""

    function: bytes
    units: tuple[bytes, ...]
    at_home: bool


class Unpacker:
    """Opens what a `Packer` packed, and holds what it opened. Safe to use from any thread.

    in_worker: nothing is looked up in this process. Without it, classes of this process are taken
        where it has them under their names, as a client wants it for results
    """

    def __init__(self, *, in_worker: bool = False) -> None:
        self._outside = None if in_worker else keys.at_home
        self._lock = threading.RLock()
        self._bodies: dict[bytes, bytes] = {}
        self._functions: dict[bytes, LoadedFunction] = {}
        self._worlds: dict[bytes, World] = {}
        self._upper: Recent[_Address, World] = Recent(1024)

    def add_unit(self, hash: bytes, body: bytes) -> None:
        """Take a unit in. Raises: UnreadableCode if it is not what its hash says"""
        if hash not in self._bodies:
            unwrap(hash, body)
            self._bodies[hash] = body

    def has(self, hash: bytes) -> bool:
        """Whether that unit is here."""
        return hash in self._bodies

    def load_function(self, hash: bytes) -> LoadedFunction:
        """The function in a unit; the same one each time.

        Raises: UnreadableCode, MissingModule
        """
        known = self._functions.get(hash)
        if known is not None:
            return known
        with self._lock:
            if hash not in self._functions:
                self._load_function(hash)
            return self._functions[hash]

    def load_arguments(
        self, body: bytes, units: tuple[bytes, ...], *, function: bytes
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a job: (args, kwargs).

        function: hash of the function that they are for. Their classes are those of its world

        Raises: UnreadableCode, MissingModule
        """
        loaded: tuple[tuple[Any, ...], dict[str, Any]] = self._load(body, units, function)
        return loaded

    def load_value(
        self, body: bytes, units: tuple[bytes, ...] = (), *, function: bytes = b""
    ) -> Any:
        """A result, or an exception.

        function: hash of the one in whose world its classes are; empty for a world of its own

        Raises: UnreadableCode, MissingModule
        """
        return self._load(body, units, function)

    def forget(self) -> None:
        """Drop all units, and what was opened of them."""
        with self._lock:
            self._bodies.clear()
            self._functions.clear()
            self._worlds.clear()
            self._upper.clear()

    def before_forks(self) -> None:
        """Make ready for processes that open something soon after their fork."""
        spare_builtins()

    def after_fork(self) -> None:
        """In a child: a thread that held the lock is not here."""
        self._lock = threading.RLock()

    def _load_function(self, hash: bytes) -> None:
        world = World(hash.hex()[:16], outside=self._outside)
        thing = world.open_unit(hash, self._body(hash))
        self._worlds[hash] = world
        self._functions[hash] = LoadedFunction(*thing)

    def _load(self, body: bytes, units: tuple[bytes, ...], function: bytes) -> Any:
        if not units and body[:1] != SLOW:  # hot: plain data
            try:
                return pickle.loads(body)
            except MemoryError:
                raise
            except Exception as error:
                raise as_failure(error) from error
        with self._lock:
            try:
                return self._open(body, _Address(function, units, self._outside is not None))
            except UnreadableCode as error:
                if self._outside is None or not all(map(self.has, units)):
                    raise
                logger.warning(
                    "classes of this process can't take a value that came, and those that came "
                    "with it are used: %s",
                    error,
                )
            return self._open(body, _Address(function, units, False))

    def _open(self, body: bytes, address: _Address) -> Any:
        """Open a value. A world in which that failed may be incomplete, and is not used again."""
        world = self._world(address)
        try:
            if body[:1] != SLOW:
                return world.open(body)
            # Code in a value is of that value only: its globals are not those of an earlier one.
            return World(world.tag, base=world).open(body[1:])
        except BaseException:
            self._upper.pop(address, None)
            raise

    def _world(self, address: _Address) -> World:
        """The world in which the classes of a value are."""
        known = self._upper.get(address)
        if known is None:
            if address.function:
                self.load_function(address.function)
            known = World(
                _tag(address),
                base=self._worlds.get(address.function),
                units={hash: self._bodies[hash] for hash in address.units if self.has(hash)},
                outside=self._outside if address.at_home else None,
            )
            if all(map(self.has, address.units)):  # else the others may still come
                self._upper[address] = known
        return known

    def _body(self, hash: bytes) -> bytes:
        body = self._bodies.get(hash)
        if body is None:
            raise UnreadableCode(f"the unit {hash.hex()} did not arrive")
        return body


def _tag(address: _Address) -> str:
    parts = hashlib.blake2b(b"".join(sorted(address.units)), digest_size=8)
    return f"{address.function.hex()[:16]}+{parts.hexdigest()}"
