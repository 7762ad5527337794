"""What the figures were measured on, and what it can do bare."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from benchmarks import processes
from benchmarks.place import ROOT

_LOOK = 1.0  # seconds
_QUIET = 0.1  # of one core
_CORES = len(os.sched_getaffinity(0))


def bare(what: str, *numbers: object) -> float:
    """A figure of `benchmarks.bare`, from a small process of its own."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "benchmarks.bare", what, *map(str, numbers)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def cores() -> int:
    """How many processors this process may use."""
    return _CORES


def await_quiet(patience: float) -> None:
    """Wait until others leave the processors alone, or for so many seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        before = processes.machine_seconds()
        time.sleep(_LOOK)
        if processes.machine_seconds() - before < _QUIET * _LOOK:
            return


def load() -> float:
    """How many processes wanted to run in the last minute."""
    return os.getloadavg()[0]


def describe(packages: Iterable[str] = ()) -> dict[str, str]:
    """Processor, kernel, versions and the speed of the disk; no names and no paths."""
    found = {
        "cores": str(cores()),
        "processor": _processor(),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "RabbitMQ": _rabbitmq(),
        "fdatasync": f"{bare('syncs', tempfile.gettempdir()) * 1e3:.2f} ms",
        "load before": f"{load():.1f}",
    }
    for package in ("pika", "dill", "msgspec", *packages):
        with suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _rabbitmq() -> str:
    from tests.rabbitmq_node import find_server

    server = find_server()
    if server is None:
        return "none"
    found = re.search(r"rabbitmq_server-([\d.]+)", str(server.resolve()))
    return found[1] if found else "of unknown version"
