"""How the progress of a batch is shown: in a notebook, on a terminal, or in plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from html import escape
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from schedulergodx.core.job import Status

if TYPE_CHECKING:
    from schedulergodx.core.view import BatchView

Show = Callable[["BatchView"], None]

_LINE_EVERY = 10.0  # seconds between two plain lines, where nothing more than counts has changed
_SHARES = 10  # of the jobs, after each of which a plain line is due


def showing(name: str) -> AbstractContextManager[Show]:
    """What shows a batch, as often as it is called, as suits where this program runs."""
    if _in_notebook():
        return _in_cell()
    if sys.stderr.isatty() and _has_rich():
        return _as_bar(name)
    return _as_lines()


def summary(view: BatchView) -> str:
    """How many jobs are where, as "3 running, 1 failed"."""
    counts = (f"{number} {status}" for status in Status if (number := view.counts.get(status, 0)))
    return ", ".join(counts) or "no jobs"


def as_html(view: BatchView) -> str:
    """How a batch stands, as a piece of a page."""
    total = _total(view)
    return (
        f"<div><b>{escape(view.name)}</b> "
        f'<progress value="{total - view.left}" max="{max(total, 1)}"></progress> '
        f"{total - view.left}/{total} <small>{escape(summary(view))}, {view.state}</small></div>"
    )


def _total(view: BatchView) -> int:
    return max(view.jobs, view.expected)


# -- in a notebook ---------------------------------------------------------------------------------


def _in_notebook() -> bool:
    """Whether a kernel shows what is displayed; nothing is imported to find out."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


@contextmanager
def _in_cell() -> Iterator[Show]:
    ipython: Any = import_module("IPython.display")  # it is there, since a kernel runs
    handle: Any = None

    def show(view: BatchView) -> None:
        nonlocal handle
        html = ipython.HTML(as_html(view))
        if handle is None:
            handle = ipython.display(html, display_id=True)
        else:
            handle.update(html)

    yield show


# -- on a terminal ---------------------------------------------------------------------------------


def _has_rich() -> bool:
    return find_spec("rich") is not None


@contextmanager
def _as_bar(name: str) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=None, counts="")

        def show(view: BatchView) -> None:
            total = _total(view)
            bar.update(task, total=total, completed=total - view.left, counts=summary(view))

        yield show


# -- elsewhere -------------------------------------------------------------------------------------


@contextmanager
def _as_lines() -> Iterator[Show]:
    last_share, last_line = -1, 0.0

    def show(view: BatchView) -> None:
        nonlocal last_share, last_line
        total = _total(view)
        share = _SHARES * (total - view.left) // max(total, 1)
        now = time.monotonic()
        if view.ended or share != last_share or now - last_line >= _LINE_EVERY:
            last_share, last_line = share, now
            print(f"{view.name}: {total - view.left}/{total}, {summary(view)}", file=sys.stderr)

    yield show
