"""The entry of a worker process, right after its fork."""

from __future__ import annotations

import faulthandler
import os
import random
import sys
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from schedulergodx.core import context
from schedulergodx.core.job import Execution
from schedulergodx.executors.inside import one_by_one
from schedulergodx.executors.inside.bench import Bench, Tools
from schedulergodx.executors.inside.channel import Channel
from schedulergodx.executors.inside.hard_place import HardPlace
from schedulergodx.executors.inside.outlet import WorkerOutlet
from schedulergodx.executors.linux import adopt_orphans
from schedulergodx.executors.marks import MarkPage

if TYPE_CHECKING:
    from schedulergodx.executors.frames import Spawn

BROKEN = 70  # exit status of a worker whose own machinery failed: EX_SOFTWARE


def main(spawn: Spawn, descriptors: list[int], tools: Tools) -> NoReturn:
    """Run jobs until there are no more.

    descriptors: the worker's end of its socket, the file of its marks, the pipe of its permits
    """
    os.setsid()
    adopt_orphans()
    socket, marks, permits = descriptors
    page = MarkPage(marks)
    faulthandler.enable(marks)  # the last words of a crash
    context.preparing = False
    if spawn.execution is Execution.FORK:
        HardPlace(socket, page, tools, permits, partial(_begin, spawn.worker)).serve()
    else:
        channel = Channel(socket)
        _begin(spawn.worker, channel)
        _serve(spawn.execution, Bench(channel, page, tools), permits)
    os._exit(0)


def _begin(worker: int, channel: Channel) -> None:
    """In each process that runs jobs, before the first."""
    _draw_other_numbers()
    context.outlet = WorkerOutlet(worker, channel)


def _serve(execution: Execution, bench: Bench, permits: int) -> None:
    if execution is Execution.PROCESS:
        one_by_one.serve(bench, permits)
    elif execution is Execution.THREAD:
        from schedulergodx.executors.inside import threads

        threads.serve(bench, permits)
    else:  # imported late: asyncio costs each fork of the others a fifth
        from schedulergodx.executors.inside import coroutines

        coroutines.serve(bench, permits)


def _draw_other_numbers() -> None:
    """`random` seeds itself anew in a forked process, numpy does not."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(random.getrandbits(32))
