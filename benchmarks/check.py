"""`python -m benchmarks.check`: what a job costs in operations, held against a recorded budget.

Seconds differ from machine to machine and from hour to hour; how many statements, bytes and frames
a job takes does not. So a change that makes the way of a job longer fails here, on any machine.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.counting import Counting, Counts
from schedulergodx.client import Client, Job, Workflow

BUDGET = Path(__file__).with_name("budget.json")
_ROUNDS = 2  # the least of them counts: a pause of the machine only adds rounds of the service
_SLACK = 1.25  # of a recorded budget, over what was counted
_PER_ROUND = {"calls": 10.0}  # more: how many rounds jobs share is up to the machine
_OTHER = 0.25
_PATIENCE = 60.0

Costs = Mapping[str, Mapping[str, float]]  # workload -> what -> how many a job


def noop(value: int) -> int:
    """Nothing."""
    return value


def _launch_each(client: Client, size: int) -> None:
    task = client.task(noop)
    with client.pipeline(1):
        jobs = [task.launch(value) for value in range(size)]
    for job in jobs:
        job.result(_PATIENCE)


def _map(client: Client, size: int) -> None:
    for job in client.task(noop).map(range(size)):
        job.result(_PATIENCE)


def _one_by_one(client: Client, size: int) -> None:
    task = client.task(noop)
    for value in range(size):
        task.launch(value).result(_PATIENCE)


def _defer(client: Client, size: int) -> None:
    for job in client.task(noop, delay=0.3).map(range(size)):
        job.result(_PATIENCE)


def _diamond(client: Client, size: int) -> None:
    flow = Workflow(f"diamond of {size}")
    first = flow.add_job(Job("first", noop, {"value": 0}))
    middle = [Job("one", noop, {"value": n}) for n in range(size - 2)]
    for job in middle:
        flow.add_job(job, depends_on=[first])
    last = flow.add_job(Job("last", noop, {"value": 1}), depends_on=middle)
    flow.submit_all(client)
    last.result(_PATIENCE)


WORKLOADS: Mapping[str, tuple[int, Callable[[Client, int], None]]] = {
    "launch each": (1_000, _launch_each),
    "map": (2_000, _map),
    "one by one": (60, _one_by_one),
    "deferred": (1_000, _defer),
    "diamond": (1_000, _diamond),
}


def count() -> Costs:
    """What a job costs now."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return {
            name: _count_workload(work, size, Path(folder))
            for name, (size, work) in WORKLOADS.items()
        }


def _count_workload(
    work: Callable[[Client, int], None], size: int, folder: Path
) -> dict[str, float]:
    rounds = [_count_round(work, size, folder, calls=False) for _ in range(_ROUNDS)]
    least = {what: min(one[what] for one in rounds) for what in sorted(rounds[0])}
    least["calls"] = _count_round(work, size, folder, calls=True)["calls"]
    return {what: number / size for what, number in least.items()}


def _count_round(
    work: Callable[[Client, int], None], size: int, folder: Path, *, calls: bool
) -> Counts:
    counting = Counting(folder, calls=calls)
    with counting as client:
        work(client, 10)  # connections, workers, the code of the task
        counting.taken()
        work(client, size)
        counts = counting.taken()
        client.close()
    return counts


def excesses(costs: Costs, budget: Costs) -> list[str]:
    """What costs more than it may, and what has no budget, in words."""
    found = []
    for workload, parts in costs.items():
        for what, cost in parts.items():
            allowed = budget.get(workload, {}).get(what)
            if allowed is None:
                found.append(f"{workload}: {what} has no budget: record one")
            elif cost > allowed:
                found.append(f"{workload}: {cost:.3g} {what} a job, and {allowed:.3g} are allowed")
    return found


def read_budget() -> Costs:
    """The recorded one."""
    budget: Costs = json.loads(BUDGET.read_text())
    return budget


def _write_budget(costs: Costs) -> None:
    budget = {
        workload: {what: float(f"{_allowed(what, cost):.3g}") for what, cost in parts.items()}
        for workload, parts in costs.items()
    }
    BUDGET.write_text(json.dumps(budget, indent=1) + "\n")


def _allowed(what: str, cost: float) -> float:
    return cost * _SLACK + _PER_ROUND.get(what, _OTHER)


def _show(console: Console, costs: Costs, budget: Costs) -> None:
    look: dict[str, Any] = {"box": box.SIMPLE_HEAD, "title_justify": "left"}
    table = Table(title="operations a job", **look)
    for heading in ("", ""):
        table.add_column(heading)
    for heading in ("counted", "allowed"):
        table.add_column(heading, justify="right")
    for workload, parts in costs.items():
        for place, (what, cost) in enumerate(parts.items()):
            allowed = budget.get(workload, {}).get(what, float("nan"))
            table.add_row("" if place else workload, what, f"{cost:,.3g}", f"{allowed:,.3g}")
    console.print(table)


@click.command()
@click.option("--record", is_flag=True, help="Write what is counted now as the new budget.")
def main(record: bool) -> None:
    """Count, show, and fail where a job costs more than its budget."""
    console = Console()
    costs = count()
    if record:
        _write_budget(costs)
    budget = read_budget()
    _show(console, costs, budget)
    found = excesses(costs, budget)
    for excess in found:
        console.print(excess, style="red")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
