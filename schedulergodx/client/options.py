"""What can be said about the jobs of a task, and how it is checked.

The table is `TaskOptions`; `Options` is the same in the form that jobs are built from. Options come
in layers, client, task, `set_parameters`, `options(...)`: what a later one says replaces what an
earlier one said.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self, TypedDict

from schedulergodx.client import reading
from schedulergodx.client.policies import FirePolicies
from schedulergodx.client.unique import By, Unique, read_unique
from schedulergodx.core.job import Execution, LimitRule, Limits, RetryRule
from schedulergodx.core.names import DEFAULT_QUEUE
from schedulergodx.errors import ConfigError
from schedulergodx.quantity import parse_rate

if TYPE_CHECKING:
    from typing import Literal

    from schedulergodx.client.base_batch import BaseBatch
    from schedulergodx.client.policies import Conflict, Rule

Duration = float | timedelta | str
Errors = type[BaseException] | Iterable[type[BaseException]]
Modules = str | ModuleType | Iterable[str | ModuleType]


class Unset(Enum):
    """What nobody has said, where None says something."""

    UNSET = "unset"


UNSET = Unset.UNSET


class TaskOptions(TypedDict, total=False):
    """Options of a task, as keywords. Durations are seconds, a `timedelta`, or "10 min".

    name: what the task is called; the function's name where it is left out
    queue: the lane of the jobs; a service must serve it
    priority: higher starts first, equal ones in the order of their arrival
    delay: the job is not to start before so much time has passed
    run_at: or before this instant, a `datetime` with a time zone
    expires: it must have started by then, a duration from the launch on or a `datetime`
    timeout, lifetime: how long an attempt may run; None for no limit, as `timeout="never"`
    task_lifetime: the same, for jobs that are not hard
    hard_task_lifetime: the same, for hard jobs
    hard: run each job in a fresh process of its own
    execution: "process", "fork" (hard), "thread" or "async"; `async def` is async by itself
    max_attempts: how many attempts at the most
    retry_delay: the wait before the second attempt
    retry_backoff: each further wait is this many times the one before; True for 2
    retry_max_delay: a bound on the wait
    retry_jitter: a share of the wait that chance may add or take away, 0 to 1
    retry_on: only these exceptions are followed by another attempt
    give_up_on: these are not
    enable_overdue: whether it runs when it came due while no service did
    memory: bytes or "512 MiB", hard jobs only, as the next three
    cpu_time: a duration
    open_files: how many at once
    output: bytes that it may print; more ends the job
    by_value: modules whose code is shipped with the task
    by_reference: modules that the workers have installed
    unique: no second job with the same arguments: True, names of parameters that count, a function
        of the arguments, or a `Unique` with all that can be said
    idempotency_key: a text; launches of this client with the same one are one job, also of
        different tasks
    idempotency_period: for how long, from the first of them on; a day if left out
    concurrency: how many of its jobs may run at once, in all services of a store
    rate: how many may start in a while, as "10/min"; starts are spread evenly
    limit: a name by which several tasks share one concurrency and one rate
    limit_key: what each has a limit of its own: a parameter's name, or a function of the arguments
    batch: that its jobs belong to, as `client.batch(name)` gives it
    """

    name: str | None
    queue: str
    priority: int
    delay: Duration | None
    run_at: datetime | None
    expires: Duration | datetime | None
    timeout: Duration | None
    lifetime: Duration | None
    task_lifetime: Duration | None
    hard_task_lifetime: Duration | None
    hard: bool
    execution: Literal["process", "fork", "thread", "async"] | Execution | None
    max_attempts: int
    retry_delay: Duration
    retry_backoff: float | bool
    retry_max_delay: Duration
    retry_jitter: float
    retry_on: Errors
    give_up_on: Errors
    enable_overdue: bool
    memory: int | str | None
    cpu_time: Duration | None
    open_files: int | None
    output: int | str | None
    by_value: Modules
    by_reference: Modules
    unique: Unique | By | None
    idempotency_key: str | None
    idempotency_period: Duration
    concurrency: int | None
    rate: str | None
    limit: str | None
    limit_key: str | Callable[..., object] | None
    batch: BaseBatch | None


class RegisterOptions(TaskOptions, FirePolicies, total=False):
    """What `@client.task` takes: all of that, and for a schedule its policies.

    schedule: a rule that makes jobs of the task from now on
    zone: of that rule, an IANA name; UTC if left out
    args, kwargs: of these jobs
    on_conflict: what is done where this program has another schedule of that name
    """

    schedule: Rule | None
    zone: str
    args: Iterable[Any]
    kwargs: Mapping[str, Any] | None
    on_conflict: Conflict | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options that were checked. Durations are seconds, instants are seconds since the epoch.

    lifetime: UNSET where one of the next two holds
    task_execution: where `execution` is not said
    expires: seconds from the launch on
    """

    name: str | None = None
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    delay: float | None = None
    run_at: float | None = None
    expires: float | None = None
    expires_at: float | None = None
    lifetime: float | Unset | None = UNSET
    task_lifetime: float | None = 300.0
    hard_task_lifetime: float | None = 3600.0
    hard: bool = False
    execution: Execution | None = None
    task_execution: Execution = Execution.PROCESS
    max_attempts: int = 1
    retry_delay: float = 0.0
    retry_backoff: float = 1.0
    retry_max_delay: float = 3600.0
    retry_jitter: float = 0.0
    retry_on: tuple[type[BaseException], ...] = ()
    give_up_on: tuple[type[BaseException], ...] = ()
    enable_overdue: bool = True
    memory: int | None = None
    cpu_time: float | None = None
    open_files: int | None = None
    output: int | None = None
    by_value: tuple[str, ...] = ()
    by_reference: tuple[str, ...] = ()
    unique: Unique | None = None
    idempotency_key: str | None = None
    idempotency_period: float = 86400.0
    concurrency: int | None = None
    rate: tuple[int, float] | None = None
    limit: str | None = None
    limit_key: str | Callable[..., object] | None = None
    batch: BaseBatch | None = None

    def changed(self, said: Mapping[str, Any]) -> Self:
        """These options with others in their place.

        Raises: TypeError for a name that is no option, ConfigError for a value that can't be used
        """
        if not said:
            return self
        read = {name: _read(name, value) for name, value in said.items()}
        result = replace(self, **_settle(read))
        result._check()
        return result

    @property
    def is_hard(self) -> bool:
        """Whether each job has a process of its own."""
        return self.hard or self.execution is Execution.FORK

    @property
    def effective_lifetime(self) -> float | None:
        """How long an attempt may run, in seconds; None for no limit."""
        if not isinstance(self.lifetime, Unset):
            return self.lifetime
        return self.hard_task_lifetime if self.is_hard else self.task_lifetime

    @property
    def retry(self) -> RetryRule:
        """When a failed attempt is followed by another."""
        return RetryRule(
            self.max_attempts,
            self.retry_delay,
            self.retry_backoff,
            self.retry_max_delay,
            self.retry_jitter,
        )

    @property
    def limits(self) -> Limits | None:
        """What a hard job may use."""
        said = (self.memory, self.cpu_time, self.open_files, self.output)
        return None if said == (None,) * 4 else Limits(*said)

    def limit_rule(self, task: str) -> LimitRule | None:
        """What the jobs of a task share, with each other or with those of others."""
        if (self.concurrency, self.rate, self.limit) == (None, None, None):
            return None
        starts, seconds = self.rate or (None, 1.0)
        return LimitRule(self.limit or task, self.concurrency, starts, seconds)

    def execution_of(self, *, coroutine: bool) -> Execution:
        """What runs the jobs of a function. Raises: ConfigError if it can't be run that way"""
        if self.is_hard:
            return Execution.FORK
        chosen = self.execution or (Execution.ASYNC if coroutine else self.task_execution)
        if coroutine != (chosen is Execution.ASYNC):
            kind = "an `async def` function" if coroutine else "a function that is no `async def`"
            raise ConfigError(
                f"{kind} can't run with execution={chosen.value!r}: leave `execution` out"
            )
        return chosen

    def _check(self) -> None:
        if self.hard and self.execution not in (None, Execution.FORK):
            raise ConfigError(
                f"hard=True and execution={self.execution.value!r} exclude each other: "
                "a hard job has a process of its own"
            )
        if self.limits is not None and not self.is_hard:
            raise ConfigError(
                "memory, cpu_time, open_files and output limit hard jobs only: add hard=True"
            )
        if self.limit_key is not None and self.limit_rule("") is None:
            raise ConfigError(
                "limit_key says of what each has a limit of its own: add concurrency= or rate="
            )


