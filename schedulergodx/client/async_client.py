"""The client for programs on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, ParamSpec, Self, TypeVar, Unpack, overload

from schedulergodx.client.async_batching import AsyncBatching
from schedulergodx.client.async_by_hand import AsyncByHand
from schedulergodx.client.async_by_name import AsyncByName
from schedulergodx.client.async_job import AsyncJob
from schedulergodx.client.async_operating import AsyncOperating
from schedulergodx.client.async_scheduling import AsyncScheduling
from schedulergodx.client.async_task import AsyncCoroutineTask, AsyncTask, AsyncTaskDecorator
from schedulergodx.client.base import BaseClient
from schedulergodx.client.inside import AsyncOutletLine
from schedulergodx.client.line import CLOSED, Line
from schedulergodx.client.options import RegisterOptions
from schedulergodx.client.parcel import Parcel
from schedulergodx.client.pipeline import AsyncPipeline, current_pipeline
from schedulergodx.client.recipe import Recipe
from schedulergodx.client.session import Session
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
from schedulergodx.errors import BrokerClosed, ConfigError
from schedulergodx.utils.abstractions import AsyncClosing

P = ParamSpec("P")
R = TypeVar("R")


class AsyncClient(
    AsyncByHand, AsyncByName, AsyncScheduling, AsyncOperating, AsyncBatching, AsyncClosing
):
    __doc__ = BaseClient.__doc__

    _kind = "AsyncClient"
    _job_kind = AsyncJob
    _task_kinds = (AsyncTask, AsyncCoroutineTask)
    _open_line: Line | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _closed = False

    # -- its life ---------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect, if it is not connected: to the broker, or inside a job to its worker.

        Raises: BrokerUnavailable; BadSignature, ConfigError if a service reads and refuses us
        """
        await self._line()

    async def close(self) -> None:
        """Wait until what was launched has arrived, and disconnect. See `Client.close`."""
        if context.outlet is not None:
            return
        self._closed = True
        line, self._open_line = self._open_line, None
        if isinstance(line, Session) and self._loop is asyncio.get_running_loop():
            await line.close()
            line.abandon(BrokerClosed(CLOSED))
        for job in self._awaited.unsettled():
            job.open()  # whoever waits is told that nothing will come
        self._reader.doubt()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def _line(self) -> Line:
        """The way to the services; it is opened if it is not."""
        loop = asyncio.get_running_loop()
        if self._open_line is not None and self._loop is loop and not self._unannounced:
            return self._open_line
        async with self._opening_on(loop):
            if self._closed:
                raise BrokerClosed(CLOSED)
            if self._open_line is None:
                self._open_line = await self._make_line(loop)
            await self._send_announced(self._open_line)
            return self._open_line

    def _opening_on(self, loop: asyncio.AbstractEventLoop) -> asyncio.Lock:
        """A lock of the loop that this client is used on."""
        if self._loop is not loop:
            if self._open_line is not None and self._loop is not None and self._loop.is_running():
                raise ConfigError(
                    "this AsyncClient is connected on another event loop, which runs: "
                    "make one client for each loop"
                )
            self._loop, self._open_line, self._opening = loop, None, asyncio.Lock()
        return self._opening

    async def _make_line(self, loop: asyncio.AbstractEventLoop) -> Line:
        outlet = context.outlet
        if outlet is not None:
            return AsyncOutletLine(outlet, self._names, self._reader, self._sealer_of(outlet))
        from schedulergodx.brokers import make_async_broker

        session = self._session_maker(make_async_broker)(loop.call_soon)
        await session.open()
        return session

    def _part_from_parent(self) -> None:
        super()._part_from_parent()
        self._inherited = self._open_line, self._loop  # kept: they share the parent's sockets
        self._open_line = self._loop = None

    # -- tasks ------------------------------------------------------------------------------------

    @overload  # the narrower one first: the job of an `async def` gives what that returns
    def task(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /, **options: Unpack[RegisterOptions]
    ) -> AsyncCoroutineTask[P, R]: ...

    @overload
    def task(
        self, function: Callable[P, R], /, **options: Unpack[RegisterOptions]
    ) -> AsyncTask[P, R]: ...

    @overload
    def task(self, /, **options: Unpack[RegisterOptions]) -> AsyncTaskDecorator: ...

    def task(self, function: Any = None, /, **options: Any) -> Any:
        """Register a function, as `@client.task` or `@client.task(queue="mail", ...)`.

        options: see `RegisterOptions`

        Raises: TypeError for a name that is no option, ConfigError for a value that can't be used
        """
        return self._register(function, options)

    # -- launching --------------------------------------------------------------------------------

    def pipeline(self, jobs_per_envelope: int | None = None) -> AsyncPipeline:
        """An `async with` block whose launches do not wait one by one; its end confirms all.

        jobs_per_envelope: at the most; 500 if left out
        """
        return AsyncPipeline(self, jobs_per_envelope)

    async def resend(self, job: AsyncJob[Any]) -> None:
        """Send a job again whose launch was not confirmed; see `Client.resend`."""
        line = await self._line()
        parcel, sent = parcel_of(job)
        if not sent:
            line.submit(parcel)
        await self._confirm(parcel)
        forget_parcel(parcel)

    async def _launch(
        self, recipe: Recipe, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> AsyncJob[Any]:
        line = await self._line()
        template, item, job, units = self._prepare(recipe, args, kwargs)
        await self._dispatch(line, template, item, job, units)
        return job  # type: ignore[no-any-return] # it is of `_job_kind`

    async def _dispatch(
        self,
        line: Line,
        template: Template,
        item: JobItem,
        job: AsyncJob[Any],
        units: Mapping[bytes, bytes],
    ) -> None:
        """Send a job, or let the pipeline do it."""
        pipeline = current_pipeline()
        if isinstance(pipeline, AsyncPipeline) and pipeline.takes(self):
            pipeline.add(template, item, job, units)
            await pipeline.make_room()
        else:
            parcel = Parcel(template)
            parcel.add(item, job, units)
            line.submit(parcel)
            await self._confirm(parcel)

    async def _launch_all(
        self, recipe: Recipe, arguments: Iterable[Iterable[Any]]
    ) -> list[AsyncJob[Any]]:
        pipeline = current_pipeline()
        if pipeline is not None and pipeline.takes(self):
            return [await self._launch(recipe, tuple(args), {}) for args in arguments]
        async with self.pipeline():
            return [await self._launch(recipe, tuple(args), {}) for args in arguments]

    async def _confirm(self, parcel: Parcel) -> None:
        timeout = self._confirm_timeout
        if await parcel.wait_async(timeout) and parcel.error is None:
            return
        keep_parcels([parcel])
        raise_all(launch_errors([parcel], timeout))
