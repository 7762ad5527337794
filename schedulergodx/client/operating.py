"""What a `Client` can do for operators: queues are paused and resumed, dead letters cleared."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from schedulergodx.client.asking import Asking
from schedulergodx.client.line import ThreadLine
from schedulergodx.client.requests import ANSWER_TIMEOUT, check_outside, ids_of, read_answers
from schedulergodx.core.request import AskPause, AskQueues

if TYPE_CHECKING:
    from schedulergodx.client.dead_letters import DeadLetters, DeadLetterView
    from schedulergodx.client.options import Duration
    from schedulergodx.core.view import QueueView

T = TypeVar("T")


class Operating(Asking):
    """The part of `Client` for whoever keeps services running."""

    # -- queues -----------------------------------------------------------------------------------

    def queues(self, *, timeout: Duration = ANSWER_TIMEOUT) -> list[QueueView]:
        """The queues of all services, by their names. Raises: NoAnswer"""
        answers = read_answers(self._put(AskQueues(), "", timeout, every=True))
        return sorted((view for views in answers for view in views), key=lambda view: view.name)

    def pause(self, queue: str, *, timeout: Duration = ANSWER_TIMEOUT) -> bool:
        """Have nothing of a queue started any more, also after a restart; False if it was so.

        Jobs are still taken, and wait. What runs goes on.

        Raises: UnknownQueue if no service serves it, NoAnswer
        """
        return bool(self._ask(AskPause(queue, paused=True), queue, timeout))

    def resume(self, queue: str, *, timeout: Duration = ANSWER_TIMEOUT) -> bool:
        """Go on with a queue that was paused; False if it was not. Raises: as `pause`"""
        return bool(self._ask(AskPause(queue, paused=False), queue, timeout))

    # -- dead letters -----------------------------------------------------------------------------

    def dead_letters(self, limit: int = 1000) -> list[DeadLetterView]:
        """Messages that no service could read, the oldest first. They stay where they are.

        Raises: BrokerError
        """
        return self._with_dead_letters(lambda letters: letters.look(limit))

    def requeue_dead_letters(self, ids: str | Iterable[str]) -> list[str]:
        """Send dead letters again to where they came from; the answer is which of them there were.

        Raises: UnknownQueue, BrokerError
        """
        wanted = ids_of(ids)
        return self._with_dead_letters(lambda letters: letters.requeue(wanted))

    def discard_dead_letters(self, ids: str | Iterable[str]) -> list[str]:
        """Throw dead letters away; the answer is which of them there were. Raises: BrokerError"""
        wanted = ids_of(ids)
        return self._with_dead_letters(lambda letters: letters.discard(wanted))

    def _with_dead_letters(self, act: Callable[[DeadLetters], Coroutine[Any, Any, T]]) -> T:
        line = self._line()
        check_outside(isinstance(line, ThreadLine))
        assert isinstance(line, ThreadLine)
        return line.call(lambda session: act(session.dead_letters()))
