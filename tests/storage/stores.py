"""The stores that are held to the contract, and how a test gets one."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from schedulergodx.storage import make_store
from tests.storage.model import ModelStore

if TYPE_CHECKING:
    from schedulergodx.storage.base import Store

KINDS = ("sqlite", "model")


def unopened(kind: str, folder: Path) -> Store:
    """A new store of that kind, in a folder of its own."""
    if kind == "model":
        return ModelStore()
    path = folder / "store.db"
    path.write_bytes(new_file())
    return make_store(path)


@functools.cache
def new_file() -> bytes:
    """A database as it is made; making one for each test would take most of the time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        store = make_store(path)
        store.open()
        store.close()
        return path.read_bytes()
