"""`sgx queue`: look at queues, pause them, go on with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from schedulergodx.cli.asking import asking
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import iso, json_flag, local, print_json, print_table
from schedulergodx.config import Settings
from schedulergodx.core.job import FINAL, Status
from schedulergodx.quantity import format_rate
from schedulergodx.setting import Scope

if TYPE_CHECKING:
    from schedulergodx.core.view import QueueView

_COLUMNS = (
    "queue",
    "scheduled",
    "blocked",
    "pending",
    "running",
    "ended",
    "limits",
    "paused since",
)
_COUNTED = (Status.SCHEDULED, Status.BLOCKED, Status.PENDING, Status.RUNNING)


@click.group()
def queue() -> None:
    """Look at queues, pause them, go on with them."""


@queue.command("list")
@with_settings(Scope.BOTH)
@json_flag
def list_queues(settings: Settings, as_json: bool) -> None:
    """Print the queues that are served.

    With their jobs and limits, and which are paused.
    """
    with asking(settings) as client:
        views = client.queues()
    if as_json:
        print_json([_as_dict(view) for view in views])
    else:
        print_table(_COLUMNS, [_as_row(view) for view in views])


@queue.command()
@with_settings(Scope.BOTH)
@click.argument("queues", nargs=-1, required=True, metavar="QUEUE...")
@json_flag
def pause(settings: Settings, queues: tuple[str, ...], as_json: bool) -> None:
    """Start no more jobs of these queues, until they are resumed. Jobs are taken, and wait."""
    with asking(settings) as client:
        done = {name: client.pause(name) for name in queues}
    _print_done(done, "paused", "was paused already", as_json)


@queue.command()
@with_settings(Scope.BOTH)
@click.argument("queues", nargs=-1, required=True, metavar="QUEUE...")
@json_flag
def resume(settings: Settings, queues: tuple[str, ...], as_json: bool) -> None:
    """Go on with queues that were paused."""
    with asking(settings) as client:
        done = {name: client.resume(name) for name in queues}
    _print_done(done, "resumed", "was not paused", as_json)


def _print_done(done: dict[str, bool], yes: str, no: str, as_json: bool) -> None:
    """One line a queue, or an object in a list, as jobs have it."""
    answers = [(name, moved, yes if moved else no) for name, moved in done.items()]
    if as_json:
        print_json([{"queue": q, "done": moved, "text": text} for q, moved, text in answers])
        return
    for name, _, text in answers:
        click.echo(f"{name} {text}")


def _as_dict(view: QueueView) -> dict[str, object]:
    rate = view.rate
    return {
        "queue": view.name,
        "paused": iso(view.paused),
        "concurrency": view.concurrency,
        "rate": None if rate is None else format_rate(*rate),
        "jobs": {status.value: jobs for status, jobs in view.counts.items()},
    }


def _as_row(view: QueueView) -> tuple[str, ...]:
    counts = [str(view.counts.get(status, 0)) for status in _COUNTED]
    ended = sum(view.counts.get(status, 0) for status in FINAL)
    limits = [f"{view.concurrency} at once"] if view.concurrency is not None else []
    limits += [format_rate(*view.rate)] if view.rate is not None else []
    return view.name, *counts, str(ended), ", ".join(limits), local(view.paused)
