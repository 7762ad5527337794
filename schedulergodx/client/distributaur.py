"""Every name that only the document of Distributaur uses, and what it is called here.

Its *job* is a batch here, and its *task* is a job. New code has no need of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from schedulergodx.client.default import default_client
from schedulergodx.core.envelope import UNREADABLE
from schedulergodx.core.json_data import read_json
from schedulergodx.core.registry import register, registry
from schedulergodx.errors import ConfigError

if TYPE_CHECKING:
    from schedulergodx.client.job import Job

register_function = register


def execute_function(func_name: str, args: Mapping[str, Any]) -> Job[Any]:
    """`client.execute`."""
    return default_client().execute(func_name, args)


def update_function_status(task_id: Job[Any] | str, status: str) -> None:
    """`client.update_status`."""
    default_client().update_status(task_id, status)


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
