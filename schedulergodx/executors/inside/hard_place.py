"""A place for hard jobs: a small process that forks another one for each job, and waits for it.

It runs no foreign code, so that what it gives to each job is as clean as the first time. What the
service says comes here, and what is meant for the running job goes on to it through a pipe.

A process that does not end as it should takes its place with it, in the same way: it may have said
half a frame, after which nothing can be understood. So whoever waits for the place sees how the
process ended.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import select
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from schedulergodx.executors import tree
from schedulergodx.executors.frames import Say, frame_of
from schedulergodx.executors.inside.bench import TOLD, Bench
from schedulergodx.executors.inside.channel import Channel, ChannelClosed
from schedulergodx.executors.inside.one_by_one import TOKEN
from schedulergodx.executors.linux import die_with_parent, has_children

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.core.job import Spec
    from schedulergodx.executors.inside.bench import Tools
    from schedulergodx.executors.inside.channel import Job
    from schedulergodx.executors.marks import MarkPage


class HardPlace:
    """Runs the jobs of one place, each in a process of its own.

    begin_process: called first in each of them, with its channel
    """

    def __init__(
        self,
        socket: int,
        page: MarkPage,
        tools: Tools,
        permits: int,
        begin_process: Callable[[Channel], None],
    ) -> None:
        self._socket = socket
        self._page = page
        self._tools = tools
        self._permits = permits
        self._begin_process = begin_process
        self._process = os.getpid()
        self._channel = Channel(socket)
        self._channel.on_units = tools.opener.add
        self._channel.on_other = self._pass_on
        self._relayed = bytearray()  # what the job has not taken
        self._bell, bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
        self._own = [permits, self._bell, bell]

    def serve(self) -> None:
        """Run the job of each token that comes, until no more can come."""
        with suppress(ChannelClosed):
            while token := os.read(self._permits, TOKEN.size):
                self._run(self._channel.job(*TOKEN.unpack(token)))

    def _run(self, job: Job) -> None:
        inlet, relay = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            os.close(relay)
            self._become_job(job, inlet)
        os.close(inlet)
        try:
            status, usage = self._attend(pid, relay)
        finally:
            os.close(relay)
        if has_children():
            tree.end_children()
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == TOLD:
            self._channel.send(Say.EXITED, None)
        else:
            _end_like(status, usage, job[1])

    def _become_job(self, job: Job, inlet: int) -> NoReturn:
        die_with_parent(self._process)
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in self._own:
            os.close(descriptor)
        channel = Channel(self._socket, inlet)
        self._begin_process(channel)
        bench = Bench(channel, self._page, self._tools)
        bench.limited = True
        bench.run(job)
        os._exit(TOLD)

    # -- while it runs ----------------------------------------------------------------------------

    def _attend(self, pid: int, relay: int) -> tuple[int, resource.struct_rusage]:
        """Pass on what comes for it, until it is gone; how it ended."""
        self._relayed.clear()
        os.set_blocking(relay, False)
        while True:
            ready = self._wait(relay)
            if self._bell in ready:
                os.read(self._bell, 4096)
                ended, status, usage = os.wait4(pid, os.WNOHANG)
                if ended:
                    return status, usage
            elif relay in ready:
                self._write(relay)
            else:
                self._channel.take_news()

    def _wait(self, relay: int) -> set[int]:
        """Something to pass on waits in the socket while the job does not take what came before."""
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        if self._relayed:
            poll.register(relay, select.POLLOUT)
        else:
            poll.register(self._socket, select.POLLIN)
        return {descriptor for descriptor, _ in poll.poll()}

    def _pass_on(self, kind: int, payload: bytes) -> None:
        self._relayed += frame_of(kind, payload)

    def _write(self, relay: int) -> None:
        try:
            del self._relayed[: os.write(relay, self._relayed)]
        except BrokenPipeError:  # it takes no more
            self._relayed.clear()


def _end_like(status: int, usage: resource.struct_rusage, spec: Spec) -> NoReturn:
    if not os.WIFSIGNALED(status):
        os._exit(os.WEXITSTATUS(status))
    number = os.WTERMSIG(status)
    most = None if spec.limits is None else spec.limits.cpu_time
    if number == signal.SIGKILL and most is not None and usage.ru_utime + usage.ru_stime >= most:
        number = signal.SIGXCPU  # it did not heed the first warning
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one is enough
    faulthandler.disable()
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(os.EX_SOFTWARE)
