"""The jobs of a client whose outcomes may still come, and what came for others.

A job is held weakly: one that nobody keeps is not worth its memory. What is needed to find it again
by its id, and its outcome, are then kept for a bounded number of jobs.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from schedulergodx.client.base_job import BaseJob
from schedulergodx.core.identity import uid_of
from schedulergodx.core.job import Failure, Outcome, Status
from schedulergodx.core.message import Response

KEPT = 10_000
KEPT_BYTES = 64 << 20


class Dropped(NamedTuple):
    """A job that nobody holds and that has not ended, as far as is known."""

    label: str | None
    queue: str
    task: str
    instance: str


class _JobRef(weakref.ref[BaseJob[Any]]):
    """A weak reference that knows what to leave behind."""

    __slots__ = ("dropped", "uid")
    uid: bytes
    dropped: Dropped | None  # None once its outcome was told


class Awaited:
    """Finds jobs and outcomes by uid and by id, each in one step.

    Each step is one operation of a dict, so threads need no lock.

    kept: how many jobs and outcomes are remembered that nobody holds
    kept_bytes: how large those outcomes are at the most, all in all
    """

    def __init__(self, kept: int = KEPT, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept = kept
        self._kept_bytes = kept_bytes
        self._size = 0
        self._refs: dict[bytes, _JobRef] = {}
        self._labels: OrderedDict[str, bytes] = OrderedDict()
        self._dropped: OrderedDict[bytes, Dropped] = OrderedDict()
        self._outcomes: OrderedDict[bytes, Response] = OrderedDict()
        self._forget = self._make_forget()

    def add(self, job: BaseJob[Any]) -> None:
        """Wait for the outcome of a job."""
        ref = _JobRef(job, self._forget)
        ref.uid = job.uid
        ref.dropped = Dropped(job._label, job.queue, job.task, job._instance)
        self._refs[job.uid] = ref
        if job._label is not None:
            _put(self._labels, job._label, job.uid, self._kept)

    def pick_up(self, job: BaseJob[Any]) -> None:
        """Wait for the outcome of a job that nobody held: it may be told once only."""
        self.add(job)
        self._dropped.pop(job.uid, None)

    def begin_again(self, job: BaseJob[Any]) -> None:
        """Wait for another outcome of a job that was requeued."""
        self._outcomes.pop(job.uid, None)
        self.add(job)

    def held(self, uid: bytes) -> BaseJob[Any] | None:
        """A job that somebody holds."""
        ref = self._refs.get(uid)
        return None if ref is None else ref()

    def dropped(self, uid: bytes) -> Dropped | None:
        """What is known of a job that nobody holds."""
        return self._dropped.get(uid)

    def outcome(self, uid: bytes) -> Response | None:
        """What was told of a job that nobody held."""
        return self._outcomes.get(uid)

    def uid_of(self, id: str) -> bytes | None:
        """The uid of an id: of the newest job of that label, else of a ULID or hex digits."""
        return self._labels.get(id) or uid_of(id)

    def tell(self, responses: Iterable[Response]) -> None:
        """Hand outcomes to their jobs. Hot: this is all that an I/O thread does with one."""
        refs = self._refs
        for response in responses:
            ref = refs.get(response.uid)
            job = None if ref is None else ref()
            if ref is None or job is None:
                self._keep(response)
            else:
                ref.dropped = None
                job._tell(response)

    def join(self, joined: Mapping[bytes, str]) -> None:
        """Some jobs were joined to others: ids of those by the uids of these."""
        for uid, id in joined.items():
            job = self.held(uid)
            if job is not None:
                job.joined = id

    def refuse(self, envelope: bytes, failure: Failure, now: float) -> int:
        """An envelope was refused: so were its jobs. The answer is how many somebody holds."""
        jobs = [job for job in self._all_held() if job._envelope == envelope]
        outcome = Outcome(Status.FAILED, failure=failure)
        self.tell([Response(job.uid, job._label, 0, None, now, outcome) for job in jobs])
        return len(jobs)

    def unsettled(self) -> list[BaseJob[Any]]:
        """The jobs that somebody holds and that have no outcome here."""
        return [job for job in self._all_held() if job._response is None]

    def _all_held(self) -> list[BaseJob[Any]]:
        return [job for ref in list(self._refs.values()) if (job := ref()) is not None]

    def _keep(self, response: Response) -> None:
        outcomes = self._outcomes
        if response.uid in outcomes:
            return
        outcomes[response.uid] = response
        self._size += _size(response)
        while len(outcomes) > self._kept or self._size > self._kept_bytes:
            _, oldest = outcomes.popitem(last=False)
            self._size -= _size(oldest)
        if response.id is not None:
            _put(self._labels, response.id, response.uid, self._kept)

    def _make_forget(self) -> Callable[[weakref.ref[BaseJob[Any]]], None]:
        """A callback that holds the dicts and not the table, which holds the callback."""
        refs, dropped, outcomes, kept = self._refs, self._dropped, self._outcomes, self._kept

        def forget(ref: weakref.ref[BaseJob[Any]]) -> None:
            assert isinstance(ref, _JobRef)
            if refs.get(ref.uid) is ref:
                del refs[ref.uid]
                if ref.dropped is not None and ref.uid not in outcomes:
                    _put(dropped, ref.uid, ref.dropped, kept)

        return forget


def _size(response: Response) -> int:
    outcome = response.outcome
    return len(outcome.value or b"") + len(outcome.output)


def _put(table: OrderedDict[Any, Any], key: object, value: object, bound: int) -> None:
    """Add to a table, at the cost of its oldest entry."""
    table[key] = value
    if len(table) > bound:
        with suppress(KeyError):  # another thread was faster
            table.popitem(last=False)
