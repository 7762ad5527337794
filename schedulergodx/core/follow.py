"""Following a job: what a client asks for, what it is sent, and what it makes of that.

What is sent is the state of a job and pieces of its output, each with its place: so a message that
is lost, or comes twice, is seen by who reads them, and nobody has to keep account of a follower.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from schedulergodx.core.job import Status
from schedulergodx.core.view import Progress

FOLLOW_SECONDS = 30.0


class Piece(Struct, frozen=True, array_like=True):
    """Output of an attempt: from byte `start` of all that it has printed."""

    attempt: int
    start: int
    data: bytes


class JobNews(Struct, frozen=True, omit_defaults=True):
    """How a job stands, and what it has printed.

    progress: as it told it last, with what was noted
    text: why it ended as it did, or its last attempt
    printed: bytes that its attempt has printed, as far as its service has seen them
    pieces: of its output; what is not there was left out, or sent before
    """

    uid: bytes
    status: Status
    attempt: int
    progress: Progress | None = None
    text: str = ""
    printed: int = 0
    pieces: tuple[Piece, ...] = ()


class AskFollow(Struct, frozen=True, tag="follow"):
    """How a job stands; answered by a JobNews or None.

    From now on the asking instance is sent FOLLOW messages as well, some times a second while there
    is something to tell. It ends with the job, or `FOLLOW_SECONDS` after it was asked for last: who
    still follows asks again before that.
    """

    answer: ClassVar[object] = JobNews | None

    id: str


class FollowBody(Struct, frozen=True, omit_defaults=True):
    """What an instance that follows jobs is sent; who misses it is sent the next one."""

    jobs: list[JobNews]


class Output(Struct, frozen=True):
    """What a job has printed and logged.

    left_out: bytes before it that were not sent: it prints faster than can be told
    """

    text: str
    left_out: int = 0


class StatusChange(Struct, frozen=True):
    """A job has another status, or its next attempt runs. The last event has a final status.

    text: why it did not complete, or why the attempt before did not succeed
    """

    status: Status
    attempt: int
    text: str = ""


Event = Output | Progress | StatusChange
