"""The names under which classes, and other things that a module holds, travel.

A key is `module:qualname` for what is found under that name, which is how a process that has the
code finds its own class again, also after a restart. It has more to it where the name alone is not
enough:

    shop.models:Invoice               found by import
    __main__(report.py):Invoice       found in the script, the cell or the prompt of that file
    shop.models:make.<locals>.A#5f…   not found by its name: the hash of its content; process-wide
    shop.models:Invoice@c41b…         a copy that lives in this worker, as its launches name it

Nothing here is a version: what a key means in a worker is decided by the unit it came in (see
`world`), so that old and new code of one name never mix.
"""

from __future__ import annotations

import importlib
import logging
import sys
from contextlib import suppress
from pathlib import PurePath
from types import ModuleType
from typing import NamedTuple
from weakref import WeakKeyDictionary, WeakValueDictionary

logger = logging.getLogger(__name__)

_MAIN = ("__main__", "__mp_main__")  # the second is what `multiprocessing` calls the first


class Arrival(NamedTuple):
    """Where a class of this process came from.

    key: what its sender calls it
    tag: of the world that it lives in
    unit, body: hash and body of the unit that brought it; both empty before it is known
    """

    key: str
    tag: str
    unit: bytes
    body: bytes


arrived_modules: set[str] = set()  # modules of which code came by value to this process
_arrivals: WeakKeyDictionary[type, Arrival] = WeakKeyDictionary()
_names: WeakKeyDictionary[object, str] = WeakKeyDictionary()  # of other things that arrived
_content_keys: WeakKeyDictionary[type, str] = WeakKeyDictionary()
_known: WeakValueDictionary[str, type] = WeakValueDictionary()  # keys that no import resolves


def find(module: str | None, qualname: str) -> object | None:
    """What a loaded module has under that name; None if nothing."""
    found: object | None = sys.modules.get(module or "")
    for part in qualname.split("."):
        if found is None:
            return None
        found = getattr(found, part, None)
    return found


def is_found(thing: object) -> bool:
    """Whether a function or a class is what its module has under its name."""
    qualname = getattr(thing, "__qualname__", "")
    return find(getattr(thing, "__module__", None), qualname) is thing


def name_of(thing: object, qualname: str) -> str:
    """`module:qualname` if the thing is found under it, or was where it came from; "" if not."""
    module = getattr(thing, "__module__", None)
    if find(module, qualname) is thing:
        return f"{_label(module)}:{qualname}"
    try:
        return _names.get(thing, "")
    except TypeError:  # it can't be referred to weakly, and so was not remembered
        return ""


def key_of(cls: type, *, outgoing: bool) -> str:
    """The key of a class; "" for one that has none yet and needs `name_by_content`.

    outgoing: for a launch, not for a result: a class that came by value is then named as the one
        of this worker, so that what comes back is of the very same class
    """
    arrival = _arrivals.get(cls)
    if arrival is not None:
        return f"{arrival.key}@{arrival.tag}" if outgoing else arrival.key
    return name_of(cls, cls.__qualname__) or _content_keys.get(cls, "")


def name_by_content(cls: type, digest: str) -> str:
    """Give a key to a class that can't be found by its name: of a function, or shadowed."""
    stem = key = f"{_label(cls.__module__)}:{cls.__qualname__}#{digest}"
    twin = 1
    while _known.setdefault(key, cls) is not cls:
        twin += 1
        key = f"{stem}.{twin}"
    _content_keys[cls] = key
    return key


def arrive(cls: type, arrival: Arrival) -> None:
    """Remember where a class that was built here came from."""
    _arrivals[cls] = arrival
    _known[f"{arrival.key}@{arrival.tag}"] = cls
    arrived_modules.add(cls.__module__)


def arrive_as(thing: object, name: str) -> None:
    """Remember the name of a function, or a thing of `typing`, that was built here."""
    with suppress(TypeError):  # a `type` statement makes what can't be referred to weakly
        _names[thing] = name


def arrival_of(cls: type) -> Arrival | None:
    """Where a class came from; None for one that was made here."""
    return _arrivals.get(cls)


def at_home(key: str) -> object | None:
    """What this process itself has for a key, importing its module if need be; None if nothing."""
    bare = key.partition("@")[0]
    known = _known.get(key) or _known.get(bare)
    if known is not None or "#" in bare:
        return known
    label, _, qualname = bare.partition(":")
    if label == _label("__main__"):
        return find("__main__", qualname)
    return find(label, qualname) if _import(label) else None


def _import(module: str) -> bool:
    try:
        importlib.import_module(module)
    except Exception as error:
        logger.debug("module %s of a value that came back can't be imported: %r", module, error)
        return False
    return True


def _label(module: str | None) -> str:
    if module not in _MAIN:
        return module or ""
    file = getattr(sys.modules["__main__"], "__file__", None) or ""
    return f"__main__({PurePath(file).name})"


def home_module(name: str) -> ModuleType | None:
    """The module of that name, imported if need be; None if there is none."""
    return sys.modules.get(name) if _import(name) else None
