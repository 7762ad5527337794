"""A PostgreSQL server with its defaults, which are durable."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Self

from benchmarks.servers.base import Daemon

_DEBIAN = Path("/usr/lib/postgresql")
_ACCOUNT = "postgres"  # PostgreSQL refuses to run as root


class Postgres(Daemon):
    """One server."""

    def __init__(self) -> None:
        super().__init__("postgres")
        self._user = _ACCOUNT if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(self.folder, self._user)

    @property
    def url(self) -> str:
        """Of its default database."""
        return f"postgresql://bench@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> Self:
        data = self.folder / "data"
        initdb = [_program("initdb"), "-D", str(data), "-A", "trust", "-U", "bench"]
        subprocess.run(
            initdb, check=True, user=self._user, cwd=self.folder, stdout=subprocess.DEVNULL
        )
        where = ["-p", str(self.port), "-k", str(self.folder), "-h", "127.0.0.1"]
        self.launch([_program("postgres"), "-D", str(data), *where], user=self._user)
        return self


def why_missing() -> str:
    """Why there can be none here."""
    if not _program("postgres"):
        return "there is no postgres"
    if os.geteuid() == 0 and _ACCOUNT not in {entry.pw_name for entry in pwd.getpwall()}:
        return f"root can't run postgres, and there is no user {_ACCOUNT}"
    return ""


def _program(name: str) -> str:
    found = sorted(_DEBIAN.glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name) or ""
