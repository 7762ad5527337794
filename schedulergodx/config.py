"""Settings: one table, from which keywords, environment, TOML, flags and `docs/settings.md` derive.

The table is the class `Settings`: a field is a setting. `load_settings` finds a value for each: a
keyword (or a flag) comes before the environment variable `SCHEDULERGODX_<NAME>`, that before the
same in a `.env` file, that before the TOML file, that before the default.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Self, TypeVar

from schedulergodx.broker_url import compose_url, has_parts
from schedulergodx.layer import Layer, found_layers, read_first, said_layer
from schedulergodx.setting import Kind, Scope, Setting, count_cpus, setting

DEFAULT_BROKER = "amqp://guest:guest@localhost:5672/%2F"
_KINDS = ("process", "thread")  # of execution
NOT_SAID = "the default"  # the origin of what nobody has said


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """All settings. Durations are seconds, sizes are bytes.

    Made by `load_settings`, which checks the values; the class itself does not.
    """

    # -- the way between client and service ------------------------------------------------------

    broker: str | None = setting(
        Kind.TEXT,
        Scope.BOTH,
        "URL of the broker: `amqp://`, `amqps://`, `spool:DIRECTORY` or `memory:`.",
        none="RabbitMQ on localhost",
    )
    broker_address: str | None = setting(
        Kind.TEXT,
        Scope.BOTH,
        "Host of RabbitMQ, or `host:port`: with a user and a password in the place of `broker`.",
        none="not given",
    )
    broker_user: str | None = setting(
        Kind.TEXT, Scope.BOTH, "Who asks RabbitMQ, where `broker` does not say.", none="not given"
    )
    broker_password: str | None = setting(
        Kind.TEXT, Scope.BOTH, "The password of that user.", none="not given"
    )
    broker_vhost: str = setting(
        Kind.TEXT, Scope.BOTH, "The virtual host, where `broker` does not say.", "/"
    )
    secret: str | None = setting(
        Kind.TEXT,
        Scope.BOTH,
        "Signs every message; the same for clients and services.",
        none="none; the embedded broker makes its own",
    )
    name: str | None = setting(
        Kind.TEXT,
        Scope.BOTH,
        "What this client or this service is called.",
        none="`user@host:program` of a client, `service` of a service",
    )
    prefix: str = setting(
        Kind.TEXT,
        Scope.BOTH,
        "Stands before the names of all queues, so that deployments can share a broker.",
        "",
        shown="nothing",
    )
    quorum: bool = setting(
        Kind.FLAG, Scope.BOTH, "Quorum queues, which live on several nodes of RabbitMQ.", False
    )
    heartbeat: float = setting(
        Kind.DURATION,
        Scope.BOTH,
        "A connection to RabbitMQ that was silent for two of these is given up.",
        60.0,
        least=1,
    )
    connect_timeout: float = setting(
        Kind.DURATION, Scope.BOTH, "How long to wait for the broker at the start.", 10.0
    )

    on_conflict: str = setting(
        Kind.TEXT,
        Scope.BOTH,
        "What `register` does with a name that another function has.",
        "raise",
        choices=("raise", "rename", "ignore", "replace"),
        also=("task_pre_exist",),
    )

    # -- what a client asks ----------------------------------------------------------------------

    confirm_timeout: float = setting(
        Kind.DURATION, Scope.CLIENT, "How long `launch()` waits for the broker's confirm.", 30.0
    )
    task_lifetime: float | None = setting(
        Kind.DURATION,
        Scope.CLIENT,
        "How long an attempt may run, unless its task says.",
        300.0,
        none="no limit",
    )
    hard_task_lifetime: float | None = setting(
        Kind.DURATION, Scope.CLIENT, "The same for hard tasks.", 3600.0, none="no limit"
    )
    task_execution: str = setting(
        Kind.TEXT, Scope.CLIENT, "What runs tasks that do not say.", "process", choices=_KINDS
    )
    enable_overdue: bool = setting(
        Kind.FLAG, Scope.CLIENT, "Whether jobs that came due without a service run later.", True
    )

    # -- what a service keeps and serves ---------------------------------------------------------

    db: str = setting(
        Kind.TEXT,
        Scope.BOTH,
        "URL or path of the database that keeps the jobs; without a broker, a file of jobs.",
        "sqlite:///SchedulerGodX.db",
    )
    queues: tuple[str, ...] = setting(
        Kind.NAMES, Scope.SERVICE, "The queues to serve.", ("default",)
    )
    queue_limits: Mapping[str, int] = setting(
        Kind.LIMITS,
        Scope.SERVICE,
        "How many jobs of a queue may run at once, as `mail=2,video=1`.",
        {},
        shown="no limits",
    )
    queue_rates: Mapping[str, tuple[int, float]] = setting(
        Kind.RATES,
        Scope.SERVICE,
        "How many jobs of a queue may start in a while, as `mail=10/min,video=1/s`.",
        {},
        shown="no limits",
    )
    overdue_grace: float = setting(
        Kind.DURATION,
        Scope.SERVICE,
        "How late a job may start before it is overdue, where `enable_overdue` is off.",
        60.0,
    )
    task_expiration: float | None = setting(
        Kind.DURATION,
        Scope.SERVICE,
        "In what time a job must start that says nothing of that, from when it may.",
        none="any",
        least=0.001,
    )
    retention_completed: float | None = setting(
        Kind.DURATION, Scope.SERVICE, "How long completed jobs are kept.", 86400.0, none="for ever"
    )
    retention_failed: float | None = setting(
        Kind.DURATION, Scope.SERVICE, "How long failed jobs are kept.", 604800.0, none="for ever"
    )
    retention_timeout: float | None = setting(
        Kind.DURATION, Scope.SERVICE, "How long timed out jobs are kept.", 604800.0, none="for ever"
    )
    retention_cancelled: float | None = setting(
        Kind.DURATION, Scope.SERVICE, "How long cancelled jobs are kept.", 86400.0, none="for ever"
    )
    retention_expired: float | None = setting(
        Kind.DURATION, Scope.SERVICE, "How long expired jobs are kept.", 604800.0, none="for ever"
    )
    retention_queues: Mapping[str, float | None] = setting(
        Kind.DURATIONS,
        Scope.SERVICE,
        "How long jobs of a queue are kept, whatever they ended as, or as something: "
        "`mail=1 h,mail/failed=30 d,audit=none`.",
        {},
        shown="as all others",
    )
    retention_schedules: float | None = setting(
        Kind.DURATION,
        Scope.SERVICE,
        "How long the fires of schedules are kept, and schedules that were deleted.",
        2592000.0,
        none="for ever",
    )
    silence_task_prerun: bool = setting(
        Kind.FLAG, Scope.SERVICE, "Whether a job that can't begin only fails: no stop.", True
    )
    silence_cond_check: bool = setting(
        Kind.FLAG, Scope.SERVICE, "Whether a rule that can't be told is only logged: no stop.", True
    )
    env: str | None = setting(
        Kind.TEXT, Scope.SERVICE, "The name of the environment, for rules that ask.", none="none"
    )
    tick_items: int = setting(
        Kind.COUNT,
        Scope.SERVICE,
        "How many messages and outcomes share one transaction at the most.",
        1000,
        least=1,
    )

    # -- what runs jobs --------------------------------------------------------------------------

    workers: int = setting(
        Kind.COUNT,
        Scope.SERVICE,
        "How many worker processes run jobs, each one at a time.",
        count_cpus(),
        shown="the number of CPUs",
        least=1,
        also=("max_process_count",),
    )
    hard_workers: int = setting(
        Kind.COUNT,
        Scope.SERVICE,
        "How many hard jobs run at once, each in a process of its own.",
        count_cpus(),
        shown="the number of CPUs",
        least=1,
    )
    threads: int = setting(
        Kind.COUNT, Scope.SERVICE, 'How many jobs of `execution="thread"` run at once.', 32, least=1
    )
    coroutines: int = setting(
        Kind.COUNT, Scope.SERVICE, "How many `async def` jobs run at once.", 1000, least=1
    )
    preload: tuple[str, ...] = setting(
        Kind.NAMES,
        Scope.SERVICE,
        "Modules that are imported before the first job, once for all workers.",
        (),
        shown="none",
    )
    imports: tuple[str, ...] = setting(
        Kind.NAMES,
        Scope.SERVICE,
        "Modules, packages and functions whose functions may be called by their paths.",
        (),
        shown="none",
    )
    accept_code: bool = setting(
        Kind.FLAG,
        Scope.SERVICE,
        "Whether jobs may bring their own code. Without it no pickle is opened, from anyone.",
        True,
    )
    allow_commands: bool = setting(
        Kind.FLAG, Scope.SERVICE, "Whether jobs may be commands, and functions of files.", False
    )
    allow_code: bool = setting(
        Kind.FLAG, Scope.SERVICE, "Whether they may be texts of code.", False
    )
    recycle_jobs: int | None = setting(
        Kind.COUNT, Scope.SERVICE, "A worker is replaced after so many jobs.", none="never", least=1
    )
    recycle_memory: int | None = setting(
        Kind.SIZE,
        Scope.SERVICE,
        "A worker that has grown to this size is replaced after its job.",
        none="never",
        least=1,
    )
    result_limit: int = setting(
        Kind.SIZE, Scope.SERVICE, "The largest result of a job.", 8 << 20, least=1024
    )
    output_limit: int = setting(
        Kind.SIZE, Scope.SERVICE, "How much is kept of what a job prints and logs.", 64 << 10
    )
    echo: bool | None = setting(
        Kind.FLAG,
        Scope.SERVICE,
        "Whether the service also shows what jobs print.",
        none="in a terminal only",
    )
    stop_grace: float = setting(
        Kind.DURATION,
        Scope.SERVICE,
        "How long a service that stops waits for the jobs that run.",
        30.0,
    )
    worker_id: str | None = setting(
        Kind.TEXT, Scope.WORKER, "How its jobs show a worker.", none="`worker-` and a new UUID"
    )
    polling_interval: float = setting(
        Kind.DURATION, Scope.WORKER, "How often a worker tries to serve its file.", 5.0, least=0.01
    )

    restarting: str = setting(
        Kind.TEXT,
        Scope.SERVICE,
        "How a service begins anew that a client restarts: its command line in the place of its "
        "process, as a child, as a child in a session of its own; or `start()` once more.",
        "replace",
        choices=("replace", "relaunch", "fresh", "recall"),
    )

    # -- how a service is watched ----------------------------------------------------------------

    watchdog_interval: float = setting(
        Kind.DURATION,
        Scope.SERVICE,
        "How often the service asks the broker whether its queues are still read.",
        30.0,
        least=1,
    )
    health_file: str | None = setting(
        Kind.TEXT,
        Scope.SERVICE,
        "Where the service writes that it is alive, for `sgx service health`.",
        none="beside an SQLite database; nowhere for another",
    )
    log_level: str = setting(
        Kind.TEXT,
        Scope.SERVICE,
        "What is logged: this and everything graver.",
        "info",
        choices=("debug", "info", "warning", "error"),
    )
    log_format: str = setting(
        Kind.TEXT, Scope.SERVICE, "How lines of the log look.", "text", choices=("text", "json")
    )

    _origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def broker_url(self) -> str:
        """The broker, also where nobody named one. It may hold a password."""
        return self.broker or DEFAULT_BROKER

    def origin(self, name: str) -> str:
        """Where the value of a setting came from, in words."""
        return self._origins.get(name, NOT_SAID)

    def replace(self, **given: object) -> Self:
        """These settings with others in the place of some, read and checked like keywords."""
        values = {name: getattr(self, name) for name in SETTINGS}
        layer = said_layer(given, SETTINGS, "the keyword {}".format)
        new, origins = read_first([layer], SETTINGS)
        if self.origin("broker") == _OF_PARTS:
            values["broker"] = None
        origins = {**self._origins, **origins}
        return _whole(type(self)(**{**values, **new}, _origins=origins))

    def __repr__(self) -> str:
        shown = (f"{name}={SETTINGS[name].format(getattr(self, name))}" for name in self._origins)
        return f"Settings({', '.join(shown)})"


SETTINGS: Mapping[str, Setting] = {
    row.name: Setting(row.name, **row.metadata) for row in fields(Settings) if row.metadata
}


def load_settings(
    file: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    env_file: str | os.PathLike[str] | None = None,
    **given: object,
) -> Settings:
    """All settings, each from the first place that has it.

    file: TOML; None for what SCHEDULERGODX_CONFIG names, or ./schedulergodx.toml if it is there
    environ: None for that of this process
    env_file: None for what SCHEDULERGODX_ENV_FILE names, or ./.env if it is there
    given: keywords. None counts as not given, except where None is a value other than the default
        (`task_lifetime=None` is no limit)

    Raises: ConfigError, which names the place of what is wrong
    """
    said = said_layer(given, SETTINGS, "the keyword {}".format)
    return _make(Settings, [said, *found_layers(SETTINGS, file, environ, env_file)])


def load_flags(
    flags: Mapping[str, object],
    file: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The same for a command line, with `flags` by the names of their settings."""
    said = said_layer(flags, SETTINGS, lambda name: SETTINGS[name].flag)
    return _make(Settings, [said, *found_layers(SETTINGS, file, environ, None)])


_OF_PARTS = "broker_address, broker_user and broker_password"
_S = TypeVar("_S", bound=Settings)


def _make(kind: type[_S], layers: Iterable[Layer]) -> _S:
    values, origins = read_first(layers, SETTINGS)
    return _whole(kind(**values, _origins=origins))


def _whole(settings: _S) -> _S:
    """With the broker's URL, where its parts were given. Raises: ConfigError if some were not"""
    if settings.broker or not has_parts(settings):
        return settings
    origins = {**settings._origins, "broker": _OF_PARTS}
    return dataclasses.replace(settings, broker=compose_url(settings), _origins=origins)
