"""The page about jobs by hand and workflows: its pieces run as they stand, in one program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.acceptance.folder import said
from tests.world import ROOT

if TYPE_CHECKING:
    from tests.acceptance.deployment import Deployment

_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_page_runs_as_it_stands(either: Deployment) -> None:
    """G13, G19, G32, G33: as the page shows them"""
    either.service().start()
    blocks = _BLOCK.findall((ROOT / "docs" / "workflows.md").read_text())
    program = "\n".join([*blocks, "print('all of it')"])
    lines = said(either.folder("page").run("page.py", program)).splitlines()
    assert "{'file': 'data.csv', 'threshold': 0.5}" in lines
    assert "{'exists': False}" in lines
    assert "['nightly import']" in lines
    assert "cleaned blocked" in lines
    assert lines[-3:] == ["54", "140", "all of it"]
