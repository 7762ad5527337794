"""A Redis server with an append-only file that is synced each second: its usual durable setting."""

from __future__ import annotations

import shutil
from typing import Self

from benchmarks.servers.base import Daemon


class Redis(Daemon):
    """One server."""

    def __init__(self) -> None:
        super().__init__("redis")

    @property
    def url(self) -> str:
        """Of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        told = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.folder), "save": ""}
        told |= {"appendonly": "yes", "appendfsync": "everysec"}
        flags = [word for key, value in told.items() for word in (f"--{key}", value)]
        self.launch(["redis-server", *flags])
        return self


def why_missing() -> str:
    """Why there can be none here."""
    return "" if shutil.which("redis-server") else "there is no redis-server"
