"""`sgx batch`: look at batches, wait for them, move all their jobs at once."""

from __future__ import annotations

import sys
from itertools import islice

import click

from schedulergodx.cli.asking import asking
from schedulergodx.cli.batch_page import COLUMNS, as_dict, as_row, print_page
from schedulergodx.cli.job_page import as_dict as job_as_dict
from schedulergodx.cli.job_page import as_row as job_as_row
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import json_flag, leaving, print_json, print_table
from schedulergodx.config import Settings
from schedulergodx.core.job import Status
from schedulergodx.core.view import BatchFilter
from schedulergodx.setting import Scope

JOB_COLUMNS = ("id", "task", "queue", "status", "attempt", "created", "due", "why")


@click.group()
def batch() -> None:
    """Look at batches, wait for them, call them off. A NAME is a batch's name, its ULID or uid."""


@batch.command("list")
@click.option("--active/--ended", default=None, help="Only those with jobs left, or without.")
@click.option("--client", help="Only batches of this client.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_flag
@with_settings(Scope.BOTH)
def list_batches(
    settings: Settings, active: bool | None, client: str | None, limit: int, as_json: bool
) -> None:
    """Print batches, newest first."""
    wanted = BatchFilter(client=client, active=active, workflow=False, limit=limit)
    print_batches(settings, wanted, as_json)


@batch.command()
@click.argument("id", metavar="NAME")
@click.option("--jobs", type=click.IntRange(0), default=0, help="Print so many of its jobs too.")
@json_flag
@with_settings(Scope.BOTH)
def show(settings: Settings, id: str, jobs: int, as_json: bool) -> None:
    """Print everything about a batch."""
    with asking(settings) as client:
        found = client.attach(id)
        view = found.view()
        views = list(islice(found.jobs(), jobs)) if jobs else []
    if as_json:
        print_json(as_dict(view) | {"jobs": [job_as_dict(one) for one in views]})
        return
    print_page(view)
    if views:
        print_table(JOB_COLUMNS, [job_as_row(one) for one in views])


@batch.command()
@click.argument("id", metavar="NAME")
@click.option("--timeout", metavar="DURATION", help="Wait no longer than this.")
@json_flag
@with_settings(Scope.BOTH)
def wait(settings: Settings, id: str, timeout: str | None, as_json: bool) -> None:
    """Wait until all jobs have ended, and show how that goes.

    It is shown on stderr. The exit code is 1 if not all completed. Ctrl+C leaves them alone.
    """
    with asking(settings) as client:
        found = client.attach(id)
        with leaving(f"not waited for any more; batch {id} goes on"):
            view = found.progress(timeout)
    if as_json:
        print_json(as_dict(view))
    if set(view.counts) - {Status.COMPLETED}:
        sys.exit(1)


@batch.command()
@click.argument("id", metavar="NAME")
@click.option("--force", is_flag=True, help="End the processes of jobs that run.")
@json_flag
@with_settings(Scope.BOTH)
def cancel(settings: Settings, id: str, force: bool, as_json: bool) -> None:
    """Call off all jobs that have not ended, and those that come.

    Running ones are asked to stop.
    """
    with asking(settings) as client:
        number = client.attach(id).cancel(force)
    print_moved(id, number, "called off", as_json)


@batch.command()
@click.argument("id", metavar="NAME")
@json_flag
@with_settings(Scope.BOTH)
def requeue(settings: Settings, id: str, as_json: bool) -> None:
    """Run all jobs again that did not complete.

    Each after those that it depends on.
    """
    requeue_batch(settings, id, as_json)


def requeue_batch(settings: Settings, id: str, as_json: bool) -> None:
    """Requeue a batch or a workflow, and say how many jobs that were."""
    with asking(settings) as client:
        number = client.attach(id).requeue()
    print_moved(id, number, "requeued", as_json)


def print_batches(settings: Settings, wanted: BatchFilter, as_json: bool) -> None:
    """Print batches or workflows."""
    with asking(settings) as client:
        views = client.batches(wanted)
    if as_json:
        print_json([as_dict(view) for view in views])
    elif views:
        print_table(COLUMNS, [as_row(view) for view in views])
    else:
        click.echo(f"There are no such {'workflows' if wanted.workflow else 'batches'}.", err=True)


def print_moved(id: str, number: int, what: str, as_json: bool) -> None:
    """Say what became of the jobs of a batch."""
    if as_json:
        print_json({"batch": id, "jobs": number})
    else:
        click.echo(f"{id}: {number} jobs {what}")
