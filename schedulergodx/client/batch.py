"""A batch of a `Client`: many jobs under one name, watched as one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from schedulergodx.client.base_batch import BaseBatch
from schedulergodx.client.reading import read_timeout
from schedulergodx.client.requests import ANSWER_TIMEOUT, PAGE, outcome_requests
from schedulergodx.client.watching import Vigil
from schedulergodx.core.batch import AskBatch, AskCancelBatch, AskJobsOfBatch, AskRequeueBatch
from schedulergodx.errors import ConfigError, NoAnswer, SchedulerGodXError, UnknownBatch, UnknownJob

if TYPE_CHECKING:
    from schedulergodx.client.client import Client
    from schedulergodx.client.job import Job
    from schedulergodx.client.options import Duration
    from schedulergodx.client.task import Launcher
    from schedulergodx.core.any_request import Request
    from schedulergodx.core.job import Status
    from schedulergodx.core.view import BatchView, JobView

P = ParamSpec("P")
R = TypeVar("R")


class Batch(BaseBatch):
    """A named group of jobs, from `client.batch(name)` or `client.attach(name)`.

        with client.batch("nightly") as batch:
            resize.options(batch=batch).map(paths)
        batch.wait("10 min")

    Jobs join it by the option `batch` of their task. It is made by its first job, and is closed at
    the end of the block. All its queues have to be those of one store.

    A `timeout` is seconds, a `timedelta` or "10 min"; None waits as long as it takes. Methods that
    ask a service raise NoAnswer when none answers in time, UnknownBatch when none knows the batch,
    and BatchExists when another one had its name.
    """

    _client: Client

    def __enter__(self) -> Self:
        """Raises: BatchExists, where a service is there to say so"""
        with suppress(NoAnswer):
            self._client._check_free(self)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self._give_up_callback(error)
        try:
            self.close()
        except SchedulerGodXError as trouble:
            self._judge(trouble, error)

    # -- its end ----------------------------------------------------------------------------------

    def then(self, task: Launcher[P, R], *args: P.args, **kwargs: P.kwargs) -> Job[R]:
        """Have one more job run when all have ended, however they did. It is not one of them.

        It is sent when the batch is closed; in a block that raises it is given up.

        Raises: ConfigError for a second one, or when the batch is closed; ShipError, TooLarge
        """
        job: Job[R] = self._then(task._recipe, args, kwargs)
        return job

    def close(self, *, timeout: Duration = ANSWER_TIMEOUT) -> BatchView:
        """Let no more jobs join. Those that were launched here may still be on their way."""
        if self._is_empty:
            self._close()
            self._launch_callback()
            return self._keep(self._nothing())
        try:
            view: BatchView = self._ask(self._close(), timeout)
        except (UnknownBatch, ConfigError) as error:
            self._give_up_callback(error)
            raise
        return self._keep(view)

    def _launch_callback(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            self._client._line().submit(callback)
            self._client._confirm(callback)

    # -- how it stands ----------------------------------------------------------------------------

    def view(self, *, timeout: Duration = ANSWER_TIMEOUT) -> BatchView:
        """Everything that its service knows of it."""
        if self._is_empty:
            return self._keep(self._nothing())
        view: BatchView = self._ask(AskBatch(self._id), timeout)
        return self._keep(view)

    def status(self, *, timeout: Duration = ANSWER_TIMEOUT) -> dict[Status, int]:
        """How many of its jobs are in each status that any is in."""
        return self.view(timeout=timeout).counts

    @property
    def active(self) -> bool:
        """Whether jobs of it have not ended, or are on their way. Its service is asked."""
        return not self.view().ended

    def follow(self, timeout: Duration | None = None) -> Iterator[BatchView]:
        """How it stands, now and some times a second while that changes, until all have ended.

        Its service tells it; nothing is polled. Raises: ResultTimeout
        """
        seconds = read_timeout(timeout)
        if self._is_empty:
            yield self._nothing()
            return
        with self._client._reader.watches.watch(self.ref.uid) as watch:
            vigil = Vigil(watch, seconds)
            while vigil.goes_on:
                yield from self._news(vigil, self._ask_to_be_told(vigil.begin()))
                while vigil.pause:
                    news = watch.news
                    yield from self._news(vigil, watch.view)
                    with self._client._place_is_free():
                        news.wait(vigil.pause)
        if not vigil.ended:
            raise self._late(vigil.last or self.last, seconds)

    def wait(self, timeout: Duration | None = None) -> BatchView:
        """Wait until all jobs have ended that it has; how it stands then. Raises: ResultTimeout"""
        for view in self.follow(timeout):
            last = view
        return last

    def progress(self, timeout: Duration | None = None) -> BatchView:
        """The same, and show it: a bar on a terminal or in a notebook, else a line now and then.

        It is written to stderr. Raises: ResultTimeout
        """
        from schedulergodx.client.progress import showing  # late: few programs show it

        with showing(self.name) as show:
            for view in self.follow(timeout):
                show(view)
        return view

    # -- its jobs ---------------------------------------------------------------------------------

    def jobs(self, *, timeout: Duration = ANSWER_TIMEOUT) -> Iterator[JobView]:
        """Its jobs, oldest first, asked for a page at a time; those that were removed are gone."""
        for page in self._pages(timeout):
            yield from page

    def results(
        self, timeout: Duration | None = None, *, return_exceptions: bool = False
    ) -> Iterator[Any]:
        """Wait for its end; then what each of its jobs returned, oldest first.

        return_exceptions: give the exception of a job that has one, instead of raising it

        Raises: ResultTimeout; at a job without a value what its `result()` raises
        """
        self.wait(timeout)
        for page in self._pages(ANSWER_TIMEOUT):
            for job in self._fetch(page):
                error = job.exception(ANSWER_TIMEOUT)
                yield error if error is not None and return_exceptions else job.result()

    # -- wishes -----------------------------------------------------------------------------------

    def cancel(self, force: bool = False, *, timeout: Duration = ANSWER_TIMEOUT) -> int:
        """Call off all its jobs that have not ended, and what comes for it; how many they were.

        force: end the processes of those that run, instead of asking the jobs to stop
        """
        if self._is_empty:
            return 0
        return int(self._ask(AskCancelBatch(self._id, force), timeout))

    def requeue(self, *, timeout: Duration = ANSWER_TIMEOUT) -> int:
        """Run again all that did not complete; how many jobs they are.

        `result()` of those jobs then waits for the new outcome.
        """
        if self._is_empty:
            return 0
        jobs = int(self._ask(AskRequeueBatch(self._id), timeout))
        line = self._client._line()
        for request in outcome_requests(self._begin_again()):  # some may have ended again by now
            line.submit(line.sealer.ask(request, self._client._address(self.queue)))
        return jobs

    # -- questions --------------------------------------------------------------------------------

    def _ask(self, request: Request, timeout: Duration) -> Any:
        try:
            return self._client._ask(request, self.queue, timeout)
        except UnknownBatch:
            self._client._check_free(self, timeout=timeout)
            raise self._unknown() from None

    def _ask_to_be_told(self, timeout: float) -> BatchView | None:
        """How it stands, and its service tells more from now on; None if there is no answer."""
        with suppress(NoAnswer), self._client._place_is_free():
            view: BatchView = self._ask(AskBatch(self._id, wait=True), timeout)
            return view
        return None

    def _pages(self, timeout: Duration) -> Iterator[list[JobView]]:
        after = 0
        while not self._is_empty:
            page: list[JobView] = self._ask(AskJobsOfBatch(self._id, after, PAGE), timeout)
            yield page
            if len(page) < PAGE:
                return
            after = page[-1].seq

    def _fetch(self, page: list[JobView]) -> list[Job[Any]]:
        """The jobs of a page; their outcomes are here, or on their way."""
        jobs: list[Job[Any]] = [self._client._job_of(view) for view in page]
        missing = [job.uid for job in jobs if job._response is None]
        for request in outcome_requests(missing):
            with suppress(UnknownJob):
                self._client._ask(request, self.queue, ANSWER_TIMEOUT)
        return jobs
