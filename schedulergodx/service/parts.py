"""The parts of a service that are made from its settings, and what of these can't be."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from schedulergodx.core.allow_list import AllowList
from schedulergodx.core.kinds import allowed_kinds
from schedulergodx.core.names import check_queue
from schedulergodx.core.registry import registry
from schedulergodx.core.runs import NEWEST_RUN_NOTE, name_note, name_text
from schedulergodx.errors import ConfigError
from schedulergodx.executors import ExecutorSettings, ProcessExecutor
from schedulergodx.executors.functions import pack_functions
from schedulergodx.service.retention import retention_of

if TYPE_CHECKING:
    from schedulergodx.config import Settings
    from schedulergodx.executors.base import Executor
    from schedulergodx.storage.base import Store

_NEVER = 1 << 62  # jobs, or bytes


def check_settings(settings: Settings) -> None:
    """Raises: ConfigError for what can't be served"""
    _check_queues(settings)
    _check_imports(settings)


def make_executor(settings: Settings, store: Store) -> Executor:
    """What runs jobs, and knows the functions that are registered in this process by now.

    Raises: ConfigError, ShipError for a function that can't be taken to the workers
    """
    store.begin()
    run = begin_run(store)
    store.commit()
    return executor_of(settings, store, run=run, directory=beside(store, "workers"))


def begin_run(store: Store, name: str = "", after: int = 0) -> int:
    """Inside a transaction: the number of a new run.

    name: of whoever lends the places; "" for the service itself
    after: another one that was begun, and may not be in the store
    """
    run = max(after, int(store.get_note(NEWEST_RUN_NOTE) or "0")) + 1
    store.set_note(NEWEST_RUN_NOTE, str(run))
    if name:
        store.set_note(name_note(run), name_text(run, name))
    return run


def executor_of(settings: Settings, store: Store, *, run: int, directory: Path) -> Executor:
    """What runs the jobs of one run. Raises: ConfigError, ShipError"""
    return ProcessExecutor(
        ExecutorSettings(
            directory=directory,
            store=store.uid,
            run=run,
            workers=settings.workers,
            hard=settings.hard_workers,
            threads=settings.threads,
            coroutines=settings.coroutines,
            result_limit=settings.result_limit,
            output_limit=settings.output_limit,
            preload=settings.preload,
            imports=settings.imports,
            functions=pack_functions(registry.functions, accept_code=settings.accept_code),
            accept_code=settings.accept_code,
            kinds=allowed_kinds(settings),
            prefix=settings.prefix,
            echo=bool(settings.echo),
            recycle_jobs=settings.recycle_jobs or _NEVER,
            recycle_memory=settings.recycle_memory or _NEVER,
        )
    )


def _check_queues(settings: Settings) -> None:
    for queue in (*settings.queues, *settings.queue_limits):
        try:
            check_queue(queue)
        except ValueError as error:
            raise ConfigError(f"queue {queue!r} can't be served: {error}") from None
    for setting, queues in (
        ("queue_limits", settings.queue_limits.keys()),
        ("queue_rates", settings.queue_rates.keys()),
        ("retention_queues", retention_of(settings).queues.keys()),
    ):
        unserved = queues - set(settings.queues)
        if unserved:
            raise ConfigError(
                f"{setting} names {', '.join(sorted(unserved))}, which queues does not: "
                "serve it too, or leave it out"
            )


def _check_imports(settings: Settings) -> None:
    try:
        AllowList(settings.imports)
    except ValueError as error:
        raise ConfigError(f"imports can't be used: {error}") from None


def beside(store: Store, what: str) -> Path:
    """A directory of that store's, on the same disk where it has one."""
    if store.path:
        return Path(f"{store.path}.{what}")
    return Path(tempfile.gettempdir()) / f"schedulergodx-{store.uid}.{what}"
