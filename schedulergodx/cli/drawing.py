"""Drawings of workflows: as levels on a terminal, as Mermaid, as DOT. Large ones in part."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from schedulergodx.cli.job_page import job_id
from schedulergodx.core.dependency import in_order
from schedulergodx.core.job import OnFailure, Status

if TYPE_CHECKING:
    from schedulergodx.core.job import Parent
    from schedulergodx.core.view import BatchView, JobView

_COLOURS = {
    Status.SCHEDULED: ("blue", "#cfe2ff"),
    Status.BLOCKED: ("bright_black", "#e2e3e5"),
    Status.PENDING: ("cyan", "#cff4fc"),
    Status.RUNNING: ("yellow", "#fff3cd"),
    Status.COMPLETED: ("green", "#d1e7dd"),
    Status.FAILED: ("red", "#f8d7da"),
    Status.TIMEOUT: ("red", "#f8d7da"),
    Status.CANCELLED: ("magenta", "#e2d9f3"),
    Status.EXPIRED: ("magenta", "#e2d9f3"),
}
_FIRST = (Status.FAILED, Status.TIMEOUT, Status.RUNNING, Status.CANCELLED, Status.EXPIRED)
_LONGEST_NAME = 80
_MOST_PARENTS = 5  # that are named beside a job on a terminal


@dataclass(frozen=True, slots=True)
class Drawing:
    """What of a workflow is drawn.

    levels: jobs by level, each at least one below its parents
    left_out: of each level, how many are not drawn, by status
    unread: how many more it has
    """

    view: BatchView
    levels: list[list[JobView]]
    left_out: list[Counter[Status]]
    unread: int

    @property
    def jobs(self) -> list[JobView]:
        """All that are drawn."""
        return [job for level in self.levels for job in level]

    @property
    def gap(self) -> str:
        """What is missing, in words; "" for nothing."""
        counts: Counter[Status] = sum(self.left_out, Counter())
        words = [f"{counts.total()} jobs are left out: {said(counts)}"] if counts else []
        words += [f"{self.unread} more were not read"] if self.unread else []
        return ", and ".join(words)


def draw(view: BatchView, jobs: Sequence[JobView], limit: int) -> Drawing:
    """At most `limit` jobs: of each level in turn, first those that went wrong or run."""
    levels = _levels(jobs)
    chosen = _choose(levels, limit)
    left_out = [Counter(job.status for job in level if job.uid not in chosen) for level in levels]
    shown = [[job for job in level if job.uid in chosen] for level in levels]
    return Drawing(view, shown, left_out, max(0, view.jobs - len(jobs)))


def said(counts: Counter[Status] | dict[Status, int]) -> str:
    """Counts in words: "3 running, 1 failed"."""
    return ", ".join(f"{counts[status]} {status}" for status in Status if counts.get(status))


def _levels(jobs: Sequence[JobView]) -> list[list[JobView]]:
    by_uid = {job.uid: job for job in jobs}
    parents = {job.uid: [parent.uid for parent in job.parents] for job in jobs}
    depths: dict[bytes, int] = {}
    for uid in in_order(parents):
        above = (depths[parent] for parent in parents[uid] if parent in depths)
        depths[uid] = 1 + max(above, default=-1)
    levels: list[list[JobView]] = [[] for _ in range(1 + max(depths.values(), default=-1))]
    for uid, depth in depths.items():
        levels[depth].append(by_uid[uid])
    return levels


def _choose(levels: Iterable[Sequence[JobView]], limit: int) -> set[bytes]:
    """The uids of those to draw: one of each level, then another one of each, and so on."""
    ranked = [sorted(level, key=lambda job: job.status not in _FIRST) for level in levels]
    turns = [
        (turn, depth, job.uid)
        for depth, level in enumerate(ranked)
        for turn, job in enumerate(level)
    ]
    return {uid for _, _, uid in sorted(turns)[:limit]}


# -- on a terminal ---------------------------------------------------------------------------------


def print_levels(drawing: Drawing) -> None:
    """Level below level; beside each job those that it comes after."""
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    view = drawing.view
    names = {job.uid: _name(job) for job in drawing.jobs}
    counts = said(view.counts)
    tree = Tree(Text(f"{view.name} of {view.client}, {view.state}: {counts or 'no jobs'}"))
    for number, (level, left_out) in enumerate(
        zip(drawing.levels, drawing.left_out, strict=True), start=1
    ):
        if not level:
            continue
        branch = tree.add(Text(str(number), style="bold"))
        for job in level:
            line = Text(_name(job) + " ")
            line.append(job.status.value, style=_COLOURS[job.status][0])
            line.append(_after(job.parents, names), style="bright_black")
            branch.add(line)
        if left_out:
            branch.add(Text(f"… {left_out.total()} more: {said(left_out)}"))
    terminal = sys.stdout.isatty()
    Console(width=None if terminal else 10_000, highlight=False, markup=False).print(tree)
    _say_gap(drawing)


def _after(parents: Sequence[Parent], names: dict[bytes, str]) -> str:
    if not parents:
        return ""
    known = [names[parent.uid] for parent in parents if parent.uid in names][:_MOST_PARENTS]
    rest = len(parents) - len(known)
    known += [f"{rest} others" if known else f"{rest} jobs"] if rest else []
    return f"  after {', '.join(known)}"


# -- for other programs ----------------------------------------------------------------------------


def print_mermaid(drawing: Drawing) -> None:
    """A flowchart for what shows Mermaid."""
    numbers = _numbers(drawing)
    click.echo("flowchart TD")
    for job in drawing.jobs:
        label = f"{_for_mermaid(_name(job))}<br/>{job.status}"
        click.echo(f'    j{numbers[job.uid]}["{label}"]:::{job.status}')
    for above, below, edge in _edges(drawing):
        arrow = "-->" if edge.on_failure is OnFailure.CANCEL else "-.->"
        click.echo(f"    j{above} {arrow} j{below}")
    for status in sorted({job.status for job in drawing.jobs}):
        click.echo(f"    classDef {status} fill:{_COLOURS[status][1]}")
    if drawing.gap:
        click.echo(f"    %% {drawing.gap}")
    _say_gap(drawing)


def print_dot(drawing: Drawing) -> None:
    """A graph for Graphviz."""
    numbers = _numbers(drawing)
    click.echo(f"digraph {_for_dot(drawing.view.name)} {{")
    click.echo("    node [shape=box, style=filled]")
    for job in drawing.jobs:
        label = _for_dot(f"{_name(job)}\n{job.status}")
        colour = _COLOURS[job.status][1]
        click.echo(f'    j{numbers[job.uid]} [label={label}, fillcolor="{colour}"]')
    for above, below, edge in _edges(drawing):
        style = "" if edge.on_failure is OnFailure.CANCEL else " [style=dashed]"
        click.echo(f"    j{above} -> j{below}{style}")
    if drawing.gap:
        click.echo(f"    // {drawing.gap}")
    click.echo("}")
    _say_gap(drawing)


def _numbers(drawing: Drawing) -> dict[bytes, int]:
    return {job.uid: number for number, job in enumerate(drawing.jobs, start=1)}


def _edges(drawing: Drawing) -> Iterable[tuple[int, int, Parent]]:
    """(number of the parent, of the job, how they belong together) where both are drawn."""
    numbers = _numbers(drawing)
    for job in drawing.jobs:
        for parent in job.parents:
            if parent.uid in numbers:
                yield numbers[parent.uid], numbers[job.uid], parent


def _name(job: JobView) -> str:
    """As people know it: the name it was given, or its task and id; on one line, not too long."""
    text = job.name or f"{job.task} {job_id(job)}"
    return "".join(char if char.isprintable() else " " for char in text[:_LONGEST_NAME])


def _for_mermaid(text: str) -> str:
    """A text within quotes, where # begins the name of a character."""
    for char, name in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(char, name)
    return text


def _for_dot(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{quoted}"'


def _say_gap(drawing: Drawing) -> None:
    if drawing.gap:
        click.echo(f"{drawing.gap}; --limit N draws more", err=True)
