"""A batch of an `AsyncClient`: the same as `Batch`, awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from schedulergodx.client.base_batch import BaseBatch
from schedulergodx.client.reading import read_timeout
from schedulergodx.client.requests import ANSWER_TIMEOUT, PAGE, outcome_requests
from schedulergodx.client.watching import Vigil
from schedulergodx.core.batch import AskBatch, AskCancelBatch, AskJobsOfBatch, AskRequeueBatch
from schedulergodx.errors import ConfigError, NoAnswer, SchedulerGodXError, UnknownBatch, UnknownJob

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from schedulergodx.client.async_client import AsyncClient
    from schedulergodx.client.async_job import AsyncJob
    from schedulergodx.client.async_task import AsyncLauncher
    from schedulergodx.client.options import Duration
    from schedulergodx.core.any_request import Request
    from schedulergodx.core.job import Status
    from schedulergodx.core.view import BatchView, JobView

P = ParamSpec("P")
R = TypeVar("R")


class AsyncBatch(BaseBatch):
    """A named group of jobs, used in an `async with` block. `Batch` says what each method does."""

    _client: AsyncClient

    async def __aenter__(self) -> Self:
        with suppress(NoAnswer):
            await self._client._check_free(self)
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self._give_up_callback(error)
        try:
            await self.close()
        except SchedulerGodXError as trouble:
            self._judge(trouble, error)

    # -- its end ----------------------------------------------------------------------------------

    def then(self, task: AsyncLauncher[P, R], *args: P.args, **kwargs: P.kwargs) -> AsyncJob[R]:
        """Have one more job run when all have ended, however they did. It is not one of them."""
        job: AsyncJob[R] = self._then(task._recipe, args, kwargs)
        return job

    async def close(self, *, timeout: Duration = ANSWER_TIMEOUT) -> BatchView:
        """Let no more jobs join. Those that were launched here may still be on their way."""
        if self._is_empty:
            self._close()
            await self._launch_callback()
            return self._keep(self._nothing())
        try:
            view: BatchView = await self._ask(self._close(), timeout)
        except (UnknownBatch, ConfigError) as error:
            self._give_up_callback(error)
            raise
        return self._keep(view)

    async def _launch_callback(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            (await self._client._line()).submit(callback)
            await self._client._confirm(callback)

    # -- how it stands ----------------------------------------------------------------------------

    async def view(self, *, timeout: Duration = ANSWER_TIMEOUT) -> BatchView:
        """Everything that its service knows of it."""
        if self._is_empty:
            return self._keep(self._nothing())
        view: BatchView = await self._ask(AskBatch(self._id), timeout)
        return self._keep(view)

    async def status(self, *, timeout: Duration = ANSWER_TIMEOUT) -> dict[Status, int]:
        """How many of its jobs are in each status that any is in."""
        return (await self.view(timeout=timeout)).counts

    @property
    def active(self) -> Awaitable[bool]:
        """Whether jobs of it have not ended, or are on their way; to be awaited."""
        return self._is_active()

    async def _is_active(self) -> bool:
        return not (await self.view()).ended

    async def follow(self, timeout: Duration | None = None) -> AsyncIterator[BatchView]:
        """How it stands, now and some times a second while that changes, until all have ended."""
        seconds = read_timeout(timeout)
        if self._is_empty:
            yield self._nothing()
            return
        with self._client._reader.watches.watch(self.ref.uid) as watch:
            vigil = Vigil(watch, seconds)
            while vigil.goes_on:
                for view in self._news(vigil, await self._ask_to_be_told(vigil.begin())):
                    yield view
                while vigil.pause:
                    news = watch.news
                    for view in self._news(vigil, watch.view):
                        yield view
                    await news.wait_async(vigil.pause)
        if not vigil.ended:
            raise self._late(vigil.last or self.last, seconds)

    async def wait(self, timeout: Duration | None = None) -> BatchView:
        """Wait until all jobs have ended that it has; how it stands then."""
        async for view in self.follow(timeout):
            last = view
        return last

    def __await__(self) -> Any:
        """`await batch` is `await batch.wait()`."""
        return self.wait().__await__()

    async def progress(self, timeout: Duration | None = None) -> BatchView:
        """The same, and show it on stderr."""
        from schedulergodx.client.progress import showing  # late: few programs show it

        with showing(self.name) as show:
            async for view in self.follow(timeout):
                show(view)
        return view

    # -- its jobs ---------------------------------------------------------------------------------

    async def jobs(self, *, timeout: Duration = ANSWER_TIMEOUT) -> AsyncIterator[JobView]:
        """Its jobs, oldest first, asked for a page at a time."""
        async for page in self._pages(timeout):
            for view in page:
                yield view

    async def results(
        self, timeout: Duration | None = None, *, return_exceptions: bool = False
    ) -> AsyncIterator[Any]:
        """Wait for its end; then what each of its jobs returned, oldest first."""
        await self.wait(timeout)
        async for page in self._pages(ANSWER_TIMEOUT):
            for job in await self._fetch(page):
                error = await job.exception(ANSWER_TIMEOUT)
                yield error if error is not None and return_exceptions else await job.result()

    # -- wishes -----------------------------------------------------------------------------------

    async def cancel(self, force: bool = False, *, timeout: Duration = ANSWER_TIMEOUT) -> int:
        """Call off all its jobs that have not ended, and what comes for it; how many they were."""
        if self._is_empty:
            return 0
        return int(await self._ask(AskCancelBatch(self._id, force), timeout))

    async def requeue(self, *, timeout: Duration = ANSWER_TIMEOUT) -> int:
        """Run again all that did not complete; how many jobs they are."""
        if self._is_empty:
            return 0
        jobs = int(await self._ask(AskRequeueBatch(self._id), timeout))
        line = await self._client._line()
        for request in outcome_requests(self._begin_again()):  # some may have ended again by now
            line.submit(line.sealer.ask(request, self._client._address(self.queue)))
        return jobs

    # -- questions --------------------------------------------------------------------------------

    async def _ask(self, request: Request, timeout: Duration) -> Any:
        try:
            return await self._client._ask(request, self.queue, timeout)
        except UnknownBatch:
            await self._client._check_free(self, timeout=timeout)
            raise self._unknown() from None

    async def _ask_to_be_told(self, timeout: float) -> BatchView | None:
        """How it stands, and its service tells more from now on; None if there is no answer."""
        with suppress(NoAnswer):
            view: BatchView = await self._ask(AskBatch(self._id, wait=True), timeout)
            return view
        return None

    async def _pages(self, timeout: Duration) -> AsyncIterator[list[JobView]]:
        after = 0
        while not self._is_empty:
            page: list[JobView] = await self._ask(AskJobsOfBatch(self._id, after, PAGE), timeout)
            yield page
            if len(page) < PAGE:
                return
            after = page[-1].seq

    async def _fetch(self, page: list[JobView]) -> list[AsyncJob[Any]]:
        """The jobs of a page; their outcomes are here, or on their way."""
        jobs: list[AsyncJob[Any]] = [self._client._job_of(view) for view in page]
        missing = [job.uid for job in jobs if job._response is None]
        for request in outcome_requests(missing):
            with suppress(UnknownJob):
                await self._client._ask(request, self.queue, ANSWER_TIMEOUT)
        return jobs
