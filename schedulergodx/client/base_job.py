"""A job as its client sees it; what `Job` and `AsyncJob` share. Nothing here waits or sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from schedulergodx.client.latch import Latch
from schedulergodx.client.outcomes import Ended, open_outcome
from schedulergodx.core.identity import ulid
from schedulergodx.core.job import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.client.base import BaseClient
    from schedulergodx.client.parcel import Parcel
    from schedulergodx.core.message import Response

R = TypeVar("R")

_NEVER = float("-inf")


class BaseJob(Latch, Generic[R]):
    """One execution that was asked for. It opens when its outcome is in this process.

    uid: 16 bytes, what makes it unique
    queue: the lane it was launched into, or moved to by `change`
    task: the name of its task
    joined: the id of the job whose outcome it has, where that one had its key; None before its
        service has said so
    """

    __slots__ = (
        "__weakref__",
        "_client",
        "_ended",
        "_envelope",
        "_instance",
        "_label",
        "_parcel",
        "_past",
        "_response",
        "joined",
        "queue",
        "task",
        "uid",
    )

    def __init__(
        self,
        client: BaseClient,
        uid: bytes,
        *,
        label: str | None,
        queue: str,
        task: str,
        instance: str = "",
    ) -> None:
        """`instance`: the process that is told the outcome; "" where it is not known."""
        self._opened = False  # what Latch.__init__ does, without the call: this is hot
        self._wakers = None
        self._client = client
        self.uid = uid
        self._label = label
        self.queue = queue
        self.task = task
        self._instance = instance
        self._envelope = b""
        self._parcel: Parcel | None = None  # what carries it, where no confirm came
        self._response: Response | None = None
        self._ended: Ended | None = None
        self.joined: str | None = None
        self._past = _NEVER  # when the outcome was made that a requeue has made void

    @property
    def id(self) -> str:
        """What people call it: the label of the client's id generator, or the ULID of its uid."""
        return ulid(self.uid) if self._label is None else self._label

    def __str__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        told = f", {self._response.outcome.status}" if self._response is not None else ""
        return f"<{type(self).__name__} {self.id} of {self.task}{told}>"

    def __hash__(self) -> int:
        return hash(self.uid)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BaseJob) and self.uid == other.uid

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Any, ...]]:
        from schedulergodx.client.references import rebuild_job

        return rebuild_job, (self._client, self.uid, self._label, self.queue, self.task)

    def _tell(self, response: Response) -> None:
        """The outcome is here. The first one stays; after a requeue, the first one of that."""
        if self._response is None and response.finished > self._past:
            self._response = response
            self.open()

    def lose(self, parcel: Parcel) -> None:
        """What carried it did not arrive: whoever waits for its outcome need not."""
        self._parcel = parcel
        self.open()

    def hope(self) -> None:
        """It is sent again: its outcome may come."""
        self._opened = self._response is not None

    def _begin_again(self) -> None:
        """It was requeued: another outcome will come."""
        if self._response is not None:
            self._past = self._response.finished
        self._client._awaited.begin_again(self)
        self._response = self._ended = None
        self._opened = False

    def _value(self) -> R:
        """The value, or the exception. Only where the outcome is here."""
        ended = self._ended or self._open()
        if ended.error is not None:
            raise ended.error.with_traceback(None)
        return cast("R", ended.value)

    def _open(self) -> Ended:
        assert self._response is not None
        ended = self._ended = open_outcome(self._response, self._client._unpacker, self.id)
        return ended

    @property
    def _final_status(self) -> Status | None:
        return None if self._response is None else self._response.outcome.status
