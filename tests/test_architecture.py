"""The shape of the code: who may import whom, and how long a piece may be.

Imports point down only. An edge stands above the programs, these above the adapters, these above
the rules of `core`, these above the leaves; neighbours never know each other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "schedulergodx"
LONGEST_FILE = 400
LONGEST_FUNCTION = 40  # lines of its body, without its docstring

LEAVES = ("errors", "quantity", "setting", "dotenv", "layer", "broker_url", "config", "utils")
ADAPTERS = ("brokers", "storage", "executors")
PROGRAMS = ("client", "service")
BOTH = ("local",)  # a client and a service in one process
EDGES = ("cli", "dashboard", "testing", "args", "distributaur", "taskit", "__main__")
# Modules of documents that only show where a thing lives, and the package's own front.
DOORS = ("__init__", "utils.message", "utils.storage", "args", "distributaur", "taskit")
PARTS = (*LEAVES, "core", "conditions", *ADAPTERS, *PROGRAMS, *BOTH, *EDGES)

# What each part may import beside itself. The leaves stand in a row: each may know those before it.
MAY_IMPORT = {leaf: set(LEAVES[:place]) for place, leaf in enumerate(LEAVES)}
MAY_IMPORT["core"] = set(LEAVES)
MAY_IMPORT["conditions"] = {"core"}  # names for users
MAY_IMPORT |= {adapter: {"core", *LEAVES} for adapter in ADAPTERS}
MAY_IMPORT["client"] = {"brokers", "core", *LEAVES}  # its host has no database and runs no job
MAY_IMPORT["service"] = {*ADAPTERS, "core", *LEAVES}
MAY_IMPORT |= {both: {*PROGRAMS, *ADAPTERS, "core", *LEAVES} for both in BOTH}
MAY_IMPORT |= {edge: {*BOTH, *PROGRAMS, *ADAPTERS, "core", *LEAVES} for edge in EDGES}
MAY_IMPORT["__main__"] = {"cli"}
OUTSIDE = ("tests", "benchmarks", "examples")

# What reaches the world, the clock or chance; the rules are given these as values.
NOT_IN_CORE = frozenset(
    {"aio_pika", "alembic", "asyncio", "concurrent", "http", "multiprocessing", "pika"}
    | {"random", "sched", "secrets", "select", "selectors", "shutil", "signal", "socket"}
    | {"sqlalchemy", "sqlite3", "ssl", "subprocess", "tempfile", "time", "urllib"}
    | {"uuid"}
)
FREE_IN_CORE = {"core.identity": {"time"}}  # the default clock of a source of uids
CLOCKS = frozenset({"now", "utcnow", "today"})  # of datetime and date
THREADS = frozenset({"Thread", "Timer"})  # of threading, whose locks are free
LOGIC = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.Try)

# Functions that are longer for speed. Each says "hot" in its docstring.
LONG_FOR_SPEED: dict[str, str] = {}


@dataclass(frozen=True)
class Import:
    """One import of one name: `module` is absolute."""

    module: str
    name: str
    line: int


def module_name(path: Path) -> str:
    """`schedulergodx/core/job.py` is `schedulergodx.core.job`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[Import]:
    """Every import of a module, at the top, in functions and for types alike."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, "", node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            for alias in node.names:
                yield Import(base, alias.name, node.lineno)


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    up = node.level - 1 if is_package else node.level
    return ".".join([*parts[: len(parts) - up], *([node.module] if node.module else [])])


def part_of(imported: Import) -> str:
    """Which part of the package an import reaches: "" for its front."""
    below = f"{imported.module}.{imported.name}".removeprefix(f"{PACKAGE}").strip(".").split(".")
    return below[0] if below[0] in PARTS else ""


def broken_rules(path: Path, source: str) -> list[str]:
    """What a file imports against the rules, each with its line and the rule."""
    module = module_name(path)
    tree = ast.parse(source, str(path))
    inner = module.removeprefix(PACKAGE).strip(".")
    found = imports_of(tree, module, is_package=path.name == "__init__.py")
    return [
        f"{path.relative_to(ROOT)}:{imported.line}: imports"
        f" {f'{imported.module}.{imported.name}'.strip('.')}: {rule}"
        for imported in found
        if (rule := _broken_rule(inner, imported))
    ]


def _broken_rule(inner: str, imported: Import) -> str:
    top = imported.module.split(".")[0]
    if top in OUTSIDE:
        return f"nothing in the package knows {top}/"
    part = inner.split(".")[0]
    if top != PACKAGE:
        return _broken_rule_of_core(inner, imported) if part == "core" else ""
    if not inner or inner in DOORS:
        return ""
    target = part_of(imported)
    if not target:
        return "the front of the package is for its users: import the module itself"
    if any(
        f"{imported.module}.{imported.name}.".startswith(f"{PACKAGE}.{door}.") for door in DOORS
    ):
        return "it is a door for users: import where the thing lives"
    if target == part or target in MAY_IMPORT[part]:
        return ""
    allowed = ", ".join(sorted(MAY_IMPORT[part])) or "nothing of the package"
    return f"{part} may import {allowed}"


def _broken_rule_of_core(inner: str, imported: Import) -> str:
    top = imported.module.split(".")[0]
    banned = top in NOT_IN_CORE and top not in FREE_IN_CORE.get(inner, ())
    if banned or (top == "threading" and imported.name in THREADS):
        return "core holds rules only: no I/O, no clock, no thread, no chance"
    return ""


def world_reached(path: Path, source: str) -> list[str]:
    """Where a file asks `datetime` or `date` what time it is, or makes a thread."""
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}: calls {node.func.attr}; rules do not"
        for node in ast.walk(ast.parse(source, str(path)))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS | THREADS
    ]


def long_functions(path: Path, source: str) -> list[str]:
    """Functions above the limit that do not say that they are long for speed."""
    found = []
    for node in ast.walk(ast.parse(source, str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            where = f"{path.relative_to(ROOT)}:{node.name}"
            docstring = ast.get_docstring(node) or ""
            if _length(node) > LONGEST_FUNCTION and not (
                where in LONG_FOR_SPEED and "hot" in docstring
            ):
                found.append(f"{where} has {_length(node)} lines; a noun is missing")
    return found


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body without the docstring, inner functions included."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (node.end_lineno or node.lineno) - body[0].lineno + 1 if body else 0


SOURCES = sorted((ROOT / PACKAGE).rglob("*.py"))
PROGRAM_FILES = sorted((ROOT / "service").rglob("*.py"))


def id_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=id_of)
def test_imports_point_down(path: Path) -> None:
    broken = broken_rules(path, path.read_text())
    assert not broken, "\n".join(broken)


def test_no_rule_reads_the_clock_or_makes_a_thread() -> None:
    read = [
        found
        for path in (ROOT / PACKAGE / "core").rglob("*.py")
        for found in world_reached(path, path.read_text())
    ]
    assert not read, "\n".join(read)


@pytest.mark.parametrize("door", DOORS[1:])
def test_a_door_only_shows_where_things_live(door: str) -> None:
    source = (ROOT / PACKAGE / f"{door.replace('.', '/')}.py").read_text()
    made = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, LOGIC) and getattr(node, "name", "") != "__getattr__"
    ]
    assert source.count("\n") < 40
    assert not made, f"{door}, line {made[0].lineno}: logic belongs where the thing lives"


@pytest.mark.parametrize("path", [*SOURCES, *PROGRAM_FILES], ids=id_of)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{id_of(path)} has no docstring"


@pytest.mark.parametrize("path", [*SOURCES, *PROGRAM_FILES], ids=id_of)
def test_files_and_functions_are_short(path: Path) -> None:
    source = path.read_text()
    lines = source.count("\n")
    assert lines <= LONGEST_FILE, f"{id_of(path)} has {lines} lines: which noun is missing?"
    long = long_functions(path, source)
    assert not long, "\n".join(long)


def test_every_part_has_its_place_in_the_picture() -> None:
    there = {path.relative_to(ROOT / PACKAGE).parts[0].removesuffix(".py") for path in SOURCES}
    assert there <= {*PARTS, "__init__"}, "a new part needs its rule here"


def test_what_is_allowed_to_be_long_is_there_and_says_why() -> None:
    names = {
        f"{id_of(path)}:{node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert set(LONG_FOR_SPEED) <= names
    assert all(LONG_FOR_SPEED.values())


def test_no_program_and_no_example_imports_tests() -> None:
    for folder in ("service", "examples", "docs"):  # benchmarks start nodes as the tests do
        for path in (ROOT / folder).rglob("*.py"):
            modules = {
                found.module.split(".")[0]
                for found in imports_of(
                    ast.parse(path.read_text()), module_name(path), is_package=False
                )
            }
            assert "tests" not in modules, id_of(path)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("client/client.py", "from schedulergodx.service import Service"),
        ("client/client.py", "from ..service.service import Service"),
        ("client/client.py", "from schedulergodx import storage"),
        ("service/inbox.py", "import schedulergodx.client"),
        ("service/inbox.py", "from schedulergodx.cli import main"),
        ("service/inbox.py", "from schedulergodx import Client"),
        ("brokers/spool.py", "from schedulergodx.storage.base import Store"),
        ("brokers/spool.py", "def late():\n    from schedulergodx.executors import base"),
        ("storage/store.py", "from schedulergodx.client.base import ClientBase"),
        ("storage/store.py", "from schedulergodx.utils.storage import DB"),
        ("core/job.py", "from schedulergodx.brokers.base import Broker"),
        ("core/job.py", "from ..brokers import base"),
        ("core/job.py", "import socket"),
        ("core/job.py", "import asyncio.events"),
        ("core/job.py", "from threading import Thread"),
        ("core/job.py", "from time import time"),
        ("errors.py", "from schedulergodx.config import Settings"),
        ("config.py", "from schedulergodx.core.job import Status"),
        ("service/__init__.py", "from ..client import Client"),
        ("core/job.py", "from tests.brokers import nodes"),
    ],
)
def test_a_planted_import_is_found(path: str, line: str) -> None:
    planted = ROOT / PACKAGE / path
    [broken] = broken_rules(planted, f"x = 1\n{line}\n")
    assert broken.startswith(f"{PACKAGE}/{path}:")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("client/client.py", "from schedulergodx.client.task import Task"),
        ("client/client.py", "from .task import Task"),
        ("service/inbox.py", "from schedulergodx.storage.base import Store"),
        ("storage/store.py", "from schedulergodx import errors"),
        ("core/job.py", "from threading import Lock"),
        ("config.py", "from schedulergodx.errors import ConfigError"),
        ("utils/storage.py", "from schedulergodx.storage.store import DB"),
        ("__init__.py", "from schedulergodx.client import Client"),
        ("cli/launch.py", "from schedulergodx.client import Client"),
    ],
)
def test_an_import_that_points_down_is_free(path: str, line: str) -> None:
    assert broken_rules(ROOT / PACKAGE / path, line) == []


@pytest.mark.parametrize("call", ["datetime.now(UTC)", "date.today()", "threading.Thread()"])
def test_a_planted_clock_or_thread_is_found(call: str) -> None:
    path = ROOT / PACKAGE / "core" / "job.py"
    [found] = world_reached(path, f"x = 1\ny = {call}\n")
    assert found.startswith(f"{PACKAGE}/core/job.py:2:")


def test_a_long_function_is_found_and_its_docstring_is_free() -> None:
    body = "\n".join(["    x = 1"] * LONGEST_FUNCTION)
    words = "\n".join(["    word"] * 50)
    path = ROOT / PACKAGE / "core" / "job.py"
    assert long_functions(path, f"def f():\n    '''Say.\n{words}\n    '''\n{body}\n") == []
    [found] = long_functions(path, f"def f():\n{body}\n    y = 1\n")
    assert found.startswith(f"{PACKAGE}/core/job.py:f has {LONGEST_FUNCTION + 1} lines")
