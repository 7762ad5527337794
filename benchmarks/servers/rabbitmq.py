"""A RabbitMQ node with nothing changed but its ports; the tests' own."""

from __future__ import annotations

from typing import Self

from benchmarks import processes
from tests.rabbitmq_node import Node, find_server


class Rabbitmq:
    """One node."""

    def __init__(self) -> None:
        self._node = Node()

    @property
    def url(self) -> str:
        """Of its default virtual host."""
        return self._node.url

    def pids(self) -> list[int]:
        """The Erlang machine and its port programs."""
        return processes.family(int((self._node.folder / "pid").read_text()))

    def __enter__(self) -> Self:
        self._node.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._node.remove()


def why_missing() -> str:
    """Why there can be none here."""
    return "" if find_server() else "there is no rabbitmq-server"
