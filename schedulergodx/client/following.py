"""What a process of a client is sent of a job that it follows, as events in their order."""

from __future__ import annotations

import codecs
import math
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from schedulergodx.client.latch import Latch
from schedulergodx.core.follow import FOLLOW_SECONDS, Event, Output, StatusChange
from schedulergodx.core.job import Status
from schedulergodx.core.view import Progress

if TYPE_CHECKING:
    from schedulergodx.core.follow import JobNews, Piece

_ASK_AGAIN = FOLLOW_SECONDS / 3
_MOST_WAITING = 1 << 20  # characters of output that nobody has taken


def deadline(seconds: float | None) -> float:
    """When so many seconds are over, monotonic."""
    return math.inf if seconds is None else time.monotonic() + seconds


class Following:
    """Filled by whoever reads for the client, emptied by who follows; any two threads.

    ended: whether its last event was made
    """

    def __init__(self, uid: bytes) -> None:
        self.uid = uid
        self.ended = False
        self._lock = threading.Lock()
        self._events: deque[Event] = deque()
        self._size = 0  # characters of output in these
        self._bell = Latch()
        self._ask_at = time.monotonic() + _ASK_AGAIN
        self._stands: tuple[Status, int] | None = None
        self._progress: Progress | None = None
        self._attempt = 0
        self._seen = 0  # bytes that this attempt has printed
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    # -- for who follows --------------------------------------------------------------------------

    def take(self) -> list[Event]:
        """What has happened since."""
        with self._lock:
            events = list(self._events)
            self._events.clear()
            self._size = 0
            self._bell = Latch()
        return events

    @property
    def bell(self) -> Latch:
        """Opens at the next event after `take`."""
        return self._bell

    def is_to_ask(self) -> bool:
        """Whether the service is to be asked again now, lest it forget who follows."""
        now = time.monotonic()
        if now < self._ask_at:
            return False
        self._ask_at = now + _ASK_AGAIN
        return True

    def patience(self, end: float) -> float:
        """Seconds to wait for the bell. end: of the following, monotonic"""
        return max(0.0, min(end, self._ask_at) - time.monotonic())

    def is_over(self, end: float) -> bool:
        """Whether nothing has happened until the end that was set."""
        return not self._bell.is_open and time.monotonic() >= end

    # -- for who reads ----------------------------------------------------------------------------

    def feed(self, news: JobNews) -> None:
        """Take what a service sends; it may come twice, or be missing."""
        with self._lock:
            if self.ended:
                return
            for piece in news.pieces:
                if piece.attempt < news.attempt:
                    self._take_piece(piece)
            runs = news.status is Status.RUNNING
            if runs:
                self._take_status(news)
            for piece in news.pieces:
                if piece.attempt == news.attempt:
                    self._take_piece(piece)
            self._take_progress(news.progress)
            if news.status.final and self._attempt == news.attempt and news.printed > self._seen:
                self._print("", news.printed - self._seen)
            if not runs:
                self._take_status(news)
            self.ended = news.status.final
            if self._events:
                self._bell.open()

    def doubt(self) -> None:
        """Messages may be lost: ask again."""
        with self._lock:
            self._ask_at = 0.0
            self._bell.open()

    def _take_status(self, news: JobNews) -> None:
        stands = news.status, news.attempt
        if stands != self._stands:
            self._stands = stands
            text = "" if news.status is Status.COMPLETED else news.text
            self._events.append(StatusChange(*stands, text))

    def _take_progress(self, progress: Progress | None) -> None:
        if progress is None or progress == self._progress:
            return
        self._progress = progress
        if self._events and isinstance(self._events[-1], Progress):
            self._events.pop()
        self._events.append(progress)

    def _take_piece(self, piece: Piece) -> None:
        if piece.attempt > self._attempt:
            self._attempt, self._seen = piece.attempt, 0
            self._decoder.reset()
        end = piece.start + len(piece.data)
        if piece.attempt < self._attempt or end <= self._seen:
            return
        left_out = max(0, piece.start - self._seen)
        if left_out:
            self._decoder.reset()
        text = self._decoder.decode(piece.data[max(0, self._seen - piece.start) :])
        self._seen = end
        self._print(text, left_out)

    def _print(self, text: str, left_out: int) -> None:
        """Add output, at the cost of what nobody has taken for too long."""
        if self._size + len(text) > _MOST_WAITING:
            outputs = [event for event in self._events if isinstance(event, Output)]
            left_out += sum(one.left_out + len(one.text.encode()) for one in outputs)
            self._events = deque(event for event in self._events if not isinstance(event, Output))
            self._size = 0
        self._size += len(text)
        self._events.append(Output(text, left_out))
