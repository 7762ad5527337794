"""Running a command: what it writes is read as it comes, and nothing of it outlives its job."""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from schedulergodx.core import context
from schedulergodx.errors import CommandFailed, JobCancelled
from schedulergodx.executors import tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.core.kinds import Command

_SHELL = ("/bin/sh", "-c")
_KEPT = 1 << 20  # bytes of each stream, the last ones
_TOLD = 10_000  # characters of stderr in an error
_LOOK = 0.1  # seconds between looks at whether it is to stop
_CHUNK = 64 << 10


class _Stream(NamedTuple):
    """What a command writes, kept and shown as output of the job."""

    shown: Any
    kept: bytearray

    def take(self, data: bytes) -> None:
        self.kept.extend(data)
        del self.kept[:-_KEPT]
        self.shown.buffer.write(data)

    def text(self) -> str:
        return self.kept.decode(errors="replace")


def run_command(command: Command, /, *args: Any, **kwargs: Any) -> str:
    """Run it to its end; the answer is what it wrote to stdout, the last MiB of very much.

    args: further words of it
    kwargs: further words as well, each with its name as `--name` before it

    Raises: CommandFailed, JobCancelled; OSError if it can't be started
    """
    said = [*args, *(word for name, value in kwargs.items() for word in (f"--{name}", value))]
    process = subprocess.Popen(
        _line_of(command, [str(word) for word in said]),
        cwd=command.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    out, err = _Stream(sys.stdout, bytearray()), _Stream(sys.stderr, bytearray())
    with process:
        try:
            _read(process, out, err)
        finally:
            _end(process)
    if process.returncode:
        raise CommandFailed(_failure_of(process.returncode, err.text()))
    return out.text()


def _line_of(command: Command, words: list[str]) -> list[str]:
    if isinstance(command.command, str):
        return [*_SHELL, " ".join([command.command, *map(shlex.quote, words)])]
    return [*command.command, *words]


def _read(process: subprocess.Popen[bytes], out: _Stream, err: _Stream) -> None:
    """Read what it writes until it has ended, whoever else still holds its streams."""
    job = context.current_job()
    with selectors.DefaultSelector() as selector, _death_of(process) as death:
        for source, stream in ((death, None), (process.stdout, out), (process.stderr, err)):
            assert source is not None
            selector.register(source, selectors.EVENT_READ, stream)
        ready: list[tuple[selectors.SelectorKey, int]] = []
        while ready or process.returncode is None:
            ready = selector.select(_LOOK if process.returncode is None else 0)
            for key, _ in ready:
                if not _take(key, process):
                    selector.unregister(key.fileobj)
            if job is not None and job.cancelled:
                raise JobCancelled("the job was called off, and its command with it")


def _take(key: selectors.SelectorKey, process: subprocess.Popen[bytes]) -> bool:
    """Take what is there; False if nothing more will be."""
    if key.data is None:
        process.wait()
        _kill_group(process)
        return False
    data = os.read(key.fd, _CHUNK)
    key.data.take(data)
    return bool(data)


@contextmanager
def _death_of(process: subprocess.Popen[bytes]) -> Iterator[int]:
    """A descriptor that can be read when it has ended."""
    descriptor = os.pidfd_open(process.pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of it: the process with all below it, and its group."""
    if process.poll() is None:
        tree.kill_tree(process.pid)
    _kill_group(process)
    process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _failure_of(code: int, errors: str) -> str:
    how = f"ended with code {code}" if code > 0 else f"was ended by signal {-code}"
    told = errors[-_TOLD:].strip()
    return f"the command {how}" + (f": {told}" if told else ", and wrote nothing to stderr")
