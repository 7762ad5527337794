"""The client that a command asks with."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from schedulergodx.cli.health import sqlite_path
from schedulergodx.config import NOT_SAID, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.client import Client
    from schedulergodx.config import Settings


@contextmanager
def asking(settings: Settings) -> Iterator[Client]:
    """A client of these settings, closed at the end: of a file of jobs, or of a broker.

    Raises: BrokerUnavailable, StoreError
    """
    client = _make(settings)
    try:
        yield client
    finally:
        client.close()


def _make(settings: Settings) -> Client:
    if not is_of_file(settings):
        from schedulergodx.client import Client

        return Client(settings=settings)
    from schedulergodx.local.client import LocalClient
    from schedulergodx.local.file import JobFile

    return LocalClient(JobFile.of(settings.db), settings)


def is_of_file(settings: Settings) -> bool:
    """Whether a file of jobs is meant, and no broker.

    It is, where the flag names one; or where another setting does, no broker is named, and the file
    is not the database of a service on a broker elsewhere: it is not there yet, or has its own.
    """
    if settings.origin("db") == SETTINGS["db"].flag:
        return settings.origin("broker") != SETTINGS["broker"].flag
    if settings.origin("db") == NOT_SAID or settings.broker is not None:
        return False
    path = sqlite_path(settings.db)
    return path is not None and (not path.exists() or path.with_name(f"{path.name}.spool").is_dir())
