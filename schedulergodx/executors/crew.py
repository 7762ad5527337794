"""The workers of one kind: how many there are, and how many jobs each may be given."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from schedulergodx.executors.lookout import ALONE
from schedulergodx.executors.pace import MOST, Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schedulergodx.core.job import Execution
    from schedulergodx.executors.worker import Worker

MOST_WAITING = 64  # jobs that wait for other jobs and have their places used meanwhile
_ALL = 1 << 30
_BACKLOG = 1 << 20  # bytes that a worker has not taken; with more it is given nothing


class Crew:
    """Keeps `size` workers that take jobs, and one more for each whose job waits for another.

    places: jobs that a worker may run at once
    make: makes a worker that may have so many jobs outstanding
    """

    def __init__(
        self,
        execution: Execution,
        size: int,
        *,
        places: int,
        make: Callable[[Execution, int], Worker],
    ) -> None:
        self.execution = execution
        self.workers: dict[int, Worker] = {}  # those that take jobs
        self._size = size
        self._places = places
        self._make = make
        self._alone = execution in ALONE
        self.pace = Pace()
        self.resting = False  # its workers can't be made, or die before they begin anything
        self.trouble = ""  # why it rested the last time

    @property
    def outstanding(self) -> int:
        """Jobs that one worker may have."""
        return MOST if self._alone else self._places + MOST_WAITING

    def fill(self) -> Iterator[Worker]:
        """Make the workers that are missing. Raises: OSError"""
        while not self.resting and len(self.workers) < self._size + self._extra():
            worker = self._make(self.execution, self.outstanding)
            self.workers[worker.number] = worker
            yield worker

    def _extra(self) -> int:
        if not self._alone:
            return 0  # its workers have room for more
        return min(MOST_WAITING, sum(1 for worker in self.workers.values() if worker.waiting))

    def surplus(self) -> list[Worker]:
        """Idle workers that are more than are wanted."""
        idle = [worker for worker in self.workers.values() if not worker.jobs]
        return idle[: max(0, len(self.workers) - self._size - self._extra())]

    def part_from(self, worker: Worker) -> None:
        """Give it no more jobs."""
        worker.retired = True
        self.workers.pop(worker.number, None)

    @property
    def prompt(self) -> int:
        """How many of the first places of an offer begin at once what they are given."""
        if not self._alone:
            return _ALL
        return sum(1 for number in self._active() if not self.workers[number].jobs)

    def offer(self) -> Sequence[int]:
        """A worker number for each job that could be given now.

        First those that have nothing to do, then all by turns, the idlest first.
        """
        if self.resting:
            return []
        self.pace.offer(time.monotonic())
        rooms = {number: self._room(self.workers[number]) for number in self._active()}
        idle = [number for number in rooms if not self.workers[number].jobs]
        for number in idle:
            rooms[number] -= 1
        offer: list[int] = []
        depth = 0
        while rooms := {number: room for number, room in rooms.items() if room > depth}:
            shallow = min(rooms.values())
            offer += list(rooms) * (shallow - depth)
            depth = shallow
        offer.reverse()
        return idle + offer

    def _active(self) -> list[int]:
        """Those that may run jobs: where some wait and were replaced, no more than `size` do."""
        if not self._alone or len(self.workers) <= self._size:
            return list(self.workers)
        busy = [number for number, worker in self.workers.items() if worker.jobs]
        computing = [number for number in busy if not self.workers[number].waiting]
        idle = [number for number in self.workers if number not in busy]
        return computing + idle[: max(0, self._size - len(computing))]

    def _room(self, worker: Worker) -> int:
        """How many jobs a worker can be given now.

        One that has none waits for a token, and reads what was taken back from it when it gets one:
        a backlog is no reason to leave it so.
        """
        if worker.jobs and (worker.backlog > _BACKLOG or worker.stalled):
            return 0
        if not self._alone:
            return self._places + min(MOST_WAITING, worker.waiting) - len(worker.jobs)
        if worker.waiting:
            return 0
        if not worker.jobs:
            return max(1, self.pace.ahead(0.0))
        return min(MOST - len(worker.jobs), self.pace.ahead(worker.load))
