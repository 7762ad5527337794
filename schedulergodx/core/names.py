"""The names of queues, in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

DEFAULT_QUEUE = "default"

_QUEUE = re.compile(r"[\w.:-]{1,100}", re.ASCII)
_OF_THE_WIRE = re.compile(r"dead|control(\..*)?|.*\.owner")


def check_queue(name: str) -> str:
    """The name of a queue of jobs, if it can be one. Raises: ValueError"""
    if not _QUEUE.fullmatch(name):
        raise ValueError("the name of a queue is 1 to 100 of A-Z, a-z, 0-9, _ . : -")
    if _OF_THE_WIRE.fullmatch(name):
        raise ValueError("this name is one of schedulergodx's own queues: take another")
    return name


class QueueKind(Enum):
    """What a queue is for; a broker knows from it how to declare one."""

    REQUESTS = "requests"  # durable: jobs, and what is asked about them; read by one store
    RESPONSES = "responses"  # durable, one a client process, gone 30 minutes after its reader
    DEAD = "dead"  # durable: what could not be read, with its reason
    CONTROL = "control"  # durable, one a store, fed by the fanout: asked of every store
    OWNER = "owner"  # exclusive to a connection: says which store serves a queue


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue on a broker."""

    name: str
    kind: QueueKind


@dataclass(frozen=True, slots=True)
class Names:
    """The names of all queues of one deployment.

    prefix: put before each, so that several deployments can share a broker
    """

    prefix: str = ""

    def requests(self, queue: str = DEFAULT_QUEUE) -> Queue:
        """Where a client puts the jobs of `queue`."""
        suffix = "" if queue == DEFAULT_QUEUE else f".{queue}"
        return Queue(f"{self.prefix}client-service{suffix}", QueueKind.REQUESTS)

    def lane_of(self, name: str) -> str:
        """The queue of jobs that a queue of requests carries; "" for one that carries any."""
        home = self.requests().name
        if name == home:
            return DEFAULT_QUEUE
        below = name.removeprefix(f"{home}.")
        return "" if _OF_THE_WIRE.fullmatch(below) else below

    def is_service(self, name: str) -> bool:
        """Whether services read from a queue of that name, or hold it."""
        home = self.requests().name
        return name == home or name.startswith(f"{home}.")

    def responses(self, client: str, instance: str) -> Queue:
        """Where one process of a client is told its outcomes."""
        return Queue(f"{self.prefix}service-client.{client}.{instance}", QueueKind.RESPONSES)

    def dead(self) -> Queue:
        """Where messages go that can't be read."""
        return Queue(f"{self.prefix}client-service.dead", QueueKind.DEAD)

    def fanout(self) -> str:
        """The exchange that reaches every store."""
        return f"{self.prefix}client-service.control"

    def everywhere(self) -> str:
        """What a job sends to every store: its service passes it on to the exchange."""
        return f"{self.fanout()}.*"

    def control(self, store: str) -> Queue:
        """The queue of one store behind the fanout; `store` is the store's own id."""
        return Queue(f"{self.prefix}client-service.control.{store}", QueueKind.CONTROL)

    def owner(self, queue: str) -> Queue:
        """Held by the store that serves `queue`."""
        return Queue(f"{self.prefix}client-service.{queue}.owner", QueueKind.OWNER)


def fanout_of(queue: Queue) -> str:
    """The exchange that feeds a CONTROL queue; a store's id has no dot."""
    return queue.name.rpartition(".")[0]
