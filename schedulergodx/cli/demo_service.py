"""The second process of `sgx demo`: a service on the embedded broker, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

import click

from schedulergodx.cli.health import read_health
from schedulergodx.setting import ENV_PREFIX

_START = 20.0  # seconds
_STOP = 10.0
_LAST_LINES = 15


class DemoService:
    """A service that lives as long as the `with` does, and leaves nothing behind.

    broker: the URL for its clients
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="schedulergodx-demo-"))
        self._log = self._folder / "service.log"
        self._health = self._folder / "health"
        self._process: subprocess.Popen[bytes] | None = None
        self.broker = f"spool:{self._folder / 'broker'}"

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process is not None, "it is known inside of the `with` only"
        return self._process.pid

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def crash(self) -> float:
        """SIGKILL it and start it again; the answer is how many seconds nobody served."""
        assert self._process is not None, "it runs inside of the `with` only"
        self._process.kill()
        begin = time.monotonic()
        self._process.wait()
        self._health.unlink(missing_ok=True)
        self._start()
        return time.monotonic() - begin

    def _start(self) -> None:
        environ = {key: v for key, v in os.environ.items() if not key.startswith(ENV_PREFIX)}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self._folder,
                env=environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_ready()

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def last_words(self) -> str:
        """The end of its log."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return "\n".join(text.splitlines()[-_LAST_LINES:])

    def _command(self) -> list[str]:
        flags = {
            "--broker": self.broker,
            "--db": f"sqlite:///{self._folder / 'jobs.db'}",
            "--health-file": str(self._health),
            "--stop-grace": "2",
        }
        words = [word for flag in flags.items() for word in flag]
        return [sys.executable, "-m", "schedulergodx", "service", "run", "--no-echo", *words]

    def _wait_ready(self) -> None:
        end = time.monotonic() + _START
        while not read_health(self._health, time.time()).well:
            if self._process is None or self._process.poll() is not None:
                raise click.ClickException(f"the service ended early:\n{self.last_words()}")
            if time.monotonic() > end:
                raise click.ClickException(
                    f"the service was not ready after {_START:g} s:\n{self.last_words()}"
                )
            time.sleep(0.02)
