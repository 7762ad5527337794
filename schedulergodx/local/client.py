"""The client of a file of jobs: what it asks is answered by whoever serves the file, or here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from schedulergodx.client import Client
from schedulergodx.client.requests import pauses
from schedulergodx.core import context
from schedulergodx.core.names import Names, Queue
from schedulergodx.core.request import AskOutcomes
from schedulergodx.local.attendance import Attendance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schedulergodx.client.job import Job
    from schedulergodx.client.line import Line
    from schedulergodx.client.options import Duration
    from schedulergodx.client.question import Question
    from schedulergodx.config import Settings
    from schedulergodx.core.any_request import Request
    from schedulergodx.local.file import JobFile

NAME = "local"


class LocalClient(Client):
    """A `Client` of a file, with all that one can do.

    What it launches is on disk when `launch()` returns, in the broker beside the file. What it asks
    is answered by who serves the file; where nobody does, this process serves it meanwhile, without
    running anything. All processes that use a file are one client.
    """

    def __init__(self, file: JobFile, settings: Settings | None = None) -> None:
        """`settings`: all, found already; of the file only what does not concern it is used."""
        self._file = file
        super().__init__(NAME, "schedulergodx", settings=file.settings(settings), connect=False)

    def _set_up(self, *given: Any) -> None:
        super()._set_up(*given)
        self._names = _OneQueue()
        self.logger.getLogger().setLevel(logging.ERROR)  # that nobody serves it is no news

    def _address(self, queue: str) -> str | None:
        """There is one store: no other one has to be waited for."""
        return self._names.requests().name

    def _put_all(
        self, requests: Iterable[Request], queue: str, timeout: Duration, *, every: bool = False
    ) -> list[Question]:
        with Attendance(self._file):
            return super()._put_all(requests, queue, timeout, every=every)

    def _make_line(self) -> Line:
        if context.outlet is not None:
            return super()._make_line()
        with Attendance(self._file):  # it is greeted
            return super()._make_line()

    def _wait_and_ask(self, line: Line, job: Job[Any], timeout: float | None) -> None:
        """Between two questions the file is free for a worker."""
        for pause in pauses(timeout):
            self._put(AskOutcomes([job.uid]), "", self.settings.connect_timeout)
            if job.wait(pause):
                return


class _OneQueue(Names):
    """Jobs of every queue travel in one: whoever serves the file serves all of them."""

    __slots__ = ()

    def requests(self, queue: str = "") -> Queue:
        """Where jobs are put."""
        return Names.requests(self)
