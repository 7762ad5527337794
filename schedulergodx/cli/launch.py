"""`sgx launch`: a job from the command line."""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from typing import TYPE_CHECKING, Any

import click

from schedulergodx.cli.asking import asking
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import for_json, json_flag, leaving, print_json
from schedulergodx.quantity import parse_duration
from schedulergodx.setting import Scope

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType, TracebackType

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


class Duration(click.ParamType[float]):
    """Seconds, or a text such as "10 min"."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds, or a usage error."""
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(f"{value!r} can't be used: {error}", param, ctx)


@click.command()
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
@click.option("--unique", is_flag=True, default=None, help="Not beside another with these.")
@click.option("--idempotency-key", metavar="TEXT", help="One job, however often it is launched.")
@click.option("--wait", is_flag=True, help="Wait for the outcome, print it, and fail as it did.")
@click.option("--timeout", type=Duration(), help="How long to wait at the most.")
@json_flag
@with_settings(Scope.BOTH, Scope.CLIENT)
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
    with leaving(f"not waited for any more; job {job} goes on"):
        if not as_json:
            click.echo(str(job), err=wait)
        elif not wait:
            print_json({"id": job.id})
        if wait:
            _print_outcome(job, timeout, as_json)


def find_function(path: str) -> Callable[..., Any]:
    """The function, or the task, that "package.module:name" or "package.module.name" names.

    Raises: click.UsageError, which says what is missing; click.ClickException if the module can't
        be imported
    """
    module_name, _, name = path.partition(":") if ":" in path else path.rpartition(".")
    if not (module_name and name):
        raise click.UsageError(f"{path!r} is not MODULE:FUNCTION, as reports.daily:main")
    found: Any = _import(module_name, path)
    for part in name.split("."):
        if not hasattr(found, part):
            raise click.UsageError(f"{path!r}: {found.__name__} has no {part!r}")
        found = getattr(found, part)
    if not callable(found):
        raise click.UsageError(f"{path!r} can't be called: it is of type {type(found).__name__}")
    function: Callable[..., Any] = found
    return function


def _import(module: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise click.UsageError(f"{path!r}: there is no module {error.name!r} here") from error
    except (Exception, SystemExit) as error:  # whatever that module does
        text = f"{path!r}: {module} can't be imported:\n{_told(error)}"
        raise click.ClickException(text) from error


def _told(error: BaseException) -> str:
    """With its traceback, from the frames of the module on."""
    frames = error.__traceback__
    while frames is not None and _imports(frames):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip()


def _imports(frames: TracebackType) -> bool:
    return str(frames.tb_frame.f_globals.get("__name__")).startswith(("importlib", __name__))


def _print_outcome(job: Any, timeout: float | None, as_json: bool) -> None:
    error = job.exception(timeout)
    if error is None:
        value = job.result()
        if as_json:
            print_json({"id": job.id, "result": for_json(value)})
        else:
            click.echo(repr(value))
        return
    if as_json:
        print_json({"id": job.id, "error": f"{type(error).__name__}: {error}"})
    remote = str(error.__cause__ or "").strip()  # it ends with the error itself
    click.echo(remote or f"{type(error).__name__}: {error}".rstrip(), err=True)
    sys.exit(1)
