"""`sgx submit`: a job that is made on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from schedulergodx.cli.asking import asking
from schedulergodx.cli.launch import Duration, find_function
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import json_flag, print_json
from schedulergodx.setting import Scope

if TYPE_CHECKING:
    from schedulergodx.config import Settings


class Param(click.ParamType[tuple[str, Any]]):
    """KEY=VALUE; the value is JSON, or else the text itself."""

    name = "key=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        """The key and the value, or a usage error."""
        if isinstance(value, tuple):
            return value
        key, equals, text = value.partition("=")
        if not (key and equals):
            self.fail(f"{value!r} is not KEY=VALUE, as count=3", param, ctx)
        try:
            return key, json.loads(text)
        except ValueError:
            return key, text


@click.command()
@click.argument("function", metavar="MODULE.FUNCTION")
@click.option("--name", help="What people call the job; the function's name if left out.")
@click.option(
    "-p", "--param", "params", type=Param(), multiple=True, help="A keyword of the function."
)
@click.option("--priority", type=int, default=0, show_default=True, help="Higher starts first.")
@click.option("--max-attempts", type=click.IntRange(1), default=3, show_default=True)
@click.option("--timeout", type=Duration(), default=300, show_default=True, help="Of an attempt.")
@click.option("--description", default="", help="What the job is for.")
@click.option("--depends-on", "dependencies", multiple=True, metavar="ID", help="Runs after it.")
@click.option("--retry-delay", type=Duration(), help="Before the second attempt.")
@click.option("--queue", help="The queue it goes to.")
@json_flag
@with_settings(Scope.BOTH, Scope.CLIENT, but=["name"])
def submit(
    settings: Settings,
    function: str,
    name: str | None,
    params: tuple[tuple[str, Any], ...],
    as_json: bool,
    **said: Any,
) -> None:
    """Submit a function of a module here as a job; print its id."""
    from schedulergodx.client import Job

    found = find_function(function)
    given = {option: value for option, value in said.items() if value is not None}
    job: Job[Any] = Job(name or found.__name__, found, dict(params), **given)
    with asking(settings) as client:
        id = client.submit(job)
    if as_json:
        print_json({"id": id})
    else:
        click.echo(f"Job submitted: {id}")
