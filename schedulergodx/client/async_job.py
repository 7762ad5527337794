"""A job of an `AsyncClient`: the same as `Job`, awaited."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from schedulergodx.client.base_job import BaseJob
from schedulergodx.client.options import UNSET
from schedulergodx.client.requests import (
    ANSWER_TIMEOUT,
    Cancellation,
    cancel_request,
    cancellation,
    change_request,
)
from schedulergodx.core.job import Status
from schedulergodx.core.request import AskRequeue, AskStatus, AskView

if TYPE_CHECKING:
    from datetime import datetime

    from schedulergodx.client.async_client import AsyncClient
    from schedulergodx.client.async_task import AsyncLauncher
    from schedulergodx.client.options import Duration, Unset
    from schedulergodx.core.follow import Event
    from schedulergodx.core.view import AttemptView, JobView
    from schedulergodx.core.why import Why

R = TypeVar("R")
S = TypeVar("S")


class AsyncJob(BaseJob[R]):
    """One execution that was asked for. `Job` says what each method does and raises."""

    __slots__ = ()
    _client: AsyncClient

    async def result(self, timeout: Duration | None = None) -> R:
        """What the function returned, or its exception."""
        if self._response is None:
            await self._client._await_outcome(self, timeout)
        return self._value()

    async def exception(self, timeout: Duration | None = None) -> BaseException | None:
        """What `result()` raises, or None if it returns."""
        if self._response is None:
            await self._client._await_outcome(self, timeout)
        return (self._ended or self._open()).error

    def __await__(self) -> Generator[Any, None, R]:
        """`await job` is `await job.result()`."""
        return self.result().__await__()

    def then(self, task: AsyncLauncher[[R], S]) -> AsyncJob[S]:
        """A step of another task, which is called with the value of this one."""
        return task.step(self.value)

    async def ready(self) -> bool:
        """Whether it has ended."""
        if self._response is not None:
            return True
        return not self._client._is_own(self) and (await self.status()).final

    async def status(self, *, timeout: Duration = ANSWER_TIMEOUT) -> Status:
        """Where it is in its life."""
        ended = self._final_status
        if ended is not None:
            return ended
        return Status(await self._client._ask(AskStatus(self.uid.hex()), self.queue, timeout))

    async def cancel(
        self, force: bool = False, *, waiting: bool = False, timeout: Duration = ANSWER_TIMEOUT
    ) -> Cancellation:
        """Call it off. True in a condition unless it was too late."""
        if self._response is not None:
            return Cancellation.TOO_LATE
        own = self._client._is_own(self)
        request = cancel_request(self, force, own=own, waiting=waiting)
        return cancellation(await self._client._ask(request, self.queue, timeout))

    async def change(
        self,
        *,
        delay: Duration | Unset | None = UNSET,
        run_at: datetime | Unset = UNSET,
        priority: int | Unset = UNSET,
        queue: str | Unset = UNSET,
        lifetime: Duration | Unset | None = UNSET,
        timeout: Duration = ANSWER_TIMEOUT,
    ) -> bool:
        """Change a job that has not started; False if it has, or has ended."""
        said = {"delay": delay, "run_at": run_at, "priority": priority, "queue": queue}
        request = change_request(self, {**said, "lifetime": lifetime})
        changed = bool(await self._client._ask(request, self.queue, timeout))
        if changed and isinstance(queue, str):
            self.queue = queue
        return changed

    async def requeue(self, *, timeout: Duration = ANSWER_TIMEOUT) -> bool:
        """Run it again, if it failed, timed out, expired or was cancelled; False if it did not.

        `result()` then waits for the new outcome.
        """
        done = bool(await self._client._ask(AskRequeue(self.uid.hex()), self.queue, timeout))
        if done:
            self._begin_again()
        return done

    async def view(self, *, timeout: Duration = ANSWER_TIMEOUT) -> JobView:
        """Everything that its service knows of it."""
        view: JobView = await self._client._ask(AskView(self.uid.hex()), self.queue, timeout)
        return view

    async def attempts(self, *, timeout: Duration = ANSWER_TIMEOUT) -> tuple[AttemptView, ...]:
        """Its history: the attempts that did not succeed, and what followed them."""
        return (await self.view(timeout=timeout)).attempts

    async def output(self, *, timeout: Duration = ANSWER_TIMEOUT) -> str:
        """What it printed and logged, bounded."""
        if self._response is not None:
            return self._response.outcome.output
        return (await self.view(timeout=timeout)).output

    def follow(self, timeout: Duration | None = None) -> AsyncGenerator[Event, None]:
        """What happens to it, as it happens, for `async for`."""
        return self._client._follow(self, timeout)

    async def why(self, *, timeout: Duration = ANSWER_TIMEOUT) -> Why:
        """Why it does not run, or ended as it did; also where no service answers."""
        return await self._client._why(self.uid.hex(), self.queue, timeout)
