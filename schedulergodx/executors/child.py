"""The entry of a worker process, right after its fork."""

from __future__ import annotations

import faulthandler
import os
import random
import sys
from typing import TYPE_CHECKING, NoReturn

from schedulergodx.core import context
from schedulergodx.core.job import Execution
from schedulergodx.executors.inside import one_by_one
from schedulergodx.executors.inside.bench import Bench, Tools
from schedulergodx.executors.inside.channel import Channel
from schedulergodx.executors.inside.outlet import WorkerOutlet
from schedulergodx.executors.linux import adopt_orphans
from schedulergodx.executors.marks import MarkPage

if TYPE_CHECKING:
    from schedulergodx.executors.frames import Spawn

BROKEN = 70  # exit status of a worker whose own machinery failed: EX_SOFTWARE


def main(spawn: Spawn, descriptors: list[int], tools: Tools) -> NoReturn:
    """Run jobs until there are no more.

    descriptors: the worker's end of its socket, the file of its marks and, but for a hard job, the
        pipe of its permits
    """
    os.setsid()
    adopt_orphans()
    channel = Channel(descriptors[0])
    page = MarkPage(descriptors[1])
    faulthandler.enable(descriptors[1])  # the last words of a crash
    _draw_other_numbers()
    context.outlet = WorkerOutlet(spawn.worker, channel)
    context.preparing = False
    _serve(spawn.execution, Bench(channel, page, tools), descriptors[2:])
    os._exit(0)


def _serve(execution: Execution, bench: Bench, permits: list[int]) -> None:
    if execution is Execution.FORK:
        one_by_one.serve_one(bench)
    elif execution is Execution.PROCESS:
        one_by_one.serve(bench, permits[0])
    elif execution is Execution.THREAD:
        from schedulergodx.executors.inside import threads

        threads.serve(bench, permits[0])
    else:  # imported late: asyncio costs each fork of the others a fifth
        from schedulergodx.executors.inside import coroutines

        coroutines.serve(bench, permits[0])


def _draw_other_numbers() -> None:
    """`random` seeds itself anew in a forked process, numpy does not."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(random.getrandbits(32))
