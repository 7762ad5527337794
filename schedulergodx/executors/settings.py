"""What an executor of processes can be told. Counts are of jobs at a time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schedulergodx.core.runs import WORKERS_A_RUN
from schedulergodx.errors import ConfigError
from schedulergodx.executors.functions import NO_FUNCTIONS, Functions

if TYPE_CHECKING:
    from pathlib import Path

_MOST_PLACES = 8000  # of a worker: as many tokens fit into its pipe, and some more


def _cpus() -> int:
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """How jobs are run.

    directory: for marks and a lock, beside the database; made if it is missing
    store: uid of the store
    run: how many times services have started on it; worker numbers of a run are its own
    workers: pooled worker processes
    hard: hard jobs at a time
    threads: places of the worker process whose jobs are threads
    loops: worker processes whose jobs are coroutines
    coroutines: places of each of those
    grace: seconds that a thread or a coroutine has to end once it was told to
    result_limit: bytes of a pickled value or exception
    output_limit: bytes that are kept of what a job prints: the first half and the last
    preload: modules that are imported before workers are forked
    echo: whether what jobs print is also shown where the service prints
    recycle_jobs: after how many jobs a worker is replaced
    recycle_memory: at how many resident bytes
    imports: what jobs may call by a path, see `core.allow_list`
    functions: what jobs may call by a name
    accept_code: whether workers open code and arguments that were pickled
    kinds: tags of what jobs may run beside functions, see `core.kinds`
    prefix: before the names of queues, for clients inside of jobs
    """

    directory: Path
    store: str
    run: int
    workers: int = 0  # as many as there are CPUs
    hard: int = 0  # as many as there are CPUs
    threads: int = 64
    loops: int = 1
    coroutines: int = 1000
    grace: float = 2.0
    result_limit: int = 8 << 20
    output_limit: int = 64 << 10
    preload: tuple[str, ...] = ()
    echo: bool = False
    recycle_jobs: int = 100_000
    recycle_memory: int = 1 << 30
    imports: tuple[str, ...] = ()
    functions: Functions = NO_FUNCTIONS
    accept_code: bool = True
    kinds: tuple[str, ...] = ()
    prefix: str = ""

    def __post_init__(self) -> None:
        for name in ("threads", "coroutines"):
            if not 0 < getattr(self, name) <= _MOST_PLACES:
                raise ConfigError(f"{name} must be 1 to {_MOST_PLACES}, not {getattr(self, name)}")
        for name in ("workers", "hard"):
            object.__setattr__(self, name, getattr(self, name) or _cpus())

    @property
    def first_worker(self) -> int:
        """The number of the first worker of this run."""
        return self.run * WORKERS_A_RUN
