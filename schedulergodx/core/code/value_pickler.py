"""The fast way for arguments and results: the C pickler, with classes by their keys."""

from __future__ import annotations

import pickle
from io import BytesIO
from types import FunctionType
from typing import TYPE_CHECKING, Any

from schedulergodx.core.code import pickler, rebuild
from schedulergodx.core.code.classes import travels_by_value
from schedulergodx.core.code.oddities import reduce_exception

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.core.code.territory import Territory


class NeedsCodePickler(Exception):
    """There is something in a value that only the slow pickler writes well."""


class ValuePickler(pickle.Pickler):
    """Writes plain data and instances.

    class_key: gives the key of a class that travels as a unit of its own

    Raises: NeedsCodePickler
    """

    def __init__(
        self, file: BytesIO, territory: Territory, class_key: Callable[[type], str]
    ) -> None:
        super().__init__(file, pickler.PROTOCOL)
        self._territory = territory
        self._class_key = class_key

    def reducer_override(self, obj: Any) -> Any:
        """Hot: called for all that is not of a builtin type."""
        kind: Any = type(obj)
        if issubclass(kind, type):
            if not travels_by_value(self._territory, obj):
                return NotImplemented
            return rebuild.by_key, (self._class_key(obj),)
        if kind in pickler.SPECIAL:
            if kind is FunctionType and self._territory.refers(obj):
                return NotImplemented
            raise NeedsCodePickler
        if issubclass(kind, BaseException):
            return reduce_exception(obj)
        if kind.__reduce__ is object.__reduce__ and kind.__reduce_ex__ is object.__reduce_ex__:
            return NotImplemented
        return self._own_way(obj, kind)

    def _own_way(self, obj: Any, kind: type) -> Any:
        """Of an object that reduces itself: as it says, unless it says that it is a global."""
        if not self._territory.owns(kind.__module__):
            return NotImplemented
        reduced = obj.__reduce_ex__(pickler.PROTOCOL)
        if isinstance(reduced, str):
            raise NeedsCodePickler
        return reduced
