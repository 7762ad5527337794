"""`sgx status`, `sgx stats` and `sgx clear`: how jobs are, and forgetting those that are done."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from schedulergodx.cli.asking import asking
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import for_json, json_flag, print_json, print_table
from schedulergodx.core.job import Status
from schedulergodx.setting import Scope

if TYPE_CHECKING:
    from schedulergodx.config import Settings

_DAY = 86400.0  # seconds
_LINES = (
    ("Description", "description"),
    ("Status", "status"),
    ("Queue", "queue"),
    ("Priority", "priority"),
    ("Created", "created_at"),
    ("Updated", "updated_at"),
    ("Started", "started_at"),
    ("Completed", "completed_at"),
    ("Attempts", "attempts"),
    ("Worker", "worker_id"),
    ("Depends on", "dependencies"),
    ("Note", "note"),
    ("Error", "error"),
)


@click.command()
@click.argument("id", metavar="JOB_ID")
@click.option("--show-params", is_flag=True, help="What it was given.")
@click.option("--show-result", is_flag=True, help="What it returned.")
@click.option("--show-executions", is_flag=True, help="Each attempt.")
@json_flag
@with_settings(Scope.BOTH)
def status(settings: Settings, id: str, as_json: bool, **shown: bool) -> None:
    """Print how a job is, a line for each fact."""
    with asking(settings) as client:
        facts = client.get_status(id)
    if as_json:
        print_json({name: for_json(value) for name, value in facts.items()})
    elif facts["exists"]:
        _print_facts(facts, **shown)
    else:
        click.echo(f"Job not found: {id}", err=True)
    sys.exit(0 if facts["exists"] else 1)


def _print_facts(
    facts: dict[str, Any], *, show_params: bool, show_result: bool, show_executions: bool
) -> None:
    click.echo(f"Job: {facts['name']} ({facts['id']})")
    attempts = f"{facts['attempts']} / {facts['max_attempts']}"
    for title, name in _LINES:
        value = attempts if name == "attempts" else facts[name]
        if value not in (None, "", []):
            click.echo(f"{title}: {', '.join(value) if isinstance(value, list) else value}")
    if show_params:
        click.echo("Params:")
        for key, value in (facts["params"] or {}).items():
            click.echo(f"  {key}: {value!r}")
    if show_result:
        click.echo(f"Result: {facts['result']!r}")
    if show_executions:
        click.echo("Executions:")
        for one in facts["executions"]:
            times = f"{one['started_at'] or ''} - {one['completed_at'] or ''}"
            text = f"  {one['id']} {one['status']} {times} {one['worker_id'] or ''}"
            click.echo(f"{text} {one['error'] or ''}".rstrip())


@click.command()
@json_flag
@with_settings(Scope.BOTH)
def stats(settings: Settings, as_json: bool) -> None:
    """Print how many jobs there are, by status."""
    with asking(settings) as client:
        found = client.stats()
    if as_json:
        print_json(found)
        return
    names = [*(status.value for status in Status), "total"]
    print_table(("status", "jobs"), [(name, str(found[name])) for name in names])


@click.command()
@click.option(
    "--before", type=click.FloatRange(0), metavar="DAYS", help="Only what ended so long ago."
)
@json_flag
@with_settings(Scope.BOTH)
def clear(settings: Settings, before: float | None, as_json: bool) -> None:
    """Forget jobs that completed or were cancelled; print how many."""
    moment = None if before is None else time.time() - before * _DAY
    with asking(settings) as client:
        cleared = client.clear_completed(moment)
    if as_json:
        print_json({"cleared": cleared})
    else:
        click.echo(f"Cleared {cleared} jobs")
