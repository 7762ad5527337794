"""What a `Client` asks of services, and how it waits for outcomes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from schedulergodx.client.inside import place_is_free
from schedulergodx.client.job import Job
from schedulergodx.client.launching import Launching
from schedulergodx.client.reading import read_timeout
from schedulergodx.client.requests import (
    ANSWER_TIMEOUT,
    Cancellation,
    annotation,
    job_filter,
    newest,
    pauses,
    read_answer,
    read_answers,
    total,
    unanswered,
)
from schedulergodx.core.request import AskCounts, AskList, AskOutcomes, AskView
from schedulergodx.errors import NoAnswer, UnknownQueue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from schedulergodx.client.line import Line
    from schedulergodx.client.options import Duration
    from schedulergodx.client.question import Question
    from schedulergodx.core.any_request import Request
    from schedulergodx.core.follow import Event
    from schedulergodx.core.job import Status
    from schedulergodx.core.view import JobFilter, JobView
    from schedulergodx.core.why import Why


class Asking(Launching):
    """The part of `Client` that waits for services."""

    def _line(self) -> Line:
        """The way to the services; it is opened if it is not."""
        raise NotImplementedError

    # -- jobs by their ids ------------------------------------------------------------------------

    def job(self, id: Job[Any] | str, *, timeout: Duration = ANSWER_TIMEOUT) -> Job[Any]:
        """The job of an id, whichever process of this client launched it.

        Raises: UnknownJob if no service knows one, NoAnswer
        """
        known = self._find(id)
        if isinstance(known, Job):
            return known
        view: JobView = self._ask(AskView(str(id)), "", timeout)
        attached: Job[Any] = self._attach(
            view.uid, label=view.label, queue=view.queue, task=view.task
        )
        return attached

    def status(self, id: Job[Any] | str, *, timeout: Duration = ANSWER_TIMEOUT) -> Status:
        """Where a job is in its life. Raises: UnknownJob, NoAnswer"""
        return self.job(id, timeout=timeout).status(timeout=timeout)

    def cancel(
        self, id: Job[Any] | str, force: bool = False, *, timeout: Duration = ANSWER_TIMEOUT
    ) -> Cancellation:
        """Call a job off; see `Job.cancel`. Raises: UnknownJob, NoAnswer"""
        return self.job(id, timeout=timeout).cancel(force, timeout=timeout)

    def update_status(
        self, id: Job[Any] | str, note: str, *, timeout: Duration = ANSWER_TIMEOUT
    ) -> None:
        """Note beside a job how it stands, for people to read: `view().note`.

        Its status is what its service says, and is not moved. Raises: UnknownJob, NoAnswer
        """
        job = self.job(id, timeout=timeout)
        self._ask(annotation(job, note), job.queue, timeout)

    def why(self, id: Job[Any] | str, *, timeout: Duration = ANSWER_TIMEOUT) -> Why:
        """Why a job does not run, or ended as it did; see `Job.why`. Raises: UnknownJob"""
        known = self._find(id)
        if known is not None:
            return self._why(known.uid.hex(), known.queue, timeout)
        return self._why(str(id), "", timeout)

    def list_jobs(
        self, which: JobFilter | None = None, *, timeout: Duration = ANSWER_TIMEOUT, **fields: Any
    ) -> list[JobView]:
        """Jobs of all clients, newest first, where all that is given holds.

        fields: those of `JobFilter`, as `status="failed", queue="mail", limit=10`. `since` is a
            `datetime` as well, or a text in ISO 8601

        Raises: NoAnswer; ConfigError for a field that is none, a status or a moment
        """
        which = job_filter(which, fields)
        question = self._put(AskList(which), which.queue or "", timeout, every=True)
        return newest(read_answers(question), which.limit)

    def counts(self, *, timeout: Duration = ANSWER_TIMEOUT) -> dict[tuple[str, Status], int]:
        """How many jobs there are, by queue and status."""
        return total(read_answers(self._put(AskCounts(), "", timeout, every=True)))

    # -- questions --------------------------------------------------------------------------------

    def _ask(self, request: Request, queue: str, timeout: Duration) -> Any:
        """What the service of a queue says, or any that knows the job where queue is ""."""
        return read_answer(self._put(request, queue, timeout))

    def _put(
        self, request: Request, queue: str, timeout: Duration, *, every: bool = False
    ) -> Question:
        [question] = self._put_all([request], queue, timeout, every=every)
        return question

    def _put_all(
        self, requests: Iterable[Request], queue: str, timeout: Duration, *, every: bool = False
    ) -> list[Question]:
        """Ask all at once. After the first one that nobody answers, no other is waited for."""
        line = self._line()
        self._flush_pipeline()
        questions = [self._question(line, one, queue, timeout, every) for one in requests]
        with self._reader.asking(*questions):
            for question in questions:
                line.submit(question)
            for question in questions:
                if not question.wait(question.timeout):
                    return questions
            for question in questions:
                if not question.settled.wait(question.patience):
                    break  # the others had as long
        return questions

    def _why(self, id: str, queue: str, timeout: Duration) -> Why:
        from schedulergodx.core.why import AskWhy  # late: few programs ask that

        try:
            why: Why = self._ask(AskWhy(id), queue, timeout)
        except (NoAnswer, UnknownQueue) as error:
            return unanswered(error, queue)
        return why

    # -- following --------------------------------------------------------------------------------

    def _follow(self, job: Job[Any], timeout: Duration | None) -> Iterator[Event]:
        from schedulergodx.client.following import Following, deadline  # late: few programs follow
        from schedulergodx.core.follow import AskFollow

        seconds = read_timeout(timeout)
        end, following, request = deadline(seconds), Following(job.uid), AskFollow(job.uid.hex())
        with self._reader.following(following), self._place_is_free():
            following.feed(self._ask(request, job.queue, ANSWER_TIMEOUT))
            while True:
                ended = following.ended  # before the look at the events, of which it is the last
                yield from following.take()
                if ended:
                    return
                following.bell.wait(following.patience(end))
                if following.is_over(end):
                    raise self._no_outcome(job, seconds)
                if following.is_to_ask():
                    with suppress(NoAnswer):  # it is away, and may come back
                        following.feed(self._ask(request, job.queue, ANSWER_TIMEOUT))

    # -- outcomes ---------------------------------------------------------------------------------

    def _await_outcome(self, job: Job[Any], timeout: Duration | None) -> None:
        """Wait until the outcome is here. Raises: ResultTimeout, BrokerClosed"""
        seconds = read_timeout(timeout)
        line = self._line()
        self._flush_pipeline()
        with self._place_is_free():
            if self._is_own(job):
                job.wait(seconds)
            else:
                self._wait_and_ask(line, job, seconds)
        if job._response is None:
            raise self._no_outcome(job, seconds)

    def _place_is_free(self) -> AbstractContextManager[None]:
        """A block that waits for jobs: inside of a job, its place may be used meanwhile."""
        return place_is_free()

    def _wait_and_ask(self, line: Line, job: Job[Any], timeout: float | None) -> None:
        """The outcome is told to another process: only asking brings it here."""
        request = AskOutcomes([job.uid])
        for pause in pauses(timeout):
            line.submit(line.sealer.ask(request, self._address(job.queue)))
            if job.wait(pause):
                return

    async def _await_outcome_async(self, job: Job[Any], timeout: Duration | None = None) -> None:
        """The same on the event loop of a program that uses this client."""
        seconds = read_timeout(timeout)
        line = await self._line_async()
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

    async def _line_async(self) -> Line:
        """The way to the services, without blocking the loop while it is opened."""
        import asyncio

        return await asyncio.to_thread(self._line)
