"""The stores that are held to the contract, and how a test gets one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.storage import make_store
from tests.storage.model import ModelStore

if TYPE_CHECKING:
    from pathlib import Path

    from schedulergodx.storage.base import Store

KINDS = ("file", "memory", "model")


def unopened(kind: str, folder: Path) -> Store:
    """A store of that kind; the same folder is the same store, if it keeps anything."""
    if kind == "model":
        return ModelStore()
    return make_store("sqlite:///:memory:" if kind == "memory" else folder / "store.db")
