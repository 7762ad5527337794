"""What both clients share: who they are, what their tasks are made into, what they await.

No I/O happens here. `Client` and `AsyncClient` only send, and wait.
"""

from __future__ import annotations

import difflib
import inspect
import logging
import os
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Never

from schedulergodx.client.awaited import Awaited
from schedulergodx.client.base_job import BaseJob
from schedulergodx.client.identity import check_name, default_client_name, new_instance
from schedulergodx.client.inside import OutletSealer
from schedulergodx.client.options import UNSET, Duration, Modules, Options, Unset
from schedulergodx.client.reader import Reader
from schedulergodx.client.references import (
    Reference,
    rebuild_client,
    register,
    without_password,
)
from schedulergodx.client.sealing import Sealer
from schedulergodx.config import Settings, load_settings
from schedulergodx.core.identity import UidSource
from schedulergodx.core.job import Execution
from schedulergodx.core.names import DEFAULT_QUEUE, Names
from schedulergodx.core.registry import Registering
from schedulergodx.errors import ConfigError
from schedulergodx.utils.abstractions import Program
from schedulergodx.utils.id_generators import IdGenerator, Labels, UlidGenerator
from schedulergodx.utils.logger import LoggerConstructor
from schedulergodx.utils.rmq_property import RmqConnect, url_of

if TYPE_CHECKING:
    from schedulergodx.brokers.base import Broker
    from schedulergodx.client.base_batch import BaseBatch
    from schedulergodx.client.line import Soon
    from schedulergodx.client.session import Session
    from schedulergodx.core.context import Outlet
    from schedulergodx.core.signing import Signer

DEFAULT_BROKER = "amqp://guest:guest@localhost:5672/%2F"


