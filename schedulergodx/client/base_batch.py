"""A batch as its client sees it; what both clients share of it. Nothing here waits or sends."""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import msgspec

from schedulergodx.client.parcel import Parcel
from schedulergodx.core.batch import AskCloseBatch
from schedulergodx.core.job import Status
from schedulergodx.core.view import BatchState, BatchView
from schedulergodx.errors import (
    BatchExists,
    ConfigError,
    LaunchError,
    NoAnswer,
    ResultTimeout,
    SchedulerGodXError,
    UnknownBatch,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schedulergodx.client.base import BaseClient
    from schedulergodx.client.base_job import BaseJob
    from schedulergodx.client.recipe import Recipe
    from schedulergodx.client.watching import Vigil
    from schedulergodx.core.message import BatchRef

_guard = threading.RLock()  # around the jobs of batches, never held for longer than a step


def _after_fork() -> None:
    global _guard
    _guard = threading.RLock()  # the thread that held it may not be here


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class BaseBatch:
    """A named group of jobs.

    ref: what its jobs say of it
    queue: that of its first launch here, where it is asked about; "" for every store
    is_new: whether no service knows of it before the first launch here
    last: how it stood when that was told last; None before
    """

    def __init__(
        self,
        client: BaseClient,
        ref: BatchRef,
        queue: str = "",
        *,
        is_new: bool = False,
        view: BatchView | None = None,
    ) -> None:
        self._client: Any = client
        self.ref = ref
        self.queue = queue
        self.last = view
        self._id = ref.uid.hex()
        self._is_new = is_new
        self._launched = 0 if view is None else view.jobs
        self._closed = view is not None and view.state is not BatchState.OPEN
        self._held: weakref.WeakSet[BaseJob[Any]] = weakref.WeakSet()
        self._callback: Parcel | None = None

    @property
    def name(self) -> str:
        """As its client calls it."""
        return self.ref.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} of {self._client!r}>"

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Any, ...]]:
        from schedulergodx.client.references import rebuild_batch

        return rebuild_batch, (self._client, self.ref, self.queue)

    # -- its jobs ---------------------------------------------------------------------------------

    def take(self, job: BaseJob[Any]) -> None:
        """A job is launched into it. Raises: ConfigError if it is closed here"""
        with _guard:
            if self._closed:
                raise self._too_late()
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

    @property
    def _is_empty(self) -> bool:
        """Whether no service can know of it."""
        return self._is_new and self._launched == 0

    def _begin_again(self) -> list[bytes]:
        """Jobs of it were requeued: those that this process holds wait for another outcome."""
        with _guard:
            held = list(self._held)
        again = [
            job for job in held if job.is_open and job._final_status not in (None, Status.COMPLETED)
        ]
        for job in again:
            job._begin_again()
        return [job.uid for job in again]

    # -- its end ----------------------------------------------------------------------------------

    def _then(self, recipe: Recipe, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The job that runs at the end. Raises: ConfigError, ShipError, TooLarge"""
        if self._closed:
            raise self._too_late()
        if self._callback is not None:
            raise ConfigError(f"batch {self.name!r} has a job that runs at its end already")
        if recipe.options.batch is not None:
            raise ConfigError("the job that runs at the end of a batch is in no batch itself")
        template, item, job, units = self._client._prepare(recipe, args, kwargs)
        self._callback = Parcel(template)
        self._callback.add(item, job, units)
        with _guard:
            self._held.add(job)
        return job

    def _close(self) -> AskCloseBatch:
        """No launch here joins it any more; what tells its service so."""
        with _guard:
            self._closed = True
        body = None if self._callback is None else self._callback.task_body()
        return AskCloseBatch(
            self._id, self._launched, None if body is None else msgspec.msgpack.encode(body)
        )

    def _give_up_callback(self, error: BaseException) -> None:
        """The block of it has failed, or its close: its last job will not run."""
        callback, self._callback = self._callback, None
        if callback is not None:
            text = f"what runs at the end of batch {self.name!r} was not launched: {error}"
            lost = LaunchError(text, callback.jobs)
            lost.__cause__ = error
            callback.settle(lost)

    def _judge(self, trouble: SchedulerGodXError, error: BaseException | None) -> None:
        """Its block has ended, and it could not be closed as it should."""
        if isinstance(trouble, NoAnswer) and trouble.sent:
            return  # it waits with the broker, as its jobs do
        if error is None:
            raise trouble
        error.add_note(f"{type(trouble).__name__}: {trouble}")

    # -- what is told of it -----------------------------------------------------------------------

    def _keep(self, view: BatchView) -> BatchView:
        self.last = view
        return view

    def _news(self, vigil: Vigil, view: BatchView | None) -> Iterator[BatchView]:
        """What was told, if that is new."""
        if view is not None and vigil.takes(view):
            yield self._keep(view)

    def _nothing(self) -> BatchView:
        """A batch that nothing was launched into."""
        state = BatchState.CLOSED if self._closed else BatchState.OPEN
        uid, name = self.ref.uid, self.ref.name
        return BatchView(uid, name, self._client.name, self.ref.workflow, time.time(), state, {})

    def _is_in_the_way(self, other: BatchView) -> bool:
        """Whether that one keeps this one's name from it."""
        return (
            other.uid != self.ref.uid
            and other.client == self._client._launcher
            and (other.state is BatchState.OPEN or not other.ended)
        )

    def _exists(self) -> BatchExists:
        return BatchExists(
            f"this client has another batch {self.name!r} that is open or has not ended: "
            "client.attach(name) gives that one; close it first, or take another name"
        )

    def _unknown(self) -> UnknownBatch:
        return UnknownBatch(
            f"no service that answered knows batch {self.name!r}: its jobs were refused, as their "
            "results say, or it ended and was removed"
        )

    def _too_late(self) -> ConfigError:
        return ConfigError(f"batch {self.name!r} is closed, and takes no more jobs: make a new one")

    def _late(self, view: BatchView | None, timeout: float | None) -> ResultTimeout:
        left = "was not heard of" if view is None else f"has {view.left} jobs that have not ended"
        return ResultTimeout(
            f"batch {self.name!r} {left} after {timeout or 0:g} s; it goes on, and can be waited "
            "for again"
        )

    def _repr_html_(self) -> str:
        """How it stood when that was told last, for a notebook."""
        from schedulergodx.client.progress import as_html

        return as_html(self.last or self._nothing())
