"""The service's end of the fork server: starting it, telling it, hearing from it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from schedulergodx.errors import ServiceError
from schedulergodx.executors.fork_server import ForkServerSettings
from schedulergodx.executors.frames import Gone, Kill, Ready, Registered, Spawn, WorkerSettings
from schedulergodx.executors.recovery import LOCK, marker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schedulergodx.executors.functions import Functions
    from schedulergodx.executors.settings import ExecutorSettings

_PACKET = 64 << 10
_PATIENCE = 60.0  # seconds to start in, which includes the import of what is preloaded
_PATIENCE_AT_THE_END = 5.0
_LOG = "fork-server.log"
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1])['path']; "
    "from schedulergodx.executors.fork_server import main; main()"
)


class ForkLink:
    """One fork server. Everything here runs on the loop.

    on_gone: called with each worker that ended
    on_lost: called once if the fork server ends by itself
    """

    def __init__(
        self,
        settings: ExecutorSettings,
        on_gone: Callable[[Gone], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._on_gone = on_gone
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self.names: set[str] = set()  # of functions; whole when it is ready
        self._read = msgspec.msgpack.Decoder(Registered | Ready | Gone).decode
        self._encode = msgspec.msgpack.Encoder().encode
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self._ready: asyncio.Future[Ready] = self._loop.create_future()
        self._socket, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        with child_end:
            self._process = self._launch(child_end.fileno())
        self._loop.add_reader(self._socket, self._hear)

    def _launch(self, descriptor: int) -> subprocess.Popen[bytes]:
        with _write(self._settings.functions) as functions:
            return self._start(descriptor, functions.fileno())

    def _start(self, descriptor: int, functions: int) -> subprocess.Popen[bytes]:
        settings = self._settings
        told = ForkServerSettings(
            path=[path or str(Path.cwd()) for path in sys.path],
            lock=str(settings.directory / LOCK),
            preload=list(settings.preload),
            functions=functions,
            service=os.getpid(),
            worker=_worker_settings(settings),
        )
        with (settings.directory / _LOG).open("wb") as log:
            return subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-c",
                    _CODE,
                    msgspec.json.encode(told).decode(),
                    str(descriptor),
                ],
                env=_environment(settings),
                pass_fds=[descriptor, functions],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=None if settings.echo else subprocess.DEVNULL,
                stderr=None if settings.echo else log,
            )

    async def ready(self) -> Ready:
        """Wait until it can fork. Raises: ServiceError"""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await asyncio.shield(self._ready)
        except (TimeoutError, ConnectionError) as error:
            words = (self._settings.directory / _LOG).read_text(errors="replace")[-2000:]
            raise ServiceError(f"the process that forks workers does not start: {words}") from error

    def spawn(self, spawn: Spawn, descriptors: Sequence[int]) -> None:
        """Have a worker forked. The descriptors may be closed when this returns."""
        self._send(self._encode(spawn), descriptors)

    def kill(self, worker: int) -> None:
        """Have a worker ended with all that it started; `on_gone` follows."""
        self._send(self._encode(Kill(worker)), ())

    def _send(self, packet: bytes, descriptors: Sequence[int]) -> None:
        if self._waiting or not self._try_to_send(packet, descriptors):
            if not self._waiting:
                self._loop.add_writer(self._socket, self._send_waiting)
            self._waiting.append((packet, [os.dup(number) for number in descriptors]))

    def _send_waiting(self) -> None:
        while self._waiting and self._try_to_send(*self._waiting[0]):
            for number in self._waiting.popleft()[1]:
                os.close(number)
        if not self._waiting:
            self._loop.remove_writer(self._socket)

    def _try_to_send(self, packet: bytes, descriptors: Sequence[int]) -> bool:
        try:
            socket.send_fds(self._socket, [packet], descriptors)
        except BlockingIOError:
            return False
        except OSError:  # it is gone, which `_hear` sees
            return True
        return True

    def _hear(self) -> None:
        try:
            while packet := self._socket.recv(_PACKET):
                self._take(self._read(packet))
        except BlockingIOError:
            return
        except OSError:
            pass
        self._lose()

    def _take(self, message: Registered | Ready | Gone) -> None:
        if isinstance(message, Gone):
            self._on_gone(message)
        elif isinstance(message, Registered):
            self.names.update(message.names)
        else:
            self._ready.set_result(message)

    def _lose(self) -> None:
        self._close()
        self._process.wait()  # its socket is closed: it ends now
        if self._ready.done():
            self._on_lost()
        else:
            self._ready.set_exception(ConnectionError("it ended"))

    def _close(self) -> None:
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        for _, descriptors in self._waiting:
            for number in descriptors:
                os.close(number)
        self._waiting.clear()

    async def stop(self) -> None:
        """End it and all its workers; returns when they are gone."""
        self._close()
        if self._ready.done():
            self._ready.exception()  # it was told, or nobody waits any more
        wait = asyncio.to_thread(self._process.wait, _PATIENCE_AT_THE_END)
        try:
            await wait
        except subprocess.TimeoutExpired:
            self._process.kill()  # its workers end with it
            self._process.wait()


def _worker_settings(settings: ExecutorSettings) -> WorkerSettings:
    return WorkerSettings(
        result_limit=settings.result_limit,
        output_limit=settings.output_limit,
        echo=settings.echo,
        recycle_jobs=settings.recycle_jobs,
        recycle_memory=settings.recycle_memory,
        imports=list(settings.imports),
        accept_code=settings.accept_code,
        kinds=list(settings.kinds),
    )


def _write(functions: Functions) -> IO[bytes]:
    """A file without a name, for a process that inherits its descriptor."""
    file = os.fdopen(os.memfd_create("schedulergodx functions"), "w+b")
    file.write(msgspec.msgpack.encode(functions))
    file.flush()
    return file


def _environment(settings: ExecutorSettings) -> dict[str, str]:
    """That of the service, without its secrets, and with a mark that all descendants inherit."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SCHEDULERGODX_")}
    if settings.prefix:  # for clients that are made inside of a job
        kept["SCHEDULERGODX_PREFIX"] = settings.prefix
    name, value = marker(settings)
    return {**kept, name: value}
