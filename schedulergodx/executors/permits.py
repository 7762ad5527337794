"""Which job a worker may begin: a pipe of tokens that both ends read.

A worker reads one token before each start. The service takes back what has not begun by reading the
same pipe. The kernel gives each token to one of them, so there is no race, and a worker that is
busy need not answer.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOKEN = struct.Struct("<Q")
_ALL = 1 << 16  # bytes: what a pipe holds


class Permits:
    """The service's end. `child_end` is for the worker, which blocks on it."""

    def __init__(self) -> None:
        self.child_end, self._write = os.pipe2(os.O_CLOEXEC)
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
        # a description of its own: whether a read blocks is a property of descriptions
        self._read = os.open(f"/proc/self/fd/{self.child_end}", flags)

    def grant(self, tokens: Sequence[int]) -> None:
        """Let the worker begin these, in this order. They fit, because few are outstanding."""
        os.write(self._write, struct.pack(f"<{len(tokens)}Q", *tokens))

    def take_back(self) -> list[int]:
        """The tokens that the worker has not read, in their order: it never will."""
        try:
            return [token for (token,) in _TOKEN.iter_unpack(os.read(self._read, _ALL))]
        except BlockingIOError:
            return []

    def close_child_end(self) -> None:
        """The worker has it now."""
        os.close(self.child_end)

    def close(self) -> None:
        """The worker finds the end of the pipe when it has read what is in it."""
        os.close(self._write)
        os.close(self._read)
