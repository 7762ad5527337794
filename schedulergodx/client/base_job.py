"""A job as its client sees it; what `Job` and `AsyncJob` share. Nothing here waits or sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from schedulergodx.client.latch import Latch
from schedulergodx.client.made_by_hand import MadeByHand
from schedulergodx.client.nobody import Nobody
from schedulergodx.client.outcomes import Ended, open_outcome
from schedulergodx.core.identity import ulid
from schedulergodx.core.job import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from schedulergodx.client.base import BaseClient
    from schedulergodx.client.base_task import BaseTask
    from schedulergodx.client.dependency import Dependency
    from schedulergodx.client.draft import Draft
    from schedulergodx.client.options import Duration
    from schedulergodx.client.parcel import Parcel
    from schedulergodx.core.message import Response

R = TypeVar("R")

_NEVER = float("-inf")


class BaseJob(Latch, MadeByHand, Generic[R]):
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
        "_draft",
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
        name: str,
        function: Callable[..., R] | BaseTask | str,
        params: Mapping[str, Any] | None = None,
        priority: int = 0,
        dependencies: Iterable[object] | None = None,
        max_attempts: int = 3,
        timeout: Duration | None = 300.0,
        description: str = "",
        **options: Any,
    ) -> None:
        """Make a job by hand, which begins its life when a client submits it.

        name: what people call it, 1 to 200 characters; it need not be unique
        function: one that travels with what it needs, also a lambda or a nested one; a task; or the
            name of one that services know, as "pkg.module.function"
        params: its keywords; for a function by name, what JSON can hold
        priority: higher starts first
        dependencies: jobs, ids, or each a `Dependency` that says more: it runs after all of them
        max_attempts: how often it is tried at the most
        timeout: how long an attempt may run; None for no limit
        options: others of `TaskOptions`, as queue, delay, expires, execution, retry_delay

        Raises: ConfigError, TypeError
        """
        from schedulergodx.client.draft import new_uid, write_draft  # late: few make jobs by hand

        said = {"priority": priority, "max_attempts": max_attempts, "timeout": timeout, **options}
        draft = write_draft(name, function, params, dependencies, description, said)
        self._come_up(None, new_uid(), None, str(options.get("queue") or ""), name, "")
        self._draft = draft

    @classmethod
    def _known(
        cls,
        client: BaseClient | None,
        uid: bytes,
        *,
        label: str | None,
        queue: str,
        task: str,
        instance: str = "",
    ) -> Self:
        """A job of a client. `instance`: the process that is told the outcome; "" if not known."""
        job = cls.__new__(cls)
        job._come_up(client, uid, label, queue, task, instance)
        return job

    @classmethod
    def _drafted(cls, draft: Draft, task: str) -> Self:
        """A job that is made by hand of a draft."""
        from schedulergodx.client.draft import new_uid  # late: few make jobs by hand

        job = cls._known(None, new_uid(), label=None, queue="", task=task)
        job._draft = draft
        return job

    def _come_up(
        self,
        client: BaseClient | None,
        uid: bytes,
        label: str | None,
        queue: str,
        task: str,
        instance: str,
    ) -> None:
        self._opened = False  # what Latch.__init__ does, without the call: this is hot
        self._wakers = None
        self._client = cast("BaseClient", Nobody(uid)) if client is None else client
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
        self._draft: Draft | None = None

    def _submit(self, client: BaseClient, instance: str, queue: str, task: str) -> None:
        """It has a client from now on, which submits it."""
        self._client, self._instance = client, instance
        self.queue, self.task = queue, task

    @property
    def id(self) -> str:
        """What people call it: the label of the client's id generator, or the ULID of its uid."""
        return ulid(self.uid) if self._label is None else self._label

    @property
    def value(self) -> R:
        """What it will return, as an argument of a step: `parse.step(page.value)`.

        To a type checker it is the value. In the program it stands for that: the step runs after
        this job and is called with the value itself. Where this job does not complete, the step is
        cancelled.
        """
        from schedulergodx.client.value import ValueOf  # late: few programs have workflows

        return cast("R", ValueOf(self.uid, self))

    @property
    def value_or_none(self) -> R | None:
        """The same, but the step runs also where this job does not complete: then it is None."""
        from schedulergodx.client.value import ValueOf

        return cast("R | None", ValueOf(self.uid, self, optional=True))

    def after(self, *jobs: BaseJob[Any] | Dependency | str) -> Self:
        """Have this job, which is not submitted yet, run after others; the answer is itself.

        Raises: ConfigError
        """
        from schedulergodx.client.dependency import read_dependencies  # late: as there

        self.dependencies.extend(read_dependencies(jobs))
        return self

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
        ended = self._ended = open_outcome(self._response, self._client._unpacker)
        return ended

    @property
    def _final_status(self) -> Status | None:
        return None if self._response is None else self._response.outcome.status
