"""A worker of the prototype: reads jobs from a socket, runs them, writes what they return."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from benchmarks.functions import FUNCTIONS
from benchmarks.prototype.wire import Frames


def fork_worker() -> Frames:
    """Make one; the service's end of its socket."""
    ours, theirs = socket.socketpair()
    if not os.fork():
        ours.close()
        with suppress(EOFError, OSError):
            _work(Frames(theirs))
        os._exit(0)
    theirs.close()
    return Frames(ours)


def _work(frames: Frames) -> None:
    while True:
        for name, jobs in frames.receive():
            function = FUNCTIONS[name]
            frames.send([(job, function(value)) for job, value in jobs])
