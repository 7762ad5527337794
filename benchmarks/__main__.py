"""`python -m benchmarks [workload...]`: measure, print tables, write JSON and a chart."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from benchmarks import functions, machine
from benchmarks.chart import draw
from benchmarks.goals import judge
from benchmarks.page import about_in_markdown, figures_in_markdown, write_page
from benchmarks.registry import ENTRIES, Entry, Group
from benchmarks.runner import Result, best, run_trial
from benchmarks.table import print_goals, print_workload
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import Length, Workload

_PAGE = 160  # characters a line, where no terminal says
_BUSY = 0.5  # load of others above which the figures are rough


@click.command()
@click.argument("workloads", nargs=-1, type=click.Choice(list(WORKLOADS)))
@click.option("--quick", "length", flag_value=Length.QUICK, help="Few jobs: to see that it works.")
@click.option("--long", "length", flag_value=Length.LONG, help="Many jobs, a million among them.")
@click.option("--peers", default="all", help="all, none, or names with commas.")
@click.option("--only", default="", help="Only these settings, names with commas.")
@click.option("--repeat", default=1, show_default=True, help="Trials of each; the best counts.")
@click.option("--patience", default=0.0, help="Seconds to wait for a quiet machine, each time.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures.")
@click.option("--page", type=click.Path(path_type=Path), help="Write the tables into a page.")
@click.option("--chart", type=click.Path(path_type=Path), help="Write a chart, .png and .svg.")
def main(
    workloads: Sequence[str],
    length: Length | None,
    peers: str,
    only: str,
    repeat: int,
    patience: float,
    json_file: Path | None,
    page: Path | None,
    chart: Path | None,
) -> None:
    """Measure WORKLOADS, or all: the product, the bare prototype, and the peers found installed."""
    console = Console()
    if not console.is_terminal:
        console.width = _PAGE
    length = length or Length.USUAL
    usual = [name for name, one in WORKLOADS.items() if one.size(length)]
    chosen = {name: WORKLOADS[name] for name in workloads or usual}
    about = machine.describe(_packages())
    _print_about(console, about)
    entries = _entries(console, peers, only)
    run = partial(_run, length=length, loops=functions.calibrate(), patience=patience)
    results = _run_all(console, chosen, entries, run, repeat)
    goals = judge(results)
    print_goals(console, goals)
    if json_file:
        said = {"machine": about, "length": length, "results": [r.as_json() for r in results]}
        json_file.write_text(json.dumps(said, indent=1) + "\n")
    if page:
        tables = figures_in_markdown(chosen, results, goals)
        write_page(page, f"{about_in_markdown(about)}\n\n{tables}")
    for file in draw(results, chart) if chart else ():
        console.print(f"wrote {file}")


def _entries(console: Console, peers: str, only: str) -> list[Entry]:
    """Those that take part; a line for each that can't."""
    named, wanted = _names(peers), _names(only)
    found = []
    for entry in ENTRIES:
        kind = entry.name.partition("-")[0]
        is_wanted = entry.group is not Group.PEER or peers == "all" or {entry.name, kind} & named
        if not is_wanted or (wanted and entry.name not in wanted):
            continue
        if entry.lacks:
            console.print(f"without {entry.name}: {entry.lacks}", style="dim")
        else:
            found.append(entry)
    return found


def _names(words: str) -> set[str]:
    return {word.strip() for word in words.split(",") if word.strip()}


def _run_all(
    console: Console,
    workloads: dict[str, Workload],
    entries: Sequence[Entry],
    run: Callable[[Entry, Workload], Result],
    repeat: int,
) -> list[Result]:
    results: list[Result] = []
    for workload in workloads.values():
        own: list[Result] = []
        for _ in range(repeat):
            for entry in filter(workload.wants, entries):
                with console.status(f"{workload.name}: {entry.name}"):
                    own.append(run(entry, workload))
        shown = best(own, WORKLOADS)
        print_workload(console, workload, shown)
        results += shown
    return results


def _run(
    entry: Entry, workload: Workload, *, length: Length, loops: int, patience: float
) -> Result:
    machine.await_quiet(patience)
    size = workload.size(length) or workload.size(Length.LONG)  # some have that one only
    return run_trial(entry, workload, size, loops)


def _packages() -> list[str]:
    return sorted({entry.imports[0] for entry in ENTRIES if entry.imports})


def _print_about(console: Console, about: dict[str, str]) -> None:
    console.print(", ".join(f"{name} {value}" for name, value in about.items()), style="dim")
    console.print(time.strftime("%Y-%m-%d %H:%M"), style="dim")
    if float(about["load before"]) > _BUSY:
        console.print("others are busy on this machine: these figures are rough", style="yellow")


if __name__ == "__main__":
    main()
