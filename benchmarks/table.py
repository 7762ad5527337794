"""The figures on a terminal, and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.goals import Goal
from benchmarks.registry import Group
from benchmarks.runner import Result
from benchmarks.workloads.base import Column, Workload

_STYLES = {Group.PRODUCT: "bold", Group.YARDSTICK: "cyan", Group.PEER: ""}
_LOOK: dict[str, Any] = {"title_justify": "left", "title_style": "bold", "box": box.SIMPLE_HEAD}
_NOISE = 5.0  # percent of the machine
_WIDE = 150  # characters, for all columns


def print_workload(console: Console, workload: Workload, results: Sequence[Result]) -> None:
    """One table for one workload."""
    columns = _columns(workload, results)
    if console.width < _WIDE:
        columns = [column for column in columns if not column.detail]
    table = Table(title=_title(workload, results), **_LOOK)
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column.heading, justify="right", no_wrap=True)
    for result in results:
        row = [_cell(result.figures, column) for column in columns]
        if result.failed:
            row = [Text("failed", style="red"), *row[1:]]  # type: ignore[list-item] # rich takes both
        if not result.skipped:
            table.add_row(_name(result), *row, style=_STYLES[result.group])
    console.print(table)
    for result in results:
        if result.failed or result.skipped:
            why = result.skipped or result.failed.splitlines()[-1]
            console.print(Text(f"  {result.entry}: {why}", style="dim"), soft_wrap=True)
    others = max((result.figures.get("others_percent", 0.0) for result in results), default=0.0)
    if others > _NOISE:
        says = f"  others used up to {others:.0f} % of the machine meanwhile: rough figures"
        console.print(Text(says, style="yellow"))


def print_goals(console: Console, goals: Iterable[Goal]) -> None:
    """Each goal beside its value."""
    table = Table(title="goals", **_LOOK)
    for heading in ("", "", "goal", "value", ""):
        table.add_column(heading)
    for goal in goals:
        mark = Text("yes", style="green") if goal.is_met else Text("no", style="red")
        table.add_row(goal.label, goal.says, _wanted(goal), f"{goal.value:,.2f}", mark)
    if table.row_count:
        console.print(table)


def markdown(
    workloads: Mapping[str, Workload], results: Sequence[Result], goals: Iterable[Goal]
) -> str:
    """All tables, for a page of documentation."""
    parts = []
    for workload in workloads.values():
        own = [result for result in results if result.workload == workload.name and result.figures]
        if own:
            parts.append(_markdown_workload(workload, own))
    rows = [
        f"| {goal.label} | {goal.says} | {_wanted(goal)} | {goal.value:,.2f} |"
        f" {'yes' if goal.is_met else 'no'} |"
        for goal in goals
    ]
    head = "| | | goal | value | |\n|---|---|---|---|---|\n"
    return "\n\n".join([*parts, "### Goals\n\n" + head + "\n".join(rows)]) + "\n"


def _markdown_workload(workload: Workload, results: Sequence[Result]) -> str:
    columns = _columns(workload, results)
    lines = [
        f"### {_title(workload, results)}",
        "",
        "| | " + " | ".join(column.heading for column in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for result in results:
        cells = " | ".join(_cell(result.figures, column) for column in columns)
        lines.append(f"| {_name(result)} | {cells} |")
    return "\n".join(lines)


def _columns(workload: Workload, results: Sequence[Result]) -> list[Column]:
    """Those of which there is a figure."""
    return [
        column
        for column in workload.columns
        if any(column.key in result.figures for result in results)
    ]


def _title(workload: Workload, results: Sequence[Result]) -> str:
    jobs = max((result.figures.get("jobs", 0) for result in results), default=0)
    return f"{workload.label} {workload.name}: {workload.title} ({jobs:,})"


def _name(result: Result) -> str:
    if result.group is Group.PRODUCT:
        return f"sgx: {result.says}"
    return f"{result.entry.partition('-')[0]}: {result.says}"


def _cell(figures: Mapping[str, float], column: Column) -> str:
    value = figures.get(column.key)
    if value is None or math.isnan(value):
        return ""
    return format(value, column.form)


def _wanted(goal: Goal) -> str:
    return f"{'≥' if goal.more else '≤'} {goal.wanted:,g}"
