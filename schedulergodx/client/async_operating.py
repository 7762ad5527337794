"""What an `AsyncClient` can do for operators. `Operating` says what each method does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from schedulergodx.client.async_asking import AsyncAsking
from schedulergodx.client.requests import ANSWER_TIMEOUT, check_outside, ids_of, read_answers
from schedulergodx.client.session import Session
from schedulergodx.core.request import AskPause, AskQueues

if TYPE_CHECKING:
    from schedulergodx.client.dead_letters import DeadLetters, DeadLetterView
    from schedulergodx.client.options import Duration
    from schedulergodx.core.view import QueueView


class AsyncOperating(AsyncAsking):
    """The part of `AsyncClient` for whoever keeps services running."""

    async def queues(self, *, timeout: Duration = ANSWER_TIMEOUT) -> list[QueueView]:
        """The queues of all services, by their names."""
        answers = read_answers(await self._put(AskQueues(), "", timeout, every=True))
        return sorted((view for views in answers for view in views), key=lambda view: view.name)

    async def pause(self, queue: str, *, timeout: Duration = ANSWER_TIMEOUT) -> bool:
        """Have nothing of a queue started any more, also after a restart; False if it was so."""
        return bool(await self._ask(AskPause(queue, paused=True), queue, timeout))

    async def resume(self, queue: str, *, timeout: Duration = ANSWER_TIMEOUT) -> bool:
        """Go on with a queue that was paused; False if it was not."""
        return bool(await self._ask(AskPause(queue, paused=False), queue, timeout))

    async def dead_letters(self, limit: int = 1000) -> list[DeadLetterView]:
        """Messages that no service could read, the oldest first."""
        return await (await self._dead_letters()).look(limit)

    async def requeue_dead_letters(self, ids: str | Iterable[str]) -> list[str]:
        """Send dead letters again to where they came from."""
        return await (await self._dead_letters()).requeue(ids_of(ids))

    async def discard_dead_letters(self, ids: str | Iterable[str]) -> list[str]:
        """Throw dead letters away."""
        return await (await self._dead_letters()).discard(ids_of(ids))

    async def _dead_letters(self) -> DeadLetters:
        line = await self._line()
        check_outside(isinstance(line, Session))
        assert isinstance(line, Session)
        return line.dead_letters()
