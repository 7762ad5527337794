"""Opens what services send to a client, and hands it to whom it concerns."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from schedulergodx.client.awaited import Awaited
from schedulergodx.client.question import Question, refusal
from schedulergodx.client.watching import Watches
from schedulergodx.core.batch import BatchBody
from schedulergodx.core.envelope import Envelope, MessageType, unseal
from schedulergodx.core.job import ErrorCode, Failure
from schedulergodx.core.message import Error, Info, ResponsesBody, read_body
from schedulergodx.core.request import Answer
from schedulergodx.core.signing import Signer
from schedulergodx.errors import BadSignature, ConfigError, EnvelopeError

if TYPE_CHECKING:
    from schedulergodx.client.following import Following
    from schedulergodx.core.code import Unpacker
    from schedulergodx.core.follow import JobNews


class Reader:
    """Reads envelopes; it never fails, and unpickles nothing.

    signer: verifies them
    questions: those without an answer, by the uids of their envelopes
    watches: who waits for which batch
    greeting: the handshake, while it is under way
    dropped: what was wrong with the last envelope that could not be read; "" for none
    """

    def __init__(self, awaited: Awaited, unpacker: Unpacker, logger: logging.Logger) -> None:
        self._awaited = awaited
        self._unpacker = unpacker
        self._logger = logger
        self.signer = Signer()
        self.questions: dict[bytes, Question] = {}
        self._followings: dict[int, Following] = {}
        self.watches = Watches()
        self.greeting: Question | None = None
        self.dropped = ""

    def read(self, data: bytes) -> None:
        """Take one envelope as it came. Hot: nearly all are RESPONSES."""
        try:
            envelope = unseal(data, self.signer)
            if envelope.header.type == MessageType.RESPONSES:
                body = read_body(envelope.body, ResponsesBody)
                for key, unit in body.units.items():
                    self._unpacker.add_unit(key, unit)
                self._awaited.tell(body.responses)
            else:
                self._sort(envelope)
        except Exception as error:  # whatever is wrong with it, it harms no other message
            self._drop(error)

    @contextmanager
    def asking(self, *questions: Question) -> Iterator[None]:
        """Have questions answered, as long as the block lasts."""
        self.questions.update((question.uid, question) for question in questions)
        try:
            yield
        finally:
            for question in questions:
                self.questions.pop(question.uid, None)

    @contextmanager
    def following(self, following: Following) -> Iterator[None]:
        """Have a job followed, as long as the block lasts."""
        self._followings[id(following)] = following
        try:
            yield
        finally:
            del self._followings[id(following)]

    def doubt(self) -> None:
        """Messages may be lost: whoever waits for more than one is to ask again."""
        self.watches.doubt()
        for following in list(self._followings.values()):
            following.doubt()

    def _sort(self, envelope: Envelope) -> None:
        match envelope.header.type:
            case MessageType.FOLLOW:
                from schedulergodx.core.follow import FollowBody  # late: few programs follow

                self._take_news(read_body(envelope.body, FollowBody).jobs)
            case MessageType.ANSWER:
                self._take_answer(read_body(envelope.body, Answer))
            case MessageType.INFO:
                self._take_info(read_body(envelope.body, Info))
            case MessageType.ERROR:
                self._take_error(read_body(envelope.body, Error))
            case MessageType.BATCH:
                self.watches.tell(read_body(envelope.body, BatchBody).batches)
            case other:
                raise EnvelopeError(f"a client takes no message of type {other}")

    def _take_answer(self, answer: Answer) -> None:
        question = self.questions.get(answer.request)
        if question is None:
            return  # its asker has gone, or it was an answer too many
        if answer.failure is not None:
            question.fail(ConfigError(refusal(answer.failure)))
        else:
            question.answer(answer)

    def _take_news(self, jobs: Iterable[JobNews]) -> None:
        for news in jobs:
            for following in list(self._followings.values()):
                if following.uid == news.uid:
                    following.feed(news)

    def _take_info(self, info: Info) -> None:
        self._logger.debug("service %s has answered", info.service)
        self._awaited.join(info.joined)
        question = self.questions.get(info.request)
        if question is not None:
            question.accept()

    def _take_error(self, error: Error) -> None:
        question = self.questions.get(error.request)
        if question is not None:
            question.fail(_as_exception(error.failure))
            return
        jobs = self._awaited.refuse(error.request, error.failure, time.time())
        self._logger.error("a service refused a message with %d jobs: %s", jobs, error.failure.text)

    def _drop(self, error: Exception) -> None:
        self.dropped = str(error)
        self._logger.warning("a message that came for this client was dropped: %s", error)
        if self.greeting is not None and isinstance(error, BadSignature):
            self.greeting.fail(
                BadSignature(
                    "the service signs with another secret, or with none: "
                    "give both ends the same SCHEDULERGODX_SECRET"
                )
            )


def _as_exception(failure: Failure) -> Exception:
    if failure.code == ErrorCode.BAD_SIGNATURE:
        return BadSignature(refusal(failure))
    return ConfigError(refusal(failure))
