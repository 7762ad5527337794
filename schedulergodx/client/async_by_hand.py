"""What an `AsyncClient` does with jobs that were made by hand, and with jobs as dicts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from schedulergodx.client.async_batching import AsyncBatching
from schedulergodx.client.async_job import AsyncJob
from schedulergodx.client.bundle import bundle
from schedulergodx.client.description import describe, statistics
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


class AsyncByHand(Submitting, AsyncBatching):
    """The part of `AsyncClient` for jobs made by hand. `ByHand` says what each method does."""

    async def submit(self, job: AsyncJob[Any]) -> str:
        """Ask for a job that was made by hand; its id. Returns when the broker has confirmed it.

        It is a job of this client from now on: `job.result()` and all else work. Submitted again,
        it is the same job. Where it depends on jobs of which this process does not know, or that
        are on their way through several queues, services are asked about these.

        Raises: what `launch` raises; UnknownJob for a dependency that no service knows or that is
            another client's, NoAnswer where none says; NotSubmitted for one that takes the value of
            a job that is not; ConfigError for one that was launched
        """
        line = await self._line()
        drafted = self._draft_alone(job)
        missing = await self._missing([job])
        if missing:
            drafted = self._draft_alone(job, missing)
        parents = drafted.item.parents
        if parents:
            queue = self._way(drafted)
            await self._check_parents([parent.uid for parent in parents], queue)
            self._flush_pipeline()
            self._adopt(job, drafted, queue)
            await self._send_bundle(bundle({job: drafted}, queue=queue))
        else:
            self._adopt(job, drafted, drafted.template.queue)
            await self._dispatch(line, drafted.template, drafted.item, job, drafted.units)
        return job.id

    async def get_status(
        self, id: AsyncJob[Any] | str, *, timeout: Duration = ANSWER_TIMEOUT
    ) -> dict[str, Any]:
        """All that is known of a job: its state, what it is made of, each attempt of it.

        Times are texts in ISO 8601. `{"exists": False}` for a job that no service knows.

        Raises: NoAnswer
        """
        try:
            job = await self.job(id, timeout=timeout)
            view = await job.view(timeout=timeout)
        except UnknownJob:
            return {"exists": False}
        value = None
        if view.status is Status.COMPLETED:
            with suppress(UnreadableCode, ShipError, ImportError):  # it can't be rebuilt here
                value = await job.result(timeout)
        return describe(view, value)

    async def get_result(
        self, id: AsyncJob[Any] | str, *, timeout: Duration = ANSWER_TIMEOUT
    ) -> Any:
        """What a job returned; None while it has not ended. It does not wait for it.

        Raises: what `Job.result` raises, for one that ended without a value; UnknownJob, NoAnswer
        """
        job = await self.job(id, timeout=timeout)
        status = await job.status(timeout=timeout)
        return await job.result(timeout) if status.final else None

    async def requeue_job(
        self, id: AsyncJob[Any] | str, *, timeout: Duration = ANSWER_TIMEOUT
    ) -> bool:
        """Run a job again, with all its attempts; see `Job.requeue`. False for an unknown one."""
        try:
            job = await self.job(id, timeout=timeout)
            return await job.requeue(timeout=timeout)
        except UnknownJob:
            return False

    async def clear_completed(
        self, before: datetime | float | str | None = None, *, timeout: Duration = ANSWER_TIMEOUT
    ) -> int:
        """Forget jobs that completed or were cancelled, and their attempts; how many those were.

        before: only those that had ended by then: a `datetime`, seconds since the epoch, or a text
            in ISO 8601; all if left out. Jobs are kept that others still wait for

        Raises: NoAnswer, ConfigError
        """
        question = await self._put(AskClear(read_moment("before", before)), "", timeout, every=True)
        return sum(read_answers(question))

    async def stats(self, *, timeout: Duration = ANSWER_TIMEOUT) -> dict[str, Any]:
        """How many jobs there are by status, in `total`, and in `queues` the same for each queue.

        Raises: NoAnswer
        """
        return statistics(await self.counts(timeout=timeout))

    # -- inside ----------------------------------------------------------------------------------

    async def _missing(self, jobs: Collection[BaseJob[Any]]) -> set[bytes]:
        """Of the parents that may be missing, those that are. Raises: NoAnswer"""
        doubtful = self._doubtful(jobs)
        if not doubtful:
            return set()
        requests = [AskStatus(ulid(uid)) for uid in doubtful]
        questions = await self._put_all(requests, "", ANSWER_TIMEOUT)
        return {uid for uid, one in zip(doubtful, questions, strict=True) if not is_known(one)}

    async def _check_parents(self, uids: list[bytes], queue: str) -> None:
        """Raise UnknownJob for parents that can't be of what goes into that queue."""
        for where, unsure in self._unsure(uids, queue).items():
            requests = [AskView(ulid(uid)) for uid in unsure]
            for question in await self._put_all(requests, where, ANSWER_TIMEOUT):
                self._check_parent(read_answer(question))

    async def _submit_workflow(self, workflow: Workflow) -> list[str]:
        await self._line()
        batch = self._batch_kind(self, workflow.ref)
        with suppress(NoAnswer):  # where no service is there to say so, it refuses them later
            await self._check_free(batch)
        drafted = self._draft_all(workflow)
        missing = await self._missing(drafted)
        if missing:
            drafted = self._draft_all(workflow, missing)
        together = bundle(drafted, batch=workflow.ref)
        queue = together.template.queue
        await self._check_parents(self._outside(drafted), queue)
        self._flush_pipeline()
        for job, one in drafted.items():
            self._adopt(job, one, queue)
            batch.take(job)
        batch._close()
        workflow._submit(batch)
        await self._send_bundle(together)
        return [job.id for job in drafted]

    async def _submit_before(self, jobs: Iterable[BaseJob[Any]], last: bytes) -> None:
        """Ask for jobs that a blocked one is to wait for; nobody is told what they return."""
        await self._line()
        together = self._bundle_before(jobs, last)
        if together is not None:
            await self._send_bundle(together)

    async def _send_bundle(self, bundle: Bundle) -> None:
        line = await self._line()
        line.submit(bundle)
        await self._confirm(bundle)

    async def _confirm(self, parcel: Parcel) -> None:
        raise NotImplementedError

    async def _dispatch(
        self,
        line: Line,
        template: Template,
        item: JobItem,
        job: AsyncJob[Any],
        units: Mapping[bytes, bytes],
    ) -> None:
        raise NotImplementedError
