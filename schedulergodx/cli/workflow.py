"""`sgx workflow`: look at workflows, draw them, go on with one that failed."""

from __future__ import annotations

from itertools import islice

import click

from schedulergodx.cli import drawing
from schedulergodx.cli.asking import asking
from schedulergodx.cli.batch import print_batches, requeue_batch
from schedulergodx.cli.batch_page import as_dict
from schedulergodx.cli.job_page import as_dict as job_as_dict
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import json_flag, print_json
from schedulergodx.config import Settings
from schedulergodx.core.identity import ulid
from schedulergodx.core.view import BatchFilter, JobView
from schedulergodx.setting import Scope

_MOST_READ = 100_000  # jobs of one workflow

_DRAW = {
    "terminal": drawing.print_levels,
    "mermaid": drawing.print_mermaid,
    "dot": drawing.print_dot,
}


@click.group()
def workflow() -> None:
    """Look at batches of jobs that depend on each other."""


@workflow.command("list")
@click.option("--active/--ended", default=None, help="Only those with jobs left, or without.")
@click.option("--client", help="Only workflows of this client.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_flag
@with_settings(Scope.BOTH)
def list_workflows(
    settings: Settings, active: bool | None, client: str | None, limit: int, as_json: bool
) -> None:
    """Print workflows, newest first."""
    wanted = BatchFilter(client=client, active=active, workflow=True, limit=limit)
    print_batches(settings, wanted, as_json)


@workflow.command()
@click.argument("id", metavar="NAME")
@click.option(
    "--format", "form", type=click.Choice(list(_DRAW)), default="terminal", show_default=True
)
@click.option(
    "--limit",
    type=click.IntRange(1, _MOST_READ),
    default=200,
    show_default=True,
    help="Draw at most so many jobs; what is left out is counted.",
)
@json_flag
@with_settings(Scope.BOTH)
def show(settings: Settings, id: str, form: str, limit: int, as_json: bool) -> None:
    """Draw a workflow, level by level.

    Each job stands after those that it depends on.
    """
    with asking(settings) as client:
        batch = client.attach(id)
        view = batch.view()
        jobs = list(islice(batch.jobs(), _MOST_READ))
    if as_json:
        print_json(as_dict(view) | {"jobs": [_as_node(job) for job in jobs]})
    else:
        _DRAW[form](drawing.draw(view, jobs, limit))


@workflow.command()
@click.argument("id", metavar="NAME")
@json_flag
@with_settings(Scope.BOTH)
def requeue(settings: Settings, id: str, as_json: bool) -> None:
    """Go on where a workflow failed.

    What did not complete is run, each job after those it depends on.
    """
    requeue_batch(settings, id, as_json)


def _as_node(job: JobView) -> dict[str, object]:
    return job_as_dict(job) | {"parents": [ulid(parent.uid) for parent in job.parents]}
