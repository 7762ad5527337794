"""Making sure that nothing of a service before, or of a lost fork server, still runs.

A fork server and its workers hold a shared lock on a file while they live, and all that descends
from them carries a variable in its environment that names the store.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from schedulergodx.errors import ServiceError
from schedulergodx.executors import tree

if TYPE_CHECKING:
    from schedulergodx.executors.settings import ExecutorSettings

LOCK = "workers.lock"
_PATIENCE = 10.0  # seconds for the kernel to end what was killed
_GRACE = 1.0  # seconds for an orphaned fork server to end its workers, which it does best
_PAUSE = 0.005

logger = logging.getLogger(__name__)


def marker(settings: ExecutorSettings) -> tuple[str, str]:
    """The variable in the environment of all workers, and its value."""
    return "SGX_WORKER_OF", f"{settings.store} {settings.directory.absolute()}"


async def end_stragglers(settings: ExecutorSettings) -> int:
    """Return when no worker of this directory lives, nor what one started; how many were ended.

    Raises: ServiceError if one can't be ended
    """
    settings.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    variable = "=".join(marker(settings)).encode()
    ended: set[int] = set()
    begin = time.monotonic()
    while True:
        unlocked, found = _is_unlocked(settings), _others(variable)
        if unlocked and not found:
            break
        if unlocked or time.monotonic() > begin + _GRACE:
            _kill(found)
            ended |= found
        if time.monotonic() > begin + _PATIENCE:
            raise ServiceError(
                f"workers of the service before can't be ended (pids {sorted(found)}): end them, "
                "then start again; until then its jobs may still run"
            )
        await asyncio.sleep(_PAUSE)
    if ended:
        logger.warning("ended %d processes that a service before had left", len(ended))
    return len(ended)


def _others(variable: bytes) -> set[int]:
    """Marked processes, but for this one and those that it descends from."""
    return set(tree.marked_with(variable)) - tree.ancestors(os.getpid())


def _kill(pids: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _is_unlocked(settings: ExecutorSettings) -> bool:
    with (settings.directory / LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
