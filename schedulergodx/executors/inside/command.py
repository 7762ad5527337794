"""Running a command: what it writes is read as it comes, and nothing of it outlives its job."""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from schedulergodx.core import context
from schedulergodx.errors import CommandFailed, JobCancelled
from schedulergodx.executors import tree

if TYPE_CHECKING:
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
    with selectors.DefaultSelector() as selector:
        for pipe, stream in ((process.stdout, out), (process.stderr, err)):
            assert pipe is not None
            selector.register(pipe, selectors.EVENT_READ, stream)
        ended = False
        while selector.get_map():
            ready = selector.select(0 if ended else _LOOK)
            for key, _ in ready:
                data = os.read(key.fd, _CHUNK)
                if data:
                    key.data.take(data)
                else:
                    selector.unregister(key.fileobj)
            if ended and not ready:
                break
            if not ended and process.poll() is not None:
                ended = True
                _kill_group(process)
            if job is not None and job.cancelled:
                raise JobCancelled("the job was called off, and its command with it")


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
