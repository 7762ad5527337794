"""Why a job does not run, or ended as it did: what is asked, and what is answered."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from msgspec import Struct


class Reason(StrEnum):
    """What keeps a job from running, or a schedule from firing; or how it ended."""

    NOT_DUE = "not_due"
    RETRY = "retry"  # its next attempt is not due
    PARENTS = "parents"  # blocked on jobs that it depends on
    JOINED = "joined"  # another job has its key, and its outcome will be that one's
    BATCH = "batch"  # it runs when all jobs of a batch have ended
    NOT_SERVED = "not_served"  # no service serves its queue
    PAUSED = "paused"  # its queue
    LIMIT = "limit"  # so many that share a limit run already
    RATE = "rate"  # so many have started lately
    BUSY = "busy"  # all places of its kind
    NO_WORKER = "no_worker"  # of its kind lives
    STOPPING = "stopping"  # its service ends
    SOON = "soon"  # nothing: it is about to start
    RUNNING = "running"
    CANCEL_ASKED = "cancel_asked"  # it runs, and was asked to stop
    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    PARENT_FAILED = "parent_failed"  # cancelled because of a job that it depends on
    EXPIRED = "expired"
    DISABLED = "disabled"  # a schedule
    DELETED = "deleted"
    OVER = "over"  # its end has passed, or it has fired as often as it may
    TROUBLE = "trouble"  # its rule can't be told
    STILL_RUNNING = "still_running"  # its earlier jobs have not ended
    TASKS = "tasks"  # it waits for what other tasks do
    NEVER = "never"  # nothing is known that would fire it
    AWAY = "away"  # no service answers


class Why(Struct, frozen=True):
    """An explanation.

    sentence: for people
    details: the same for programs: texts, numbers, instants and lists of them, by name
    """

    code: Reason
    sentence: str
    details: dict[str, Any] = {}

    def __str__(self) -> str:
        return self.sentence


class AskWhy(Struct, frozen=True, tag="why"):
    """Why a job does not run, or ended as it did; answered by a Why or None."""

    answer: ClassVar[object] = Why | None

    id: str


def away(text: str) -> Why:
    """No service answers: what the one who asked was told."""
    return Why(Reason.AWAY, f"nobody can tell, and nobody runs it now: {text}")


def not_served(queue: str, text: str) -> Why:
    """No service serves its queue, says the broker."""
    return Why(Reason.NOT_SERVED, text, {"queue": queue})
