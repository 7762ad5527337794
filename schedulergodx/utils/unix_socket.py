"""Addresses of sockets in directories, however long these are."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LONGEST_PATH = 100  # bytes; a socket's address holds 108 on Linux, 104 elsewhere


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """A path that fits into the address of a socket: long ones by an open directory.

    Raises: OSError
    """
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
