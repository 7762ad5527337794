"""How a service that was asked to begin anew does that, once it has stopped."""

from __future__ import annotations

import os
import subprocess
import sys

RECALL = "recall"  # the same process calls `start` again; the others begin a program anew


def begin_anew(how: str) -> None:
    """Run the command line of this process again, with all flags of the interpreter.

    how: "replace": in the place of this process, which keeps its number; "relaunch": as a child;
        "fresh": as a child in a session of its own, which no terminal ends
    """
    command = [sys.executable, *sys.orig_argv[1:]]
    sys.stdout.flush()
    sys.stderr.flush()
    if how == "replace":
        os.execv(command[0], command)
    subprocess.Popen(command, start_new_session=how == "fresh")
