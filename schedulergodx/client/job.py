"""A job of a `Client`: how it stands, what became of it, and what can be done about it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
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

    from schedulergodx.client.client import Client
    from schedulergodx.client.options import Duration, Unset
    from schedulergodx.client.task import Launcher
    from schedulergodx.core.follow import Event
    from schedulergodx.core.view import AttemptView, JobView
    from schedulergodx.core.why import Why

R = TypeVar("R")
S = TypeVar("S")


class Job(BaseJob[R]):
    """One execution that was asked for, from `task.launch(...)` or `client.job(id)`.

    A `timeout` is seconds, a `timedelta` or "10 min"; None waits as long as it takes. Methods that
    ask a service raise NoAnswer when none answers in time, and UnknownJob when none knows the job.
    """

    __slots__ = ()
    _client: Client

    def result(self, timeout: Duration | None = None) -> R:
        """What the function returned, or its exception, with the remote traceback as its cause.

        Raises: ResultTimeout when the wait is over, which does not end the job; RemoteError for an
        exception that can't be rebuilt here, and for a SystemExit and its like, which would end
        whoever asks; JobTimeout, JobCancelled, JobExpired, JobInterrupted,
        JobRefused, JobError for a job that has neither value nor exception; LaunchError for one
        that did not arrive
        """
        if self._response is None:
            self._client._await_outcome(self, timeout)
        return self._value()

    def exception(self, timeout: Duration | None = None) -> BaseException | None:
        """What `result()` raises, or None if it returns. Raises: ResultTimeout"""
        if self._response is None:
            self._client._await_outcome(self, timeout)
        return (self._ended or self._open()).error

    def __await__(self) -> Generator[Any, None, R]:
        """`await job` on any event loop is `result()` without blocking it."""
        return self._result_async().__await__()

    async def _result_async(self) -> R:
        if self._response is None:
            await self._client._await_outcome_async(self)
        return self._value()

    def then(self, task: Launcher[[R], S]) -> Job[S]:
        """A step of another task, which is called with the value of this one."""
        return task.step(self.value)

    def ready(self) -> bool:
        """Whether it has ended. No service is asked about a job that this process launched."""
        if self._response is not None:
            return True
        return not self._client._is_own(self) and self.status().final

    def status(self, *, timeout: Duration = ANSWER_TIMEOUT) -> Status:
        """Where it is in its life."""
        ended = self._final_status
        if ended is not None:
            return ended
        status = self._client._ask(AskStatus(self.uid.hex()), self.queue, timeout)
        return Status(status)

    def cancel(
        self, force: bool = False, *, waiting: bool = False, timeout: Duration = ANSWER_TIMEOUT
    ) -> Cancellation:
        """Call it off. True in a condition unless it was too late.

        force: end the process of a job that runs, instead of asking the job to stop
        waiting: leave it alone if it runs, which is too late then
        """
        if self._response is not None:
            return Cancellation.TOO_LATE
        own = self._client._is_own(self)
        request = cancel_request(self, force, own=own, waiting=waiting)
        return cancellation(self._client._ask(request, self.queue, timeout))

    def change(
        self,
        *,
        delay: Duration | Unset | None = UNSET,
        run_at: datetime | Unset = UNSET,
        priority: int | Unset = UNSET,
        queue: str | Unset = UNSET,
        lifetime: Duration | Unset | None = UNSET,
        timeout: Duration = ANSWER_TIMEOUT,
    ) -> bool:
        """Change a job that has not started; False if it has, or has ended.

        delay: from now on; None or 0 for at once
        lifetime: None for no limit
        timeout: of the answer, in seconds

        Raises: ConfigError for a value that can't be used, as a queue that is not served
        """
        said = {"delay": delay, "run_at": run_at, "priority": priority, "queue": queue}
        request = change_request(self, {**said, "lifetime": lifetime})
        changed = bool(self._client._ask(request, self.queue, timeout))
        if changed and isinstance(queue, str):
            self.queue = queue
        return changed

    def requeue(self, *, timeout: Duration = ANSWER_TIMEOUT) -> bool:
        """Run it again, if it failed, timed out, expired or was cancelled; False if it did not.

        `result()` then waits for the new outcome.
        """
        done = bool(self._client._ask(AskRequeue(self.uid.hex()), self.queue, timeout))
        if done:
            self._begin_again()
        return done

    def view(self, *, timeout: Duration = ANSWER_TIMEOUT) -> JobView:
        """Everything that its service knows of it."""
        view: JobView = self._client._ask(AskView(self.uid.hex()), self.queue, timeout)
        return view

    def attempts(self, *, timeout: Duration = ANSWER_TIMEOUT) -> tuple[AttemptView, ...]:
        """Its history: the attempts that did not succeed, and what followed them."""
        return self.view(timeout=timeout).attempts

    def output(self, *, timeout: Duration = ANSWER_TIMEOUT) -> str:
        """What it printed and logged, bounded."""
        if self._response is not None:
            return self._response.outcome.output
        return self.view(timeout=timeout).output

    def follow(self, timeout: Duration | None = None) -> Iterator[Event]:
        """What happens to it, as it happens: `Output`, `Progress` and `StatusChange`.

        The first event says how it stands; its output comes from the beginning. The last one is the
        `StatusChange` to a final status, after which `result()` does not wait for long. To leave
        the loop earlier does nothing to the job.

        timeout: of the whole

        Raises: ResultTimeout when that is over, UnknownJob, NoAnswer
        """
        return self._client._follow(self, timeout)

    def why(self, *, timeout: Duration = ANSWER_TIMEOUT) -> Why:
        """Why it does not run, or ended as it did; also where no service answers."""
        return self._client._why(self.uid.hex(), self.queue, timeout)
