"""A deployment: what services and their clients share: a broker, names on it, a secret."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from schedulergodx.client import Client
from tests.acceptance.folder import Folder
from tests.world import SECRET, ServiceProcess

if TYPE_CHECKING:
    from pathlib import Path


class Deployment:
    """Services and clients that find each other, and nobody else on the same broker.

    broker: its URL
    directory: for databases, logs and the files that jobs write
    """

    def __init__(self, broker: str, directory: Path) -> None:
        self.broker = broker
        self.directory = directory
        self.prefix = f"{secrets.token_hex(4)}."
        self.services: list[ServiceProcess] = []
        self._open = ExitStack()

    @property
    def address(self) -> dict[str, Any]:
        """What every client and every service of this deployment is told."""
        return {"broker": self.broker, "prefix": self.prefix}

    def service(self, database: str = "jobs", **settings: object) -> ServiceProcess:
        """A service, not started yet; stopped at the end."""
        directory = self.directory / database
        directory.mkdir(exist_ok=True)
        settings = {"workers": 2, "db": f"sqlite:///{directory}/jobs.db"} | settings
        service = ServiceProcess(directory, **self.address, **settings)
        self._open.push(service)
        self.services.append(service)
        return service

    def client(self, name: str = "tester", **settings: Any) -> Client:
        """A client, closed at the end."""
        client = Client(name, **{**self.address, "secret": SECRET, **settings})
        self._open.callback(client.close)
        return client

    def folder(self, name: str) -> Folder:
        """An empty directory for programs that are told all this by their environment."""
        folder = Folder(self.directory / name, secret=SECRET, **self.address)
        self._open.callback(folder.close)
        return folder

    def file(self, name: str) -> Path:
        """A path for jobs to write to, fresh for each call."""
        return self.directory / f"{name}-{secrets.token_hex(4)}"

    def close(self) -> None:
        """Close the clients, then stop the services."""
        self._open.close()
