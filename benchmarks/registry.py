"""Who takes part, and what each needs; nothing of a contestant is imported before its trial."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.contestant import Contestant
from benchmarks.servers import Server, why_missing


class Group(StrEnum):
    """In which light a contestant is seen."""

    PRODUCT = "product"
    YARDSTICK = "yardstick"
    PEER = "peer"


@dataclass(frozen=True, slots=True)
class Entry:
    """One contestant with one setting.

    place: module and class
    says: its setting, in words
    imports: modules that must be installed
    """

    name: str
    group: Group
    place: str
    setting: str
    says: str
    imports: Sequence[str] = ()
    servers: Sequence[Server] = ()

    @property
    def is_main(self) -> bool:
        """Whether it is the first setting of its kind; others are named `kind-setting`."""
        return "-" not in self.name

    @property
    def lacks(self) -> str:
        """Why it can't take part; empty if it can."""
        for module in self.imports:
            if importlib.util.find_spec(module) is None:
                return f"{module} is not installed"
        return next(filter(None, map(why_missing, self.servers)), "")

    def load(self) -> type[Contestant]:
        """Its class. It imports what the contestant needs."""
        module, _, name = self.place.partition(":")
        kind: type[Contestant] = getattr(importlib.import_module(module), name)
        return kind


_PRODUCT = "benchmarks.product.contestant:Product"
_PROTOTYPE = "benchmarks.prototype.contestant:Prototype"
_PEERS = "benchmarks.peers"
_R, _S = Server.RABBITMQ, Server.REDIS


def _product(name: str, setting: str, says: str, *servers: Server) -> Entry:
    return Entry(name, Group.PRODUCT, _PRODUCT, setting, says, (), servers)


def _prototype(name: str, setting: str, says: str) -> Entry:
    return Entry(name, Group.YARDSTICK, _PROTOTYPE, setting, says, (), (_R,))


def _peer(
    name: str, setting: str, says: str, imports: Sequence[str], servers: Sequence[Server]
) -> Entry:
    file = name.partition("-")[0]
    place = f"{_PEERS}.{file}:{file.capitalize()}"
    return Entry(name, Group.PEER, place, setting, says, imports, servers)


ENTRIES = (
    _product("rabbitmq-single", "single", "RabbitMQ, a job an envelope", _R),
    _product("rabbitmq-shared", "shared", "RabbitMQ, shared envelopes", _R),
    _product("rabbitmq-map", "map", "RabbitMQ, by map", _R),
    _product("spool-shared", "spool shared", "embedded, shared envelopes"),
    _product("spool-map", "spool map", "embedded, by map"),
    _prototype("prototype-1", "1 NORMAL", "1 job a message, NORMAL"),
    _prototype("prototype-1-full", "1 FULL", "1 job a message, FULL"),
    _prototype("prototype-100", "100 NORMAL", "100 jobs a message, NORMAL"),
    _prototype("prototype-100-full", "100 FULL", "100 jobs a message, FULL"),
    _peer("celery", "confirm", "confirms, rpc results, prefork", ("celery",), (_R,)),
    _peer("celery-threads", "threads", "no confirms, rpc results, threads", ("celery",), (_R,)),
    _peer(
        "dramatiq",
        "confirm results",
        "confirms, Redis results",
        ("dramatiq", "pika", "redis"),
        (_R, _S),
    ),
    _peer(
        "dramatiq-fast",
        "results",
        "no confirms, Redis results",
        ("dramatiq", "pika", "redis"),
        (_R, _S),
    ),
    _peer("taskiq", "", "confirms, no results", ("taskiq", "taskiq_aio_pika"), (_R,)),
    _peer(
        "taskiq-results",
        "results",
        "confirms, Redis results",
        ("taskiq", "taskiq_aio_pika", "taskiq_redis"),
        (_R, _S),
    ),
    _peer("huey", "", "SQLite, polling tuned", ("huey",), ()),
    _peer("rq", "simple", "Redis, SimpleWorker", ("rq", "redis"), (_S,)),
    _peer("rq-fork", "fork", "Redis, a fork a job (its default)", ("rq", "redis"), (_S,)),
    _peer("arq", "", "Redis, polling tuned", ("arq",), (_S,)),
    _peer("saq", "", "Redis", ("saq", "redis"), (_S,)),
    _peer("apscheduler", "sqlite", "in the client, SQLite", ("apscheduler", "sqlalchemy"), ()),
    _peer("apscheduler-memory", "memory", "in the client, in memory", ("apscheduler",), ()),
    _peer("gigq", "", "SQLite, polling tuned", ("gigq",), ()),
    _peer(
        "procrastinate",
        "",
        "PostgreSQL, no results",
        ("procrastinate", "psycopg"),
        (Server.POSTGRES,),
    ),
)
