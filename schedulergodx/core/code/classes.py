"""How classes are written: an empty one of its name, metaclass and bases, filled afterwards.

Nothing of the user runs when it is opened, neither a metaclass nor `__init_subclass__`: what they
did to the class is among its members, and done twice it would be done wrong.
"""

from __future__ import annotations

import abc
from copyreg import __newobj__  # type: ignore[attr-defined]  # what `object.__reduce_ex__` names
from enum import Enum
from types import (
    EllipsisType,
    GetSetDescriptorType,
    MemberDescriptorType,
    NoneType,
    NotImplementedType,
)
from typing import TYPE_CHECKING, Any

from schedulergodx.core.code import keys, rebuild
from schedulergodx.core.code.failures import Refused

if TYPE_CHECKING:
    from schedulergodx.core.code.pickler import CodePickler
    from schedulergodx.core.code.territory import Territory

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: not compiled in
_ONLY_VALUES = {NoneType: None, EllipsisType: ..., NotImplementedType: NotImplemented}
_GIVEN = frozenset({"__module__", "__qualname__"})  # before it is made
_MADE = frozenset({"_abc_impl", "__annotate_func__"})  # with it, or when it is asked for
_CACHES = frozenset({"__slotnames__"})  # there once an instance was pickled
_ELSEWHERE = _GIVEN | _MADE | _CACHES
_PLACES = frozenset({"__dict__", "__weakref__"})  # of its instances


def write_class(pickler: CodePickler, cls: type) -> None:
    """By value."""
    pickler.note("value", "class", f"{cls.__module__}.{cls.__qualname__}", cls)
    _check_metaclass(cls)
    pickler.make(
        cls,
        rebuild.make_class,
        pickler.key_of(cls),
        type(cls),
        cls.__name__,
        cls.__bases__,
        _given(cls),
    )
    if pickler.is_begun(cls):
        return
    pickler.fill(cls, rebuild.fill_class, cls, _members(cls))
    if registered := _registered(cls):
        pickler.fill(cls, rebuild.register_classes, cls, {"registered": registered})


def reduce_class(pickler: CodePickler, cls: type) -> Any:
    """By name if it is installed; by its key in a value."""
    if cls in _ONLY_VALUES:
        return type, (_ONLY_VALUES[cls],)
    if pickler.class_key is not None and travels_by_value(pickler.territory, cls):
        return rebuild.by_key, (pickler.class_key(cls),)
    pickler.note("reference", "class", f"{cls.__module__}.{cls.__qualname__}")
    return cls.__qualname__ if keys.is_found(cls) else NotImplemented


def travels_by_value(territory: Territory, cls: type) -> bool:
    """Whether it is the user's own, or arrived, or is not to be found where it says it is."""
    if cls.__module__ == "builtins" or not cls.__flags__ & _HEAP_TYPE:
        return False
    return keys.arrival_of(cls) is not None or not territory.refers(cls)


def reduce_member(member: Enum) -> Any:
    """A member of an enum that is itself being written: without a call of the enum for it."""
    cls: Any = type(member)
    parts: Any = object.__reduce_ex__(member, 4)
    args = parts[1][1:] if parts[0] is __newobj__ else parts[1]
    parts = (cls, member._name_, member._value_, cls._member_type_, args)
    return rebuild.make_member, parts, member.__dict__, None, None, rebuild.fill_member


def _check_metaclass(cls: type) -> None:
    """Refuse what only its own metaclass can make, before it fails where nobody sees it."""
    metaclass: Any = type(cls)
    for base in metaclass.__mro__:
        if base is type:
            return
        if not base.__flags__ & _HEAP_TYPE or _is_compiled(vars(base).get("__new__")):
            raise Refused(
                f"it is made by compiled code ({base.__module__}.{base.__qualname__}), which can't "
                "make it again from its parts",
                cls,
                "install its module where the job runs, and name it in by_reference",
            )


def _is_compiled(new: object) -> bool:
    return new is not None and not hasattr(new, "__func__")


def _given(cls: type) -> dict[str, Any]:
    """The namespace to make it with: what can't be set later."""
    given = {name: vars(cls)[name] for name in sorted(_GIVEN & vars(cls).keys())}
    given["__qualname__"] = cls.__qualname__
    if "__orig_bases__" in vars(cls):
        given["__orig_bases__"] = ()  # there must be some: see `typing.Generic.__init_subclass__`
    if "__slots__" in vars(cls):
        given["__slots__"] = _slots(cls)
    return given


def _slots(cls: type) -> tuple[str, ...]:
    """Names of its own slots: of its descriptors, since `__slots__` may be anything iterable."""
    return tuple(
        name
        for name, value in vars(cls).items()
        if type(value) is MemberDescriptorType or _is_place(name, value)
    )


def _members(cls: type) -> dict[str, Any]:
    """What it has of its own, without what comes with making it."""
    slots = _slots(cls) if "__slots__" in vars(cls) else ()
    members = {
        name: value
        for name, value in vars(cls).items()
        if name not in _ELSEWHERE and name not in slots and not _is_place(name, value)
    }
    if "__static_attributes__" in members:  # in the order of a set, in 3.13.0
        members["__static_attributes__"] = tuple(sorted(members["__static_attributes__"]))
    return members


def _is_place(name: str, value: object) -> bool:
    return name in _PLACES and type(value) is GetSetDescriptorType


def _registered(cls: type) -> tuple[type, ...]:
    """Of an ABC, the classes that were registered with it."""
    if not isinstance(cls, abc.ABCMeta):
        return ()
    registry = abc._get_dump(cls)[0]  # type: ignore[attr-defined]  # nothing public tells
    found = [other for reference in registry if (other := reference()) is not None]
    return tuple(sorted(found, key=lambda other: (other.__module__, other.__qualname__)))
