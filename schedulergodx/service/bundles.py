"""Bundles: jobs of several tasks that are stored together, or refused as a whole."""

from __future__ import annotations

from graphlib import CycleError
from typing import TYPE_CHECKING

from msgspec.structs import replace

from schedulergodx.core.dependency import in_order
from schedulergodx.core.identity import ulid
from schedulergodx.core.job import ErrorCode
from schedulergodx.core.message import BundleBody, read_body
from schedulergodx.errors import EnvelopeError
from schedulergodx.storage.verdicts import unknown_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schedulergodx.core.envelope import Header
    from schedulergodx.core.job import Parent
    from schedulergodx.core.message import TaskBody
    from schedulergodx.service.tick import Tick
    from schedulergodx.storage.base import NewJob, Store

_MOST_NAMED = 10  # jobs of a circle that a refusal names


class BundleRefused(EnvelopeError):
    """None of its jobs was stored."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"nothing of the bundle was stored: {text}")
        self.code = ErrorCode(code)


class Bundles:
    """Takes bundles in.

    draft: the jobs of one task, as they would be stored
    keep: stores jobs, with those that depend on others after these
    """

    def __init__(
        self,
        store: Store,
        *,
        draft: Callable[[Header, TaskBody, float], list[NewJob]],
        keep: Callable[[list[NewJob], Header, Tick], object],
    ) -> None:
        self._store = store
        self._draft = draft
        self._keep = keep

    def take(self, header: Header, body: bytes, tick: Tick) -> int:
        """Store a bundle; the answer is how many jobs that were. Raises: EnvelopeError"""
        bundle = read_body(body, BundleBody)
        uids = _uids(bundle)
        if len(self._store.clients_of(uids)) == len(uids):
            return len(uids)  # it was here before
        with self._store.savepoint():
            jobs = self._jobs(header, bundle, tick.now)
            self._keep(jobs, header, tick)
            self._put_before(bundle.before)
            batch = jobs[0].batch
            if batch is not None and bundle.close and not bundle.before:
                self._store.close_batch(batch, 0, None, tick.now)
        return len(jobs)

    def _put_before(self, waiting: Mapping[bytes, Sequence[Parent]]) -> None:
        for uid, parents in waiting.items():
            if not self._store.add_parents(uid, parents):
                text = f"job {ulid(uid)} waits no more, so that no others can be put before it"
                raise BundleRefused(ErrorCode.INVALID_TASK, text)

    def _batch_of(self, bundle: BundleBody, uids: set[bytes], client: int) -> int | None:
        """The batch of the jobs that others are put before. Raises: BundleRefused"""
        batches: set[bytes | None] = set()
        known = self._store.clients_of(bundle.before)
        for uid, parents in bundle.before.items():
            view = self._store.view(uid)
            if view is None or known[uid] != client:
                failure = unknown_parent(uid).failure
                assert failure is not None
                raise BundleRefused(failure.code, failure.text)
            if any(parent.uid not in uids for parent in parents):
                text = f"job {ulid(uid)} is to wait for jobs that are not of this bundle"
                raise BundleRefused(ErrorCode.INVALID_TASK, text)
            batches.add(view.batch)
        if len(batches) > 1 or any(task.batch is not None for task in bundle.tasks):
            text = "its jobs would be in several batches: put them before jobs of one"
            raise BundleRefused(ErrorCode.INVALID_TASK, text)
        batch = next(iter(batches))
        return None if batch is None else self._store.batch_of_uid(batch)

    def _jobs(self, header: Header, bundle: BundleBody, now: float) -> list[NewJob]:
        """The jobs in an order in which they can be stored. Raises: BundleRefused"""
        jobs = {job.uid: job for task in bundle.tasks for job in self._draft(header, task, now)}
        for job in jobs.values():
            if job.outcome is not None:
                failure = job.outcome.failure
                code = ErrorCode.INVALID_TASK if failure is None else failure.code
                raise BundleRefused(code, "it can't be run" if failure is None else failure.text)
        if bundle.before:
            batch = self._batch_of(bundle, set(jobs), next(iter(jobs.values())).client)
            jobs = {uid: replace(job, batch=batch) for uid, job in jobs.items()}
        self._check_parents(jobs)
        return [jobs[uid] for uid in _in_order(jobs)]

    def _check_parents(self, jobs: Mapping[bytes, NewJob]) -> None:
        wanted = {parent.uid for job in jobs.values() for parent in job.parents} - jobs.keys()
        known = self._store.clients_of(wanted) if wanted else {}
        for job in jobs.values():
            for parent in job.parents:
                if parent.uid not in jobs and known.get(parent.uid) != job.client:
                    failure = unknown_parent(parent.uid).failure
                    assert failure is not None
                    name = job.label or ulid(job.uid)
                    raise BundleRefused(failure.code, f"of job {name}: {failure.text}")


def _uids(bundle: BundleBody) -> set[bytes]:
    """Of all its jobs. Raises: BundleRefused if there are none, or twins"""
    uids = [item.uid for task in bundle.tasks for item in task.jobs]
    if not uids:
        raise BundleRefused(ErrorCode.INVALID_TASK, "there is no job in it")
    if len(set(uids)) < len(uids):
        raise BundleRefused(ErrorCode.INVALID_TASK, "two of its jobs have the same uid")
    batches = {task.batch for task in bundle.tasks}
    if len(batches) > 1:
        raise BundleRefused(ErrorCode.INVALID_TASK, "its tasks name several batches: name one")
    return set(uids)


def _in_order(jobs: Mapping[bytes, NewJob]) -> list[bytes]:
    parents = {uid: [parent.uid for parent in job.parents] for uid, job in jobs.items()}
    try:
        return in_order(parents)
    except CycleError as error:
        circle = [jobs[uid].label or ulid(uid) for uid in error.args[1]]
        if len(circle) > _MOST_NAMED:
            circle[_MOST_NAMED - 1 : -1] = ["..."]
        text = f"some of its jobs depend on each other in a circle: {' <- '.join(circle)}"
        raise BundleRefused(ErrorCode.INVALID_TASK, text) from None
