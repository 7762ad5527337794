"""A private RabbitMQ node: started, killed and removed by who needs one.

Everything it has is its own: ports, name, data, Erlang cookie, HOME and epmd, so that any number of
them live beside each other and beside a node of the system, under root and under an ordinary user.
They listen on loopback only. All its processes form one group, whose first process reads a pipe
from this one and kills the group when the pipe closes: not even SIGKILL of this process leaves a
node behind.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

# Debian keeps the real script here; the one in its PATH changes the user and the environment.
_DEBIAN = Path("/usr/lib/rabbitmq/bin")
_GUARD = '"$1" -port "$ERL_EPMD_PORT" & shift; "$@" & read -r _; kill -9 0'
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_PRELOAD")  # of our environment
_START_SECONDS = 60.0
_PORTS = range(15_000, 31_000)
_SHARES = 8  # of these: processes that run tests beside each other have one each
_given: set[int] = set()  # ports, by this process
_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"


class NodeFailed(Exception):
    """A node did not come up; the text ends with what it wrote."""


def find_server() -> Path | None:
    """Where `rabbitmq-server` is, if it is here."""
    if (_DEBIAN / "rabbitmq-server").exists():
        return _DEBIAN / "rabbitmq-server"
    found = shutil.which("rabbitmq-server")
    return Path(found) if found else None


class Node:
    """A RabbitMQ node on this machine; `with Node() as node` starts it and removes it.

    config: added to its rabbitmq.conf, key to value
    advanced: the terms of its advanced.config, as Erlang text without the enclosing list
    """

    def __init__(self, config: Mapping[str, object] | None = None, *, advanced: str = "") -> None:
        self._config = dict(config or {})
        self._advanced = advanced
        self._group: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self.port, self._epmd_port, self._dist_port = free_ports(3)

    @property
    def url(self) -> str:
        """Of its default virtual host, as guest."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    @property
    def alive(self) -> bool:
        """Whether it was started, and not killed since."""
        return self._group is not None and self._group.poll() is None

    @property
    def folder(self) -> Path:
        """Where it lives; gone with the node."""
        if self._folder is None:
            self._folder = self._make_folder()
        return self._folder

    def start(self) -> None:
        """Start it, on the data that it had before. Raises: NodeFailed"""
        server = find_server()
        if server is None:
            raise NodeFailed("rabbitmq-server is not installed")
        epmd = shutil.which("epmd") or "epmd"
        with (self.folder / "output").open("ab") as output:
            self._group = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", epmd, str(server)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=self._environment(),
                cwd=self.folder,
                start_new_session=True,
            )
        self._await_amqp()

    def kill(self) -> None:
        """SIGKILL to all of it, as in a power cut of its process."""
        if self._group is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._group.pid, signal.SIGKILL)
        self._group.communicate()
        self._group = None
        _await_closed(self.port)

    def stop(self, timeout: float = 30.0) -> None:
        """Shut it down as an operator would, then end what is left of it."""
        if self._group is not None:
            with suppress(OSError, ValueError):
                pid = int((self.folder / "pid").read_text())
                os.kill(pid, signal.SIGTERM)
                _await_gone(pid, timeout)
        self.kill()

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Kill it and delete its data."""
        self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def ctl(self, *arguments: str, timeout: float = 60.0) -> str:
        """What `rabbitmqctl` says. Raises: subprocess.CalledProcessError"""
        server = find_server()
        assert server is not None
        done = subprocess.run(
            [str(server.with_name("rabbitmqctl")), "--quiet", *arguments],
            env=self._environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=True,
        )
        return done.stdout

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _make_folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="rabbitmq-node-"))
        settings = {
            "listeners.tcp.1": f"127.0.0.1:{self.port}",
            "loopback_users": "none",
            "log.file.level": "warning",
            **self._config,
        }
        lines = (f"{key} = {value}\n" for key, value in settings.items() if value is not None)
        (folder / "rabbitmq.conf").write_text("".join(lines))
        (folder / "advanced.config").write_text(f"[{self._advanced}].\n")
        (folder / "enabled_plugins").write_text("[].\n")
        (folder / "rabbitmq-env.conf").write_text("")
        cookie = folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        return folder

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
        return kept | {
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP": "/dev/null",
            "RABBITMQ_NODENAME": f"node{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false"
            ),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }

    def _await_amqp(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not _speaks_amqp(self.port):
            assert self._group is not None
            if self._group.poll() is not None or time.monotonic() > deadline:
                self.kill()
                output = (self.folder / "output").read_text(errors="replace")
                raise NodeFailed(f"RabbitMQ did not come up on port {self.port}:\n{output[-4000:]}")
            time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Ports that are free now, below those that the kernel hands out, so that they stay free.

    A node listens seconds after it was given its ports, so none is given to anybody else.
    """
    share = len(_PORTS) // _SHARES
    place = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
    ports = _PORTS[place * share : (place + 1) * share]
    free: list[int] = []
    while len(free) < count:
        port = random.choice(ports)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                if port not in _given:
                    _given.add(port)
                    free.append(port)
    return free


def _speaks_amqp(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            probe.sendall(_AMQP_HEADER)
            return probe.recv(1) == b"\x01"
    except OSError:
        return False


def _await_closed(port: int, timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.01)


def _await_gone(pid: int, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
