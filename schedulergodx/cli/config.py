"""`sgx config`: what is set, and where that was said."""

from __future__ import annotations

import click

from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import json_flag, print_json, print_table
from schedulergodx.config import SETTINGS, Settings
from schedulergodx.setting import Scope


@click.group()
def config() -> None:
    """Look at the settings."""


@config.command()
@with_settings(Scope.BOTH, Scope.CLIENT, Scope.SERVICE)
@json_flag
def show(settings: Settings, as_json: bool) -> None:
    """Print every setting, its value and where that came from. Secrets are left out."""
    shown = {name: row.format(getattr(settings, name)) for name, row in SETTINGS.items()}
    if as_json:
        origins = {name: settings.origin(name) for name in shown}
        print_json({n: {"value": value, "origin": origins[n]} for n, value in shown.items()})
        return
    rows = [(name, value, settings.origin(name)) for name, value in shown.items()]
    print_table(("setting", "value", "from"), rows)
