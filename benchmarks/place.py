"""Where a trial lives: its folder, its servers, its setting.

Every process of a trial, the workers of the peers included, is told by its environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
_PREFIX = "BENCH_"


@dataclass(frozen=True, slots=True)
class Place:
    """What the processes of one trial share.

    folder: for databases, logs and everything else; removed after the trial
    setting: which of its settings the contestant runs with
    rabbitmq, redis, postgres: URLs, empty where the contestant does not need it
    loops: how many turns of `functions.burn` take 20 ms
    """

    folder: str = ""
    setting: str = ""
    rabbitmq: str = ""
    redis: str = ""
    postgres: str = ""
    loops: int = 0

    @classmethod
    def here(cls) -> Self:
        """The place that this process was told."""
        told = {name: os.environ.get(_variable(name), "") for name in cls.__dataclass_fields__}
        return cls(**{**told, "loops": int(told["loops"] or 0)})  # type: ignore[arg-type]

    def environ(self) -> Mapping[str, str]:
        """What tells another process."""
        said = {_variable(name): str(value) for name, value in asdict(self).items()}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        return {**os.environ, **said, "PYTHONPATH": path}

    @property
    def journal(self) -> str:
        """The file in which jobs leave their marks."""
        return f"{self.folder}/journal"

    def path(self, name: str) -> Path:
        """A file of this trial's."""
        return Path(self.folder) / name


def _variable(name: str) -> str:
    return _PREFIX + name.upper()
