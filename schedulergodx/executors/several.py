"""Several executors as one: each has places, worker numbers and marks of its own.

They come and go while the service runs. Each lives in a directory below one, which is named by its
run, so that whoever serves the store next finds what all of them had begun.
"""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

from schedulergodx.core.everything import Everything
from schedulergodx.core.runs import run_of
from schedulergodx.errors import ServiceError
from schedulergodx.executors.base import Returned

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from schedulergodx.core.job import Execution
    from schedulergodx.executors.base import (
        Ended,
        Executor,
        Kept,
        Marks,
        Recalled,
        Report,
        Sent,
        Work,
    )


class SeveralExecutors:
    """`base.Executor` of those that were added.

    directory: below which each has its own
    make: makes one for a run and a directory; it does not start it
    """

    def __init__(self, directory: Path, make: Callable[[int, Path], Executor]) -> None:
        self._directory = directory
        self._make = make
        self._members: dict[int, Executor] = {}
        self.closing = False
        self._report: Callable[[Report], None] = lambda report: None
        self._units: Callable[[Collection[bytes]], Mapping[bytes, bytes]] = lambda hashes: {}

    # -- those that come and go -------------------------------------------------------------------

    async def add(self, run: int, member: Executor) -> None:
        """Have one more. Raises: ServiceError if it can't start"""
        if self.closing:
            raise ServiceError("no more places are taken: what serves the file is about to end")
        self._members[run] = member  # before it starts: then nothing of it outlives a `stop`
        try:
            await member.recover()  # nothing is there, but its directory has to be
            await member.start(self._report, self._units)
        except (ServiceError, OSError):
            await self.remove(run, 0)
            raise

    async def remove(self, run: int, grace: float) -> None:
        """Let the jobs of one end, for `grace` seconds, and have it no more."""
        member = self._members.get(run)
        if member is not None:
            await member.stop(grace)
            self._members.pop(run, None)

    def home(self, run: int) -> Path:
        """The directory of a run."""
        return self._directory / str(run)

    # -- an executor ------------------------------------------------------------------------------

    async def recover(self) -> Marks:
        """Wait until nothing of the service before is alive, ending what is; read its marks."""
        old = self._make(0, self._directory)  # of a service that had one executor only
        marks = {0: await old.recover()}
        for home in self._homes():
            marks[int(home.name)] = await self._make(int(home.name), home).recover()
        return _AllMarks(marks)

    async def start(
        self,
        report: Callable[[Report], None],
        units: Callable[[Collection[bytes]], Mapping[bytes, bytes]],
    ) -> None:
        """Be ready for members. The marks of the service before are removed."""
        self._report, self._units = report, units
        for home in self._homes():
            shutil.rmtree(home, ignore_errors=True)

    async def stop(self, grace: float) -> None:
        """Take no more, return what has not begun, wait `grace` seconds, then end what runs."""
        self.closing = True
        await asyncio.gather(*(self.remove(run, grace) for run in list(self._members)))

    def names(self) -> Collection[str]:
        """Any: which functions there are is known to the workers, and these may be yet to come."""
        return Everything()

    def places(self, execution: Execution) -> Sequence[int]:
        """A worker number for each job that could be given now."""
        return [n for member in self._members.values() for n in member.places(execution)]

    def prompt(self, execution: Execution) -> int:
        """How many of the first places begin a job at once; only those of the first member do."""
        return next((one.prompt(execution) for one in self._members.values()), 0)

    def prompt_of(self, run: int, execution: Execution) -> int:
        """The same of one member."""
        member = self._members.get(run)
        return 0 if member is None else member.prompt(execution)

    def places_of(self, run: int, execution: Execution) -> Sequence[int]:
        """The same of one member."""
        member = self._members.get(run)
        return [] if member is None else member.places(execution)

    def run(self, jobs: Sequence[Work]) -> None:
        """Start jobs, each at the place it was claimed for."""
        by_run: dict[int, list[Work]] = {}
        for work in jobs:
            by_run.setdefault(run_of(work.worker), []).append(work)
        for run, works in by_run.items():
            member = self._members.get(run)
            if member is not None:
                member.run(works)
                continue
            for work in works:
                self._report(Returned(work.seq, work.attempt))

    def cancel(self, seq: int, attempt: int, *, force: bool) -> None:
        """Call off one, which one member has."""
        for member in self._members.values():
            member.cancel(seq, attempt, force=force)

    def accept(self, sent: Sent | Kept, error: str | None) -> None:
        """What a job sent is on disk, or was refused for this reason."""
        member = self._members.get(run_of(sent.worker))
        if member is not None:
            member.accept(sent, error)

    def remind(
        self,
        recalled: Recalled,
        value: bytes | None,
        units: tuple[bytes, ...],
        bodies: Mapping[bytes, bytes],
    ) -> None:
        """The checkpoint that a job asked for; None if there is none."""
        member = self._members.get(run_of(recalled.worker))
        if member is not None:
            member.remind(recalled, value, units, bodies)

    def follow(self, seq: int, attempt: int, wanted: bool) -> None:
        """Report what a job prints, which one member has or is about to be given; or no more."""
        for member in self._members.values():
            member.follow(seq, attempt, wanted)

    def deliver(self, worker: int, body: bytes) -> bool:
        """Hand a response to a job that waits for one. False if that worker is gone."""
        member = self._members.get(run_of(worker))
        return member is not None and member.deliver(worker, body)

    def _homes(self) -> list[Path]:
        if not self._directory.is_dir():
            return []
        return [one for one in self._directory.iterdir() if one.is_dir() and one.name.isdecimal()]


class _AllMarks:
    """`base.Marks` of several directories, by the runs whose they are."""

    def __init__(self, marks: Mapping[int, Marks]) -> None:
        self._marks = marks

    def began(self, worker: int, seq: int, attempt: int) -> bool:
        return self._of(worker).began(worker, seq, attempt)

    def ended(self, worker: int) -> Iterable[Ended]:
        return self._of(worker).ended(worker)

    def _of(self, worker: int) -> Marks:
        return self._marks.get(run_of(worker), self._marks[0])
