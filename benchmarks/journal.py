"""The marks that jobs left: who started, and when."""

from __future__ import annotations

import struct
import time
from pathlib import Path

from benchmarks.functions import MARK

_SIZE = struct.calcsize(MARK)
_STEP = 0.002  # seconds between looks: nobody tells a file's reader


class Journal:
    """A file to which `functions.stamp` appends."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self.clear()

    def clear(self) -> None:
        """Forget all marks."""
        self._path.write_bytes(b"")

    def count(self) -> int:
        """How many marks there are."""
        return self._path.stat().st_size // _SIZE

    def marks(self) -> list[tuple[int, float]]:
        """The argument of each job that started, with the instant."""
        data = self._path.read_bytes()
        return list(struct.iter_unpack(MARK, data[: len(data) // _SIZE * _SIZE]))

    def wait(self, count: int, timeout: float) -> bool:
        """Until there are so many marks."""
        end = time.monotonic() + timeout
        while self.count() < count:
            if time.monotonic() > end:
                return False
            time.sleep(_STEP)
        return True
