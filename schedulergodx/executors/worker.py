"""One worker, as its service sees it: what it was given, and how it is reached."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct

from schedulergodx.core.job import Execution
from schedulergodx.executors.frames import Jobs, Order, Spawn, Tell, Why, frame
from schedulergodx.executors.marks import MarkPage
from schedulergodx.executors.permits import Permits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from schedulergodx.core.job import Spec
    from schedulergodx.executors.base import Ended, Work
    from schedulergodx.executors.line import Line

    Units = Callable[[Collection[bytes]], Mapping[bytes, bytes]]

_MOST_KEPT = 500  # units or specs in a worker


class Given(Struct):
    """A job that a worker has.

    expected: seconds that it will take, by what its task took lately
    at: when it was given, monotonic
    asked: whether it was asked to stop, which it may see
    why: for what it is made to stop
    told: when a thread or a coroutine was told so, monotonic
    followed: whether somebody wants to know at once what it prints
    """

    work: Work
    token: int
    expected: float
    at: float
    asked: bool = False
    why: Why | None = None
    told: float | None = None
    followed: bool = False


class Worker:
    """Jobs come with `give` and leave with `pop` or `take_back`; `jobs` is in the order of starts.

    number: of the worker
    marks: a descriptor of its file, which is closed with it
    load: seconds of work that it has, as expected
    check_at: when it has to be looked at, monotonic
    waiting: how many of its jobs wait for other jobs
    stalled: jobs were taken back from it, and it has not ended one since
    retired: it gets no more jobs
    ended: its process was told to end
    wanted, cause: why it was, see `verdict.Death`
    served: how many jobs it has ended
    finished: of a hard job, what will be reported when its process is gone
    exit_by: when that has to be, monotonic
    since: when it ended the last one, monotonic
    """

    def __init__(self, number: int, execution: Execution, marks: int) -> None:
        self.number = number
        self.execution = execution
        self.marks = MarkPage(marks)
        self.jobs: dict[int, Given] = {}
        self.load = 0.0
        self.check_at = float("inf")
        self.waiting = 0
        self.stalled = False
        self.retired = False
        self.ended = False
        self.wanted = False
        self.cause = ""
        self.served = 0
        self.finished: Ended | None = None
        self.exit_by = float("inf")
        self.since = 0.0
        self._marks = marks
        self._line: Line | None = None
        self._permits: Permits | None = None
        self._slots = deque(range(self.marks.slots))
        self._round = 0
        self._has: set[bytes] = set()
        self._specs: dict[int, tuple[int, Spec]] = {}  # by `id`, and held: hashing one is slow

    # -- its process ------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether it has a process, or is about to."""
        return self._line is not None

    def connect(self, make_line: Callable[[], Line]) -> tuple[Spawn, list[int]]:
        """Prepare for a process; what the fork server needs to make it. Raises: OSError"""
        permits = Permits()
        try:
            self._line = line = make_line()
        except OSError:
            permits.close_child_end()
            permits.close()
            raise
        self._permits = permits
        self._forget()
        descriptors = [line.child_end.fileno(), self._marks, permits.child_end]
        return Spawn(self.number, self.execution), descriptors

    def close_child_ends(self) -> None:
        """The fork server has them now."""
        if self._line is not None:
            self._line.close_child_end()
        if self._permits is not None:
            self._permits.close_child_end()

    def disconnect(self) -> None:
        """The process is gone: take what it sent last, then let go."""
        if self._line is not None:
            self._line.read_to_the_end()
            self._line.close()
            self._line = None
        if self._permits is not None:
            self._permits.close()
            self._permits = None

    def close(self) -> None:
        """Let go of everything but the file."""
        self.disconnect()
        self.marks.close()
        os.close(self._marks)

    # -- its jobs ---------------------------------------------------------------------------------

    def add(self, work: Work, expected: float, now: float) -> Given:
        """Note a job, which `give` will send."""
        slot = self._slots.popleft()
        self._round += 1
        given = Given(work, self._round * self.marks.slots + slot, expected, now)
        self.jobs[given.token] = given
        self.load += expected
        return given

    def give(self, jobs: Sequence[Given], units: Units) -> None:
        """Send jobs, with what the worker lacks for them, and let it begin them. Hot."""
        assert self._line is not None
        forget = len(self._has) > _MOST_KEPT or len(self._specs) > _MOST_KEPT
        if forget:
            self._forget()
        specs: dict[int, Spec] = {}
        wanted: set[bytes] = set()
        orders = []
        for given in jobs:
            work, spec = given.work, given.work.spec
            known = self._specs.get(id(spec))
            if known is None:
                known = self._specs[id(spec)] = (len(self._specs), spec)
                specs[known[0]] = spec
            if spec.function not in self._has and not spec.named:
                wanted.add(spec.function)
            if work.units:
                wanted.update(work.units)
            if work.results:
                wanted.update(*(result.units for result in work.results))
            orders.append(
                Order(
                    given.token,
                    work.seq,
                    work.attempt,
                    work.uid,
                    work.label,
                    work.client,
                    known[0],
                    work.arguments,
                    work.units,
                    work.results,
                )
            )
        if forget:
            wanted.update(*(needs(given.work) for given in self.jobs.values()))
        bodies = self._lacking(wanted, units)
        self._line.send(frame(Tell.JOBS, Jobs(forget, specs, bodies, orders)))
        if self._permits is not None:
            self._permits.grant([given.token for given in jobs])

    def _lacking(self, wanted: set[bytes], units: Units) -> dict[bytes, bytes]:
        wanted -= self._has
        if not wanted:
            return {}
        try:
            bodies = dict(units(wanted))
        except Exception:
            self._forget()  # what was noted just now is not sent
            raise
        self._has.update(bodies)
        return bodies

    def _forget(self) -> None:
        self._has.clear()
        self._specs.clear()

    def pop(self, token: int) -> Given | None:
        """Part from a job. None if the worker does not have it."""
        given = self.jobs.pop(token, None)
        if given is not None:
            self.load = self.load - given.expected if self.jobs else 0.0
            self._slots.append(token % self.marks.slots)
            if given.asked:
                self.marks.ask(token, False)
            if given.followed:
                self.marks.follow(token, False)
        return given

    def follow(self, given: Given, wanted: bool) -> None:
        """Have its process tell what a job prints, or no more."""
        given.followed = wanted
        self.marks.follow(given.token, wanted)

    def take_back(self) -> list[Given]:
        """Part from all jobs that it has not begun and now never will."""
        if self._permits is None:
            return []
        tokens = self._permits.take_back()
        back = [given for token in tokens if (given := self.pop(token))]
        if back:
            self.tell(Tell.DROP, [given.token for given in back])
        return back

    def take_back_one(self, token: int) -> Given | None:
        """Part from one job, if it has not begun; the others keep their order."""
        if self._permits is None:
            return None
        tokens = self._permits.take_back()
        rest = [other for other in tokens if other != token]
        if rest:
            self._permits.grant(rest)
        if len(rest) == len(tokens):
            return None
        self.tell(Tell.DROP, [token])
        return self.pop(token)

    def tell(self, kind: Tell, payload: object) -> None:
        """Send a frame."""
        if self._line is not None:
            self._line.send(frame(kind, payload))

    @property
    def backlog(self) -> int:
        """Bytes that its process has not taken yet."""
        return 0 if self._line is None else self._line.backlog


def needs(work: Work) -> tuple[bytes, ...]:
    """Hashes of all units that an attempt needs."""
    function = () if work.spec.named else (work.spec.function,)
    results = (unit for result in work.results for unit in result.units)
    return (*function, *work.units, *results)
