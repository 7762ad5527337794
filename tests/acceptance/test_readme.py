"""The programs of the README, typed into files of an empty directory and run as they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.folder import said
from tests.acceptance.readme import CLIENT, SERVICE
from tests.world import ROOT

if TYPE_CHECKING:
    from tests.acceptance.readme import Readme


@pytest.mark.parametrize("program", [CLIENT, SERVICE])
def test_the_readme_prints_these_programs(program: str) -> None:
    assert f"```python\n{program}```" in (ROOT / "README.md").read_text()


def test_the_programs_of_the_readme_run(readme: Readme) -> None:
    first, second = said(readme.client).splitlines()[-2:]
    id, status = first.split()
    assert len(id) == 26
    assert status == "scheduled"
    assert second == "2.5"
    assert readme.service.poll() is None
