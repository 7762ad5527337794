"""Small modules that the document of version 1 names; each can be imported by itself.

The names that the document takes straight from `utils` are looked up when they are used, so that
importing one module does not load the others.
"""

from __future__ import annotations

from importlib import import_module

_HOMES = {
    "DB": "storage",
    "LoggerConstructor": "logger",
    "MessageConstructor": "message",
    "RmqConnect": "rmq_property",
    "RmqSettings": "rmq_property",
    "rmq_default_settings": "rmq_property",
}
_MODULES = ("abstractions", "id_generators", "logger", "message", "rmq_property", "storage")

__all__ = [*_HOMES, *_MODULES]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
