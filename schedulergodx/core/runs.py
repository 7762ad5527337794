"""Runs: each start of what runs jobs on a store has numbers of workers that no other one has."""

from __future__ import annotations

WORKERS_A_RUN = 1_000_000
NEWEST_RUN_NOTE = "run"  # the fact of a store: the number of its newest run
_REMEMBERED = 10_000  # runs of which it is known who they were


def run_of(worker: int) -> int:
    """The run that a worker belongs to."""
    return worker // WORKERS_A_RUN


def name_note(run: int) -> str:
    """The fact of a store that says who that run is; one of long ago had it before."""
    return f"run.{run % _REMEMBERED}"


def name_text(run: int, name: str) -> str:
    """What that fact says."""
    return f"{run} {name}"


def name_in(text: str | None, run: int) -> str:
    """Who a run was, by that fact; "" where it is forgotten."""
    number, _, name = (text or "").partition(" ")
    return name if number == str(run) else ""
