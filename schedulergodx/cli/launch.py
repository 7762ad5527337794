"""`sgx launch`: a job from the command line."""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from schedulergodx.cli.asking import asking
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import json_flag, print_json
from schedulergodx.setting import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.config import Settings


class JsonText(click.ParamType[Any]):
    """JSON of one type, as a value."""

    def __init__(self, type: type, name: str) -> None:
        self._type = type
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value, or a usage error."""
        if isinstance(value, self._type):
            return value
        try:
            read = json.loads(value)
        except ValueError as error:
            self.fail(f"{value!r} is not JSON: {error}", param, ctx)
        if not isinstance(read, self._type):
            self.fail(f"{value!r} is no {self.name}", param, ctx)
        return read


@click.command()
@with_settings(Scope.BOTH, Scope.CLIENT)
@click.argument("function", metavar="MODULE:FUNCTION")
@click.option("--args", type=JsonText(list, "JSON array"), default="[]", help="Positional ones.")
@click.option("--kwargs", type=JsonText(dict, "JSON object"), default="{}", help="Keyword ones.")
@click.option("--delay", metavar="DURATION", help='Run it so long from now on, as "10 min".')
@click.option("--expires", metavar="DURATION", help="It must have started by then.")
@click.option("--queue", help="The queue it goes to.")
@click.option("--priority", type=int, help="Higher ones start first.")
@click.option("--max-attempts", type=int, help="How many attempts at the most.")
@click.option("--lifetime", metavar="DURATION", help="How long an attempt may run.")
@click.option("--hard", is_flag=True, default=None, help="In a fresh process of its own.")
@click.option("--wait", is_flag=True, help="Wait for the outcome, print it, and fail as it did.")
@click.option("--timeout", type=float, help="How many seconds to wait at the most.")
@json_flag
def launch(
    settings: Settings,
    function: str,
    args: list[Any],
    kwargs: dict[str, Any],
    wait: bool,
    timeout: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Launch a function of a module here; print the id of its job."""
    found = find_function(function)
    said = {name: value for name, value in options.items() if value is not None}
    with asking(settings) as client:
        job = client.task(found).options(**said).launch(*args, **kwargs)
        print_job(job, wait, timeout, as_json=as_json)


def print_job(job: Any, wait: bool, timeout: float | None, *, as_json: bool) -> None:
    """Print the id of a job, and its outcome where that is waited for."""
    if not as_json:
        click.echo(str(job), err=wait)
    elif not wait:
        print_json({"id": job.id})
    if wait:
        _print_outcome(job, timeout, as_json)


def find_function(path: str) -> Callable[..., Any]:
    """The function that "package.module:name" names, or what a task of that name wraps.

    Raises: click.UsageError, which says what is missing
    """
    module_name, colon, name = path.partition(":")
    if not (module_name and colon and name):
        raise click.UsageError(f"{path!r} is not MODULE:FUNCTION, as reports.daily:main")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise click.UsageError(f"{path!r}: there is no module {error.name!r} here") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise click.UsageError(f"{path!r}: {found.__name__} has no {part!r}")
        found = getattr(found, part)
    if not callable(found):
        raise click.UsageError(f"{path!r} can't be called: it is of type {type(found).__name__}")
    function: Callable[..., Any] = getattr(found, "function", found)
    return function


def _print_outcome(job: Any, timeout: float | None, as_json: bool) -> None:
    error = job.exception(timeout)
    if error is None:
        value = job.result()
        print_json({"id": job.id, "result": value}) if as_json else click.echo(repr(value))
        return
    if as_json:
        print_json({"id": job.id, "error": f"{type(error).__name__}: {error}"})
    cause = error.__cause__ or ""
    click.echo(f"{type(error).__name__}: {error}\n{cause}".rstrip(), err=True)
    sys.exit(1)
