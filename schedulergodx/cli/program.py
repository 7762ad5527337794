"""The program: its groups of commands, and how its errors are told."""

from __future__ import annotations

import platform
import sys
from typing import Any

import click

from schedulergodx.cli import INTERRUPTED
from schedulergodx.cli.batch import batch
from schedulergodx.cli.completion import completion
from schedulergodx.cli.config import config
from schedulergodx.cli.dead import dead
from schedulergodx.cli.demo import demo
from schedulergodx.cli.doctor import doctor
from schedulergodx.cli.execute import execute
from schedulergodx.cli.follow import follow
from schedulergodx.cli.job import cancel as cancel_jobs
from schedulergodx.cli.job import job, list_jobs
from schedulergodx.cli.job import requeue as requeue_jobs
from schedulergodx.cli.launch import launch
from schedulergodx.cli.output import json_flag, print_json
from schedulergodx.cli.plugins import plugin, plugin_names
from schedulergodx.cli.queue import queue
from schedulergodx.cli.schedule import schedule
from schedulergodx.cli.service import service
from schedulergodx.cli.status import clear, stats, status
from schedulergodx.cli.submit import submit
from schedulergodx.cli.why import why
from schedulergodx.cli.worker import worker
from schedulergodx.cli.workflow import workflow
from schedulergodx.errors import ConfigError, SchedulerGodXError

_WIDTH = 64  # of what stands beside a command


class Program(click.Group):
    """Tells our errors in one line: a wrong setting is wrong usage (2), the others are 1.

    Other packages can add commands; none of them takes the place of one of ours.
    """

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, ours or another package's."""
        return super().get_command(ctx, cmd_name) or plugin(cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them."""
        return sorted({*super().list_commands(ctx), *plugin_names()})

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """In sections; those of other packages come last."""
        ours = {command.name for commands in SECTIONS.values() for command in commands}
        others = [self.get_command(ctx, name) for name in self.list_commands(ctx)]
        more = [command for command in others if command and command.name not in ours]
        for title, commands in {**SECTIONS, "Of other packages": more}.items():
            rows = [(f"{one.name:10}", one.get_short_help_str(_WIDTH)) for one in commands]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(err=True)  # what comes next begins on a line of its own
            sys.exit(INTERRUPTED)
        except ConfigError as error:
            raise click.UsageError(str(error)) from error
        except SchedulerGodXError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="schedulergodx", message="%(package)s %(version)s")
@click.option("--db", metavar="PATH", help="A file of jobs, as --db of each command.")
def program(db: str | None) -> None:
    """Deferred execution over RabbitMQ: jobs that carry their code, are kept and run when due."""


@program.command()
@json_flag
def version(as_json: bool) -> None:
    """Print the versions of schedulergodx and of what it stands on."""
    from schedulergodx.cli.versions import installed_versions

    versions = installed_versions()
    if as_json:
        print_json(versions)
        return
    own = versions.pop("schedulergodx")
    click.echo(f"schedulergodx {own} on Python {platform.python_version()}")
    for name, number in versions.items():
        click.echo(f"  {name} {number or 'is not installed'}")


job.add_command(follow)
SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "Begin": (demo, doctor, config, completion, version),
    "Run jobs": (service, worker),
    "Make jobs": (launch, submit, execute),
    "Look at jobs, and move them": (
        *(job, list_jobs, status, why, stats),
        *(cancel_jobs, requeue_jobs, clear),
    ),
    "Batches, workflows, schedules": (batch, workflow, schedule),
    "Queues": (queue, dead),
}
for commands in SECTIONS.values():
    for command in commands:
        program.add_command(command)
