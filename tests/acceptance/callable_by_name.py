"""Functions that services of these tests call by their names; their module is `imports`."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from os import system as system
from pathlib import Path
from typing import Any

from schedulergodx import Client, current_job, register


@register
def add(a: int, b: int) -> int:
    return a + b


@register(name="note")
def append(path: str, line: str) -> str:
    """Write a line, with the process that ran it."""
    with Path(path).open("a") as file:
        file.write(f"{line} {os.getppid()}\n")
    return line


def process_data(task_data: dict[str, Any]) -> dict[str, Any]:
    return {"args": task_data.get("args", []), "kwargs": task_data.get("kwargs", {})}


def echo(*args: Any, **kwargs: Any) -> list[Any]:
    return [list(args), kwargs]


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


async def coroutine(value: Any) -> Any:
    return value


def thread_name() -> str:
    time.sleep(0.05)
    return threading.current_thread().name


def attempt(path: str) -> int:
    """Fails at its first attempt."""
    job = current_job()
    assert job is not None
    append(path, f"attempt {job.attempt}")
    if job.attempt == 1:
        raise OSError("not yet")
    return job.attempt


def no_json(path: str) -> set[int]:
    append(path, "ran")
    return {1}


def fail(text: str) -> None:
    raise ValueError(text)


def note_one(path: str) -> None:
    append(path, "one")


def spread(path: str) -> None:
    """Have every service note something."""
    Client("inside").broadcast(f"{__name__}.note_one", path)


def nested(n: int) -> int:
    """Launch another function by its name, inside of a job."""
    result: int = Client("inside").execute("add", {"a": n, "b": n + 1}).result(20)
    return result


def leave(_: Any) -> None:
    sys.exit(3)


def die(_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
