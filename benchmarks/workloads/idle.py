"""What it costs to have it: processors and memory while nothing happens, and the import."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.contestant import Role
from benchmarks.place import ROOT
from benchmarks.stage import Figures, Stage
from benchmarks.workloads.base import MEMORY, Column, Length, Peers, Workload

_REST = 2.0  # seconds until what follows a start is over
_IMPORTS = 5
_TIMED = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def _measure(stage: Stage, size: int) -> Figures:
    """size: seconds to look at"""
    time.sleep(_REST)
    with stage.span() as span:
        time.sleep(size)
    own = span.cpu.get(Role.SERVICE, 0.0) + span.cpu.get(Role.WORKERS, 0.0)
    return {
        "jobs": size,
        "percent": 100 * own / span.seconds,
        "broker_percent": 100 * span.cpu.get(Role.BROKER, 0.0) / span.seconds,
        "import_ms": _import_ms(stage.contestant.module),
        **stage.memory(),
    }


def _import_ms(module: str) -> float:
    """The median of some imports in fresh processes."""
    command = [sys.executable, "-c", _TIMED.format(module)]
    taken = [
        float(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
        for _ in range(_IMPORTS)
    ]
    return statistics.median(taken) * 1e3


IDLE = Workload(
    name="idle",
    label="P10",
    title="nothing to do: share of one core, memory; the import of the client",
    sizes={Length.QUICK: 3, Length.USUAL: 20, Length.LONG: 60},
    columns=(
        Column("percent", "% of a core", ".2f"),
        Column("broker_percent", "% broker", ".2f"),
        Column("import_ms", "import ms", ".0f"),
        *MEMORY,
    ),
    measure=_measure,
    best=("percent", False),
    takes=("rabbitmq-shared", "spool-shared"),
    peers=Peers.ONE_EACH,
)
