"""Functions that a service has registered, on their way to its workers.

One in a module is named, and its module is imported again where workers are forked. One of a
script (`__main__`), or that was made in a function, is packed as a client would pack it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from schedulergodx.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Functions(Struct, frozen=True):
    """By the names that they are called by.

    places: the module and the name in it
    packed: the hash of the unit
    units: the bodies of units by their hashes
    """

    places: dict[str, tuple[str, str]] = {}
    packed: dict[str, bytes] = {}
    units: dict[bytes, bytes] = {}


NO_FUNCTIONS = Functions()


def pack_functions(
    functions: Mapping[str, Callable[..., Any]], *, accept_code: bool = True
) -> Functions:
    """What workers need to call these.

    accept_code: whether workers may open what was packed

    Raises: ConfigError, ShipError
    """
    places = {name: place for name, one in functions.items() if (place := _place_of(one))}
    others = {name: one for name, one in functions.items() if name not in places}
    if not others:
        return Functions(places)
    if not accept_code:
        raise ConfigError(
            f"{', '.join(map(repr, others))} can't be taken to the workers, which open no packed "
            "code while accept_code is off: put it into a module, and name that in `imports`"
        )
    from schedulergodx.core.code import Packer  # late: it loads dill

    packer = Packer()
    packed = {name: packer.pack_function(one) for name, one in others.items()}
    units = {key: body for one in packed.values() for key, body in one.units.items()}
    return Functions(places, {name: one.hash for name, one in packed.items()}, units)


def find_function(place: tuple[str, str]) -> Callable[..., Any]:
    """The function of a place, whose module is imported. Raises: KeyError, AttributeError"""
    module, name = place
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part)
    function: Callable[..., Any] = found
    return function


def _place_of(function: Callable[..., Any]) -> tuple[str, str] | None:
    """Where another process that imports its module finds it; None if it can't."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__":
        return None
    try:
        found = find_function((module, name))
    except (KeyError, AttributeError):
        return None
    return (module, name) if found is function else None