def _read_batch(value: object) -> BaseBatch:
    from schedulergodx.client.base_batch import BaseBatch  # late: few programs have any

    if not isinstance(value, BaseBatch):
        raise ValueError("it is what client.batch(name) gives")
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "name": reading.read_name,
    "queue": reading.read_queue,
    "priority": reading.read_priority,
    "delay": reading.or_none(reading.read_duration),
    "run_at": reading.or_none(reading.read_instant),
    "expires": reading.or_none(reading.read_expiry),
    "lifetime": reading.or_none(reading.read_lifetime),
    "task_lifetime": reading.or_none(reading.read_lifetime),
    "hard_task_lifetime": reading.or_none(reading.read_lifetime),
    "hard": reading.read_flag,
    "execution": reading.or_none(reading.read_execution),
    "max_attempts": reading.read_count,
    "retry_delay": reading.read_duration,
    "retry_backoff": reading.read_factor,
    "retry_max_delay": reading.read_duration,
    "retry_jitter": reading.read_share,
    "retry_on": reading.read_errors,
    "give_up_on": reading.read_errors,
    "enable_overdue": reading.read_flag,
    "memory": reading.or_none(reading.read_size),
    "cpu_time": reading.or_none(reading.read_lifetime),
    "open_files": reading.or_none(reading.read_count),
    "output": reading.or_none(reading.read_size),
    "by_value": reading.read_modules,
    "by_reference": reading.read_modules,
    "unique": read_unique,
    "idempotency_key": reading.or_none(reading.read_text),
    "idempotency_period": reading.read_lifetime,
    "concurrency": reading.or_none(reading.read_count),
    "rate": reading.or_none(parse_rate),
    "limit": reading.or_none(reading.read_limit),
    "limit_key": reading.or_none(reading.read_key),
    "batch": reading.or_none(_read_batch),
}
_READERS["timeout"] = lambda value: _READERS["lifetime"](None if value == "never" else value)


