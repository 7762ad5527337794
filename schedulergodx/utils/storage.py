"""A door: the database of a service, by the name of the document."""

from __future__ import annotations

from schedulergodx.storage.database import DB

__all__ = ["DB"]
