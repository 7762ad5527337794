"""The functions that `sgx demo` ships: each is run by a process that never imported this file."""

from __future__ import annotations

import ast
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from schedulergodx.core.context import current_job

_BRANCHES = (
    ast.If,
    ast.For,
    ast.While,
    ast.Try,
    ast.With,
    ast.BoolOp,
    ast.comprehension,
    ast.IfExp,
)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Definition:
    """A function or a class of a source file, for one job. lines: as many as it has there"""

    path: str
    name: str
    lines: int
    source: str


@dataclass(frozen=True, slots=True)
class Measure:
    """What a job found out. worker: the process that did"""

    definition: str
    lines: int
    branches: int
    worker: int


def find_definitions(root: Path) -> Iterator[Definition]:
    """All functions and classes of the Python files below a folder, except what is hidden."""
    for path in sorted(root.rglob("*.py")):
        inner = path.relative_to(root)
        if any(part.startswith(".") for part in inner.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, _DEFINITIONS):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield Definition(str(inner), node.name, lines, ast.unparse(node))


def make_word_counter(stop_list: frozenset[str]) -> Callable[[str], list[tuple[str, int]]]:
    """A closure: the stop list travels inside of the function."""

    def count_words(text: str) -> list[tuple[str, int]]:
        words = re.findall(r"[a-z]{3,}", text.lower())
        return Counter(word for word in words if word not in stop_list).most_common(5)

    return count_words


def measure(definition: Definition) -> Measure:
    """How long and how branched a function or a class is."""
    nodes = list(ast.walk(ast.parse(definition.source)))
    return Measure(
        f"{'/'.join(Path(definition.path).parts[-2:])}:{definition.name}",
        definition.lines,
        sum(isinstance(node, _BRANCHES) for node in nodes),
        os.getpid(),
    )


def tell_time() -> float:
    """The instant at which this runs."""
    return time.time()


def nap(seconds: float) -> int:
    """Sleep; which attempt of its job this is."""
    job = current_job()
    time.sleep(seconds)
    return 1 if job is None else job.attempt


def tell_process() -> tuple[int, bool, bool]:
    """The process that this runs in, whether it leads a session, whether it has this file."""
    return os.getpid(), os.getsid(0) == os.getpid(), __name__ in sys.modules


def divide_lines(lines: int, files: int) -> float:
    """Lines a file; where there are no files, an error from deep inside."""
    return _ratio(lines, files)


def _ratio(part: int, whole: int) -> float:
    return part / whole