def _read(name: str, value: object) -> Any:
    reader = _READERS.get(name)
    if reader is None:
        near = difflib.get_close_matches(name, _READERS, n=1)
        hint = f"do you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(_READERS))}"
        raise TypeError(f"{name!r} is no option of a task: {hint}")
    try:
        return reader(value)
    except ValueError as error:
        raise ConfigError(f"{name}={value!r:.100} can't be used: {error}") from None


def _settle(read: dict[str, Any]) -> dict[str, Any]:
    """Fields of `Options`, from options that share one or exclude each other."""
    _exclude(read, "timeout", "lifetime")
    _exclude(read, "delay", "run_at")
    _exclude(read, "unique", "idempotency_key")
    if read.get("unique") or read.get("idempotency_key"):  # a job has one key
        read = {"unique": None, "idempotency_key": None, **read}
    if "timeout" in read:
        read["lifetime"] = read.pop("timeout")
    if "lifetime" not in read and ("task_lifetime" in read or "hard_task_lifetime" in read):
        read["lifetime"] = UNSET
    if "delay" in read or "run_at" in read:
        read = {"delay": None, "run_at": None, **read}
    if "expires" in read:
        read["expires"], read["expires_at"] = read["expires"] or (None, None)
    return read


def _exclude(read: Mapping[str, object], one: str, other: str) -> None:
    if read.get(one) is not None and read.get(other) is not None:
        raise ConfigError(f"{one} and {other} exclude each other: give one of them")
