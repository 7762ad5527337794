"""Writes docs/coverage.md: which test shows which item of the five documents; `make docs` runs it.

A test names the items that it shows at the begin of its docstring: "G4, G5: ...", or where it holds
what an original got wrong as well, "G4; defect 1: ...".
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "coverage.md"
ITEMS = ROOT / "docs" / "items.txt"

HEAD = """\
# Coverage

Five documents say what this system does, and this page says which test shows each of their items.
It is made by `make docs` from `docs/items.txt` and from the tests, which name the items that they
show at the begin of their docstrings. **M** must be there, **N** is there as it fits.
"""

_IDS = re.compile(r"((?:[DGRST]\d+(?:, )?)+)(?:; defects? [\d, and]+)?:")
_TITLE = re.compile(r"\[(\w)\] (.+)")


class Item(NamedTuple):
    """One thing that a document asks for."""

    id: str
    must: bool
    text: str
    document: str


class Place(NamedTuple):
    """A test, and the file that it stands in, from the root on."""

    path: str
    name: str


def items() -> Iterator[Item]:
    """Every item, in the order of the list."""
    document = ""
    for line in ITEMS.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if title := _TITLE.fullmatch(line):
            document = title[2]
        else:
            id, kind, text = line.split(" ", 2)
            yield Item(id, kind == "M", text, document)


def places() -> dict[str, list[Place]]:
    """The tests of each item."""
    found: dict[str, list[Place]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            named = _IDS.match(ast.get_docstring(node) or "")
            for id in named[1].split(", ") if named and node.name.startswith("test_") else ():
                found[id].append(Place(str(path.relative_to(ROOT)), node.name))
    return found


def render() -> str:
    """The whole page."""
    shown = places()
    lines = [HEAD]
    document = ""
    for item in items():
        if item.document != document:
            document = item.document
            lines += [f"## {document}\n", "| item | | what | tests |", "|---|---|---|---|"]
        lines.append(_row(item, shown.get(item.id, [])))
    return "\n".join(lines).replace("|\n## ", "|\n\n## ") + "\n"


def _row(item: Item, tests: list[Place]) -> str:
    links = ", ".join(f"[{_words(test)}](../{test.path})" for test in tests[:_MOST])
    rest = f" and {len(tests) - _MOST} more" if len(tests) > _MOST else ""
    return f"| {item.id} | {'M' if item.must else 'N'} | {item.text} | {links}{rest} |"


def _words(test: Place) -> str:
    return test.name.removeprefix("test_").replace("_", " ")


_MOST = 3  # tests that a row names

if __name__ == "__main__":
    PAGE.write_text(render())
