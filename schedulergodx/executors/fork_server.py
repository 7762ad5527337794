"""The process that forks workers: small, with one thread, no keys and no connections.

It is started by exec before its service has threads, and sees nothing of the service but one
socket. It forks workers, ends them with all that they started, and reaps. When its service dies it
ends all workers and then itself; when it dies, the kernel ends its workers.
"""

from __future__ import annotations

import fcntl
import gc
import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import msgspec
from msgspec import Struct

from schedulergodx.core.registry import registry
from schedulergodx.executors import child, tree
from schedulergodx.executors.frames import Gone, Kill, Ready, Registered, Spawn, WorkerSettings
from schedulergodx.executors.inside import streams
from schedulergodx.executors.inside.bench import Tools
from schedulergodx.executors.linux import adopt_orphans, die_with_parent
from schedulergodx.executors.preparing import Prepared, prepare

_PACKET = 64 << 10
_DESCRIPTORS = 3
_TOGETHER = 50  # names a packet
_OOM_SCORE = "300"
_NOT_FOR_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)


class ForkServerSettings(Struct, frozen=True):
    """What a service tells its fork server, as the argument of its command line.

    path: `sys.path` of the service
    lock: a file that it and its workers hold a shared lock on while they live
    functions: descriptor of a file with `Functions`, -1 for none
    service: pid
    """

    path: list[str]
    lock: str
    preload: list[str]
    functions: int
    service: int
    worker: WorkerSettings


class ForkServer:
    """Obeys one service."""

    def __init__(self, control: socket.socket, settings: ForkServerSettings) -> None:
        self._control = control
        self._settings = settings
        self._tools = Tools(settings.worker)
        self._by_pid: dict[int, int] = {}
        self._by_worker: dict[int, int] = {}
        self._read_command = msgspec.msgpack.Decoder(Spawn | Kill).decode
        self._encode = msgspec.msgpack.Encoder().encode
        self._bell, bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
        self._own = [control.fileno(), self._bell, bell]

    def serve(self) -> None:
        """Work until the service closes its socket or dies."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._bell, select.POLLIN)
        service = self._watch_service()
        if service is not None:
            poll.register(service, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._bell in ready:
                self._reap()
            if service in ready or (self._control.fileno() in ready and not self._obey()):
                return

    def _watch_service(self) -> int | None:
        """A descriptor that says when the service dies, even where others hold its socket."""
        try:
            service = os.pidfd_open(self._settings.service)
        except OSError:  # a kernel before 5.3: the end of the socket must do
            return None
        self._own.append(service)
        return service

    def _obey(self) -> bool:
        """Do one command. False if there will be no more."""
        packet, descriptors, _, _ = socket.recv_fds(
            self._control, _PACKET, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
        )
        if not packet:
            return False
        command = self._read_command(packet)
        if isinstance(command, Spawn):
            self._spawn(command, descriptors)
        else:
            self._kill(command.worker)
        return True

    def _spawn(self, command: Spawn, descriptors: list[int]) -> None:
        me = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._tell(Gone(command.worker, None, text=f"fork failed: {error}"))
        else:
            if pid == 0:
                self._become_worker(me, command, descriptors)
            self._by_pid[pid] = command.worker
            self._by_worker[command.worker] = pid
        for descriptor in descriptors:
            os.close(descriptor)

    def _become_worker(self, server: int, command: Spawn, descriptors: list[int]) -> NoReturn:
        try:
            die_with_parent(server)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _NOT_FOR_US)
            for descriptor in self._own:
                os.close(descriptor)
            child.main(command, descriptors, self._tools)
        except BaseException:
            os.write(descriptors[1], traceback.format_exc().encode())
        finally:
            os._exit(child.BROKEN)  # `main` ends the process by itself

    def _kill(self, worker: int) -> None:
        pid = self._by_worker.get(worker)
        if pid is None:
            return  # it ended by itself, which was told
        tree.kill_tree(pid)
        _, status = os.waitpid(pid, 0)
        self._forget(pid)
        tree.end_children(keep=self._by_pid)
        self._tell(Gone(worker, status))

    def _reap(self) -> None:
        """Take leave of all that ended; what a worker leaves behind is ended before it is told."""
        with suppress(BlockingIOError):
            os.read(self._bell, 4096)
        gone = []
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
                pid, status = ended
                if pid in self._by_pid:
                    gone.append(Gone(self._forget(pid), status))
        if gone:
            tree.end_children(keep=self._by_pid)
        for report in gone:
            self._tell(report)

    def _forget(self, pid: int) -> int:
        worker = self._by_pid.pop(pid)
        del self._by_worker[worker]
        return worker

    def _tell(self, report: Registered | Ready | Gone) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # the service died: seen in `serve`
            self._control.send(self._encode(report))

    def ready(self, prepared: Prepared) -> None:
        """Say that workers can be forked."""
        names = sorted(registry.functions)
        for start in range(0, len(names), _TOGETHER):
            self._tell(Registered(names[start : start + _TOGETHER]))
        self._tell(Ready(prepared.failures, prepared.broken))


def _be_quiet() -> None:
    """Until here it wrote to a file, for the case that it can't start."""
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def main() -> None:
    """Entry of the process: `argv` holds the settings and the descriptor of the socket."""
    settings = msgspec.json.decode(sys.argv[1], type=ForkServerSettings)
    control = socket.socket(fileno=int(sys.argv[2]))
    signal.pthread_sigmask(signal.SIG_BLOCK, _NOT_FOR_US)  # the service decides when workers end
    adopt_orphans()
    sys.argv[:] = ["schedulergodx-worker"]  # what jobs see
    with suppress(OSError):  # when memory runs out, a worker has to go, not the service
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
    lock = os.open(settings.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    prepared = prepare(settings.preload, settings.worker.imports, settings.functions)
    streams.install(settings.worker.echo)
    if not settings.worker.echo:
        _be_quiet()
    server = ForkServer(control, settings)
    gc.collect()
    gc.freeze()  # a worker's collector need not touch, and so copy, what is shared with it
    server.ready(prepared)
    try:
        server.serve()
    finally:
        tree.end_children()
