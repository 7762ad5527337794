"""What is installed: schedulergodx, and what it stands on."""

from __future__ import annotations

import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("dill", "msgspec", "pika", "aio-pika", "SQLAlchemy", "alembic")


def own_version() -> str:
    """The version of schedulergodx; "unknown" where it runs without being installed."""
    return _version("schedulergodx") or "unknown"


def installed_versions() -> dict[str, str | None]:
    """Versions by name; None for what is not installed."""
    found: dict[str, str | None] = {
        "schedulergodx": own_version(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    return found | {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
