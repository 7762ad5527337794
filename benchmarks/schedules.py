"""What schedules cost: memory, time at rest, a look at a rule, and how late they fire.

    python -m benchmarks.schedules [--schedules 100000] [--only sgx,rocketry] [--peers-python PATH]

The product beside schedulers that run in a program of one's own, each empty and full, in a process
of its own; the answer is a table in Markdown. Run it from the root of the project. Peers may need
packages that others don't bear: `--peers-python` names a Python that has them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from benchmarks.place import Place
from benchmarks.schedules_trial import KEEPERS, MISSING

COLUMNS = (
    ("schedules", "schedules", ",.0f"),
    ("mb", "MB", ".0f"),
    ("percent", "% of a core at rest", ".2f"),
    ("look_us", "µs a look", ".0f"),
    ("fired", "fired", ".0f"),
    ("p50_ms", "p50 ms late", ".1f"),
    ("p99_ms", "p99", ".1f"),
    ("max_ms", "max", ".1f"),
    ("min_ms", "min", ".1f"),
)
_TIMEOUT = 1800.0  # seconds for one of them


def main() -> None:
    """Measure those that are chosen, and print a line for each."""
    options = _parser().parse_args()
    only = options.only.split(",") if options.only else KEEPERS
    print("| | " + " | ".join(heading for _, heading, _ in COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for name in only:
        python = sys.executable if name == "sgx" else options.peers_python
        for schedules in (0, options.schedules):
            print(
                f"| {name}: {KEEPERS[name][2]} | {_measure(python, name, schedules)} |", flush=True
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure what schedules cost.")
    parser.add_argument("--schedules", type=int, default=100_000, help="how many that are not due")
    parser.add_argument("--only", default="", help=f"with commas: {', '.join(KEEPERS)}")
    parser.add_argument(
        "--peers-python", default=sys.executable, help="a Python that has the peers"
    )
    return parser


def _measure(python: str, name: str, schedules: int) -> str:
    """The cells of one keeper with so many, or why there are none."""
    done = subprocess.run(
        [python, "-m", "benchmarks.schedules_trial", name, str(schedules)],
        env=Place.here().environ(),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        return ("not there: " if done.returncode == MISSING else "failed: ") + said[-1]
    figures = json.loads(done.stdout.splitlines()[-1])
    return " | ".join(
        format(figures[key], form) if key in figures else "" for key, _, form in COLUMNS
    )


if __name__ == "__main__":
    main()
