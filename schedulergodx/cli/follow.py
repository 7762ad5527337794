"""`sgx job follow`: what a job prints, how far it is, and what becomes of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import msgspec

from schedulergodx.cli.asking import asking
from schedulergodx.cli.event import event_words, output_text
from schedulergodx.cli.launch import Duration
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import json_flag, leaving
from schedulergodx.config import Settings
from schedulergodx.core.follow import Event, Output, StatusChange
from schedulergodx.core.job import Status
from schedulergodx.core.view import Progress
from schedulergodx.setting import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NAMES = {Output: "output", Progress: "progress", StatusChange: "status"}


@click.command()
@click.argument("id")
@click.option("--timeout", type=Duration(), help="How long to follow at the most.")
@json_flag
@with_settings(Scope.BOTH)
def follow(settings: Settings, id: str, timeout: float | None, as_json: bool) -> None:
    """Print what a job prints, and how far it is, until it ends.

    With --json a line an event. The exit code is 0 if it completed, else 1. Ctrl-C leaves the job
    alone.
    """
    with asking(settings) as client:
        events = client.job(id).follow(timeout)
        with leaving(f"not followed any more; job {id} goes on"):
            status = _print_lines(events) if as_json else _show(events)
    sys.exit(0 if status is Status.COMPLETED else 1)


def _print_lines(events: Iterator[Event]) -> Status | None:
    def show(event: Event) -> None:
        line = {"event": _NAMES[type(event)], **msgspec.to_builtins(event)}
        click.echo(msgspec.json.encode(line).decode())

    return _watch(events, show)


def _show(events: Iterator[Event]) -> Status | None:
    if not sys.stdout.isatty():
        return _watch(events, _print)
    from schedulergodx.cli.screen import Screen  # late: it loads the bars of rich

    with Screen() as screen:
        return _watch(events, screen.show)


def _watch(events: Iterator[Event], show: Callable[[Event], None]) -> Status | None:
    status = None
    for event in events:
        show(event)
        if isinstance(event, StatusChange):
            status = event.status
    return status


def _print(event: Event) -> None:
    """Output to stdout, the rest to stderr."""
    if isinstance(event, Output):
        click.echo(output_text(event), nl=False)
    else:
        click.echo(event_words(event), err=True)
