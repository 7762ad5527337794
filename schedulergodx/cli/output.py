"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from schedulergodx.cli import INTERRUPTED

_UNBOUNDED = 10_000  # columns: what goes into a pipe is not folded

json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that prints a list the argument `form`: "table", "json" or "csv"."""
    forms = click.Choice(("table", "json", "csv"))
    choose = click.option(
        "--format", "--export", "form", type=forms, default="table", show_default=True
    )
    json = click.option("--json", "form", flag_value="json", help="Print JSON.")
    return choose(json(command))


@contextmanager
def leaving(text: str) -> Iterator[None]:
    """Have Ctrl+C end the command, and say what goes on without it."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"\n{text}", err=True)
        sys.exit(INTERRUPTED)


def print_json(value: object) -> None:
    """A value as JSON, over several lines."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def for_json(value: object) -> object:
    """A value of a job, or its `repr` where JSON has no form for it: keys, NaN, a circle."""
    try:
        json.dumps(value, allow_nan=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
    return value


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Rows as CSV under the names of their columns, for spreadsheets; other values are left out."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    click.echo(text.getvalue(), nl=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows under their headings."""
    from rich import box  # late: most commands print no table
    from rich.console import Console
    from rich.table import Table

    terminal = sys.stdout.isatty()
    table = Table(box=box.SIMPLE_HEAD if terminal else None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold" if terminal else "ignore")
    for row in rows:
        table.add_row(*row)
    Console(
        width=None if terminal else _UNBOUNDED,
        highlight=False,
        markup=False,
        soft_wrap=not terminal,
    ).print(table)


def iso(instant: float | None) -> str | None:
    """An instant for programs: "2026-01-31T12:00:00.5+00:00"."""
    return None if instant is None else datetime.fromtimestamp(instant, UTC).isoformat()


def local(instant: float | None) -> str:
    """An instant for people, in their own time: "2026-01-31 13:00:00"."""
    if instant is None:
        return ""
    return datetime.fromtimestamp(instant).astimezone().strftime("%Y-%m-%d %H:%M:%S")
