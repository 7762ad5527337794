"""`sgx service`: run one here, or ask how it is."""

from __future__ import annotations

import sys
import time

import click

from schedulergodx.cli.health import health_path, read_health
from schedulergodx.cli.log import log_to_stderr
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import json_flag, print_json
from schedulergodx.config import Settings
from schedulergodx.setting import Scope


@click.group()
def service() -> None:
    """Run a service, or see how it is."""


@service.command()
@with_settings(Scope.BOTH, Scope.SERVICE)
def run(settings: Settings) -> None:
    """Run a service here.

    Until Ctrl+C or SIGTERM, or until its terminal is closed; a second one hurries it.
    """
    from schedulergodx.service import Service

    log_to_stderr(settings.log_level, settings.log_format)
    if settings.echo is None:
        settings = settings.replace(echo=sys.stderr.isatty())
    Service(settings=settings).start()


@service.command()
@with_settings(Scope.BOTH, Scope.SERVICE)
@json_flag
def health(settings: Settings, as_json: bool) -> None:
    """Say whether the service of these settings is well.

    The exit code is 1 if it is not.
    """
    found = read_health(health_path(settings), time.time())
    if as_json:
        print_json({"well": found.well, "why": found.why})
    else:
        click.echo(found.why, err=not found.well)
    sys.exit(0 if found.well else 1)
