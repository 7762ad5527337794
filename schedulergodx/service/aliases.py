"""Every name that only a document uses for a part of a service, and what it is called here.

New code has no need of them.
"""

from __future__ import annotations

from typing import Protocol


class _Starting(Protocol):
    def start(self) -> None: ...


class Aliases:
    """Mixed into `Service`."""

    def start_listening(self: _Starting) -> None:
        """`start`, as the document of Taskit calls it."""
        self.start()
