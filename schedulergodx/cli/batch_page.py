"""A batch on paper: as a row, as a page, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from schedulergodx.cli.output import iso, local
from schedulergodx.core.identity import ulid
from schedulergodx.core.job import Status

if TYPE_CHECKING:
    from schedulergodx.core.view import BatchView

COLUMNS = ("name", "client", "state", "jobs", "left", "completed", "not completed", "created")
_NOT_COMPLETED = (Status.FAILED, Status.TIMEOUT, Status.CANCELLED, Status.EXPIRED)


def as_row(view: BatchView) -> tuple[str, ...]:
    """What `COLUMNS` names."""
    lost = sum(view.counts.get(status, 0) for status in _NOT_COMPLETED)
    counts = view.jobs, view.left, view.counts.get(Status.COMPLETED, 0), lost
    return (view.name, view.client, view.state, *map(str, counts), local(view.created))


def as_dict(view: BatchView) -> dict[str, object]:
    """All of it, for JSON."""
    return {
        "name": view.name,
        "id": ulid(view.uid),
        "uid": view.uid.hex(),
        "client": view.client,
        "workflow": view.workflow,
        "created": iso(view.created),
        "state": view.state.value,
        "counts": {status.value: jobs for status, jobs in view.counts.items()},
        "expected": view.expected,
        "left": view.left,
        "ended": view.ended,
        "callback": None if view.callback is None else ulid(view.callback),
    }


def print_page(view: BatchView) -> None:
    """Everything about a batch, a line a fact."""
    facts = as_dict(view) | {"created": local(view.created), "jobs": view.jobs}
    counts = facts.pop("counts")
    assert isinstance(counts, dict)
    for name, value in (*facts.items(), *counts.items()):
        if value not in (None, "", False):
            click.echo(f"{name:13} {value}")
