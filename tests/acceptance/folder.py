"""An empty directory into which programs are typed, and run as a reader of the README does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from textwrap import dedent
from typing import TYPE_CHECKING

from tests.world import ROOT, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Folder:
    """Files, and the processes that run them, which are ended by `close()`.

    settings: what the programs are told by their environment, as `broker=...`
    """

    def __init__(self, path: Path, **settings: str) -> None:
        self.path = path
        path.mkdir(exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SCHEDULERGODX_")}
        told = {f"SCHEDULERGODX_{name.upper()}": value for name, value in settings.items()}
        self.environ = kept | told | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        self._open = ExitStack()

    def run(self, name: str, program: str, **environ: str) -> subprocess.Popen[str]:
        """Type a program into a file and start it; what it writes comes out of one pipe."""
        (self.path / name).write_text(dedent(program))
        process = subprocess.Popen(
            [sys.executable, name],
            cwd=self.path,
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._open.callback(end, process)
        return process

    def output(self, name: str, program: str, timeout: float = 60) -> str:
        """What a program wrote that ended well."""
        return said(self.run(name, program), timeout)

    def serve(self, name: str, program: str, **more: str) -> subprocess.Popen[str]:
        """Start a program that is a service, and wait until it takes jobs.

        more: settings that only it is told
        """
        told = {f"SCHEDULERGODX_{key.upper()}": value for key, value in more.items()}
        before = set(self._ready())
        process = self.run(name, program, **told)
        until(lambda: set(self._ready()) - before or process.poll() is not None, 30)
        assert process.poll() is None, process.communicate()[0]
        return process

    def _ready(self) -> Iterator[int]:
        """The pids of services here that take jobs."""
        for path in self.path.glob("*.health"):
            with suppress(OSError, ValueError):
                facts = json.loads(path.read_text())
                if facts["ready"]:
                    yield facts["pid"]

    def close(self) -> None:
        """End what still runs."""
        self._open.close()


def said(process: subprocess.Popen[str], timeout: float = 60) -> str:
    """What a process wrote until its end, which must be a good one."""
    text, _ = process.communicate(timeout=timeout)
    assert process.returncode == 0, text
    return text


def end(process: subprocess.Popen[str]) -> None:
    """SIGTERM, and SIGKILL to one that does not mind it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
