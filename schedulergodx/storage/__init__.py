"""The database of a service."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from schedulergodx.errors import ConfigError

if TYPE_CHECKING:
    from schedulergodx.storage.base import Store

_PREFIX = "sqlite:///"
_IN_MEMORY = ":memory:"


def make_store(url_or_path: str | os.PathLike[str]) -> Store:
    """The store of that name; it is not open yet.

    url_or_path: `sqlite:///FILE` (relative to the working directory), `sqlite:////ABSOLUTE/FILE`,
    a path, or `sqlite:///:memory:` for tests

    Raises: ConfigError
    """
    from schedulergodx.storage.sqlite import SQLiteStore  # not needed where only `DB` is imported

    path = os.fspath(url_or_path)
    if path.startswith(_PREFIX):
        path = path.removeprefix(_PREFIX)
    elif "://" in path:
        path = ""
    if not path:
        named = _without_password(os.fspath(url_or_path))
        raise ConfigError(
            f"{named!r} names no database: give sqlite:///FILE (relative), "
            f"sqlite:////ABSOLUTE/FILE, a path, or {_PREFIX}{_IN_MEMORY} for tests"
        )
    return SQLiteStore("" if path == _IN_MEMORY else path)


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return scheme + separator + rest.rpartition("@")[2]
