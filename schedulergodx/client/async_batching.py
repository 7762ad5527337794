"""How an `AsyncClient` makes batches, and finds them again. `Batching` says what each does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schedulergodx.client.async_asking import AsyncAsking
from schedulergodx.client.async_batch import AsyncBatch
from schedulergodx.client.base_batch import BaseBatch
from schedulergodx.client.requests import (
    ANSWER_TIMEOUT,
    SOON,
    batch_filter,
    batch_name,
    newest,
    read_answers,
)
from schedulergodx.core.batch import AskBatch, AskBatches
from schedulergodx.errors import UnknownBatch, UnknownQueue

if TYPE_CHECKING:
    from schedulergodx.client.options import Duration
    from schedulergodx.core.view import BatchFilter, BatchView


class AsyncBatching(AsyncAsking):
    """The part of `AsyncClient` for many jobs under one name."""

    @property
    def _batch_kind(self) -> type[AsyncBatch]:
        return AsyncBatch

    def batch(self, name: str) -> AsyncBatch:
        """A new batch, for an `async with` block."""
        batch: AsyncBatch = self._new_batch(name)
        return batch

    async def attach(self, name: str, *, timeout: Duration = ANSWER_TIMEOUT) -> AsyncBatch:
        """The newest batch of a name, whichever process launched it."""
        batch: AsyncBatch = self._batch_of(await self._ask(AskBatch(batch_name(name)), "", timeout))
        return batch

    async def batches(
        self, which: BatchFilter | None = None, *, timeout: Duration = ANSWER_TIMEOUT, **fields: Any
    ) -> list[BatchView]:
        """Batches of all clients, newest first, where all that is given holds."""
        which = batch_filter(which, fields)
        question = await self._put(AskBatches(which), "", timeout, every=True)
        return newest(read_answers(question), which.limit)

    async def _check_free(self, batch: BaseBatch, *, timeout: Duration = SOON) -> None:
        """Raises: BatchExists, NoAnswer"""
        queue = batch.queue or self._options.queue
        try:
            other = await self._ask(AskBatch(batch.name), queue, timeout)
        except (UnknownBatch, UnknownQueue):
            return
        if batch._is_in_the_way(other):
            raise batch._exists()
