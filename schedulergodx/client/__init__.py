"""The client: ships functions to services, and brings back what became of them.

import schedulergodx.client as scheduler

client = scheduler.Client()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from schedulergodx.client.client import Client
from schedulergodx.client.identity import default_client_name
from schedulergodx.client.job import Job
from schedulergodx.client.outcomes import RemoteTraceback
from schedulergodx.client.requests import Cancellation
from schedulergodx.client.response import Response
from schedulergodx.client.task import Task
from schedulergodx.client.unique import Unique

if TYPE_CHECKING:
    from schedulergodx.client.async_batch import AsyncBatch
    from schedulergodx.client.async_client import AsyncClient
    from schedulergodx.client.async_job import AsyncJob
    from schedulergodx.client.async_task import AsyncTask
    from schedulergodx.client.batch import Batch
    from schedulergodx.client.dependency import Dependency
    from schedulergodx.client.value import values
    from schedulergodx.client.workflow import Workflow

__all__ = [
    "AsyncBatch",
    "AsyncClient",
    "AsyncJob",
    "AsyncTask",
    "Batch",
    "Cancellation",
    "Client",
    "Dependency",
    "Job",
    "RemoteTraceback",
    "Response",
    "Task",
    "Unique",
    "Workflow",
    "default_client_name",
    "values",
]

_LATER = {
    "AsyncBatch": "async_batch",
    "AsyncClient": "async_client",
    "AsyncJob": "async_job",
    "AsyncTask": "async_task",
    "Batch": "batch",
    "Dependency": "dependency",
    "values": "value",
    "Workflow": "workflow",
}


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
