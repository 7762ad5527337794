"""The names of the document of Taskit; each is looked up when it is used."""

from __future__ import annotations

from importlib import import_module

_HOMES = {
    "TaskEngine": "service.taskit",
    "publish": "client.default",
    "publish_task": "client.default",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"schedulergodx.{_HOMES[name]}"), name)
