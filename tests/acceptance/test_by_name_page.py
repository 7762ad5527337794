"""The page about functions by name: its pieces run as they stand there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.acceptance.folder import said
from tests.world import ROOT

if TYPE_CHECKING:
    from tests.acceptance.deployment import Deployment

_BLOCK = re.compile(r"^```python\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_page_runs_as_it_stands(deployment: Deployment) -> None:
    pieces = dict(_BLOCK.findall((ROOT / "docs" / "by-name.md").read_text()))
    assert set(pieces) == {"shop/tasks.py", "service.py", "client.py"}
    folder = deployment.folder("page")
    (folder.path / "shop").mkdir()
    (folder.path / "shop" / "tasks.py").write_text(pieces["shop/tasks.py"])
    own = "from schedulergodx import Service\nService().start()\n"
    folder.serve("imports.py", own, imports="shop.tasks", workers="1", db="sqlite:///imports.db")
    lines = said(folder.run("client.py", pieces["client.py"])).splitlines()
    assert lines[:3] == ["3", "[1]", "['Hello, ann', 'Hello, bob']"]
    folder.serve("service.py", pieces["service.py"], workers="1", db="sqlite:///script.db")
    client = deployment.client("reports")
    job = client.execute("report", {"month": "May"}, queue="reports")
    assert job.result(30) == "report of May"
