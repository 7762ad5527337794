"""A service as a second process, for tests that use the real thing and kill it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
SECRET = "a secret for tests, long enough to sign with"

_PROGRAM = """
import json, logging, sys
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
from schedulergodx.service import Service
Service(**json.loads(sys.argv[1])).start()
"""


class ServiceProcess:
    """One service in a process of its own, in a directory where none of the tests' code is.

    settings: keywords of `Service`; `broker` and `db` are needed
    """

    def __init__(self, directory: Path, **settings: object) -> None:
        self.directory = directory
        self.settings = settings
        self.log = directory / "service.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ServiceProcess:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *, ready: bool = True, timeout: float = 30) -> ServiceProcess:
        """Start it and, unless told otherwise, wait until it takes jobs."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("SCHEDULERGODX_")}
        environ |= {"PYTHONPATH": str(ROOT), "SCHEDULERGODX_SECRET": SECRET}
        seen = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM, json.dumps(self.settings)],
                cwd=self.directory,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if ready:
            until(lambda: self._says(" reads ", seen), timeout, self.text)
        return self

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self, timeout: float = 30) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"the service did not stop:\n{self.text()}") from None
        finally:
            self._process = None
        return code

    def wait(self, timeout: float = 30) -> int:
        """Until it ends by itself; the exit code."""
        assert self._process is not None
        code = self._process.wait(timeout)
        self._process = None
        return code

    def text(self) -> str:
        """What it wrote so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _says(self, words: str, seen: int) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(
                f"the service ended with {self._process.returncode}:\n{self.text()}"
            )
        return words in self.log.read_bytes()[seen:].decode(errors="replace")


def until(condition: Callable[[], T], timeout: float = 20, explain: Callable[[], str] = str) -> T:
    """Wait for an event that can only be looked for; fail with `explain()` after `timeout`."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"it did not happen within {timeout} s\n{explain()}")
        time.sleep(0.01)
    return value
