"""Every piece of the guide runs as it stands there, in its order, in one program."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.world import ROOT, SECRET, ServiceProcess

if TYPE_CHECKING:
    from tests.rabbitmq_node import Node

GUIDE = ROOT / "docs" / "guide.md"
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_guide_runs_as_it_stands(rabbit: Node, tmp_path: Path) -> None:
    program = tmp_path / "guide.py"
    blocks = _BLOCK.findall(GUIDE.read_text())
    uses = (
        "print(fetch.options(delay=0).launch(__file__).result(30)[:6], heavy.launch(10).result(30))"
    )
    walk = "print(crawl.launch(3).result(60))"
    program.write_text("\n".join([*blocks, uses, walk, "print('all of it')"]))
    service_home = tmp_path / "service"
    service_home.mkdir()
    environ = os.environ | {
        "PYTHONPATH": str(ROOT),
        "SCHEDULERGODX_BROKER": rabbit.url,
        "SCHEDULERGODX_SECRET": SECRET,
        "SCHEDULERGODX_PREFIX": "guide.",
    }
    with ServiceProcess(
        service_home, broker=rabbit.url, db=f"sqlite:///{service_home}/jobs.db", prefix="guide."
    ):
        done = subprocess.run(
            [sys.executable, str(program)],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "5"
    assert done.stdout.splitlines()[-2:] == ["8", "all of it"]
