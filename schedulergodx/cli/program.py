"""The program: its groups of commands, and how its errors are told."""

from __future__ import annotations

import platform
from typing import Any

import click

from schedulergodx.cli.batch import batch
from schedulergodx.cli.config import config
from schedulergodx.cli.dead import dead
from schedulergodx.cli.demo import demo
from schedulergodx.cli.doctor import doctor
from schedulergodx.cli.execute import execute
from schedulergodx.cli.follow import follow
from schedulergodx.cli.job import job
from schedulergodx.cli.launch import launch
from schedulergodx.cli.output import json_flag, print_json
from schedulergodx.cli.queue import queue
from schedulergodx.cli.schedule import schedule
from schedulergodx.cli.service import service
from schedulergodx.cli.why import why
from schedulergodx.cli.workflow import workflow
from schedulergodx.errors import ConfigError, SchedulerGodXError


class Program(click.Group):
    """Tells our errors in one line: a wrong setting is wrong usage (2), the others are 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise click.UsageError(str(error)) from error
        except SchedulerGodXError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
def program() -> None:
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


GROUPS = (service, job, queue, batch, workflow, schedule, dead, config)
for command in (*GROUPS, launch, execute, why, doctor, demo):
    program.add_command(command)
job.add_command(follow)
