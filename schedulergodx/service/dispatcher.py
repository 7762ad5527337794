"""The dispatcher: gives pending jobs to free places, in the order of their priority.

It remembers what is running, because every outcome asks for it; the store is where that is true.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from schedulergodx.core.job import Execution
from schedulergodx.executors.base import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from schedulergodx.executors.base import Ended, Executor, Returned
    from schedulergodx.service.tick import Tick
    from schedulergodx.storage.base import Claimed, Store

_UNLIMITED = 1 << 30


class Dispatcher:
    """Claims jobs for places.

    queues: those to serve
    limits: how many jobs of a queue may run at once, where that is limited
    client_name: from its number in the store
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        *,
        queues: Collection[str],
        limits: Mapping[str, int],
        client_name: Callable[[int], str],
    ) -> None:
        self._store = store
        self._executor = executor
        self._queues = tuple(queues)
        self._limits = dict(limits)
        self._client_name = client_name
        self._running: dict[int, Claimed] = {}
        self._per_queue: Counter[str] = Counter()
        self.paused = False

    def dispatch(self, tick: Tick) -> None:
        """pending -> running, as many as there are places."""
        if self.paused:
            return
        pending = self._store.pending()
        for execution in {execution for (_, execution), n in pending.items() if n > 0}:
            places = self._executor.places(execution)
            rooms = self._rooms(execution, pending) if places else {}
            if rooms:
                for claimed in self._store.claim(execution, rooms, places, tick.now):
                    self._running[claimed.seq] = claimed
                    self._per_queue[claimed.queue] += 1
                    tick.works.append(self._work(claimed))

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

    def _rooms(
        self, execution: Execution, pending: Mapping[tuple[str, Execution], int]
    ) -> dict[str, int]:
        rooms = {}
        for queue in self._queues:
            if pending.get((queue, execution), 0) > 0:
                room = self._limits.get(queue, _UNLIMITED) - self._per_queue[queue]
                if room > 0:
                    rooms[queue] = room
        return rooms

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
        )
