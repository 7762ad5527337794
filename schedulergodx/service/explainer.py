"""The explainer: gathers what is known of a job that does not run, for the rule that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.core.dependency import is_met
from schedulergodx.core.identity import ulid
from schedulergodx.core.job import Execution, Status
from schedulergodx.core.limit import key_of_queue, rate_of
from schedulergodx.core.why_job import Facts, Hold, Related, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from schedulergodx.core.limit import Rate
    from schedulergodx.core.view import JobView
    from schedulergodx.core.why import Why
    from schedulergodx.service.dispatcher import Dispatcher
    from schedulergodx.storage.base import Store
    from schedulergodx.storage.holding import HeldBack

_MOST_NAMED = 10  # jobs of one kind in an answer


class Explainer:
    """Answers why.

    queues: those that this service serves
    limits, rates: of queues
    places: how many jobs of a kind could be given a place now
    """

    def __init__(
        self,
        store: Store,
        dispatcher: Dispatcher,
        *,
        queues: Collection[str],
        limits: Mapping[str, int],
        rates: Mapping[str, Rate],
        places: Callable[[Execution], Sequence[int]],
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._queues = queues
        self._limits = limits
        self._rates = rates
        self._places = places

    def why(self, uid: bytes, now: float) -> Why | None:
        """Why a job does not run, or ended as it did; None if it is unknown."""
        view = self._store.view(uid, arguments=False)
        return None if view is None else explain(self._facts(view, now))

    def _facts(self, view: JobView, now: float) -> Facts:
        if not view.status.waiting:
            return Facts(view, now)
        held = self._store.held_back(view.uid)
        execution = Execution(view.execution)
        unmet = self._unmet(view)
        return Facts(
            view,
            now,
            parents=self._all_related(unmet),
            unmet=len(unmet),
            joined=None if held.joined is None else self._related(held.joined),
            for_batch=held.for_batch,
            served=self._queues,
            paused=self._store.paused().get(view.queue),
            holds=[*self._of_queue(view.queue), *self._of_task(held)],
            places=len(self._places(execution)),
            running=self._dispatcher.running_of(execution),
            stopping=self._dispatcher.paused,
        )

    def _unmet(self, view: JobView) -> list[bytes]:
        statuses = [(parent, self._store.status(parent.uid)) for parent in view.parents]
        return [
            parent.uid
            for parent, status in statuses
            if status is not None and not is_met(parent.on_failure, status)
        ]

    def _of_queue(self, queue: str) -> Iterable[Hold]:
        limit, rate = self._limits.get(queue), self._rates.get(queue)
        if limit is None and rate is None:
            return
        running = self._dispatcher.running_in(queue)
        yield Hold(
            f"queue {queue!r}",
            limit,
            rate,
            len(running),
            self._all_related(running),
            None if rate is None else self._store.opens(key_of_queue(queue), rate),
        )

    def _of_task(self, held: HeldBack) -> Iterable[Hold]:
        rule = held.rule
        if rule is None:
            return
        of_key = f", key {held.key!r}" if held.key else ""
        yield Hold(
            f"limit {rule.name!r}{of_key}",
            rule.concurrency,
            rate_of(rule),
            held.running,
            self._all_related(held.holders),
            held.opens,
        )

    def _all_related(self, uids: Sequence[bytes]) -> list[Related]:
        return [self._related(uid) for uid in uids[:_MOST_NAMED]]

    def _related(self, uid: bytes) -> Related:
        view = self._store.view(uid, arguments=False)
        if view is None:  # it was removed
            return Related(ulid(uid), "(removed)", Status.CANCELLED)
        return Related(view.label or ulid(uid), view.task, view.status)
