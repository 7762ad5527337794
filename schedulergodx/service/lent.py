"""Places that are lent to a service: each lender says how many, and which jobs may have them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from schedulergodx.core.runs import run_of
from schedulergodx.executors.base import Ended
from schedulergodx.service.dispatcher import Dispatcher
from schedulergodx.storage.base import Bounds

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from schedulergodx.core.job import Execution
    from schedulergodx.executors.base import Returned
    from schedulergodx.executors.several import SeveralExecutors
    from schedulergodx.service.tick import Tick
    from schedulergodx.storage.base import Claimed, Store


class Offer(Struct, frozen=True, tag="offer"):
    """What a lender offers.

    worker_id: how it is called where its jobs are shown
    concurrency: jobs at once
    queues: those that it takes jobs of; None for all
    least: the lowest priority that it takes; None for any
    once: whether it takes one job, if there is one, and no more
    """

    worker_id: str
    concurrency: int = 1
    queues: tuple[str, ...] | None = None
    least: int | None = None
    once: bool = False


class Lender:
    """One who lends places.

    run: the number that its workers are known by
    over: of an offer of one job: whether there was one
    left: jobs that it may still take; None for any number
    """

    over: asyncio.Future[bool]

    def __init__(self, run: int, offer: Offer) -> None:
        self.run = run
        self.offer = offer
        self.leaving = False
        self.begin()

    def begin(self) -> None:
        """Offer it, or offer it again."""
        self.over = asyncio.get_running_loop().create_future()
        self.left = 1 if self.offer.once else None

    def room(self, running: int) -> int:
        """How many more jobs it takes now."""
        if self.leaving:
            return 0
        room = self.offer.concurrency - running
        return room if self.left is None else min(room, self.left)

    def wants(self, queue: str) -> bool:
        """Whether it takes jobs of a queue."""
        return self.offer.queues is None or queue in self.offer.queues


class LentDispatcher(Dispatcher):
    """Claims jobs for places that are lent. Jobs of any queue may come, and are claimed in order.

    lenders: by their runs; they come and go
    """

    def __init__(
        self,
        store: Store,
        executor: SeveralExecutors,
        *,
        lenders: Mapping[int, Lender],
        **more: Any,
    ) -> None:
        super().__init__(store, executor, **more)
        self._lenders = lenders
        self._several = executor

    def dispatch(self, tick: Tick) -> None:
        """pending -> running, for one lender after the other: the pickiest first."""
        if self.paused:
            return
        for lender in sorted(self._lenders.values(), key=_easiness):
            self._dispatch_for(lender, tick)

    def release(self, reports: Sequence[Ended | Returned], tick: Tick) -> None:
        """These run no more. One that had not begun is no job that its lender was to run."""
        super().release(reports, tick)
        ended = {report.seq for report in reports if isinstance(report, Ended)}
        for claimed in tick.released:
            lender = self._lenders.get(run_of(claimed.worker))
            if lender is None or lender.left is None:
                continue
            if claimed.seq in ended:
                tick.later.append(partial(_settle, lender.over, ran=True))
            else:
                lender.left = 1

    def forget(self, tick: Tick) -> None:
        """The round was rolled back: what it claimed is not claimed."""
        for work in tick.works:
            lender = self._lenders.get(run_of(work.worker))
            if lender is not None and lender.left is not None:
                lender.left = 1
        super().forget(tick)

    def running_below(self, run: int) -> int:
        """How many jobs the run of a lender has."""
        return sum(run_of(claimed.worker) == run for claimed in self._running.values())

    def _dispatch_for(self, lender: Lender, tick: Tick) -> None:
        claims = self._claim(lender, tick.now)
        self._start(claims, tick)
        if lender.left and claims:
            lender.left = 0
        elif lender.left:
            tick.later.append(partial(_settle, lender.over, ran=False))

    def _claim(self, lender: Lender, now: float) -> list[Claimed]:
        room = lender.room(self.running_below(lender.run))
        pending = self._store.pending() if room > 0 else {}
        rooms = {
            queue: more
            for queue, more in self._rooms({queue for queue, _ in pending}, now).items()
            if lender.wants(queue)
        }
        executions = dict.fromkeys(execution for queue, execution in pending if queue in rooms)
        places: dict[Execution, Sequence[int]] = {
            execution: numbers
            for execution in executions
            if (numbers := self._several.places_of(lender.run, execution))
        }
        if not places:
            return []
        prompt = {one: self._several.prompt_of(lender.run, one) for one in places}
        bounds = Bounds(room, lender.offer.least)
        rated = self._rates.keys()
        return self._store.claim(places, rooms, now, bounds=bounds, prompt=prompt, rated=rated)

    def _served(self, pending: Collection[str]) -> Collection[str]:
        return pending


def _settle(over: asyncio.Future[bool], *, ran: bool) -> None:
    if not over.done():
        over.set_result(ran)


def _easiness(lender: Lender) -> tuple[bool, bool, int]:
    """Who takes only some jobs comes before those who take any of them."""
    return lender.offer.least is None, lender.offer.queues is None, lender.run
