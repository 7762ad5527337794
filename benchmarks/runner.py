"""Runs trials, each in a process of its own, and keeps what came out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import processes, slow_disk
from benchmarks.place import ROOT
from benchmarks.registry import Entry, Group
from benchmarks.workloads.base import Workload

_GRACE = 60.0  # seconds for servers and workers to come up, beside the workload itself
_LAST_LINES = 12


@dataclass(frozen=True, slots=True)
class Result:
    """What one trial gave: figures, or why there are none.

    load: of the machine when it began, from others as well
    """

    workload: str
    entry: str
    group: Group
    says: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    skipped: str = ""
    failed: str = ""

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


def run_trial(entry: Entry, workload: Workload, size: int, loops: int) -> Result:
    """One trial. It never raises for what goes wrong in it."""
    named = {"entry": entry.name, "workload": workload.name, "size": size, "loops": loops}
    about = (workload.name, entry.name, entry.group, entry.says)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        request, result = Path(folder, "request"), Path(folder, "result")
        request.write_text(json.dumps(named))
        if workload.slow_disk and (lack := slow_disk.why_missing()):
            return Result(*about, skipped=lack)
        more = slow_disk.environ(Path(folder)) if workload.slow_disk else {}
        failed = _run(request, result, workload.timeout + _GRACE, more)
        if failed:
            return Result(*about, failed=failed)
        figures = json.loads(result.read_text())
    if "skipped" in figures:
        return Result(*about, skipped=figures["skipped"])
    return Result(*about, figures=figures)


def best(results: Iterable[Result], workloads: Mapping[str, Workload]) -> list[Result]:
    """Of repeated trials the best one: on a machine with others on it, noise only slows."""
    found: dict[tuple[str, str], Result] = {}
    for result in results:
        key = result.workload, result.entry
        found[key] = _better(found.get(key, result), result, workloads[result.workload])
    return list(found.values())


def _better(one: Result, other: Result, workload: Workload) -> Result:
    if not one.figures or not other.figures:
        return one if one.figures else other
    key, more = workload.best
    return max(one, other, key=lambda result: result.figures[key] * (1 if more else -1))


def _run(request: Path, result: Path, timeout: float, more: Mapping[str, str]) -> str:
    """Empty if it went well, else the last that it wrote. more: of its environment"""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.trial", str(request), str(result)],
        cwd=ROOT,
        env={**os.environ, **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        words, _ = process.communicate(timeout=timeout)
    except BaseException as error:
        processes.end(process.pid)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            return f"it was not done within {timeout:g} s"
        raise
    lines = words.strip().splitlines()[-_LAST_LINES:]
    return "\n".join(lines) or "it ended without a word" if process.returncode else ""
