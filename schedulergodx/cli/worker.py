"""`sgx worker`: runs the jobs of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from schedulergodx.cli.log import log_to_stderr
from schedulergodx.cli.options import with_settings
from schedulergodx.config import NOT_SAID
from schedulergodx.setting import Scope

if TYPE_CHECKING:
    from schedulergodx.config import Settings


@click.command()
@click.option("--once", is_flag=True, help="Run one job, if there is one, and end.")
@click.option("--concurrency", type=click.IntRange(1), default=1, show_default=True)
@click.option("--queue", "queues", multiple=True, help="Only jobs of this queue.")
@with_settings(Scope.BOTH, Scope.WORKER)
def worker(settings: Settings, once: bool, concurrency: int, queues: tuple[str, ...]) -> None:
    """Run the jobs of a file.

    Until Ctrl+C or SIGTERM, or until its terminal is closed; a second one ends those that run.
    """
    from schedulergodx.local import Worker

    if settings.origin("db") == NOT_SAID:
        raise click.UsageError("which file of jobs? Give --db, or set SCHEDULERGODX_DB")
    log_to_stderr(settings.log_level, settings.log_format)
    found = Worker(
        settings.db,
        settings.worker_id,
        settings.polling_interval,
        queues or None,
        concurrency,
    )
    if not once:
        click.echo(
            f"Worker {found.worker_id} works on {found.file.path}; Ctrl+C stops it", err=True
        )
        found.start()
    elif found.process_one():
        click.echo("Processed one job")
    else:
        click.echo("No jobs available")
