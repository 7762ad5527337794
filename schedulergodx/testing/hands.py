"""What runs jobs in a test: threads of the test's own process, one job at a time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from schedulergodx.client.default import standing_in
from schedulergodx.core import context
from schedulergodx.core.job import ErrorCode, Failure, Outcome, Status
from schedulergodx.core.kinds import allowed_kinds
from schedulergodx.core.registry import registry
from schedulergodx.executors.base import Ended, Free, Kept, Returned
from schedulergodx.executors.frames import Order, Saved
from schedulergodx.executors.inside.attempt import Attempt
from schedulergodx.executors.inside.judging import Judge
from schedulergodx.executors.inside.opening import Call, Opener
from schedulergodx.executors.worker import needs
from schedulergodx.testing.voice import HandVoice

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from schedulergodx.client.client import Client
    from schedulergodx.config import Settings
    from schedulergodx.executors.base import Recalled, Remark, Report, Sent, Work

_THREADS = 64  # jobs that wait for other jobs, one inside the other


class _Unmarked:
    """The marks of a service before: all that ran has begun, and its outcome is lost."""

    def began(self, worker: int, seq: int, attempt: int) -> bool:
        return True

    def ended(self, worker: int) -> Iterable[Ended]:
        return ()


class _Page:
    """What an attempt asks whether it is to stop."""

    def __init__(self) -> None:
        self.wished: set[int] = set()

    def asked(self, token: int) -> bool:
        return token in self.wished


class Hands:
    """An executor without processes. A lifetime ends nothing here.

    original: the function of a hash, where this process has it: called itself, it sees what a test
        has put in the place of others
    client: what jobs take for the client of their program
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float],
        original: Callable[[bytes], Callable[..., Any] | None],
        client: Callable[[], Client],
    ) -> None:
        self._clock = clock
        self._original = original
        self._client = client
        self._opener = Opener(
            settings.imports, accept_code=settings.accept_code, kinds=allowed_kinds(settings)
        )
        self._judge = Judge(settings.result_limit)
        self._output_limit = settings.output_limit
        self._page = _Page()
        self._threads = ThreadPoolExecutor(_THREADS, "schedulergodx harness job")
        self._running = 0
        self._waiting = 0
        self._deaths = 0
        self._voices: dict[int, HandVoice] = {}  # by the numbers of their jobs
        self._quiet = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._report: Callable[[Report], None] = _nobody
        self._units: Callable[[Collection[bytes]], Mapping[bytes, bytes]] = _no_units

    # -- for the harness --------------------------------------------------------------------------

    def die(self, times: int) -> None:
        """Let so many of the next attempts end with their worker."""
        self._deaths += times

    def run_here(self) -> bool:
        """Whether a job runs in the thread that asks."""
        return context.current_job() is not None

    async def rest(self) -> bool:
        """Wait until no job runs that does not wait for another one. Whether one did run"""
        ran = False
        while self._running > self._waiting:
            ran = True
            self._quiet.clear()
            await self._quiet.wait()
        return ran

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The job of this thread waits for another job: its place is free meanwhile."""
        if context.current_job() is None:
            yield
            return
        self._call(self._wait, 1)
        try:
            yield
        finally:
            self._call(self._wait, -1)

    # -- an executor ------------------------------------------------------------------------------

    async def recover(self) -> _Unmarked:
        return _Unmarked()

    async def start(
        self,
        report: Callable[[Report], None],
        units: Callable[[Collection[bytes]], Mapping[bytes, bytes]],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._report, self._units = report, units

    async def stop(self, grace: float) -> None:
        self._report = _nobody
        self._threads.shutdown(wait=False, cancel_futures=True)

    def names(self) -> Collection[str]:
        return registry.functions.keys()

    def places(self, execution: object) -> Sequence[int]:
        return [1] if self._running == self._waiting else []

    def prompt(self, execution: object) -> int:
        """All places begin a job at once."""
        return len(self.places(execution))

    def run(self, jobs: Sequence[Work]) -> None:
        for work in jobs:
            hashes = needs(work)
            self._opener.add(False, dict(self._units(hashes)))
            self._running += 1
            if self._deaths:
                self._deaths -= 1
                now = self._clock()
                self._end(Ended(work.seq, work.attempt, _died(), False, now, now))
            else:
                self._threads.submit(self._do, work)

    def cancel(self, seq: int, attempt: int, *, force: bool) -> None:
        self._page.wished.add(seq)

    def accept(self, sent: Sent | Kept, error: str | None) -> None:
        """Jobs launch through the client of the test itself, but they keep checkpoints."""
        if isinstance(sent, Kept):
            self._voices[sent.seq].answers.put(error)

    def remind(
        self,
        recalled: Recalled,
        value: bytes | None,
        units: tuple[bytes, ...],
        bodies: Mapping[bytes, bytes],
    ) -> None:
        self._voices[recalled.seq].answers.put(Saved(0, value, units, dict(bodies)))

    def follow(self, seq: int, attempt: int, wanted: bool) -> None:
        """What a job prints is on the terminal of the test."""

    def deliver(self, worker: int, body: bytes) -> bool:
        return False

    # -- one job, on a thread of its own ----------------------------------------------------------

    def _do(self, work: Work) -> None:
        order = _order(work)
        started = self._clock()
        attempt = Attempt(
            order, work.spec, self._page, started, self._output_limit, self._make_voice
        )
        context.set_current_job(attempt.current_job())
        call = None
        try:
            with standing_in(self._client()):
                call = self._open(order, work)
                value = call.run()
        except BaseException as error:
            ending = self._judge.raised(attempt, error, call)
        else:
            ending = self._judge.returned(attempt, value)
        context.set_current_job(None)
        outcome = ending.outcome
        units = self._judge.new_units(outcome)
        ended = Ended(work.seq, work.attempt, outcome, ending.final, started, self._clock(), units)
        self._call(self._end, ended)

    def _make_voice(self, attempt: Attempt) -> HandVoice:
        def report(remark: Remark) -> None:
            self._call(self._report, remark)

        voice = HandVoice(attempt, report, self._judge, self._opener)
        self._voices[attempt.order.seq] = voice
        return voice

    def _open(self, order: Order, work: Work) -> Call:
        """What was shipped, or in its place the function itself."""
        call = self._opener.open(order, work.spec)
        original = None if work.spec.named else self._original(work.spec.function)
        return call if original is None else call._replace(function=original)

    # -- on the loop of the service ---------------------------------------------------------------

    def _call(self, do: Callable[..., None], *args: object) -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(do, *args)

    def _wait(self, more: int) -> None:
        self._waiting += more
        self._report(Free())
        self._quiet.set()

    def _end(self, ended: Ended | Returned) -> None:
        self._running -= 1
        self._voices.pop(ended.seq, None)
        self._report(ended)
        self._quiet.set()


def _order(work: Work) -> Order:
    """As a worker is given it; its token is its number in the store."""
    who = work.seq, work.attempt, work.uid, work.label, work.client
    return Order(work.seq, *who, 0, work.arguments, work.units, work.results)


def _died() -> Outcome:
    failure = Failure(ErrorCode.WORKER_DIED, "the worker died, as the test had it")
    return Outcome(Status.FAILED, failure=failure)


def _nobody(_: Report) -> None:
    """Who reports after the end is not heard."""


def _no_units(_: Collection[bytes]) -> Mapping[bytes, bytes]:
    return {}
