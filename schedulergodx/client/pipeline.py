"""Many launches, confirmed together at the end.

    with client.pipeline():
        jobs = [work.launch(n) for n in range(10_000)]

Launches of one task and one set of options share envelopes. A pipeline is of the thread, or of the
asyncio task, that opened it: launches elsewhere go their own way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Self

from schedulergodx.client.parcel import JOBS_PER_ENVELOPE, Parcel
from schedulergodx.client.reading import read_count
from schedulergodx.client.unconfirmed import keep_parcels, launch_errors, raise_all
from schedulergodx.core.envelope import ENVELOPE_BYTES
from schedulergodx.core.message import JobItem
from schedulergodx.errors import ConfigError, LaunchError

if TYPE_CHECKING:
    from schedulergodx.client.async_client import AsyncClient
    from schedulergodx.client.base import BaseClient
    from schedulergodx.client.base_job import BaseJob
    from schedulergodx.client.client import Client
    from schedulergodx.client.line import Line
    from schedulergodx.client.template import Template

_CROWD = 32 << 20  # bytes that may be unconfirmed; a launch beyond them waits for the broker


class BasePipeline:
    """Gathers launches of a client; `client.pipeline()` makes one."""

    def __init__(self, client: BaseClient, jobs_per_envelope: int | None) -> None:
        self._client = client
        self._bound = _read_bound(jobs_per_envelope)
        self._line: Line | None = None
        self._filling: dict[int, Parcel] = {}
        self._sent: deque[Parcel] = deque()
        self._size = 0
        self._lost: list[Parcel] = []
        self._patience = 0.0
        self._token: Token[BasePipeline | None] | None = None

    def add(
        self, template: Template, item: JobItem, job: BaseJob[Any], units: Mapping[bytes, bytes]
    ) -> None:
        """Take a launch. Its envelope goes out when it is full."""
        filling = self._filling
        parcel = filling.get(id(template))
        if parcel is not None and parcel.size + len(item.arguments) > ENVELOPE_BYTES:
            self._send(filling.pop(id(template)))
            parcel = None
        if parcel is None:
            parcel = filling[id(template)] = Parcel(template)
        parcel.add(item, job, units)
        if parcel.is_full(self._bound):
            self._send(filling.pop(id(template)))

    def takes(self, client: BaseClient) -> bool:
        """Whether launches of that client go into this pipeline."""
        return self._client is client and self._token is not None

    def flush(self) -> None:
        """Send what is gathered, full or not."""
        parcels, self._filling = list(self._filling.values()), {}
        for parcel in parcels:
            self._send(parcel)

    def _enter(self, line: Line, patience: float) -> None:
        if self._token is not None:
            raise ConfigError("this pipeline is open already: make another with client.pipeline()")
        self._line = line
        self._patience = patience
        self._token = _current.set(self)

    def _leave(self) -> None:
        """Launch no more, and send what is gathered."""
        if self._token is not None:
            _current.reset(self._token)
            self._token = None
        self.flush()

    def _send(self, parcel: Parcel) -> None:
        assert self._line is not None
        parcel.data = self._line.sealer.seal_parcel(parcel)
        self._sent.append(parcel)
        self._size += parcel.size
        self._line.submit(parcel)

    def _judge(self, parcel: Parcel) -> None:
        """The wait for its confirm is over."""
        self._size -= parcel.size
        if not parcel.is_open:
            self._patience = 0.0  # the broker is away: the others need not be waited for one by one
        if not parcel.is_open or parcel.error is not None:
            self._lost.append(parcel)

    def _give_up_if_away(self) -> None:
        """To take more and more while nothing is confirmed would fill the memory."""
        if self._patience == 0:
            raise_all(self._errors(self._client._confirm_timeout))

    def _errors(self, timeout: float) -> list[LaunchError]:
        lost, self._lost = self._lost, []
        keep_parcels(lost)
        return launch_errors(lost, timeout)


class Pipeline(BasePipeline):
    """A `with` block whose launches are confirmed at its end.

    Raises at its end: LaunchUnconfirmed, UnknownQueue, LaunchError, each with its `jobs`; an
    ExceptionGroup of them if it is more than one
    """

    _client: Client

    def __enter__(self) -> Self:
        self._enter(self._client._line(), self._client._confirm_timeout)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._leave()
        while self._sent:
            self._wait_for_oldest()
        _report(self._errors(self._client._confirm_timeout), error)

    def make_room(self) -> None:
        """Wait until little enough is unconfirmed. Raises: LaunchUnconfirmed and the like"""
        while self._size > _CROWD:
            self._wait_for_oldest()
            self._give_up_if_away()

    def _wait_for_oldest(self) -> None:
        parcel = self._sent.popleft()
        parcel.wait(self._patience)
        self._judge(parcel)


class AsyncPipeline(BasePipeline):
    """An `async with` block whose launches are confirmed at its end. Raises: as `Pipeline`"""

    _client: AsyncClient

    async def __aenter__(self) -> Self:
        self._enter(await self._client._line(), self._client._confirm_timeout)
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._leave()
        while self._sent:
            await self._wait_for_oldest()
        _report(self._errors(self._client._confirm_timeout), error)

    async def make_room(self) -> None:
        """Wait until little enough is unconfirmed. Raises: LaunchUnconfirmed and the like"""
        while self._size > _CROWD:
            await self._wait_for_oldest()
            self._give_up_if_away()

    async def _wait_for_oldest(self) -> None:
        parcel = self._sent.popleft()
        await parcel.wait_async(self._patience)
        self._judge(parcel)


_current: ContextVar[BasePipeline | None] = ContextVar("schedulergodx_pipeline", default=None)
current_pipeline: Callable[[], BasePipeline | None] = _current.get


def _read_bound(jobs_per_envelope: int | None) -> int:
    if jobs_per_envelope is None:
        return JOBS_PER_ENVELOPE
    try:
        return read_count(jobs_per_envelope)
    except ValueError as error:
        raise ConfigError(f"jobs_per_envelope={jobs_per_envelope!r}: {error}") from None


def _report(errors: list[LaunchError], error: BaseException | None) -> None:
    """Raise, unless the block raised itself: then that goes on, and says what was lost."""
    if error is None:
        raise_all(errors)
        return
    for lost in errors:
        error.add_note(f"{type(lost).__name__}: {lost}")
