"""A request on its way to the services, until it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.client.latch import Latch

if TYPE_CHECKING:
    from schedulergodx.core.any_request import Request
    from schedulergodx.core.job import Failure
    from schedulergodx.core.request import Answer

GRACE = 0.25  # seconds in which another store may know what the first one does not


class Question(Latch):
    """Opens at the first answer of any store, or when it can't be answered.

    uid: of its envelope, which answers name
    request: what is asked; None for a greeting or a notice
    address: the queue of the broker it goes to; None for every store
    queue: the queue of jobs that it is about, if it is about one
    timeout: how long it is waited for, in seconds
    every: whether all answers are wanted, not only that of the store that knows the job
    settled: opens when no other answer is worth waiting for
    sent: whether the broker has it
    error: why it could not be asked, or was refused
    """

    __slots__ = (
        "address",
        "answers",
        "data",
        "error",
        "every",
        "queue",
        "request",
        "sent",
        "settled",
        "timeout",
        "uid",
    )

    def __init__(
        self,
        uid: bytes,
        data: bytes,
        address: str | None,
        *,
        request: Request | None = None,
        queue: str = "",
        timeout: float | None = None,
        every: bool = False,
    ) -> None:
        super().__init__()
        self.uid = uid
        self.data = data
        self.address = address
        self.request = request
        self.queue = queue
        self.timeout = timeout
        self.answers: list[Answer] = []
        self.every = every
        self.settled = Latch()
        self.sent = False
        self.error: Exception | None = None

    def answer(self, answer: Answer) -> None:
        """A store has answered."""
        self.answers.append(answer)
        if answer.known and not self.every:
            self.settled.open()
        self.open()

    def accept(self) -> None:
        """It was answered, and there is nothing more to say."""
        self.settled.open()
        self.open()

    def fail(self, error: Exception) -> None:
        """It can't be asked, or its envelope was refused."""
        self.error = error
        self.settled.open()
        self.open()

    def settle(self, error: Exception | None) -> None:
        """The broker has it, or it does not."""
        self.sent = error is None
        if error is not None:
            self.fail(error)

    @property
    def patience(self) -> float:
        """Seconds to wait for another store after the first answer."""
        return GRACE if self.address is None else 0.0

    @property
    def best(self) -> Answer | None:
        """The answer of a store that knows the job, else any."""
        known = (answer for answer in self.answers if answer.known)
        return next(known, self.answers[0] if self.answers else None)


class Notice(Question):
    """Nobody answers it: it opens when the broker has it."""

    __slots__ = ()

    def settle(self, error: Exception | None) -> None:
        """The broker has it, or it does not."""
        if error is None:
            self.accept()
        else:
            self.fail(error)


def refusal(failure: Failure) -> str:
    """What a service said, as a sentence of an error here."""
    return f"the service refused it: {failure.text}"
