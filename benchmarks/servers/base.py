"""What the trial knows of a server, and what servers have in common."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Protocol, Self

from benchmarks import processes

_START_SECONDS = 30.0


class Running(Protocol):
    """A server; `with` starts it and removes it."""

    @property
    def url(self) -> str:
        """How clients reach it."""

    def pids(self) -> list[int]:
        """Its processes."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


class Daemon:
    """A server that is one command, a port and a folder."""

    def __init__(self, name: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"bench-{name}-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self, command: list[str], *, user: str | None = None) -> None:
        """Start it and wait until it listens. Raises: TimeoutError"""
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                user=user,
            )
        end = time.monotonic() + _START_SECONDS
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > end:
                words = (self.folder / "output").read_text(errors="replace")
                raise TimeoutError(f"{command[0]} did not come up:\n{words[-2000:]}")
            time.sleep(0.02)

    def pids(self) -> list[int]:
        """Its processes."""
        return processes.family(self._process.pid) if self._process is not None else []

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            processes.end(self._process.pid)
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
