"""The dispatcher: gives pending jobs to free places, in the order of their priority.

It remembers what is running, because every outcome asks for it; the store is where that is true.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from schedulergodx.core.limit import Rate, key_of_queue
from schedulergodx.executors.base import Work
from schedulergodx.storage.base import CLAIM_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from schedulergodx.core.job import Execution
    from schedulergodx.executors.base import Ended, Executor, Returned
    from schedulergodx.service.tick import Tick
    from schedulergodx.storage.base import Claimed, Store

_UNLIMITED = 1 << 30


class Dispatcher:
    """Claims jobs for places.

    queues: those to serve
    limits: how many jobs of a queue may run at once, where that is limited
    rates: how many of them may start in a while, where that is limited
    client_name: from its number in the store
    ring: wakes the service
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        *,
        queues: Collection[str],
        limits: Mapping[str, int],
        rates: Mapping[str, Rate],
        client_name: Callable[[int], str],
        ring: Callable[[], None],
    ) -> None:
        self._store = store
        self._executor = executor
        self._queues = tuple(queues)
        self._limits = dict(limits)
        self._rates = dict(rates)
        self._client_name = client_name
        self._ring = ring
        self._running: dict[int, Claimed] = {}
        self._per_queue: Counter[str] = Counter()
        self.paused = False

    def dispatch(self, tick: Tick) -> None:
        """pending -> running, as many as there are places."""
        if self.paused:
            return
        pending = self._store.pending()
        rooms = self._rooms({queue for queue, _ in pending}, tick.now) if pending else {}
        executions = dict.fromkeys(execution for queue, execution in pending if queue in rooms)
        places = {e: numbers for e in executions if (numbers := self._executor.places(e))}
        if places:
            prompt = {execution: self._executor.prompt(execution) for execution in places}
            claims = self._store.claim(
                places, rooms, tick.now, prompt=prompt, rated=self._rates.keys()
            )
            self._start(claims, tick)

    def claimed(self, seq: int) -> Claimed | None:
        """The job of that number, if it runs."""
        return self._running.get(seq)

    def release(self, reports: Sequence[Ended | Returned], tick: Tick) -> None:
        """These run no more: others of their queues may."""
        for report in reports:
            claimed = self._running.get(report.seq)
            if claimed is not None and claimed.attempt == report.attempt:
                del self._running[report.seq]
                self._per_queue[claimed.queue] -= 1
                tick.released.append(claimed)

    def forget(self, tick: Tick) -> None:
        """The round was rolled back: what it claimed is not claimed, what it released runs."""
        for work in tick.works:
            claimed = self._running.pop(work.seq)
            self._per_queue[claimed.queue] -= 1
        for claimed in tick.released:
            self._running[claimed.seq] = claimed
            self._per_queue[claimed.queue] += 1

    @property
    def running(self) -> int:
        """How many jobs have a place now."""
        return len(self._running)

    def _start(self, claims: Sequence[Claimed], tick: Tick) -> None:
        for claimed in claims:
            self._running[claimed.seq] = claimed
            self._per_queue[claimed.queue] += 1
            tick.works.append(self._work(claimed))
        if self._rates:
            self._spend(claims, tick.now)
        full = sum(len(claimed.arguments) for claimed in claims) >= CLAIM_BYTES
        if full or any(claimed.results for claimed in claims):
            tick.later.append(self._ring)  # there may be places left

    def running_in(self, queue: str) -> list[bytes]:
        """The uids of the jobs of a queue that have a place, the oldest first."""
        return [job.uid for job in self._running.values() if job.queue == queue]

    def running_of(self, execution: Execution) -> int:
        """How many jobs of a kind have a place."""
        spec = self._store.spec
        return sum(spec(job.spec).execution is execution for job in self._running.values())

    def _rooms(self, pending: Collection[str], now: float) -> dict[str, int]:
        """How many more may run of each queue that has any."""
        paused = self._store.paused()
        rooms = {
            queue: self._room(queue, now) for queue in self._served(pending) if queue not in paused
        }
        return {queue: room for queue, room in rooms.items() if room > 0}

    def _served(self, pending: Collection[str]) -> Collection[str]:
        """Those of the queues with jobs that are served here."""
        return [queue for queue in self._queues if queue in pending]

    def _room(self, queue: str, now: float) -> int:
        room = self._limits.get(queue, _UNLIMITED) - self._per_queue[queue]
        rate = self._rates.get(queue)
        if rate is None or room <= 0:
            return room
        return min(room, self._store.allowance(key_of_queue(queue), rate, now))

    def _spend(self, claims: Sequence[Claimed], now: float) -> None:
        """Count starts of queues that have a rate."""
        for queue, starts in Counter(claimed.queue for claimed in claims).items():
            rate = self._rates.get(queue)
            if rate is not None:
                self._store.spend(key_of_queue(queue), rate, starts, now)

    def _work(self, claimed: Claimed) -> Work:
        return Work(
            seq=claimed.seq,
            attempt=claimed.attempt,
            uid=claimed.uid,
            label=claimed.label,
            client=self._client_name(claimed.client),
            worker=claimed.worker,
            spec=self._store.spec(claimed.spec),
            arguments=claimed.arguments,
            units=claimed.units,
            results=claimed.results,
        )
