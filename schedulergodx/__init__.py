"""Deferred execution over RabbitMQ: a job carries its own code, is kept, runs, and answers.

Each name is looked up when it is used, so that a client costs no import of a service, and a
program without either costs none at all.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schedulergodx.client import (
        AsyncBatch,
        AsyncClient,
        AsyncJob,
        Batch,
        Cancellation,
        Client,
        Dependency,
        Job,
        RemoteTraceback,
        Response,
        Task,
        Unique,
        Workflow,
        values,
    )
    from schedulergodx.client.default import (
        attach,
        batch,
        broadcast,
        configure,
        execute,
        publish,
        publish_task,
    )
    from schedulergodx.core.context import NoJob, current_job
    from schedulergodx.core.follow import Output, StatusChange
    from schedulergodx.core.job import ErrorCode, JobStatus, Status
    from schedulergodx.core.registry import register
    from schedulergodx.core.view import Progress
    from schedulergodx.core.why import Reason, Why
    from schedulergodx.local import ClaimFilter, JobQueue, Worker
    from schedulergodx.service import Service
    from schedulergodx.utils.configuration import Config

__version__ = "2.0.0"

__all__ = [
    "AsyncBatch",
    "AsyncClient",
    "AsyncJob",
    "Batch",
    "Cancellation",
    "ClaimFilter",
    "Client",
    "Config",
    "Dependency",
    "ErrorCode",
    "Job",
    "JobQueue",
    "JobStatus",
    "NoJob",
    "Output",
    "Progress",
    "Reason",
    "RemoteTraceback",
    "Response",
    "Service",
    "Status",
    "StatusChange",
    "Task",
    "Unique",
    "Why",
    "Worker",
    "Workflow",
    "attach",
    "batch",
    "broadcast",
    "configure",
    "current_job",
    "execute",
    "publish",
    "publish_task",
    "register",
    "values",
]

_HOMES = {
    "ClaimFilter": "local",
    "Config": "utils.configuration",
    "ErrorCode": "core.job",
    "JobQueue": "local",
    "JobStatus": "core.job",
    "NoJob": "core.context",
    "Output": "core.follow",
    "Progress": "core.view",
    "Reason": "core.why",
    "Service": "service",
    "Status": "core.job",
    "StatusChange": "core.follow",
    "Why": "core.why",
    "Worker": "local",
    "attach": "client.default",
    "batch": "client.default",
    "broadcast": "client.default",
    "configure": "client.default",
    "current_job": "core.context",
    "execute": "client.default",
    "publish": "client.default",
    "publish_task": "client.default",
    "register": "core.registry",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'client')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
