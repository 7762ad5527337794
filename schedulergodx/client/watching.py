"""How a client follows batches: it is told of them, and asks when it may have missed that."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from schedulergodx.client.latch import Latch
from schedulergodx.client.requests import ANSWER_TIMEOUT
from schedulergodx.core.batch import WAIT_SECONDS

if TYPE_CHECKING:
    from schedulergodx.core.view import BatchView

_ASK_AGAIN = WAIT_SECONDS / 3  # seconds: so late does a wait notice that its service was killed


class Watch:
    """What is told of one batch, to one who waits for it.

    view: the last that was told since it was asked for
    doubted: whether messages may be lost, so that it has to be asked for again
    news: opens when one of these changes; another latch then takes its place
    """

    __slots__ = ("doubted", "news", "view")

    def __init__(self) -> None:
        self.view: BatchView | None = None
        self.doubted = False
        self.news = Latch()

    def tell(self, view: BatchView) -> None:
        """A message came."""
        self.view = view
        self._wake()

    def doubt(self) -> None:
        """The connection was gone, or is closed."""
        self.doubted = True
        self._wake()

    def _wake(self) -> None:
        news, self.news = self.news, Latch()
        news.open()


class Watches:
    """Who waits for which batch. Each step is one operation of a dict, so threads need no lock."""

    def __init__(self) -> None:
        self._watches: dict[Watch, bytes] = {}

    @contextmanager
    def watch(self, uid: bytes) -> Iterator[Watch]:
        """Be told of a batch as long as the block lasts, once that was asked for."""
        watch = Watch()
        self._watches[watch] = uid
        try:
            yield watch
        finally:
            del self._watches[watch]

    def tell(self, views: Iterable[BatchView]) -> None:
        """A message came."""
        for view in views:
            for watch, uid in list(self._watches.items()):
                if uid == view.uid:
                    watch.tell(view)

    def doubt(self) -> None:
        """Messages may be lost: whoever waits asks again."""
        for watch in list(self._watches):
            watch.doubt()


class Vigil:
    """A wait for the end of a batch: when to ask, how long to listen. It does neither itself.

    timeout: seconds; None for as long as it takes
    """

    def __init__(self, watch: Watch, timeout: float | None) -> None:
        self.watch = watch
        self.last: BatchView | None = None
        self._end = math.inf if timeout is None else time.monotonic() + timeout
        self._ask_at = 0.0
        self._began = False

    @property
    def ended(self) -> bool:
        """Whether the batch has."""
        return self.last is not None and self.last.ended

    @property
    def goes_on(self) -> bool:
        """Whether to ask, at least once."""
        return not self.ended and (not self._began or time.monotonic() < self._end)

    def begin(self) -> float:
        """It is asked for now; the answer is how long to wait for that one, in seconds."""
        now = time.monotonic()
        self._began = True
        self._ask_at = now + _ASK_AGAIN
        self.watch.view, self.watch.doubted = None, False
        return min(ANSWER_TIMEOUT, max(0.0, self._end - now))

    @property
    def pause(self) -> float:
        """Seconds to listen; 0 when it is time to ask again."""
        if self.ended or self.watch.doubted:
            return 0.0
        return max(0.0, min(self._ask_at, self._end) - time.monotonic())

    def takes(self, view: BatchView) -> bool:
        """Take what was told; whether that is new."""
        before, self.last = self.last, view
        return view != before
