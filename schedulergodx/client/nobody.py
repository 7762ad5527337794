"""The client of a job that has none yet."""

from __future__ import annotations

from typing import NoReturn

from schedulergodx.core.identity import ulid
from schedulergodx.errors import NotSubmitted


class Nobody:
    """Stands for the client of a job that has none yet. Whatever is asked of it, it raises."""

    def __init__(self, uid: bytes) -> None:
        self._uid = uid

    def __getattr__(self, name: str) -> NoReturn:
        raise NotSubmitted(f"{self._says()}: client.submit(job) does it")

    def __reduce__(self) -> NoReturn:
        raise NotSubmitted(
            f"{self._says()}, so it can't travel to another process: submit it first, or send what "
            "it is made of"
        )

    def _says(self) -> str:
        return f"job {ulid(self._uid)} was made by hand and is not submitted yet"
