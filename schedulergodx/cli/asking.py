"""The client that a command asks with."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.client import Client
    from schedulergodx.config import Settings


@contextmanager
def asking(settings: Settings) -> Iterator[Client]:
    """A client of these settings, closed at the end.

    Raises: BrokerUnavailable
    """
    from schedulergodx.client import Client

    client = Client(settings=settings)
    try:
        yield client
    finally:
        client.close()
