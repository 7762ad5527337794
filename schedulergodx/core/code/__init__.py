"""Shipping code: functions and classes of the user's own travel by value.

A `Packer` turns functions, arguments and results into bytes; an `Unpacker` in a process that does
not have the code turns them back. Code travels in units, which are addressed by the hash of their
content, so that each is stored and opened once. `docs/shipping-code.md` tells it from outside.

The service never opens any of it; workers and clients do.

An object of an installed package, schedulergodx included, that wants to travel in its own way
defines `__reduce__` as for any pickle: it is respected in code and in values, and functions and
classes of the user among its parts go by value like everywhere else.
"""

from schedulergodx.core.code.explanation import Explanation, Item
from schedulergodx.core.code.interpreter import interpreter_tag, serializer_tag
from schedulergodx.core.code.packer import Packer
from schedulergodx.core.code.unit import PackedFunction, PackedValue
from schedulergodx.core.code.unpacker import LoadedFunction, Unpacker
from schedulergodx.errors import MissingModule, UnreadableCode

__all__ = [
    "Explanation",
    "Item",
    "LoadedFunction",
    "MissingModule",
    "PackedFunction",
    "PackedValue",
    "Packer",
    "Unpacker",
    "UnreadableCode",
    "interpreter_tag",
    "serializer_tag",
]
