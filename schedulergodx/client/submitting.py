"""How both clients take jobs that were made by hand. Nothing is sent here."""

from __future__ import annotations

import itertools
import weakref
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from schedulergodx.client.bundle import bundle
from schedulergodx.client.dependency import may_be_missing
from schedulergodx.client.naming import Naming
from schedulergodx.client.nobody import Nobody
from schedulergodx.core.identity import ulid
from schedulergodx.core.job import Parent
from schedulergodx.errors import ConfigError, NotSubmitted, UnknownJob

if TYPE_CHECKING:
    from schedulergodx.client.base_job import BaseJob
    from schedulergodx.client.bundle import Bundle
    from schedulergodx.client.drafting import Drafted, Drafting
    from schedulergodx.client.workflow import Workflow
    from schedulergodx.core.view import JobView


class Submitting(Naming):
    """The part of both clients that prepares what was made by hand."""

    @cached_property
    def _drafting(self) -> Drafting:
        from schedulergodx.client.drafting import Drafting  # late: few make jobs by hand

        return Drafting(self._options, self._packers, self._clock)

    @cached_property
    def _ways(self) -> weakref.WeakKeyDictionary[BaseJob[Any], str]:
        """The queues into which jobs went that are to run in another one."""
        return weakref.WeakKeyDictionary()

    def _draft(
        self, job: BaseJob[Any], find_uid: Callable[[str], bytes | None] | None = None
    ) -> Drafted:
        """A job that was made by hand, ready to be sent.

        find_uid: the uid of an id; as this process knows it if left out

        Raises: ConfigError for one that was launched; ShipError, TooLarge, UnknownJob
        """
        if not isinstance(job, self._job_kind):
            kind = self._job_kind.__name__
            raise ConfigError(
                f"{self._kind} {self.name} takes jobs of class {kind}, and not {job!r:.100}: make "
                f"it as {kind}(name, function, params)"
            )
        if job._draft is None:
            raise ConfigError(f"job {job.id} was launched already: there is nothing to submit")
        find_uid = find_uid or self._awaited.uid_of
        return self._drafting.prepare(job, find_uid=find_uid, client=self._launcher)

    def _finder(
        self, uids: Mapping[str, bytes], missing: Container[bytes]
    ) -> Callable[[str], bytes | None]:
        """What finds the uid of an id: None of a job that is missing.

        uids: of jobs of which nobody knows yet
        """
        known = self._awaited.uid_of

        def find_uid(id: str) -> bytes | None:
            uid = uids.get(id) or known(id)
            return None if uid in missing else uid

        return find_uid

    def _draft_alone(self, job: BaseJob[Any], missing: Container[bytes] = ()) -> Drafted:
        """A job that nothing travels with. Raises: NotSubmitted, and what `_draft` raises"""
        drafted = self._draft(job, self._finder({}, missing))
        for other in drafted.values:
            if isinstance(other._client, Nobody):
                raise NotSubmitted(
                    f"job {job.id} takes the value of job {other.id}, which is not submitted: add "
                    "the former to a Workflow, which brings both, or submit the latter before"
                )
        return drafted

    def _draft_all(
        self, workflow: Workflow, missing: Container[bytes] = ()
    ) -> dict[BaseJob[Any], Drafted]:
        """All jobs of a workflow, with the steps whose values they need.

        missing: parents that are not there, where that may be

        Raises: ConfigError, ShipError, TooLarge, UnknownJob
        """
        from schedulergodx.client.workflow import check_circle  # late: few programs have any

        drafted: dict[BaseJob[Any], Drafted] = {}
        find_uid = self._finder({job.id: job.uid for job in workflow.jobs}, missing)
        rest = deque(workflow.jobs)
        while rest:
            job = rest.popleft()
            if job in drafted:
                continue
            made = drafted[job] = self._draft(job, find_uid)
            if workflow._batch is None and not isinstance(job._client, Nobody):
                raise ConfigError(
                    f"job {job.id} was submitted already, so it can't be in workflow "
                    f"{workflow.name!r}: let jobs there depend on it"
                )
            if made.template.batch is not None:
                raise ConfigError(f"job {job.id} is to be in a batch, and a workflow is one itself")
            rest.extend(value for value in made.values if isinstance(value._client, Nobody))
        if not drafted:
            raise ConfigError(f"workflow {workflow.name!r} has no jobs: add some")
        check_circle(drafted)
        return drafted

    def _bundle_before(self, jobs: Iterable[BaseJob[Any]], last: bytes) -> Bundle | None:
        """Jobs that a blocked one, of which they know, is to wait for; None if there are none."""
        drafted = {job: self._draft(job) for job in jobs}
        if not drafted:
            return None
        parents = tuple(Parent(job.uid, result=True) for job in drafted)
        return bundle(drafted, before={last: parents})

    def _doubtful(self, jobs: Collection[BaseJob[Any]]) -> list[bytes]:
        """Of their parents, those that may be missing, and are not known to be there."""
        ids = {edge.id for job in jobs for edge in job.dependencies if may_be_missing(edge)}
        uids = {uid for id in ids if (uid := self._awaited.uid_of(id)) is not None}
        uids -= {job.uid for job in jobs}
        return [uid for uid in uids if self._queue_under_way(uid) is None]

    def _outside(self, drafted: Mapping[BaseJob[Any], Drafted]) -> list[bytes]:
        """Of all parents, those that are not of the same workflow."""
        inside = {job.uid for job in drafted}
        above = {parent.uid for one in drafted.values() for parent in one.item.parents}
        return sorted(above - inside)

    def _adopt(self, job: BaseJob[Any], drafted: Drafted, way: str) -> None:
        """From now on the outcome of a job is told to this client.

        way: the queue into which it goes, in company or after others
        """
        template = drafted.template
        if way != template.queue:
            self._ways[job] = way
        is_new = isinstance(job._client, Nobody)
        job._submit(self, self.instance, template.queue, template.spec.name)
        job.hope()
        if template.batch is not None and is_new:
            template.batch.take(job)
        self._awaited.add(job)

    def _way(self, drafted: Drafted) -> str:
        """The queue into which a job goes that depends on others: as one of them did."""
        uids = [parent.uid for parent in drafted.item.parents]
        queues = itertools.chain(map(self._queue_under_way, uids), map(self._queue_of, uids))
        return next(filter(None, queues), drafted.template.queue)

    def _unsure(self, uids: Iterable[bytes], queue: str) -> Mapping[str, list[bytes]]:
        """Parents that may not be there when their children arrive in a queue.

        They stand by the queue to ask for them: that of those that are under way in another one,
        where the answer comes after them; "" for those that are not this client's, or have ended
        and may have been removed since.
        """
        unsure: dict[str, list[bytes]] = defaultdict(list)
        for uid in uids:
            way = self._queue_under_way(uid)
            if way is None or self._address(way) != self._address(queue):
                unsure[way or ""].append(uid)
        return unsure

    def _queue_of(self, uid: bytes) -> str | None:
        """The queue of a job of which this process knows."""
        known = self._awaited.held(uid) or self._awaited.dropped(uid)
        return None if known is None else known.queue

    def _queue_under_way(self, uid: bytes) -> str | None:
        """The queue into which such a job went, if it is not known to have ended."""
        held = self._awaited.held(uid)
        if held is None:
            return self._queue_of(uid)
        return None if held._response is not None else self._ways.get(held, held.queue)

    def _check_parent(self, view: JobView) -> None:
        """Raise UnknownJob for a parent that is not this client's."""
        if view.client != self._launcher:
            raise UnknownJob(
                f"job {view.label or ulid(view.uid)} is of client {view.client!r}, and this one is "
                f"{self._launcher!r}: a job can only depend on jobs of its own client"
            )
