"""What people write runs in a process that does not have it: the claims of the project.

Each claim is a function in `project/claims_*.py`. They run in a client process, with a worker
process at the other end of a pipe.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.core.code.crossing import HERE, Crossing

FILES = sorted((HERE / "project").glob("claims_*.py"))


def claims_in(path: Path) -> list[str]:
    """The names of the functions that are marked as claims."""
    return [
        f"{path.stem}.{node.name}"
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(mark, ast.Name) and mark.id == "claim" for mark in node.decorator_list)
    ]


CLAIMS = [claim for path in FILES for claim in claims_in(path)]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    crossing = Crossing(tmp_path_factory.mktemp("crossing"))
    return crossing.claims(*(path.stem for path in FILES))


@pytest.mark.parametrize("claim", CLAIMS)
def test_crossing(claim: str, outcomes: dict[str, str | None]) -> None:
    assert outcomes[claim] is None, outcomes[claim]
