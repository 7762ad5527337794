"""What an `AsyncClient` asks of services, and how it waits for outcomes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from schedulergodx.client.async_job import AsyncJob
from schedulergodx.client.following import Following, deadline
from schedulergodx.client.launching import Launching
from schedulergodx.client.reading import read_timeout
from schedulergodx.client.requests import (
    ANSWER_TIMEOUT,
    Cancellation,
    annotation,
    check_sent,
    job_filter,
    newest,
    pauses,
    read_answer,
    read_answers,
    total,
    unanswered,
)
from schedulergodx.client.response import Response
from schedulergodx.core.follow import AskFollow
from schedulergodx.core.request import AskCounts, AskList, AskOutcomes, AskView
from schedulergodx.core.why import AskWhy, Why
from schedulergodx.errors import NoAnswer, UnknownJob, UnknownQueue

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from schedulergodx.client.line import Line
    from schedulergodx.client.options import Duration
    from schedulergodx.client.question import Question
    from schedulergodx.core.any_request import Request
    from schedulergodx.core.follow import Event
    from schedulergodx.core.job import Status
    from schedulergodx.core.view import JobFilter, JobView


class AsyncAsking(Launching):
    """The part of `AsyncClient` that waits for services. `Client` says what each method does."""

    async def _line(self) -> Line:
        raise NotImplementedError

    # -- jobs by their ids ------------------------------------------------------------------------

    async def job(
        self, id: AsyncJob[Any] | str, *, timeout: Duration = ANSWER_TIMEOUT
    ) -> AsyncJob[Any]:
        """The job of an id, whichever process of this client launched it."""
        known = self._find(id)
        if isinstance(known, AsyncJob):
            return known
        view: JobView = await self._ask(AskView(str(id)), "", timeout)
        attached: AsyncJob[Any] = self._attach(
            view.uid, label=view.label, queue=view.queue, task=view.task
        )
        return attached

    async def status(
        self, id: AsyncJob[Any] | str, *, timeout: Duration = ANSWER_TIMEOUT
    ) -> Status:
        """Where a job is in its life."""
        job = await self.job(id, timeout=timeout)
        return await job.status(timeout=timeout)

    async def cancel(
        self, id: AsyncJob[Any] | str, force: bool = False, *, timeout: Duration = ANSWER_TIMEOUT
    ) -> Cancellation:
        """Call a job off."""
        job = await self.job(id, timeout=timeout)
        return await job.cancel(force, timeout=timeout)

    async def update_status(
        self, id: AsyncJob[Any] | str, note: str, *, timeout: Duration = ANSWER_TIMEOUT
    ) -> None:
        """Note beside a job how it stands, for people to read: `view().note`.

        Its status is what its service says, and is not moved. Raises: UnknownJob, NoAnswer
        """
        job = await self.job(id, timeout=timeout)
        await self._ask(annotation(job, note), job.queue, timeout)

    async def why(self, id: AsyncJob[Any] | str, *, timeout: Duration = ANSWER_TIMEOUT) -> Why:
        """Why a job does not run, or ended as it did; see `AsyncJob.why`. Raises: UnknownJob"""
        known = self._find(id)
        if known is not None:
            return await self._why(known.uid.hex(), known.queue, timeout)
        return await self._why(str(id), "", timeout)

    async def list_jobs(
        self, which: JobFilter | None = None, *, timeout: Duration = ANSWER_TIMEOUT, **fields: Any
    ) -> list[JobView]:
        """Jobs of all clients, newest first, where all that is given holds."""
        which = job_filter(which, fields)
        question = await self._put(AskList(which), which.queue or "", timeout, every=True)
        return newest(read_answers(question), which.limit)

    async def counts(self, *, timeout: Duration = ANSWER_TIMEOUT) -> dict[tuple[str, Status], int]:
        """How many jobs there are, by queue and status."""
        return total(read_answers(await self._put(AskCounts(), "", timeout, every=True)))

    # -- messages and responses -------------------------------------------------------------------

    async def get_response(self, id: AsyncJob[Any] | str) -> Response | None:
        """The response to a job; None while there is none. Does not wait for the job."""
        with suppress(UnknownJob):
            job = await self.job(id)
            if job._response is None and not self._is_own(job):
                await self._ask(AskOutcomes([job.uid]), job.queue, ANSWER_TIMEOUT)
            return None if job._response is None else Response(job)
        return None

    async def await_response(
        self, id: AsyncJob[Any] | str, timeout: Duration | None = None
    ) -> Response:
        """The response to a job, as soon as it has ended."""
        job = await self.job(id)
        if job._response is None:
            await self._await_outcome(job, timeout)
        return Response(job)

    async def push(self, message: bytes | str, delivery_mode: int = 2) -> None:
        """Send a message as it is."""
        line = await self._line()
        notice = self._notice(line, message, delivery_mode)
        line.submit(notice)
        await notice.wait_async(self._confirm_timeout)
        check_sent(notice, self._confirm_timeout)

    # -- questions --------------------------------------------------------------------------------

    async def _ask(self, request: Request, queue: str, timeout: Duration) -> Any:
        return read_answer(await self._put(request, queue, timeout))

    async def _put(
        self, request: Request, queue: str, timeout: Duration, *, every: bool = False
    ) -> Question:
        [question] = await self._put_all([request], queue, timeout, every=every)
        return question

    async def _put_all(
        self, requests: Iterable[Request], queue: str, timeout: Duration, *, every: bool = False
    ) -> list[Question]:
        """Ask all at once. After the first one that nobody answers, no other is waited for."""
        line = await self._line()
        self._flush_pipeline()
        questions = [self._question(line, one, queue, timeout, every) for one in requests]
        with self._reader.asking(*questions):
            for question in questions:
                line.submit(question)
            for question in questions:
                if not await question.wait_async(question.timeout):
                    return questions
            for question in questions:
                if not await question.settled.wait_async(question.patience):
                    break  # the others had as long
        return questions

    async def _why(self, id: str, queue: str, timeout: Duration) -> Why:
        try:
            why: Why = await self._ask(AskWhy(id), queue, timeout)
        except (NoAnswer, UnknownQueue) as error:
            return unanswered(error, queue)
        return why

    # -- following --------------------------------------------------------------------------------

    async def _follow(
        self, job: AsyncJob[Any], timeout: Duration | None
    ) -> AsyncGenerator[Event, None]:
        seconds = read_timeout(timeout)
        end, following, request = deadline(seconds), Following(job.uid), AskFollow(job.uid.hex())
        with self._reader.following(following):
            following.feed(await self._ask(request, job.queue, ANSWER_TIMEOUT))
            while True:
                ended = following.ended  # before the look at the events, of which it is the last
                for event in following.take():
                    yield event
                if ended:
                    return
                await following.bell.wait_async(following.patience(end))
                if following.is_over(end):
                    raise self._no_outcome(job, seconds)
                if following.is_to_ask():
                    with suppress(NoAnswer):  # it is away, and may come back
                        following.feed(await self._ask(request, job.queue, ANSWER_TIMEOUT))

    # -- outcomes ---------------------------------------------------------------------------------

    async def _await_outcome(self, job: AsyncJob[Any], timeout: Duration | None) -> None:
        seconds = read_timeout(timeout)
        line = await self._line()
        self._flush_pipeline()
        if self._is_own(job):
            await job.wait_async(seconds)
        else:
            request = AskOutcomes([job.uid])
            for pause in pauses(seconds):
                line.submit(line.sealer.ask(request, self._address(job.queue)))
                if await job.wait_async(pause):
                    break
        if job._response is None:
            raise self._no_outcome(job, seconds)
