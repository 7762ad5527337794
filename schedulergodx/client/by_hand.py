"""What a `Client` does with jobs that were made by hand, and with jobs as dicts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from schedulergodx.client.batching import Batching
from schedulergodx.client.bundle import bundle
from schedulergodx.client.job import Job
from schedulergodx.client.reading import read_moment
from schedulergodx.client.requests import ANSWER_TIMEOUT, is_known, read_answer, read_answers
from schedulergodx.client.submitting import Submitting
from schedulergodx.core.identity import ulid
from schedulergodx.core.job import Status
from schedulergodx.core.request import AskClear, AskStatus, AskView
from schedulergodx.errors import NoAnswer, ShipError, UnknownJob, UnreadableCode

if TYPE_CHECKING:
    from datetime import datetime

    from schedulergodx.client.base_job import BaseJob
    from schedulergodx.client.bundle import Bundle
    from schedulergodx.client.line import Line
    from schedulergodx.client.options import Duration
    from schedulergodx.client.parcel import Parcel
    from schedulergodx.client.template import Template
    from schedulergodx.client.workflow import Workflow
    from schedulergodx.core.message import JobItem


class ByHand(Submitting, Batching):
    """The part of `Client` for jobs that are made by hand, `Job(name, function, params)`."""

    def submit(self, job: Job[Any]) -> str:
        """Ask for a job that was made by hand; its id. Returns when the broker has confirmed it.

        It is a job of this client from now on: `job.result()` and all else work. Submitted again,
        it is the same job. Where it depends on jobs of which this process does not know, or that
        are on their way through several queues, services are asked about these.

        Raises: what `launch` raises; UnknownJob for a dependency that no service knows or that is
            another client's, NoAnswer where none says; NotSubmitted for one that takes the value of
            a job that is not; ConfigError for one that was launched
        """
        line = self._line()
        drafted = self._draft_alone(job)
        missing = self._missing([job])
        if missing:
            drafted = self._draft_alone(job, missing)
        parents = drafted.item.parents
        if parents:
            queue = self._way(drafted)
            self._check_parents([parent.uid for parent in parents], queue)
            self._flush_pipeline()
            self._adopt(job, drafted, queue)
            self._send_bundle(bundle({job: drafted}, queue=queue))
        else:
            self._adopt(job, drafted, drafted.template.queue)
            self._dispatch(line, drafted.template, drafted.item, job, drafted.units)
        return job.id

    def get_status(
        self, id: Job[Any] | str, *, timeout: Duration = ANSWER_TIMEOUT
    ) -> dict[str, Any]:
        """All that is known of a job: its state, what it is made of, each attempt of it.

        Times are texts in ISO 8601. `{"exists": False}` for a job that no service knows.

        Raises: NoAnswer
        """
        from schedulergodx.client.description import describe  # late: few programs print jobs

        try:
            job = self.job(id, timeout=timeout)
            view = job.view(timeout=timeout)
        except UnknownJob:
            return {"exists": False}
        value = None
        if view.status is Status.COMPLETED:
            with suppress(UnreadableCode, ShipError, ImportError):  # it can't be rebuilt here
                value = job.result(timeout)
        return describe(view, value)

    def get_result(self, id: Job[Any] | str, *, timeout: Duration = ANSWER_TIMEOUT) -> Any:
        """What a job returned; None while it has not ended. It does not wait for it.

        Raises: what `Job.result` raises, for one that ended without a value; UnknownJob, NoAnswer
        """
        job = self.job(id, timeout=timeout)
        return job.result(timeout) if job.status(timeout=timeout).final else None

    def requeue_job(self, id: Job[Any] | str, *, timeout: Duration = ANSWER_TIMEOUT) -> bool:
        """Run a job again, with all its attempts; see `Job.requeue`. False for an unknown one."""
        try:
            return self.job(id, timeout=timeout).requeue(timeout=timeout)
        except UnknownJob:
            return False

    def clear_completed(
        self, before: datetime | float | str | None = None, *, timeout: Duration = ANSWER_TIMEOUT
    ) -> int:
        """Forget jobs that completed or were cancelled, and their attempts; how many those were.

        before: only those that had ended by then: a `datetime`, seconds since the epoch, or a text
            in ISO 8601; all if left out. Jobs are kept that others still wait for

        Raises: NoAnswer, ConfigError
        """
        question = self._put(AskClear(read_moment("before", before)), "", timeout, every=True)
        return sum(read_answers(question))

    def stats(self, *, timeout: Duration = ANSWER_TIMEOUT) -> dict[str, Any]:
        """How many jobs there are by status, in `total`, and in `queues` the same for each queue.

        Raises: NoAnswer
        """
        from schedulergodx.client.description import statistics  # late: as in `get_status`

        return statistics(self.counts(timeout=timeout))

    # -- inside ----------------------------------------------------------------------------------

    def _missing(self, jobs: Collection[BaseJob[Any]]) -> set[bytes]:
        """Of the parents that may be missing, those that are. Raises: NoAnswer"""
        doubtful = self._doubtful(jobs)
        if not doubtful:
            return set()
        requests = [AskStatus(ulid(uid)) for uid in doubtful]
        questions = self._put_all(requests, "", ANSWER_TIMEOUT)
        return {uid for uid, one in zip(doubtful, questions, strict=True) if not is_known(one)}

    def _check_parents(self, uids: list[bytes], queue: str) -> None:
        """Raise UnknownJob for parents that can't be of what goes into that queue."""
        for where, unsure in self._unsure(uids, queue).items():
            requests = [AskView(ulid(uid)) for uid in unsure]
            for question in self._put_all(requests, where, ANSWER_TIMEOUT):
                self._check_parent(read_answer(question))

    def _submit_workflow(self, workflow: Workflow) -> list[str]:
        """See `Workflow.submit_all`."""
        self._line()
        batch = self._batch_kind(self, workflow.ref)
        with suppress(NoAnswer):  # where no service is there to say so, it refuses them later
            self._check_free(batch)
        drafted = self._draft_all(workflow)
        missing = self._missing(drafted)
        if missing:
            drafted = self._draft_all(workflow, missing)
        together = bundle(drafted, batch=workflow.ref)
        queue = together.template.queue
        self._check_parents(self._outside(drafted), queue)
        self._flush_pipeline()
        for job, one in drafted.items():
            self._adopt(job, one, queue)
            batch.take(job)
        batch._close()
        workflow._submit(batch)
        self._send_bundle(together)
        return [job.id for job in drafted]

    def _submit_before(self, jobs: Iterable[BaseJob[Any]], last: bytes) -> None:
        """Ask for jobs that a blocked one is to wait for; nobody is told what they return."""
        self._line()
        together = self._bundle_before(jobs, last)
        if together is not None:
            self._send_bundle(together)

    def _send_bundle(self, bundle: Bundle) -> None:
        line = self._line()
        line.submit(bundle)
        self._confirm(bundle)

    def _confirm(self, parcel: Parcel) -> None:
        raise NotImplementedError

    def _dispatch(
        self,
        line: Line,
        template: Template,
        item: JobItem,
        job: Job[Any],
        units: Mapping[bytes, bytes],
    ) -> None:
        raise NotImplementedError
