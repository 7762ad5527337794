"""Deferred execution over RabbitMQ: a job carries its own code, is kept, runs, and answers.

Each name is looked up when it is used, so that a client costs no import of a service, and a
program without either costs none at all.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schedulergodx.client import (
        AsyncClient,
        AsyncJob,
        Cancellation,
        Client,
        Job,
        RemoteTraceback,
        Response,
        Task,
        Unique,
    )
    from schedulergodx.core.context import current_job
    from schedulergodx.core.job import ErrorCode, Status
    from schedulergodx.service import Service

__version__ = "2.0.0"

__all__ = [
    "AsyncClient",
    "AsyncJob",
    "Cancellation",
    "Client",
    "ErrorCode",
    "Job",
    "RemoteTraceback",
    "Response",
    "Service",
    "Status",
    "Task",
    "Unique",
    "current_job",
]

_HOMES = {
    "ErrorCode": "core.job",
    "Service": "service",
    "Status": "core.job",
    "current_job": "core.context",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'client')}"), name)
    globals()[name] = value
    return value