class BaseClient(Registering, Program):
    """Asks services to run functions. Use `Client`, or `AsyncClient` on an event loop.

    name: how services know it, the same for all processes of a program; `user@host:program` if left
        out. Ids are looked up, and outcomes told, by it
    core_name: the first part of its logger's name
    rmq_connect: `utils.rmq_property.RmqConnect`; in the place of `broker`
    id_generator: where ids come from, a generator of str or a function; ULIDs if left out
    task_lifetime: how long an attempt may run, seconds or "10 min"; None for no limit
    hard_task_lifetime: the same for hard tasks
    enable_overdue: whether jobs run that came due while no service did
    broker: "amqp://...", "amqps://...", "spool:DIRECTORY"; SCHEDULERGODX_BROKER if left out, else
        RabbitMQ on this machine
    secret: signs messages, at least 16 bytes, the same as the service's
    queue: where jobs go whose task names none
    prefix: before the names of all queues of a deployment
    connect_timeout: how long to wait for the broker, and for a service to greet
    confirm_timeout: how long `launch()` waits for the broker's confirm
    connect: connect at once, and raise if that can't be done; else at the first use. An
        `AsyncClient` connects at the begin of its `async with`, or at its first use
    max_attempts: how often a job is tried that says nothing else
    task_execution: what runs tasks that do not say it, "process" or "thread"
    by_value, by_reference: modules whose code is shipped, or is not, where the guess is wrong
    settings: all of the above that are settings, found already

    Raises: ConfigError; TypeError for another keyword; and what `connect` raises
    """

    _kind: ClassVar[str]
    _job_kind: ClassVar[type[BaseJob[Any]]]
    _secret: bytes | None
    _clock: Callable[[], float] = staticmethod(time.time)

    def __init__(
        self,
        name: str | None = None,
        core_name: str = "core",
        rmq_connect: RmqConnect | None = None,
        id_generator: IdGenerator | None = None,
        task_lifetime: Duration | Unset | None = UNSET,
        hard_task_lifetime: Duration | Unset | None = UNSET,
        enable_overdue: bool | Unset = UNSET,
        *,
        broker: str | None = None,
        secret: str | bytes | None = None,
        queue: str = DEFAULT_QUEUE,
        prefix: str | None = None,
        connect_timeout: Duration | None = None,
        confirm_timeout: Duration | None = None,
        connect: bool = True,
        max_attempts: int = 1,
        task_execution: str | None = None,
        by_value: Modules = (),
        by_reference: Modules = (),
        settings: Settings | None = None,
        **unknown: Never,
    ) -> None:
        for keyword in unknown:
            raise _no_keyword(keyword)
        if rmq_connect is not None and broker is not None:
            raise ConfigError("broker= and rmq_connect= exclude each other: give one of them")
        given: dict[str, Any] = {
            "name": name,
            "broker": url_of(rmq_connect) if rmq_connect is not None else broker,
            "secret": None if isinstance(secret, bytes) else secret,
            "prefix": prefix,
            "connect_timeout": connect_timeout,
            "confirm_timeout": confirm_timeout,
            "task_execution": task_execution,
        }
        given = {key: value for key, value in given.items() if value is not None}
        said = {
            "task_lifetime": task_lifetime,
            "hard_task_lifetime": hard_task_lifetime,
            "enable_overdue": enable_overdue,
        }
        given |= {key: value for key, value in said.items() if not isinstance(value, Unset)}
        self.settings = settings.replace(**given) if settings else load_settings(**given)
        options = _default_options(self.settings, queue, max_attempts, by_value, by_reference)
        self._set_up(core_name, options, id_generator)
        if isinstance(secret, bytes):
            self._secret = secret
        self._begin(connect)

    @classmethod
    def _refer(cls, reference: Reference) -> BaseClient:
        """The client of a reference that came from another process. It connects when it is used."""
        client = cls.__new__(cls)
        client.settings = load_settings(
            name=reference.name, broker=reference.broker, prefix=reference.prefix
        )
        client._set_up(reference.core_name, reference.options, None)
        return client

    def _set_up(self, core_name: str, options: Options, id_generator: IdGenerator | None) -> None:
        from schedulergodx.core.code import Unpacker  # late: it loads dill

        self.name = check_name(self.settings.name or default_client_name())
        self.core_name = core_name
        self.logger = LoggerConstructor(f"{core_name}.{self.name}", None, logging.NOTSET)
        self.instance = new_instance()
        self._options = options
        secret = self.settings.secret
        self._secret = secret.encode() if secret else None
        self._names = Names(self.settings.prefix)
        self._confirm_timeout = self.settings.confirm_timeout
        self._labels = (
            None
            if id_generator is None or isinstance(id_generator, UlidGenerator)
            else Labels(id_generator)
        )
        self._identify = UidSource(self._clock)
        self._unpacker = Unpacker()
        self._awaited = Awaited()
        self._reader = Reader(self._awaited, self._unpacker, self.logger.getLogger())
        _clients.add(self)

    def _begin(self, connect: bool) -> None:
        """Connect now, if this kind of client does."""

    def __repr__(self) -> str:
        return f"<{self._kind} {self.name}>"

    @property
    def _batch_kind(self) -> type[BaseBatch]:
        """What its batches are."""
        raise NotImplementedError

    # -- how it travels, and what others need to know of it ----------------------------------------

    def __reduce__(self) -> tuple[Callable[..., BaseClient], tuple[Reference]]:
        reference = Reference(
            self._kind,
            self.name,
            self.core_name,
            without_password(self.settings.broker),
            self.settings.prefix,
            self._options,
        )
        register(reference, self)
        return rebuild_client, (reference,)

    def _session_maker(self, make_broker: Callable[..., Broker]) -> Callable[[Soon], Session]:
        """What makes a session of this client, and does not hold the client itself."""
        from schedulergodx.client.session import Session, Terms  # late: it loads asyncio

        settings, reader, awaited = self.settings, self._reader, self._awaited
        name, instance, identify = self.name, self.instance, self._identify
        logger, clock = self.logger.getLogger(), self._clock
        terms = Terms(
            name,
            self._names,
            self._options.queue,
            self._secret,
            settings.connect_timeout,
            self._options.enable_overdue,
        )

        def make_sealer(signer: Signer) -> Sealer:
            return Sealer(name, instance, signer=signer, identify=identify, clock=clock)

        def make_session(soon: Soon) -> Session:
            broker = make_broker(
                settings.broker or DEFAULT_BROKER,
                quorum=settings.quorum,
                heartbeat=settings.heartbeat,
            )
            return Session(
                broker, terms, reader, awaited, make_sealer=make_sealer, soon=soon, logger=logger
            )

        return make_session

    def _sealer_of(self, outlet: Outlet) -> OutletSealer:
        """Inside a job: this client is told its outcomes where the worker is."""
        self.instance = outlet.instance
        return OutletSealer(outlet, self.name, self._identify)

    def _part_from_parent(self) -> None:
        """In a forked child: another process of this client, with an address of its own."""
        self.instance = new_instance()
        self._unpacker.after_fork()
        self._reader = Reader(self._awaited, self._unpacker, self.logger.getLogger())
        if self._labels is not None:
            self._labels.after_fork()


_clients: weakref.WeakSet[BaseClient] = weakref.WeakSet()


def _part_all_from_parent() -> None:
    for client in list(_clients):
        client._part_from_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_part_all_from_parent)


def _no_keyword(keyword: str) -> TypeError:
    _, *known, _ = inspect.signature(BaseClient.__init__).parameters
    near = difflib.get_close_matches(keyword, known, n=1)
    hint = f"do you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    return TypeError(f"{keyword!r} is no keyword of a client: {hint}")


def _default_options(
    settings: Settings, queue: str, max_attempts: int, by_value: Modules, by_reference: Modules
) -> Options:
    known = Options(
        task_lifetime=settings.task_lifetime,
        hard_task_lifetime=settings.hard_task_lifetime,
        enable_overdue=settings.enable_overdue,
        task_execution=Execution(settings.task_execution),
    )
    return known.changed(
        {
            "queue": queue,
            "max_attempts": max_attempts,
            "by_value": by_value,
            "by_reference": by_reference,
        }
    )
