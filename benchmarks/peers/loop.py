"""What peers with an asynchronous client share: a loop of their own, and calls in slices."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, ClassVar, TypeVar

from benchmarks.contestant import TIMEOUT, Contestant, Handle
from benchmarks.place import Place

T = TypeVar("T")
_SLICE = 100


class LoopContestant(Contestant):
    """A contestant that gives `launch`, `fetch` and what connects, as coroutines."""

    slice: ClassVar[int] = _SLICE

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    async def connect(self) -> None:
        """Connect the client."""

    async def disconnect(self) -> None:
        """Disconnect it."""

    async def launch(self, function: str, value: Any, due: float | None) -> Handle:
        """Send one job."""
        raise NotImplementedError

    async def fetch(self, handle: Handle, timeout: float, *, alone: bool) -> None:
        """Wait for one result; `alone` if nothing else is waited for."""
        raise NotImplementedError

    def open(self) -> None:
        self._run(self.connect())

    def close(self) -> None:
        self._run(self.disconnect())

    def send(self, function: str, value: Any, due: float | None = None) -> Handle:
        return self._run(self.launch(function, value, due))

    def send_many(
        self, function: str, values: Iterable[Any], dues: Sequence[float] | None = None
    ) -> list[Handle]:
        values = list(values)
        due_at: Sequence[float | None] = dues or [None] * len(values)

        async def launch(place: int) -> Handle:
            return await self.launch(function, values[place], due_at[place])

        return self._run(self._in_slices(launch, range(len(values))))

    def wait(self, handles: Sequence[Handle], timeout: float = TIMEOUT) -> None:
        self._run(self._wait(handles, timeout))

    async def _wait(self, handles: Sequence[Handle], timeout: float) -> None:
        """The last one first, so that the others need little polling."""

        async def fetch(handle: Handle) -> None:
            await self.fetch(handle, timeout, alone=False)

        await self.fetch(handles[-1], timeout, alone=len(handles) == 1)
        await self._in_slices(fetch, handles[:-1])

    async def _in_slices(
        self, make: Callable[[Any], Awaitable[T]], items: Sequence[Any]
    ) -> list[T]:
        done: list[T] = []
        for start in range(0, len(items), self.slice):
            done += await asyncio.gather(*map(make, items[start : start + self.slice]))
        return done

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(coroutine)
