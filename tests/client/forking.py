"""Calls in a forked child, for tests."""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections.abc import Callable
from typing import Any

_SECONDS = 30


def in_child(call: Callable[[], Any]) -> Any:
    """What a call returns in a forked child; its exception is raised here."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(_SECONDS)
        try:
            said = (True, call())
        except BaseException:
            said = (False, traceback.format_exc())
        with open(write, "wb") as pipe:  # noqa: PTH123 - it is a descriptor
            pickle.dump(said, pipe)
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:  # noqa: PTH123 - it is a descriptor
        done, result = pickle.load(pipe)
    os.waitpid(child, 0)
    assert done, result
    return result
