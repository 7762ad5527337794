"""The figures on a terminal."""

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
NOISE = 5.0  # percent of the machine
_WIDE = 150  # characters, for all columns


def print_workload(console: Console, workload: Workload, results: Sequence[Result]) -> None:
    """One table for one workload."""
    columns = columns_of(workload, results)
    if console.width < _WIDE:
        columns = [column for column in columns if not column.detail]
    table = Table(title=title_of(workload, results), **_LOOK)
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column.heading, justify="right", no_wrap=True)
    for result in results:
        row = [cell_of(result.figures, column) for column in columns]
        if result.failed:
            row = [Text("failed", style="red"), *row[1:]]  # type: ignore[list-item] # rich takes both
        if not result.skipped:
            table.add_row(name_of(result), *row, style=_STYLES[result.group])
    console.print(table)
    for result in results:
        if result.failed or result.skipped:
            why = result.skipped or result.failed.splitlines()[-1]
            console.print(Text(f"  {result.entry}: {why}", style="dim"), soft_wrap=True)
    if noise_of(results) > NOISE:
        says = (
            f"  others used up to {noise_of(results):.0f} % of the machine meanwhile: rough figures"
        )
        console.print(Text(says, style="yellow"))


def print_goals(console: Console, goals: Iterable[Goal]) -> None:
    """Each goal beside its value."""
    table = Table(title="goals", **_LOOK)
    for heading in ("", "", "goal", "value", ""):
        table.add_column(heading)
    for goal in goals:
        mark = Text("yes", style="green") if goal.is_met else Text("no", style="red")
        table.add_row(goal.label, goal.says, wanted_of(goal), f"{goal.value:,.2f}", mark)
    if table.row_count:
        console.print(table)


def columns_of(workload: Workload, results: Sequence[Result]) -> list[Column]:
    """Those of which there is a figure."""
    return [
        column
        for column in workload.columns
        if any(column.key in result.figures for result in results)
    ]


def noise_of(results: Iterable[Result]) -> float:
    """The most of the machine, in percent, that others used during a trial."""
    return max((result.figures.get("others_percent", 0.0) for result in results), default=0.0)


def title_of(workload: Workload, results: Sequence[Result]) -> str:
    """The number, the name and the meaning of a workload, with its size."""
    jobs = max((result.figures.get("jobs", 0) for result in results), default=0)
    return f"{workload.label} {workload.name}: {workload.title} ({jobs:,})"


def name_of(result: Result) -> str:
    """Who, and with which setting."""
    if result.group is Group.PRODUCT:
        return f"sgx: {result.says}"
    return f"{result.entry.partition('-')[0]}: {result.says}"


def cell_of(figures: Mapping[str, float], column: Column) -> str:
    """A figure as it is printed; empty if there is none."""
    value = figures.get(column.key)
    if value is None or math.isnan(value):
        return ""
    return format(value, column.form)


def wanted_of(goal: Goal) -> str:
    """The bound, with its direction."""
    return f"{'≥' if goal.more else '≤'} {goal.wanted:,g}"
