"""`sgx job`: look at jobs, and move them."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from schedulergodx.cli.asking import asking
from schedulergodx.cli.job_page import FACTS, as_dict, as_row, print_page
from schedulergodx.cli.launch import Duration
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import format_option, json_flag, print_csv, print_json, print_table
from schedulergodx.config import Settings
from schedulergodx.core.job import Status
from schedulergodx.core.view import JobFilter
from schedulergodx.errors import UnknownJob
from schedulergodx.setting import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schedulergodx.client import Client
    from schedulergodx.client.job import Job

_COLUMNS = (
    *("id", "name", "queue", "status", "priority", "attempt"),
    *("created", "updated", "due", "why"),
)
_MOST = 10_000
_Answer = tuple[bool, str]  # whether it was done, and what to say


@click.group()
def job() -> None:
    """Look at jobs, change them, call them off. An ID is a job's id, its ULID or its hex uid."""


@job.command("list")
@click.option("--status", type=click.Choice([status.value for status in Status]))
@click.option("--queue", help="Only jobs of this queue.")
@click.option("--task", help="Only jobs of this task.")
@click.option("--client", help="Only jobs of this client.")
@click.option("--since", type=Duration(), help='Only jobs of the last while, as "2 h".')
@click.option("--limit", type=click.IntRange(1, _MOST), default=100, show_default=True)
@format_option
@with_settings(Scope.BOTH)
def list_jobs(
    settings: Settings, status: str | None, since: float | None, form: str, **fields: Any
) -> None:
    """Print jobs, newest first."""
    moment = None if since is None else time.time() - since
    wanted = JobFilter(status=Status(status) if status else None, since=moment, **fields)
    with asking(settings) as asker:
        views = asker.list_jobs(wanted)
    if form == "json":
        print_json([as_dict(view) for view in views])
    elif form == "csv":
        print_csv(FACTS, [as_dict(view) for view in views])
    elif views:
        print_table(_COLUMNS, [as_row(view) for view in views])
    else:
        click.echo("There are no such jobs.", err=True)


@job.command()
@json_flag
@with_settings(Scope.BOTH)
def count(settings: Settings, as_json: bool) -> None:
    """Print how many jobs there are, by queue and status."""
    with asking(settings) as client:
        counts = client.counts()
    rows = sorted((queue, status.value, number) for (queue, status), number in counts.items())
    if as_json:
        print_json([{"queue": queue, "status": s, "jobs": n} for queue, s, n in rows])
    else:
        print_table(("queue", "status", "jobs"), [(queue, s, str(n)) for queue, s, n in rows])


@job.command()
@click.argument("id")
@json_flag
@with_settings(Scope.BOTH)
def show(settings: Settings, id: str, as_json: bool) -> None:
    """Print everything about a job."""
    with asking(settings) as client:
        view = client.job(id).view()
    if as_json:
        print_json(as_dict(view))
    else:
        print_page(view)


@job.command()
@click.argument("id")
@click.option("--delay", metavar="DURATION", help="Run it so long from now on; 0 for now.")
@click.option("--run-at", type=click.DateTime(), help="Run it at this local time.")
@click.option("--priority", type=int, help="Higher ones start first.")
@click.option("--queue", help="Move it to this queue of the same service.")
@click.option("--lifetime", metavar="DURATION", help='How long an attempt may run, or "none".')
@json_flag
@with_settings(Scope.BOTH)
def change(
    settings: Settings, id: str, run_at: datetime | None, as_json: bool, **said: Any
) -> None:
    """Change a job that has not started."""
    changes = {name: value for name, value in said.items() if value is not None}
    if changes.get("lifetime") == "none":
        changes["lifetime"] = None
    if run_at is not None:
        changes["run_at"] = run_at.astimezone()
    if not changes:
        raise click.UsageError("nothing to change: give --delay, --priority or another")
    with asking(settings) as client:
        _do_each(client, [id], lambda job: _change(job, changes), as_json)


@job.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--force", is_flag=True, help="End the process of a job that runs.")
@json_flag
@with_settings(Scope.BOTH)
def cancel(settings: Settings, ids: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Call jobs off. One that runs is asked to stop, and with --force ended."""
    with asking(settings) as client:
        _do_each(client, ids, lambda job: _cancel(job, force), as_json)


@job.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@json_flag
@with_settings(Scope.BOTH)
def requeue(settings: Settings, ids: tuple[str, ...], as_json: bool) -> None:
    """Run jobs again that have not completed.

    Those that failed, timed out, expired or were cancelled.
    """
    with asking(settings) as client:
        _do_each(client, ids, _requeue, as_json)


def _do_each(
    client: Client, ids: Sequence[str], act: Callable[[Job[Any]], _Answer], as_json: bool
) -> None:
    """One line a job, or an object in a list; exit code 1 if one was not done."""
    answers = []
    for id in ids:
        try:
            done, text = act(client.job(id))
        except UnknownJob as error:
            done, text = False, str(error)
        answers.append({"id": id, "done": done, "text": text})
        if not as_json:
            click.echo(f"{id} {text}", err=not done)
    if as_json:
        print_json(answers)
    if not all(answer["done"] for answer in answers):
        sys.exit(1)


def _cancel(job: Job[Any], force: bool) -> _Answer:
    answer = job.cancel(force=force)
    return bool(answer), answer.value


def _change(job: Job[Any], changes: dict[str, Any]) -> _Answer:
    done = job.change(**changes)
    return done, "changed" if done else "not changed: it has started, or has ended"


def _requeue(job: Job[Any]) -> _Answer:
    done = job.requeue()
    return (
        done,
        "requeued"
        if done
        else "not requeued: it waits, runs, or has completed, or another has its key",
    )
