"""The loop: gather, let the stations write in one transaction, commit, and only then act.

While one round commits, the next one gathers; so under load hundreds of jobs share a commit, and
at rest a job waits for nobody. What is in memory here can be thrown away at any moment: what was
not committed was not acknowledged, and what was committed is in the store.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from schedulergodx.core.job import ErrorCode, Failure, Outcome, Status
from schedulergodx.errors import StoreError, StoreFull
from schedulergodx.executors.base import Ended, Free, Returned, Sent
from schedulergodx.service.alarm import Alarm
from schedulergodx.service.tick import Arrival, Tick

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.brokers.base import Delivery
    from schedulergodx.executors.base import Executor, Report
    from schedulergodx.service.post import Post
    from schedulergodx.service.quarantine import Quarantine
    from schedulergodx.service.stations import Stations
    from schedulergodx.storage.base import Store

logger = logging.getLogger(__name__)

_BYTES = 8 << 20  # of envelopes a round
_SECONDS = 0.02  # of taking in a round
_COMMITS = 4  # or as long as so many commits take, where the disk is slow
_LONGEST_SECONDS = 0.05  # but no longer: others are served in between
_QUICK_COMMIT = 0.001  # seconds: below it, a thread costs more than it frees
_LONGEST_SLEEP = 1.0  # seconds: a clock that was set is noticed within it
_REST = 1.0  # seconds between tries on a store that fails
_CALM = 5.0  # seconds without a failure after which it is well: an empty round always succeeds
_ENDS = (Ended, Returned)


@dataclass(slots=True)
class Batch:
    """What one round is made of."""

    arrivals: list[Arrival] = field(default_factory=list)
    reports: list[Ended | Returned] = field(default_factory=list)


class Loop:
    """Runs rounds until it is told to stop.

    items: how many jobs and reports a round takes at the most
    clock: the instant it is now
    """

    def __init__(
        self,
        store: Store,
        stations: Stations,
        executor: Executor,
        post: Post,
        quarantine: Quarantine,
        *,
        items: int,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._stations = stations
        self._executor = executor
        self._post = post
        self._quarantine = quarantine
        self._items = items
        self._clock = clock
        self._arrivals: deque[Arrival] = deque()
        self._reports: deque[Ended | Returned] = deque()
        self._questions: deque[Callable[[], None]] = deque()
        self._bell = asyncio.Event()
        self._alarm: Alarm | None = None  # while it runs
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="schedulergodx-commit")
        self._commit_time = 0.0
        self._stopping = False
        self._asleep = False
        self._resting_until = 0.0
        self._failed_at = 0.0
        self.trouble = ""  # why the store takes nothing; "" while it does

    # -- gathering: called by the broker and the executor, on the loop ----------------------------

    def deliver(self, delivery: Delivery) -> None:
        """An envelope came from the broker."""
        self._arrivals.append(Arrival(delivery.body, delivery.queue, delivery=delivery))
        self._bell.set()

    def report(self, report: Report) -> None:
        """A worker says what became of a job, or sends what its job launches or says. Hot."""
        if isinstance(report, _ENDS):
            self._reports.append(report)
        elif isinstance(report, Sent) and not self._post.is_local(report.address):
            self._post.forward(report)
        elif isinstance(report, Sent):
            self._arrivals.append(Arrival(report.body, report.address, sent=report))
        elif not isinstance(report, Free):
            self._stations.journal.take(report)
        self._bell.set()

    def ring(self) -> None:
        """There is something to do."""
        self._bell.set()

    def ask(self, question: Callable[[], None]) -> None:
        """Have something asked of the store, which is free to answer inside of a round only."""
        self._questions.append(question)
        self._bell.set()

    def stop(self) -> None:
        """End when all that was gathered is written."""
        self._stopping = True
        self._bell.set()

    # -- rounds -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run rounds until `stop`."""
        self._alarm = Alarm(self._bell.set)
        try:
            while not (self._stopping and self._drained):
                self._stations.caretaker.rest()
                await self._wait()
                await self.round()
                await asyncio.sleep(0)  # what it sent leaves before the house is kept
        finally:
            self._alarm.close()
            self._committer.shutdown()

    async def round(self) -> None:
        """Gather, write, commit, act."""
        batch = self._gather()
        tick = Tick(self._clock())
        try:
            self._quarantine.admit(batch.arrivals)
            self._store.begin()
            self._write(batch, tick)
            await self._commit()
        except StoreError as error:
            self._give_up(batch, tick, error)
        except Exception:
            logger.exception("a round failed and is run again, each envelope alone")
            self._undo(tick)
            await self._round_one_by_one(batch)
        else:
            self._act(tick)

    def next_moment(self) -> float | None:
        """When the clock alone gives something to do; None for never."""
        stations = self._stations
        moments = (stations.scheduler.next_moment(), stations.timekeeper.next_moment())
        return min((moment for moment in moments if moment is not None), default=None)

    @property
    def idle(self) -> bool:
        """Whether it sleeps, and nothing has woken it."""
        return self._asleep and not self._bell.is_set()

    @property
    def resting(self) -> bool:
        """Whether the store failed a moment ago."""
        return time.monotonic() < self._resting_until

    @property
    def _drained(self) -> bool:
        return self.resting or not (self._arrivals or self._reports)

    async def _wait(self) -> None:
        """Until there is something to do."""
        rest = self._resting_until - time.monotonic()
        if rest > 0:
            await asyncio.sleep(rest)
        elif not (self._arrivals or self._reports):
            await self._sleep()
        self._bell.clear()

    async def _sleep(self) -> None:
        moment = self.next_moment()
        stations = self._stations
        patiences = (stations.caretaker, stations.watchers, stations.followers)
        delay = min(station.patience for station in patiences)
        if moment is not None:
            delay = min(delay, _LONGEST_SLEEP, max(0.0, moment - self._clock()))
        assert self._alarm is not None
        self._alarm.set(delay)
        self._asleep = True
        try:
            await self._bell.wait()
        finally:
            self._asleep = False
            self._alarm.cancel()

    def _gather(self) -> Batch:
        reports = self._reports
        taken = [reports.popleft() for _ in range(min(len(reports), self._items))]
        return Batch(self._gather_arrivals(), taken)

    def _gather_arrivals(self) -> list[Arrival]:
        """As many as a round may hold. Hot: some go back and come here again."""
        waiting, careful = self._arrivals, self._quarantine.careful
        arrivals: list[Arrival] = []
        size = 0
        while waiting and len(arrivals) < self._items and size < _BYTES:
            if careful and self._quarantine.wants(waiting[0]):
                return arrivals or [waiting.popleft()]
            arrival = waiting.popleft()
            size += len(arrival.body)
            arrivals.append(arrival)
        return arrivals

    def _write(self, batch: Batch, tick: Tick) -> None:
        stations = self._stations
        stations.outbox.write()
        tick.told += stations.outbox.left_over()
        stations.journal.write(tick)
        if batch.reports:
            stations.finisher.settle(batch.reports, tick)
            stations.dispatcher.release(batch.reports, tick)
        self._take(batch, tick)
        self._quarantine.acquit()
        stations.errands.work(tick)
        stations.timekeeper.keep(tick)
        stations.scheduler.release(tick)
        stations.dispatcher.dispatch(tick)
        stations.caretaker.tidy(tick)
        stations.watchers.tell(tick)
        stations.followers.tell(tick)
        while self._questions:
            self._questions.popleft()()

    def _take(self, batch: Batch, tick: Tick) -> None:
        """Let the inbox take envelopes, as many as a round may hold; the rest goes back."""
        jobs = 0
        seconds = max(_SECONDS, min(_COMMITS * self._commit_time, _LONGEST_SECONDS))
        end = time.perf_counter() + seconds
        for index, arrival in enumerate(batch.arrivals):
            if jobs >= self._items or (index and time.perf_counter() > end):
                self._arrivals.extendleft(reversed(batch.arrivals[index:]))
                del batch.arrivals[index:]
                break
            jobs += self._take_one(arrival, tick)
        self._stations.inbox.flush(tick)

    def _take_one(self, arrival: Arrival, tick: Tick) -> int:
        if not self._quarantine.condemned(arrival):
            return self._stations.inbox.take(arrival, tick)
        reason = "the service died when it read this before"
        self._stations.inbox.refuse(arrival, tick, reason, code=ErrorCode.INVALID_TASK)
        return 0

    async def _commit(self) -> None:
        """Commit here while the disk is quick, in a thread while it is not."""
        begin = time.perf_counter()
        if self._commit_time < _QUICK_COMMIT:
            self._store.commit()
        else:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._committer, self._store.commit)
        self._commit_time += 0.1 * (time.perf_counter() - begin - self._commit_time)

    def _act(self, tick: Tick) -> None:
        """What was written is on disk: say so, and start what was claimed."""
        if self.trouble and time.monotonic() > self._failed_at + _CALM:
            self.trouble = ""
            logger.info("the store takes again")
        self._stations.outbox.written()
        if tick.works:
            self._stations.followers.begin(tick.works)
            self._executor.run(tick.works)
        self._post.settle(tick.taken)
        self._post.bury(tick.dead)
        self._post.reply(tick.replies)
        self._stations.outbox.tell(tick.told)
        for stop in tick.stops:
            stop()
        for note in tick.later:
            note()
        self._post.open_intake()

    # -- when a round fails -----------------------------------------------------------------------

    def _undo(self, tick: Tick) -> None:
        self._store.rollback()
        self._stations.inbox.forget()
        self._stations.dispatcher.forget(tick)

    def _give_up(self, batch: Batch, tick: Tick, error: StoreError) -> None:
        """The store took nothing: keep what can't be had again, hand back the rest, rest."""
        self._undo(tick)
        self._reports.extendleft(reversed(batch.reports))
        what = "has no room" if isinstance(error, StoreFull) else "fails"
        if self.trouble != str(error):
            logger.error("the store %s: %s; intake rests, nothing is acknowledged", what, error)
        self.trouble = str(error)
        self._stations.journal.refuse(f"the service can't store it: {error}")
        self._post.close_intake([*batch.arrivals, *self._arrivals], str(error))
        self._arrivals.clear()
        self._failed_at = time.monotonic()
        self._resting_until = self._failed_at + _REST

    async def _round_one_by_one(self, batch: Batch) -> None:
        """Each part under a savepoint of its own, so that one that fails harms no other."""
        tick = Tick(self._clock())
        try:
            self._store.begin()
            self._stations.outbox.write()
            if not self._alone(tick, self._stations.journal.write, None):
                self._stations.journal.refuse("it can't be stored: the log of the service says why")
            for report in batch.reports:
                self._alone(tick, partial(self._settle, report), report)
            for arrival in batch.arrivals:
                self._alone(tick, partial(self._take, Batch([arrival])), arrival)
            self._alone(tick, self._stations.errands.work, None)
            self._alone(tick, self._stations.timekeeper.keep, None)
            self._alone(tick, self._stations.scheduler.release, None)
            self._alone(tick, self._stations.dispatcher.dispatch, None)
            self._alone(tick, self._stations.watchers.tell, None)
            self._alone(tick, self._stations.followers.tell, None)
            await self._commit()
        except StoreError as error:
            self._give_up(batch, tick, error)
        else:
            self._act(tick)

    def _settle(self, report: Ended | Returned, tick: Tick) -> None:
        self._stations.finisher.settle([report], tick)
        self._stations.dispatcher.release([report], tick)

    def _alone(
        self, tick: Tick, write: Callable[[Tick], object], item: Arrival | Ended | Returned | None
    ) -> bool:
        """Whether it could be written."""
        part = Tick(tick.now)
        try:
            with self._store.savepoint():
                write(part)
        except StoreError:
            raise
        except Exception as error:
            logger.exception("this part of a round can't be written, the others go on")
            self._stations.inbox.forget()
            self._stations.dispatcher.forget(part)
            self._replace(item, tick, f"{type(error).__name__}: {error}")
            return False
        tick.absorb(part)
        return True

    def _replace(self, item: Arrival | Ended | Returned | None, tick: Tick, reason: str) -> None:
        """What stands in for a part that can't be written."""
        if isinstance(item, Arrival):
            text = f"it can't be stored: {reason}"
            self._stations.inbox.refuse(item, tick, text, code=ErrorCode.INVALID_TASK)
        elif isinstance(item, Ended):
            text = f"it ended, and its outcome can't be stored: {reason}"
            failure = Failure(ErrorCode.RESULT_NOT_SERIALIZABLE, text)
            bare = Ended(
                item.seq,
                item.attempt,
                Outcome(Status.FAILED, failure=failure),
                final=True,
                started=item.started,
                finished=item.finished,
            )
            with self._store.savepoint():
                self._settle(bare, tick)
