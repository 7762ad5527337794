"""The servers that contestants need, each private to one trial: started for it, removed after."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from benchmarks.servers import postgres, rabbitmq, redis
from benchmarks.servers.base import Running


class Server(StrEnum):
    """The kinds there are."""

    RABBITMQ = "rabbitmq"
    REDIS = "redis"
    POSTGRES = "postgres"


_KINDS: dict[Server, tuple[Callable[[], Running], Callable[[], str]]] = {
    Server.RABBITMQ: (rabbitmq.Rabbitmq, rabbitmq.why_missing),
    Server.REDIS: (redis.Redis, redis.why_missing),
    Server.POSTGRES: (postgres.Postgres, postgres.why_missing),
}


def why_missing(server: Server) -> str:
    """Why it can't be started here; empty if it can."""
    return _KINDS[server][1]()


def make_server(server: Server) -> Running:
    """One of that kind, not started yet."""
    return _KINDS[server][0]()
