"""Running a job, from its mark to its outcome. All kinds of workers do it with this.

begin     its mark is written: from here on it has begun
open      function and arguments are unpickled
(call)    as the kind of the worker demands
judge     what it returned or raised becomes an outcome
leave     what it started and left behind is ended
tell      its outcome is sent
"""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from schedulergodx.core import context
from schedulergodx.errors import JobCancelled
from schedulergodx.executors import tree
from schedulergodx.executors.frames import Finished, Say, frame, payload_of
from schedulergodx.executors.inside import attempt as attempts
from schedulergodx.executors.inside import limits
from schedulergodx.executors.inside.attempt import Attempt
from schedulergodx.executors.inside.judging import Ending, Judge, too_much_output
from schedulergodx.executors.inside.opening import Opener
from schedulergodx.executors.inside.teller import Teller
from schedulergodx.executors.inside.voice import JobVoice
from schedulergodx.executors.linux import has_children

if TYPE_CHECKING:
    from schedulergodx.core.job import Limits
    from schedulergodx.executors.frames import Saved, WorkerSettings
    from schedulergodx.executors.inside.channel import Channel, Job
    from schedulergodx.executors.inside.opening import Call
    from schedulergodx.executors.marks import MarkPage


TOLD = 83  # exit status of a process that told how its hard job ended


class Tools:
    """What a bench needs and can be made before its process is forked."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.judge = Judge(settings.result_limit)
        self.opener = Opener(
            settings.imports, accept_code=settings.accept_code, kinds=settings.kinds
        )


class Bench:
    """What the jobs of one worker share."""

    def __init__(self, channel: Channel, page: MarkPage, tools: Tools) -> None:
        self.channel = channel
        self.settings = tools.settings
        self.judge = tools.judge
        self._opener = tools.opener
        self.page = page
        self.teller = Teller()
        self._process = os.getpid()
        self.limited = False  # whether a job has this process, and so its limits, to itself
        channel.on_units = self._opener.add

    def run(self, job: Job) -> None:
        """All of it, where one job runs at a time."""
        attempt = self.begin(job)
        attempts.set_only(attempt)
        call = None
        try:
            call = self.open(attempt)
            value = call.run()
        except BaseException as error:
            ending = self.judge.raised(attempt, error, call)
        else:
            ending = self.judge.returned(attempt, value)
        self._leave()
        self.tell(attempt, ending)
        attempts.set_only(None)
        context.set_current_job(None)

    def begin(self, job: Job) -> Attempt:
        """Mark it."""
        order, spec = job
        started = self.page.mark(order.token, order.seq, order.attempt)
        limit = self.settings.output_limit
        return Attempt(order, spec, self.page, started, limit, self._make_voice)

    def _make_voice(self, attempt: Attempt) -> JobVoice:
        voice = JobVoice(attempt, self)
        self.teller.add(voice)
        return voice

    def open_saved(self, attempt: Attempt, saved: Saved) -> Any:
        """The value of a checkpoint. Raises: UnreadableCode"""
        return self._opener.open_saved(saved, attempt.spec)

    def open(self, attempt: Attempt) -> Call:
        """Unpickle it. Raises: JobCancelled if it was called off before; see `Opener.open`"""
        if attempt.asked():
            raise JobCancelled("the job was called off before it began")
        context.set_current_job(attempt.current_job())
        if self.limited and attempt.spec.limits is not None:
            self._hold_to(attempt.spec.limits, attempt)
        return self._opener.open(attempt.order, attempt.spec)

    def _hold_to(self, bounds: Limits, attempt: Attempt) -> None:
        limits.impose(bounds)
        if bounds.output is not None:
            capture = attempt.capture()
            capture.most = bounds.output
            capture.on_excess = partial(self._end_printing, attempt, bounds.output)

    def _end_printing(self, attempt: Attempt, most: int) -> None:
        self._leave()
        self.tell(attempt, too_much_output(most))
        os._exit(TOLD)

    def _leave(self) -> None:
        """End what the job started."""
        signal.alarm(0)  # what it set must not ring in the next job
        self.require_own_process()
        if has_children():
            tree.end_children()

    def require_own_process(self) -> None:
        """End this process if a job forked it, and it came back through the job's function."""
        if os.getpid() != self._process:
            os._exit(0)

    def tell(self, attempt: Attempt, ending: Ending) -> None:
        """Send its outcome."""
        attempt.close()
        outcome = ending.outcome
        output = attempt.output()
        if output:
            outcome = replace(outcome, output=output)
        units = self.judge.new_units(outcome)
        token = attempt.order.token
        report = Finished(token, outcome, ending.final, attempt.started, time.time(), units)
        data = frame(Say.FINISHED, report)
        self.page.keep(token, payload_of(data))
        self.channel.send_frame(data)
