"""What takes part: a queue with its workers, behind one small interface.

The product, the bare prototype and each peer are contestants. A trial makes one, starts its
workers, opens its client, and has a workload send jobs to it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from benchmarks import processes
from benchmarks.place import Place

WORKERS = 2  # processes that run jobs, of every contestant that has them
TIMEOUT = 300.0  # seconds for a workload's jobs to end

Handle = Any  # what a contestant knows a job by


class Role(StrEnum):
    """Whose processes they are."""

    CLIENT = "client"
    SERVICE = "service"
    WORKERS = "workers"
    BROKER = "broker"


class Offer(StrEnum):
    """What a contestant can do, beside running a function."""

    RESULTS = "results"
    DELAYS = "delays"
    WORKERS = "workers"  # processes of its own that run jobs
    HARD = "hard"  # a process for each job
    COROUTINES = "coroutines"
    THREADS = "threads"
    PAYLOAD = "payload"  # large arguments
    WORKFLOWS = "workflows"  # jobs that wait for others
    RESTART = "restart"  # what it keeps is there after its end


class Contestant(ABC):
    """One queue, with one setting.

    offers: what it can do
    module: what a program imports to send jobs
    """

    offers: ClassVar[frozenset[Offer]]
    module: ClassVar[str] = ""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.setting = place.setting
        self._started: list[subprocess.Popen[bytes]] = []

    # -- its workers ------------------------------------------------------------------------------

    def commands(self) -> Sequence[Sequence[str]]:
        """The command lines of its processes."""
        return ()

    def environ(self) -> Mapping[str, str]:
        """The environment of its processes."""
        return self.place.environ()

    def start(self) -> None:
        """Start what runs jobs."""
        for command in self.commands():
            with self.place.path("workers.log").open("ab") as log:
                self._started.append(
                    subprocess.Popen(
                        list(command),
                        cwd=self.place.folder,
                        env=self.environ(),
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )

    def stop(self) -> None:
        """End what was started, with all that descends from it."""
        for process in self._started:
            processes.end(process.pid)
            process.wait()
        self._started = []

    def pids(self) -> Mapping[Role, list[int]]:
        """Its processes, without the client and the broker."""
        return {Role.WORKERS: [pid for one in self._started for pid in processes.family(one.pid)]}

    # -- its client -------------------------------------------------------------------------------

    def open(self) -> None:  # noqa: B027 # most have a connection to open, some have none
        """Connect."""

    def close(self) -> None:  # noqa: B027
        """Disconnect."""

    @abstractmethod
    def send(self, function: str, value: Any, due: float | None = None) -> Handle:
        """Send one job; `due` is the instant from which it may start."""

    def send_many(
        self, function: str, values: Iterable[Any], dues: Sequence[float] | None = None
    ) -> list[Handle]:
        """Send many jobs in the fastest way that this setting has; all are confirmed after it."""
        if dues is None:
            return [self.send(function, value) for value in values]
        return [self.send(function, value, due) for value, due in zip(values, dues, strict=True)]

    def send_diamond(self, function: str, size: int) -> Handle:
        """Send one job, many that wait for it, and one that waits for those: that one."""
        raise NotImplementedError

    def wait(self, handles: Sequence[Handle], timeout: float = TIMEOUT) -> None:
        """Until the results of all are here. Raises: TimeoutError"""
        raise NotImplementedError(f"{type(self).__name__} has no results")

    def call(self, function: str, value: Any) -> None:
        """Send one job and wait for its result."""
        self.wait([self.send(function, value)])

    def call_first(self, function: str, value: Any) -> None:
        """The same, and it runs before all that waits."""
        raise NotImplementedError(f"{type(self).__name__} has no priorities")


def delay_until(due: float | None) -> float | None:
    """Seconds from now to an instant."""
    return None if due is None else max(0.0, due - time.time())


def poll(ready: Any, timeout: float, step: float) -> Any:
    """The first true answer of `ready()`, for what can only be looked for.

    Raises: TimeoutError
    """
    end = time.monotonic() + timeout
    while not (answer := ready()):
        if time.monotonic() > end:
            raise TimeoutError(f"no result within {timeout:g} s")
        time.sleep(step)
    return answer


def script(name: str) -> str:
    """A command beside the Python that runs this."""
    return str(Path(sys.executable).parent / name)
