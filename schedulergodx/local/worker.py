"""`Worker`: runs the jobs of a file, in its place or beside others."""

from __future__ import annotations

import signal
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schedulergodx.config import load_settings
from schedulergodx.core.names import check_queue
from schedulergodx.errors import ConfigError
from schedulergodx.local.attendance import Attendance
from schedulergodx.local.file import JobFile
from schedulergodx.local.holder import FOREVER
from schedulergodx.local.lending import Leave, LenderEnd, read_farewell
from schedulergodx.local.one_place import OnePlace
from schedulergodx.service.lent import Offer
from schedulergodx.service.signals import stop_signals, take_once
from schedulergodx.utils.abstractions import Closing

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from types import FrameType
    from typing import Self

    from schedulergodx.local.lending import Farewell

_FIRST_PAUSE = 0.02  # seconds until a file is tried again that cannot be worked on now


@dataclass(frozen=True, slots=True)
class ClaimFilter:
    """Which jobs a worker takes: all fields that are set must hold.

    queues: of these queues
    least_priority: of this priority, or a higher one
    """

    queues: tuple[str, ...] | None = None
    least_priority: int | None = None


class Worker(Closing):
    """Runs jobs of a file, in worker processes.

    Any number of workers may work on one file, in threads and in processes: the first of them
    serves it and runs what all of them take, and when it ends or dies another one takes its place.

    db_path: of the file; SCHEDULERGODX_DB, if left out
    worker_id: how it is called where its jobs are shown; "worker-<uuid>" if left out
    polling_interval: seconds between tries to take the place of who serves the file. Jobs are not
        polled for: they begin as soon as they are there
    queues: those that it takes jobs of; None for all
    concurrency: how many jobs it runs at once

    Raises: ConfigError
    """

    def __init__(
        self,
        db_path: str | os.PathLike[str] | None = None,
        worker_id: str | None = None,
        polling_interval: float | None = None,
        queues: Iterable[str] | None = None,
        concurrency: int = 1,
    ) -> None:
        settings = load_settings(worker_id=worker_id, polling_interval=polling_interval)
        self.file = JobFile.of(settings.db if db_path is None else db_path)
        self.worker_id = settings.worker_id or f"worker-{uuid.uuid4()}"
        self.polling_interval = settings.polling_interval
        self.queues = None if queues is None else tuple(map(_checked, queues))
        if concurrency < 1:
            raise ConfigError(f"concurrency={concurrency}: a worker runs one job at least")
        self.concurrency = concurrency
        self._stop = threading.Event()
        self._asked = 0  # how often it was told to stop
        self._end: LenderEnd | None = None
        self._attendance: Attendance | None = None
        self._place: OnePlace | None = None

    def claim_filter(self) -> ClaimFilter:
        """Which jobs this worker takes; a subclass may say otherwise. Asked once a start."""
        return ClaimFilter(queues=self.queues)

    def start(self) -> None:
        """Run jobs until `stop`, or in the main thread SIGTERM, SIGINT or SIGHUP. Blocks.

        Raises: StoreError if the file can't be used, ServiceError if no jobs can be run
        """
        attendance = Attendance(self.file, public=True, pause=self.polling_interval)
        with self._obeying_signals(), attendance:
            self._attendance = attendance
            try:
                self._work(attendance)
                self._leave(attendance)
            finally:
                self._attendance = None
                self._asked = 0
                self._stop.clear()

    def stop(self) -> None:
        """Take no more jobs, and have `start` return when the current one has ended.

        From any thread, and from a handler of a signal. Said a second time, it ends the jobs.
        """
        self._asked += 1
        self._stop.set()
        end, attendance, grace = self._end, self._attendance, self._grace
        if end is not None:
            end.say(Leave(grace))
        elif attendance is not None:
            attendance.retry()

    def process_one(self) -> bool:
        """Run one job, and return when it has ended or is to be tried again. False if none is due.

        What was submitted before this call is there for it. In a `with` block, what runs the jobs
        stays from one call to the next, which is much quicker; else it is there for one job.

        Raises: as `start`
        """
        if self._place is not None:
            return self._place.run_one(self._offer(once=True))
        with OnePlace(self.file) as place:
            return place.run_one(self._offer(once=True))

    def __enter__(self) -> Self:
        """Keep what runs the jobs of `process_one` until the end of the block."""
        self._place = OnePlace(self.file)
        return self

    def close(self) -> None:
        """End what runs the jobs of `process_one`."""
        place, self._place = self._place, None
        if place is not None:
            place.close()

    # -- lending its places -----------------------------------------------------------------------

    @property
    def _grace(self) -> float:
        return FOREVER if self._asked < 2 else 0.0

    def _work(self, attendance: Attendance) -> None:
        pause = _FIRST_PAUSE
        while not self._stop.is_set():
            said = self._lend(attendance)
            if said is None:  # nobody takes places now, or who took them is gone
                attendance.retry()
                self._stop.wait(pause)
                pause = min(2 * pause, self.polling_interval)
            else:
                pause = _FIRST_PAUSE

    def _leave(self, attendance: Attendance) -> None:
        """The jobs of others that run below this process end as well, and then others serve."""
        asked = 0
        while not attendance.join(_FIRST_PAUSE if asked else 0):
            if asked < self._asked:
                asked = self._asked
                attendance.end(self._grace)

    def _lend(self, attendance: Attendance) -> Farewell | None:
        """Lend places until the other side lets go of them, or is gone.

        Raises: ServiceError if no jobs can be run
        """
        connection = attendance.connect()
        if connection is None:
            return None
        end = LenderEnd(connection)
        try:
            end.say(self._offer(once=False))
            self._end = end
            if self._stop.is_set():
                end.say(Leave(self._grace))
            said = end.hear()
        finally:
            self._end = None
            end.close()
        return read_farewell(said)

    def _offer(self, *, once: bool) -> Offer:
        wanted = self.claim_filter()
        return Offer(
            self.worker_id,
            concurrency=1 if once else self.concurrency,
            queues=None if wanted.queues is None else tuple(wanted.queues),
            least=wanted.least_priority,
            once=once,
        )

    @contextmanager
    def _obeying_signals(self) -> Iterator[None]:
        """In the main thread only: no other one can be told of signals."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._obey) for number in stop_signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _obey(self, number: int, frame: FrameType | None) -> None:
        take_once(number)
        self.stop()


def _checked(queue: str) -> str:
    try:
        return check_queue(queue)
    except ValueError as error:
        raise ConfigError(f"queue {queue!r} can't be worked on: {error}") from None
