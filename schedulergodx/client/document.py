"""What the document of version 1 lets a `Client` do with messages, responses and threads."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from schedulergodx.client.asking import Asking
from schedulergodx.client.job import Job
from schedulergodx.client.line import ThreadLine
from schedulergodx.client.requests import ANSWER_TIMEOUT, check_sent
from schedulergodx.client.response import Response
from schedulergodx.core.request import AskOutcomes
from schedulergodx.errors import UnknownJob

if TYPE_CHECKING:
    from schedulergodx.client.line import Line
    from schedulergodx.client.options import Duration


class Document(Asking):
    """The part of `Client` that its document describes, in terms of jobs."""

    _open_line: Line | None

    def get_response(self, id: Job[Any] | str) -> Response | None:
        """The response to a job; None while there is none. Does not wait for the job.

        Where this process did not launch it, the services are asked. Raises: NoAnswer
        """
        with suppress(UnknownJob):
            job = self.job(id)
            if job._response is None and not self._is_own(job):
                self._ask(AskOutcomes([job.uid]), job.queue, ANSWER_TIMEOUT)
            return None if job._response is None else Response(job)
        return None

    def await_response(self, id: Job[Any] | str, timeout: Duration | None = None) -> Response:
        """The response to a job, as soon as it has ended.

        timeout: None waits as long as it takes

        Raises: ResultTimeout, UnknownJob, NoAnswer
        """
        job = self.job(id)
        if job._response is None:
            self._await_outcome(job, timeout)
        return Response(job)

    async def async_await_response(
        self, id: Job[Any] | str, timeout: Duration | None = None
    ) -> Response:
        """The same, without blocking the event loop that it is awaited on."""
        import asyncio

        known = self._find(id)
        job = known if isinstance(known, Job) else await asyncio.to_thread(self.job, id)
        if job._response is None:
            await self._await_outcome_async(job, timeout)
        return Response(job)

    def push(self, message: bytes | str, delivery_mode: int = 2) -> None:
        """Send a message as it is, best made by `utils.message.MessageConstructor`.

        An envelope that is not signed is signed with the secret of this client.

        delivery_mode: 1 or 2; every message is kept on disk, as 2 says

        Raises: LaunchError if it did not arrive
        """
        line = self._line()
        notice = self._notice(line, message, delivery_mode)
        line.submit(notice)
        notice.wait(self._confirm_timeout)
        check_sent(notice, self._confirm_timeout)

    def get_threads(self) -> list[threading.Thread]:
        """The threads of this client: one that talks to the broker, none before it connects."""
        line = self._open_line
        return [line.thread] if isinstance(line, ThreadLine) and line.alive else []

    def get_thread(self, id: Job[Any] | str) -> threading.Thread | None:
        """The thread that carries a message, by exactly that id; None if there is none."""
        threads = self.get_threads()
        return threads[0] if threads and self._find(id) is not None else None
