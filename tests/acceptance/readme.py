"""The programs of the README, as they stand there, and as they run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

    from tests.acceptance.folder import Folder

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


@dataclass(frozen=True)
class Readme:
    """Both, as processes."""

    service: subprocess.Popen[str]
    client: subprocess.Popen[str]


def run_readme(folder: Folder) -> Readme:
    """Type both into files, and start them."""
    return Readme(folder.run("service.py", SERVICE), folder.run("client.py", CLIENT))
