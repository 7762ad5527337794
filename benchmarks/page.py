"""The figures on a page of documentation, between two marks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.goals import Goal
from benchmarks.runner import Result
from benchmarks.table import NOISE, cell_of, columns_of, name_of, noise_of, title_of, wanted_of
from benchmarks.workloads.base import Workload

BEGIN = "<!-- figures: written by python -m benchmarks --page -->"
END = "<!-- end of figures -->"


def write_page(page: Path, figures: str) -> None:
    """Put figures between the marks of a page. Raises: ValueError if it has none"""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for figures: write {BEGIN} and {END} into it")
    page.write_text(f"{before}{BEGIN}\n\n{figures}\n{END}{after}")


def about_in_markdown(about: Mapping[str, str]) -> str:
    """The machine, and when."""
    said = ", ".join(f"{name} {value}" for name, value in about.items())
    return f"{time.strftime('%Y-%m-%d')}: {said}."


def figures_in_markdown(
    workloads: Mapping[str, Workload], results: Sequence[Result], goals: Iterable[Goal]
) -> str:
    """All tables, the goals last."""
    parts = []
    for workload in workloads.values():
        own = [result for result in results if result.workload == workload.name and result.figures]
        if own:
            parts.append(_markdown_workload(workload, own))
    rows = [
        f"| {goal.label} | {goal.says} | {wanted_of(goal)} | {goal.value:,.2f} |"
        f" {'yes' if goal.is_met else 'no'} |"
        for goal in goals
    ]
    head = "| | | goal | value | |\n|---|---|---|---|---|\n"
    return "\n\n".join([*parts, "### Goals\n\n" + head + "\n".join(rows)]) + "\n"


def _markdown_workload(workload: Workload, results: Sequence[Result]) -> str:
    columns = columns_of(workload, results)
    lines = [
        f"### {title_of(workload, results)}",
        "",
        "| | " + " | ".join(column.heading for column in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for result in results:
        cells = " | ".join(cell_of(result.figures, column) for column in columns)
        lines.append(f"| {name_of(result)} | {cells} |")
    if noise_of(results) > NOISE:
        lines += ["", f"Others used up to {noise_of(results):.0f} % of the machine meanwhile."]
    return "\n".join(lines)
