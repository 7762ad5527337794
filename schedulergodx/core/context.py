"""What a running job can reach: facts about itself, and a way out for what it launches.

The worker sets these before it calls a task; a client looks here before it opens a connection.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from schedulergodx.core.identity import ulid

if TYPE_CHECKING:
    from collections.abc import Callable


class Outlet(Protocol):
    """The way out of a worker, for a client inside a job. Safe to use from any thread."""

    instance: str  # `worker_instance` of this worker, for the headers of envelopes

    @property
    def client(self) -> str:
        """The name of the client whose job this is called in, which is the name to launch in."""

    def send(self, address: str, body: bytes) -> None:
        """Hand over an envelope; returns when it is on disk at the service.

        Raises: LaunchError with the service's reason
        """

    def subscribe(self, on_response: Callable[[bytes], None]) -> None:
        """Have envelopes that come back handed to `on_response`, on a thread of the worker."""

    def waiting(self, begins: bool) -> None:
        """Say that the job waits for another one, or goes on: its place may be used meanwhile."""


@dataclass(frozen=True, slots=True)
class CurrentJob:
    """The job that runs here.

    uid: 16 bytes, what makes it unique
    attempt: 1 for the first
    deadline: instant at which its lifetime is over, None without one
    """

    uid: bytes
    _label: str | None
    attempt: int
    deadline: float | None
    _cancelled: Callable[[], bool]

    @property
    def id(self) -> str:
        """As its client knows it."""
        return self._label or ulid(self.uid)

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked that it stop."""
        return self._cancelled()


_WORKER = "worker:"


def worker_instance(number: int) -> str:
    """The reply address of the jobs of one worker, in the headers of what they send."""
    return f"{_WORKER}{number}"


def worker_of(instance: str) -> int | None:
    """The number of the worker that a reply address means; None if it is a client's."""
    number = instance.removeprefix(_WORKER)
    return int(number) if number != instance and number.isdigit() else None


outlet: Outlet | None = None  # set once in a worker process, None everywhere else
preparing = False  # whether this process only imports what its workers will need
_job: ContextVar[CurrentJob | None] = ContextVar("schedulergodx_job", default=None)


def current_job() -> CurrentJob | None:
    """The job that this code runs in; None outside of a worker."""
    return _job.get()


def set_current_job(job: CurrentJob | None) -> None:
    """For workers only."""
    _job.set(job)
