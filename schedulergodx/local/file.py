"""A file of jobs: where it is, what lies beside it, and the settings of whoever serves it.

x.db            the store
x.db.lock       held by who serves it
x.db.spool/     the embedded broker: what is asked of it waits there
x.db.workers/   marks of what runs
x.db.socket     where workers lend their places to who serves it
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedulergodx.config import NOT_SAID, SETTINGS, load_settings
from schedulergodx.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from schedulergodx.config import Settings

_PREFIX = "sqlite:///"
_KEPT = ("completed", "failed", "timeout", "cancelled", "expired")


@dataclass(frozen=True, slots=True)
class JobFile:
    """One file of jobs. path: absolute"""

    path: Path

    @classmethod
    def of(cls, name: str | os.PathLike[str]) -> JobFile:
        """A path, or `sqlite:///PATH`. Raises: ConfigError"""
        text = os.fspath(name).removeprefix(_PREFIX)
        if text == ":memory:":
            raise ConfigError(
                "jobs in memory can be seen by no worker, which runs them in another process: name "
                "a file; one in a temporary directory goes by itself"
            )
        if not text or "://" in text:
            raise ConfigError(f"{name!r} names no file: give a path, as jobs.db")
        return cls(Path(text).absolute())

    @property
    def socket(self) -> Path:
        """Where places are lent."""
        return self._beside("socket")

    @property
    def broker(self) -> str:
        """The URL of the broker beside it."""
        return f"spool:{self._beside('spool')}"

    def settings(self, said: Settings | None = None) -> Settings:
        """What serves it, and what asks it. The broker has its own secret and no other user.

        Jobs are kept until somebody clears them, where no setting says otherwise.

        said: settings that were found already
        """
        found = (said or load_settings()).replace(db=f"{_PREFIX}{self.path}", broker=self.broker)
        retention = [f"retention_{status}" for status in _KEPT]
        ours: dict[str, Any] = {name: None for name in retention if found.origin(name) == NOT_SAID}
        ours |= {name: SETTINGS[name].default for name in ("secret", "prefix", "queues")}
        return replace(found, **ours)

    def check_there(self) -> None:
        """Raises: StoreError if there is no such file"""
        if not self.path.is_file():
            raise StoreError(
                f"{self.path} is not there: a queue that is to make it is opened with "
                "initialize=True"
            )

    def _beside(self, what: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{what}")
