"""Flags of settings: made from the table of settings, read back into `Settings`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import click

from schedulergodx.config import SETTINGS, load_flags
from schedulergodx.setting import Kind, Scope, Setting

_METAVARS = {
    Kind.TEXT: "TEXT",
    Kind.COUNT: "NUMBER",
    Kind.DURATION: "DURATION",
    Kind.SIZE: "SIZE",
    Kind.NAMES: "NAME,...",
    Kind.LIMITS: "NAME=NUMBER,...",
    Kind.RATES: "NAME=RATE,...",
    Kind.DURATIONS: "NAME=DURATION,...",
}
_SEVERAL = frozenset({Kind.NAMES, Kind.LIMITS, Kind.RATES, Kind.DURATIONS})
_Command = Callable[..., Any]


def with_settings(*scopes: Scope, but: Sequence[str] = ()) -> Callable[[_Command], _Command]:
    """Give a command the flags of those settings, and all settings as its first argument.

    but: settings whose flags mean something else to the command
    """
    rows = [
        row for row in SETTINGS.values() if row.scope in scopes and row.flag and row.name not in but
    ]

    def decorate(command: _Command) -> _Command:
        @functools.wraps(command)
        def run(config: str | None, **values: Any) -> Any:
            flags = {row.name: _one_text(values.pop(row.name)) for row in rows}
            everywhere = click.get_current_context().find_root().params  # `sgx --db jobs.db list`
            flags["db"] = flags.get("db") or everywhere.get("db")
            given = {name: value for name, value in flags.items() if value is not None}
            return command(load_flags(given, config), **values)

        wrapped: _Command = run
        for row in reversed(rows):
            wrapped = _option(row)(wrapped)
        return _config_option(wrapped)

    return decorate


_config_option = click.option(
    "--config", metavar="FILE", help="TOML file with settings; see `sgx config show`."
)


def _option(row: Setting) -> Callable[[_Command], _Command]:
    text = f"{row.help}  [{row.env}; default: {row.default_text}]"
    if row.kind is Kind.FLAG:
        both = f"{row.flag}/--no-{row.flag[2:]}"
        return click.option(both, row.name, default=None, help=text)
    several = row.kind in _SEVERAL
    spellings = {row.flag: None, row.flag.removesuffix("s"): None} if several else {row.flag: None}
    metavar = "|".join(row.choices) or _METAVARS[row.kind]
    return click.option(*spellings, row.name, multiple=several, metavar=metavar, help=text)


def _one_text(value: Any) -> Any:
    """A flag that may be given several times, as if it was given once; None if it was not."""
    return (",".join(value) or None) if isinstance(value, tuple) else value
