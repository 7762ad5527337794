"""`sgx dead`: the messages that no service could read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from schedulergodx.cli.asking import asking
from schedulergodx.cli.options import with_settings
from schedulergodx.cli.output import iso, json_flag, local, print_json, print_table
from schedulergodx.config import Settings
from schedulergodx.core.identity import ulid
from schedulergodx.quantity import format_size
from schedulergodx.setting import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.client import Client
    from schedulergodx.client.dead_letters import DeadLetterView

_COLUMNS = ("id", "since", "queue", "kind", "client", "task", "jobs", "reason")
_MOST = 10_000

_ids = click.argument("ids", nargs=-1, metavar="ID...")
_all = click.option("--all", "every", is_flag=True, help="All there are.")


@click.group()
def dead() -> None:
    """Look at messages that no service could read, and move them.

    They are sent again, or thrown away.
    """


@dead.command("list")
@with_settings(Scope.BOTH)
@click.option("--limit", type=click.IntRange(1, _MOST), default=50, show_default=True)
@json_flag
def list_letters(settings: Settings, limit: int, as_json: bool) -> None:
    """Print dead letters, oldest first. They stay where they are."""
    with asking(settings) as client:
        views = client.dead_letters(limit)
    if as_json:
        print_json([_as_dict(view) for view in views])
    elif views:
        print_table(_COLUMNS, [_as_row(view) for view in views])
    else:
        click.echo("There are no dead letters.", err=True)


@dead.command()
@with_settings(Scope.BOTH)
@click.argument("id")
@json_flag
def show(settings: Settings, id: str, as_json: bool) -> None:
    """Print everything about a dead letter."""
    with asking(settings) as client:
        found = [view for view in client.dead_letters(_MOST) if view.id == id]
    if not found:
        raise click.ClickException(f"there is no dead letter {id}: `sgx dead list` has all")
    facts = _as_dict(found[0])
    if as_json:
        print_json(facts)
        return
    facts["since"] = local(found[0].at)
    for name, value in facts.items():
        if value not in (None, "", []):
            text = " ".join(value) if isinstance(value, list) else value
            click.echo(f"{name:9} {text}")


@dead.command()
@with_settings(Scope.BOTH)
@_ids
@_all
def requeue(settings: Settings, ids: tuple[str, ...], every: bool) -> None:
    """Send dead letters again to the queues that they came from."""
    _do_each(settings, ids, every, lambda client, wanted: client.requeue_dead_letters(wanted))


@dead.command()
@with_settings(Scope.BOTH)
@_ids
@_all
def discard(settings: Settings, ids: tuple[str, ...], every: bool) -> None:
    """Throw dead letters away. What they carried will not happen."""
    _do_each(settings, ids, every, lambda client, wanted: client.discard_dead_letters(wanted))


def _do_each(
    settings: Settings,
    ids: tuple[str, ...],
    every: bool,
    act: Callable[[Client, list[str]], list[str]],
) -> None:
    """One line a letter; exit code 1 if one was not there."""
    if every == bool(ids):
        raise click.UsageError("give the ids of dead letters, or --all")
    with asking(settings) as client:
        wanted = [view.id for view in client.dead_letters(_MOST)] if every else list(ids)
        done = act(client, wanted)
    for id in done:
        click.echo(id)
    missing = [id for id in wanted if id not in done]
    for id in missing:
        click.echo(f"{id} is not there", err=True)
    if missing:
        sys.exit(1)


def _as_dict(view: DeadLetterView) -> dict[str, object]:
    return {
        "id": view.id,
        "since": iso(view.at),
        "queue": view.queue,
        "reason": view.reason,
        "size": format_size(view.size),
        "kind": view.kind,
        "client": view.client,
        "instance": view.instance,
        "task": view.task,
        "jobs": [ulid(uid) for uid in view.jobs],
    }


def _as_row(view: DeadLetterView) -> tuple[str, ...]:
    jobs = str(len(view.jobs)) if view.jobs else ""
    what = (view.queue, view.kind, view.client, view.task, jobs)
    return view.id, local(view.at), *what, view.reason.partition("\n")[0]
