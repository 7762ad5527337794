"""What a running job can reach: facts about itself, and a way out for what it launches.

The worker sets these before it calls a task; a client looks here before it opens a connection.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

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


class Voice(Protocol):
    """What a running job says of itself. Safe to use from any thread of its worker."""

    def progress(self, done: float | None, total: float | None, note: str) -> None:
        """Say how far it is; the newest counts. None and "" leave what was said before."""

    def log(self, text: str) -> None:
        """Add a line to its output."""

    def keep(self, value: object) -> None:
        """Keep a value; returns when it is on disk. Raises: ShipError, TooLarge, StoreError"""

    def kept(self) -> Any:
        """The value that was kept last, by this attempt or by one before it; else None."""


class Attempt(Protocol):
    """What a worker knows of the attempt that it runs."""

    def asked(self) -> bool:
        """Whether somebody asked that it stop."""

    def voice(self) -> Voice:
        """How it says something of itself."""


LARGEST_CHECKPOINT = 1 << 20  # bytes of a pickle


@dataclass(frozen=True, slots=True)
class CurrentJob:
    """The job that runs here.

    Its methods may be called from any thread of the worker, but not from a process that the job
    has started: those raise ConfigError there, since only the worker has a way to the service.

    uid: 16 bytes, what makes it unique
    attempt: 1 for the first
    deadline: instant at which its lifetime is over, None without one
    """

    uid: bytes
    _label: str | None
    attempt: int
    deadline: float | None
    _attempt: Attempt

    @property
    def id(self) -> str:
        """As its client knows it."""
        return self._label or ulid(self.uid)

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked that it stop."""
        return self._attempt.asked()

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how far it is. Cheap: the newest is sent some times a second.

        done, total: in any unit; `total` stays what it was where it is left out
        note: for people; stays where it is left out, and is cut at 1,000 characters

        Raises: ValueError for what is no number
        """
        if not isfinite(done) or (total is not None and not isfinite(total)):
            raise ValueError(f"progress is told in numbers, and {done!r} of {total!r} is none")
        self._attempt.voice().progress(done, total, note)

    def update(self, note: str) -> None:
        """Say in words how it stands: the note of `progress` alone. Its status is not moved."""
        self._attempt.voice().progress(None, None, note)

    def log(self, text: str) -> None:
        """Add a line to its output, from any thread; `print` is as good in the job's own."""
        self._attempt.voice().log(text)

    def checkpoint(self, value: object) -> None:
        """Keep a value for a later attempt, in the place of the one before.

        It is on the disk of the service when this returns, and is gone when the job has ended for
        good or is requeued. It travels as results do; that of a job by name is JSON. On an event
        loop: `await asyncio.to_thread(job.checkpoint, value)`.

        Raises: ShipError if it can't travel, TooLarge above `LARGEST_CHECKPOINT`, StoreError if the
        service could not keep it: the one before is still there
        """
        self._attempt.voice().keep(value)

    @property
    def saved(self) -> Any:
        """The value of the newest checkpoint, of this attempt or of one before; else None.

        Raises: StoreError if the service can't be asked, UnreadableCode if it can't be opened
        """
        return self._attempt.voice().kept()


class NoJob(CurrentJob):
    """Stands for the job where there is none: `job = current_job() or NoJob()`.

    What is said is let go, `log` prints, nothing is kept, and nobody asks it to stop.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(b"", "", 1, None, _Nowhere())

    @property
    def id(self) -> str:
        """None has one."""
        return ""


class _Nowhere:
    """An attempt, and its voice, outside of workers."""

    def asked(self) -> bool:
        return False

    def voice(self) -> Voice:
        return self

    def progress(self, done: float | None, total: float | None, note: str) -> None:
        pass

    def log(self, text: str) -> None:
        print(text)

    def keep(self, value: object) -> None:
        pass

    def kept(self) -> Any:
        return None


_WORKER = "worker:"


def worker_instance(number: int) -> str:
    """The reply address of the jobs of one worker, in the headers of what they send."""
    return f"{_WORKER}{number}"


def worker_of(instance: str) -> int | None:
    """The number of the worker that a reply address means; None if it is a client's."""
    number = instance.removeprefix(_WORKER)
    return int(number) if number != instance and number.isdigit() else None


def _as_it_is(function: Callable[..., Any], task: str) -> Callable[..., Any]:
    return function


complete = _as_it_is  # gives a function that finds its `args` when it runs, once these are imported
outlet: Outlet | None = None  # set once in a worker process, None everywhere else
preparing = False  # whether this process only imports what its workers will need
_job: ContextVar[CurrentJob | None] = ContextVar("schedulergodx_job", default=None)


def current_job() -> CurrentJob | None:
    """The job that this code runs in; None outside of a worker."""
    return _job.get()


def set_current_job(job: CurrentJob | None) -> None:
    """For workers only."""
    _job.set(job)
