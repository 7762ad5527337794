"""A user's project in a directory of its own, and processes that run in it.

A client process can import the project. The worker that it starts can import schedulergodx and what
is in `installed/site-packages`, and nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import schedulergodx

HERE = Path(__file__).parent
DEADLINE = 60.0


class Crossing:
    """The project under `directory`, to which files can be added.

    project: where the user's code is
    importable: directories from which both ends import
    """

    def __init__(self, directory: Path) -> None:
        self.project = directory / "project"
        shutil.copytree(HERE / "project", self.project, ignore=shutil.ignore_patterns("__pyc*"))
        packages = directory / "lib"
        packages.mkdir()
        (packages / "schedulergodx").symlink_to(Path(schedulergodx.__file__).parent)
        installed = directory / "installed" / "site-packages"
        shutil.copytree(HERE / "installed", installed)
        self.importable = [str(packages), str(installed)]

    def write(self, name: str, text: str) -> Path:
        """A file of the project."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def environment(self, **more: str) -> dict[str, str]:
        """What a client process needs to find the project, the ends, and what is installed."""
        paths = [str(self.project), str(HERE / "ends"), *self.importable]
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.project),
            "PYTHONPATH": os.pathsep.join(paths),
            "CROSSING_IMPORTABLE": os.pathsep.join(self.importable),
            **more,
        }

    def client(self, *command: str, **environment: str) -> str:
        """Run Python with these arguments in the project; what it prints."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.project,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def claims(self, *modules: str) -> dict[str, str | None]:
        """How the claims of these modules end: see `ends/claims.py`."""
        outcomes: dict[str, str | None] = json.loads(
            self.client(str(HERE / "ends" / "claims.py"), *modules)
        )
        return outcomes
