"""The database of a service, by the name that its document gives it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DB:
    """Names the database of a service; nothing is opened before the service starts.

    path: `sqlite:///FILE`, relative to the working directory, or `sqlite:////ABSOLUTE/FILE`
    service_db: taken as version 1 has it, and without a meaning: a database is always a service's
    """

    path: str = "sqlite:///SchedulerGodX.db"
    service_db: bool = False
