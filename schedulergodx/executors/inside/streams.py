"""What is printed and logged in a worker goes to the job that does it, in coroutines as well.

What a subprocess writes to descriptors 1 and 2 is not caught.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from schedulergodx.executors.inside import attempt

if TYPE_CHECKING:
    from typing import Any

    from schedulergodx.executors.inside.attempt import Attempt

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class CapturedStream(io.TextIOBase):
    """In the place of `sys.stdout` or `sys.stderr`.

    descriptor: where it goes when no job runs, and as well where the service shows output
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, name: str, descriptor: int, echo: bool) -> None:
        self.name = name
        self._descriptor = descriptor
        self._echo = echo
        self.buffer = _CapturedBytes(self)

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() takes text, not {type(text).__name__}")
        self.take(text.encode(errors="backslashreplace"))
        return len(text)

    def take(self, data: bytes, here: Attempt | None = None) -> None:
        """Give bytes to a job, else to the one that this is called in."""
        here = here or attempt.current()
        if here is not None:
            here.capture().add(data)
        if self._echo or here is None:
            view = memoryview(data)
            with suppress(OSError):  # nobody reads there any more
                while view:
                    view = view[os.write(self._descriptor, view) :]

    def reconfigure(self, **options: object) -> None:
        """As programs call it on `sys.stdout`; it is UTF-8 anyhow."""

    def fileno(self) -> int:
        """The real one: what a subprocess writes is not caught."""
        return self._descriptor

    def writable(self) -> bool:
        return True


class _CapturedBytes(io.RawIOBase):
    """`sys.stdout.buffer`."""

    def __init__(self, stream: CapturedStream) -> None:
        self._stream = stream

    def write(self, data: Any) -> int:
        copy = bytes(data)
        self._stream.take(copy)
        return len(copy)

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True


_standard: CapturedStream | None = None


def give(here: Attempt, data: bytes) -> None:
    """Add to the output of a job, from anywhere in its worker."""
    if _standard is None:
        here.capture().add(data)
    else:
        _standard.take(data, here)


def install(echo: bool) -> None:
    """Catch what is printed and logged in this process from now on."""
    global _standard
    sys.stdout = _standard = CapturedStream("<stdout>", 1, echo)
    sys.stderr = CapturedStream("<stderr>", 2, echo)
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [log]
    root.setLevel(logging.INFO)
