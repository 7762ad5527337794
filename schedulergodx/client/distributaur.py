"""Every name that only the document of Distributaur uses, and what it is called here.

Its *job* is a batch here, and its *task* is a job. New code has no need of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from schedulergodx.client.default import default_client
from schedulergodx.core.envelope import UNREADABLE
from schedulergodx.core.json_data import read_json
from schedulergodx.core.registry import register, registry
from schedulergodx.errors import ConfigError, UnknownBatch

if TYPE_CHECKING:
    from schedulergodx.client.job import Job
    from schedulergodx.client.options import Duration, TaskOptions
    from schedulergodx.core.job import Status

register_function = register


def execute_function(
    func_name: str, args: Mapping[str, Any], **options: Unpack[TaskOptions]
) -> Job[Any]:
    """`client.execute`; with `batch=schedulergodx.batch(job_id)` it is of a job as there."""
    return default_client().execute(func_name, args, **options)


def update_function_status(task_id: Job[Any] | str, status: str) -> None:
    """`client.update_status`."""
    default_client().update_status(task_id, status)


def check_job_status(job_id: str) -> dict[Status, int]:
    """`client.attach(job_id).status()`; empty if there is no such batch."""
    try:
        return default_client().attach(job_id).status()
    except UnknownBatch:
        return {}


def monitor_job_status(job_id: str, timeout: Duration | None = None) -> dict[Status, int]:
    """`client.attach(job_id).progress(timeout)`. Raises: UnknownBatch, ResultTimeout"""
    return default_client().attach(job_id).progress(timeout).counts


def attach_to_existing_job(job_id: str) -> bool:
    """Whether `client.attach(job_id)` finds a batch with jobs that have not ended."""
    try:
        return default_client().attach(job_id).active
    except UnknownBatch:
        return False


def call_function_task(func_name: str, args_json: str) -> Any:
    """Call a function that is registered here, with keywords in JSON.

    Raises: ValueError if there is none of that name, or the text is no JSON
    """
    function = registry.find(func_name)
    try:
        kwargs = dict(read_json(args_json.encode()))
    except (*UNREADABLE, TypeError) as error:
        raise ConfigError(f"the arguments are no JSON object: {error}") from error
    return function(**kwargs)
