"""How a `Client` makes batches, and finds them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schedulergodx.client.asking import Asking
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
    from schedulergodx.client.base_batch import BaseBatch
    from schedulergodx.client.batch import Batch
    from schedulergodx.client.options import Duration
    from schedulergodx.core.view import BatchFilter, BatchView


class Batching(Asking):
    """The part of `Client` for many jobs under one name."""

    @property
    def _batch_kind(self) -> type[Batch]:
        from schedulergodx.client.batch import Batch  # late: few programs have any

        return Batch

    def batch(self, name: str) -> Batch:
        """A new batch, for a `with` block; its jobs are launched with `options(batch=...)`.

        name: 1 to 200 characters; free again when a batch of it is closed and has ended

        Raises: ConfigError
        """
        batch: Batch = self._new_batch(name)
        return batch

    def attach(self, name: str, *, timeout: Duration = ANSWER_TIMEOUT) -> Batch:
        """The newest batch of a name, whichever process launched it.

        name: or its uid, as a ULID or in hex

        Raises: UnknownBatch if no service knows one, NoAnswer
        """
        batch: Batch = self._batch_of(self._ask(AskBatch(batch_name(name)), "", timeout))
        return batch

    def batches(
        self, which: BatchFilter | None = None, *, timeout: Duration = ANSWER_TIMEOUT, **fields: Any
    ) -> list[BatchView]:
        """Batches of all clients, newest first, where all that is given holds.

        fields: those of `BatchFilter`, as `active=True, client="shop", limit=10`

        Raises: NoAnswer; ConfigError for a field that is none
        """
        which = batch_filter(which, fields)
        question = self._put(AskBatches(which), "", timeout, every=True)
        return newest(read_answers(question), which.limit)

    def _check_free(self, batch: BaseBatch, *, timeout: Duration = SOON) -> None:
        """Raises: BatchExists, NoAnswer"""
        queue = batch.queue or self._options.queue
        try:
            other = self._ask(AskBatch(batch.name), queue, timeout)
        except (UnknownBatch, UnknownQueue):
            return
        if batch._is_in_the_way(other):
            raise batch._exists()
