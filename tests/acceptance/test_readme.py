"""The programs of the README, typed into files of an empty directory and run as they stand."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.deployment import Deployment
from tests.acceptance.folder import Folder, said
from tests.world import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.rabbitmq_node import Node

CLIENT = """\
from schedulergodx import Client

client = Client()


@client.task
def divide(a, b):
    return a / b


job = divide.options(delay=10).launch(10, b=4)
print(job.id, job.status())
print(job.result(timeout=30))
"""

SERVICE = """\
from schedulergodx import Service

Service().start()
"""


@pytest.fixture
def folder(rabbit: Node, tmp_path: Path) -> Iterator[Folder]:
    deployment = Deployment(rabbit.url, tmp_path)
    with closing(Folder(tmp_path / "empty", **deployment.address)) as folder:
        yield folder


@pytest.mark.parametrize("program", [CLIENT, SERVICE])
def test_the_readme_prints_these_programs(program: str) -> None:
    assert f"```python\n{program}```" in (ROOT / "README.md").read_text()


def test_the_programs_of_the_readme_run(folder: Folder) -> None:
    service = folder.run("service.py", SERVICE)
    first, second = said(folder.run("client.py", CLIENT)).splitlines()[-2:]
    id, status = first.split()
    assert len(id) == 26
    assert status in ("scheduled", "Status.SCHEDULED")
    assert second == "2.5"
    assert service.poll() is None
