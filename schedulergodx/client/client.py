"""The client for programs with threads, or with nothing of the kind."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar, Unpack, overload

from schedulergodx.client.aliases import Aliases
from schedulergodx.client.base import BaseClient
from schedulergodx.client.batching import Batching
from schedulergodx.client.by_hand import ByHand
from schedulergodx.client.by_name import ByName
from schedulergodx.client.inside import OutletLine
from schedulergodx.client.job import Job
from schedulergodx.client.line import CLOSED, Line, ThreadLine
from schedulergodx.client.operating import Operating
from schedulergodx.client.options import RegisterOptions
from schedulergodx.client.parcel import Parcel
from schedulergodx.client.pipeline import Pipeline, current_pipeline
from schedulergodx.client.recipe import Recipe
from schedulergodx.client.scheduling import Scheduling
from schedulergodx.client.task import CoroutineTask, Task, TaskDecorator
from schedulergodx.client.template import Template
from schedulergodx.client.unconfirmed import (
    forget_parcel,
    keep_parcels,
    launch_errors,
    parcel_of,
    raise_all,
)
from schedulergodx.core import context
from schedulergodx.core.message import JobItem
from schedulergodx.errors import BrokerClosed
from schedulergodx.utils.abstractions import Closing

P = ParamSpec("P")
R = TypeVar("R")


class Client(ByHand, ByName, Scheduling, Operating, Batching, Aliases, Closing):
    __doc__ = BaseClient.__doc__

    _kind = "Client"
    _job_kind = Job
    _task_kinds = (Task, CoroutineTask)
    _open_line: Line | None = None
    _closed = False

    # -- its life ---------------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect, if it is not connected: to the broker, or inside a job to its worker.

        Raises: BrokerUnavailable; BadSignature, ConfigError if a service reads and refuses us
        """
        self._line()

    def close(self) -> None:
        """Wait until what was launched has arrived, and disconnect.

        Jobs go on, and other processes of this client can have their outcomes. Inside a job it does
        nothing: the connection is the worker's.
        """
        if context.outlet is not None:
            return
        self._closed = True
        line, self._open_line = self._open_line, None
        if isinstance(line, ThreadLine):
            line.close()
        for job in self._awaited.unsettled():
            job.open()  # whoever waits is told that nothing will come
        self._reader.doubt()

    def _begin(self, connect: bool) -> None:
        if connect and not context.preparing:
            self._line()

    def _set_up(self, *given: Any) -> None:
        super()._set_up(*given)
        self._opening = threading.RLock()

    def _part_from_parent(self) -> None:
        super()._part_from_parent()
        self._opening = threading.RLock()
        self._open_line = None

    def _line(self) -> Line:
        line = self._open_line
        if line is not None and line.alive:
            return line
        with self._opening:
            if self._closed:
                raise BrokerClosed(CLOSED)
            if self._open_line is None or not self._open_line.alive:
                self._open_line = self._make_line()
            return self._open_line

    async def _line_async(self) -> Line:
        line = self._open_line
        return line if line is not None and line.alive else await super()._line_async()

    def _make_line(self) -> Line:
        outlet = context.outlet
        if outlet is not None:
            return OutletLine(outlet, self._names, self._reader, self._sealer_of(outlet))
        from schedulergodx.brokers import make_broker

        line = ThreadLine(self._session_maker(make_broker), self.name)
        line.open()
        weakref.finalize(self, line.end).atexit = False
        return line

    # -- tasks ------------------------------------------------------------------------------------

    @overload  # the narrower one first: the job of an `async def` gives what that returns
    def task(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /, **options: Unpack[RegisterOptions]
    ) -> CoroutineTask[P, R]: ...

    @overload
    def task(
        self, function: Callable[P, R], /, **options: Unpack[RegisterOptions]
    ) -> Task[P, R]: ...

    @overload
    def task(self, /, **options: Unpack[RegisterOptions]) -> TaskDecorator: ...

    def task(self, function: Any = None, /, **options: Any) -> Any:
        """Register a function, as `@client.task` or `@client.task(queue="mail", ...)`.

        options: see `RegisterOptions`

        Raises: TypeError for a name that is no option, ConfigError for a value that can't be used
        """
        return self._register(function, options)

    # -- launching --------------------------------------------------------------------------------

    def pipeline(self, jobs_per_envelope: int | None = None) -> Pipeline:
        """A `with` block whose launches do not wait one by one; its end confirms all.

        jobs_per_envelope: at the most; 500 if left out
        """
        return Pipeline(self, jobs_per_envelope)

    def resend(self, job: Job[Any]) -> None:
        """Send a job again whose launch was not confirmed; under its uid, so never a second job.

        Raises: LaunchUnconfirmed, UnknownQueue; ConfigError for a job that was confirmed
        """
        line = self._line()
        parcel, sent = parcel_of(job)
        if not sent:
            line.submit(parcel)
        self._confirm(parcel)
        forget_parcel(parcel)

    def _launch(self, recipe: Recipe, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Job[Any]:
        line = self._line()
        template, item, job, units = self._prepare(recipe, args, kwargs)
        self._dispatch(line, template, item, job, units)
        return job  # type: ignore[no-any-return] # it is of `_job_kind`

    def _dispatch(
        self,
        line: Line,
        template: Template,
        item: JobItem,
        job: Job[Any],
        units: Mapping[bytes, bytes],
    ) -> None:
        """Send a job, or let the pipeline do it."""
        pipeline = current_pipeline()
        if isinstance(pipeline, Pipeline) and pipeline.takes(self):
            pipeline.add(template, item, job, units)
            pipeline.make_room()
        else:
            parcel = Parcel(template)
            parcel.add(item, job, units)
            line.submit(parcel)
            self._confirm(parcel)

    def _launch_all(self, recipe: Recipe, arguments: Iterable[Iterable[Any]]) -> list[Job[Any]]:
        pipeline = current_pipeline()
        if pipeline is not None and pipeline.takes(self):
            return [self._launch(recipe, tuple(args), {}) for args in arguments]
        with self.pipeline():
            return [self._launch(recipe, tuple(args), {}) for args in arguments]

    def _confirm(self, parcel: Parcel) -> None:
        """Wait until the broker has it. Raises: LaunchUnconfirmed, UnknownQueue, LaunchError"""
        timeout = self._confirm_timeout
        if parcel.wait(timeout) and parcel.error is None:
            return
        keep_parcels([parcel])
        raise_all(launch_errors([parcel], timeout))
