"""`sgx execute`: a job for a function that its service knows by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from schedulergodx.cli.asking import asking
from schedulergodx.cli.launch import launch, print_job
from schedulergodx.cli.options import with_settings
from schedulergodx.setting import Scope

if TYPE_CHECKING:
    from schedulergodx.config import Settings


_OF_A_CALL = ("args", "kwargs", "delay", "expires", "queue", "priority", "max_attempts")
_OF_A_JOB = ("lifetime", "hard", "wait", "timeout", "as_json")


@click.command(params=[one for one in launch.params if one.name in (*_OF_A_CALL, *_OF_A_JOB)])
@click.argument("function", metavar="NAME")
@with_settings(Scope.BOTH, Scope.CLIENT)
def execute(
    settings: Settings,
    function: str,
    args: list[Any],
    kwargs: dict[str, Any],
    wait: bool,
    timeout: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Run a function that its service has; print the id of its job.

    NAME is what it is registered as, or a path that the service imports.
    """
    said: Any = {option: value for option, value in options.items() if value is not None}
    with asking(settings) as client:
        job = client.function(function, **said).launch(*args, **kwargs)
        print_job(job, wait, timeout, as_json=as_json)
