"""A batch as its client sees it; what both clients share of it. Nothing here waits or sends."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

from schedulergodx.core.batch import LONGEST_NAME
from schedulergodx.core.limit import is_name
from schedulergodx.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schedulergodx.client.base import BaseClient
    from schedulergodx.client.base_job import BaseJob
    from schedulergodx.core.message import BatchRef

_guard = threading.Lock()  # around the jobs of batches, never held for longer than a step


def _after_fork() -> None:
    global _guard
    _guard = threading.Lock()  # the thread that held it may not be here


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class BaseBatch:
    """A named group of jobs.

    ref: what its jobs say of it
    queue: that of its first launch here, where it is asked about; "" for every store
    """

    def __init__(self, client: BaseClient, ref: BatchRef, queue: str = "") -> None:
        self._client: Any = client
        self.ref = ref
        self.queue = queue
        self._launched = 0
        self._closed = False
        self._held: weakref.WeakSet[BaseJob[Any]] = weakref.WeakSet()

    @property
    def name(self) -> str:
        """As its client calls it."""
        return self.ref.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} of {self._client!r}>"

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Any, ...]]:
        from schedulergodx.client.references import rebuild_batch

        return rebuild_batch, (self._client, self.ref, self.queue)

    def take(self, job: BaseJob[Any]) -> None:
        """A job is launched into it. Raises: ConfigError if it is closed here"""
        with _guard:
            if self._closed:
                raise ConfigError(
                    f"batch {self.name!r} is closed, and takes no more jobs: make a new one"
                )
            self._launched += 1
            self._held.add(job)
            self.queue = self.queue or job.queue

    def lose(self, jobs: Sequence[BaseJob[Any]]) -> None:
        """Jobs of it did not arrive: they are not to be waited for."""
        with _guard:
            self._launched -= len(jobs)

    def regain(self, jobs: Sequence[BaseJob[Any]]) -> None:
        """They are sent again."""
        with _guard:
            self._launched += len(jobs)


def read_batch(value: object) -> BaseBatch:
    """The option `batch` of a task."""
    if not isinstance(value, BaseBatch):
        raise ValueError("it is what client.batch(name) gives")
    return value


def check_name(name: object) -> str:
    """The name of a batch. Raises: ConfigError"""
    if isinstance(name, str) and is_name(name, LONGEST_NAME):
        return name
    said = f"a text of {len(name)}" if isinstance(name, str) else f"a {type(name).__name__}"
    raise ConfigError(
        f"the name of a batch is a text of 1 to {LONGEST_NAME} printable characters, not {said}"
    )
