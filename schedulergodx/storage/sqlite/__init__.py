"""The store in one SQLite file: one service, one connection that writes.

One file is one kind of thing that a service asks, as `storage/base.py` has them; `store.py` puts
them together.
"""

from __future__ import annotations

from schedulergodx.storage.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
