"""The followers: clients that are told, some times a second, what becomes of jobs.

Who follows is only remembered here, and forgotten if it does not ask again. What a follower can't
be sent in time is left out, and it sees that by the places of what comes after.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from schedulergodx.core.envelope import MessageType
from schedulergodx.core.follow import FOLLOW_SECONDS, FollowBody, JobNews, Piece
from schedulergodx.core.job import ErrorCode, Status
from schedulergodx.core.view import Progress
from schedulergodx.executors.base import Printed
from schedulergodx.service.answers import RefusedError
from schedulergodx.service.tick import Reply

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Sequence

    from schedulergodx.core.envelope import Header
    from schedulergodx.core.view import JobView
    from schedulergodx.executors.base import Remark, Work
    from schedulergodx.service.tick import Tick
    from schedulergodx.storage.base import Store

_INTERVAL = 0.2  # seconds between two looks at jobs that are followed
_MOST_JOBS = 1000  # that are followed at once
_MOST_LOOKED_AT = 100  # jobs at once
_MOST_BYTES = 256 << 10  # of output that waits to be told, of one job
_WINDOW = 8  # messages to one follower that the broker has not confirmed


class _Follower(NamedTuple):
    client: str
    instance: str


@dataclass(slots=True)
class _Followed:
    """A job that is followed.

    seq, attempt: of the attempt that its worker was told about
    until: when each follower is forgotten, monotonic
    printed: bytes that this attempt has printed
    size: bytes of the pieces
    """

    seq: int = 0
    attempt: int = 0
    until: dict[_Follower, float] = field(default_factory=dict)
    pieces: deque[Piece] = field(default_factory=deque)
    printed: int = 0
    size: int = 0


class Followers:
    """Tells clients of jobs.

    send: hands a reply to the broker or to a worker; its future is done when it was taken
    watch: has an attempt, by (seq, attempt), tell its output, or no more
    clock: monotonic
    """

    def __init__(
        self,
        store: Store,
        *,
        send: Callable[[Reply], asyncio.Future[Any]],
        watch: Callable[[int, int, bool], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._send = send
        self._watch = watch
        self._clock = clock
        self._followed: dict[bytes, _Followed] = {}
        self._uids: dict[int, bytes] = {}  # by seq
        self._news: set[bytes] = set()  # jobs of which there is something to tell
        self._under_way: dict[_Follower, int] = defaultdict(int)
        self._next = 0.0

    def follow(self, uid: bytes, header: Header) -> JobNews | None:
        """Tell an instance of a client of a job from now on. The answer is how it stands.

        Raises: RefusedError
        """
        view = self._store.view(uid, arguments=False)
        if view is None:
            return None
        if view.status.final:
            return _whole(view)
        if len(self._followed) >= _MOST_JOBS and uid not in self._followed:
            text = f"{_MOST_JOBS} jobs are followed already: follow a batch, or fewer jobs"
            raise RefusedError(ErrorCode.INVALID_TASK, text)
        self._add(view, _Follower(header.client, header.instance))
        return _news(view)

    def hear(self, remark: Remark) -> None:
        """A job says something, or prints."""
        uid = self._uids.get(remark.seq)
        if uid is None:
            return
        self._news.add(uid)
        if isinstance(remark, Printed):
            self._add_piece(self._followed[uid], remark)

    def begin(self, works: Sequence[Work]) -> None:
        """After the commit: these are about to run."""
        if self._followed:
            for work in works:
                self._begin(work.uid, work.seq, work.attempt)

    def tell(self, tick: Tick) -> None:
        """Inside a round, at its end: note what has happened, and tell it where it is time."""
        if not self._followed:
            return
        changed = [one.uid for several in (tick.works, tick.told, tick.released) for one in several]
        self._news |= self._followed.keys() & changed
        now = self._clock()
        if now < self._next:
            return
        self._next = now + _INTERVAL
        due = [uid for uid, _ in zip(self._news, range(_MOST_LOOKED_AT), strict=False)]
        views = [(uid, self._store.view(uid, arguments=False)) for uid in due]
        tick.later.append(partial(self._tell, views, now))

    @property
    def patience(self) -> float:
        """Seconds until there is something to tell."""
        return max(0.0, self._next - self._clock()) if self._news else float("inf")

    def _add(self, view: JobView, follower: _Follower) -> None:
        followed = self._followed.setdefault(view.uid, _Followed())
        followed.until[follower] = self._clock() + FOLLOW_SECONDS
        if view.status is Status.RUNNING:
            self._begin(view.uid, view.seq, view.attempt)

    def _begin(self, uid: bytes, seq: int, attempt: int) -> None:
        """An attempt runs, or is heard of first: have it tell what it prints."""
        followed = self._followed.get(uid)
        if followed is None:
            return
        if (seq, attempt) != (followed.seq, followed.attempt):
            self._uids.pop(followed.seq, None)
            self._uids[seq] = uid
            followed.seq, followed.attempt, followed.printed = seq, attempt, 0
        self._watch(seq, attempt, True)

    def _add_piece(self, followed: _Followed, printed: Printed) -> None:
        if printed.attempt != followed.attempt:
            return
        pieces = followed.pieces
        pieces.append(Piece(printed.attempt, printed.start, printed.data))
        followed.printed = printed.start + len(printed.data)
        followed.size += len(printed.data)
        while followed.size > _MOST_BYTES and len(pieces) > 1:
            followed.size -= len(pieces.popleft().data)

    def _tell(self, views: Iterable[tuple[bytes, JobView | None]], now: float) -> None:
        """Send what was looked at, and part from jobs that have ended or that nobody follows."""
        messages: dict[_Follower, list[JobNews]] = defaultdict(list)
        for uid, view in views:
            self._news.discard(uid)
            followed = self._followed.get(uid)
            if followed is None:
                continue
            if view is not None:
                too_late = view.status.final and not followed.printed  # it had ended when asked
                news = _whole(view) if too_late else _news(view, followed)
                for follower in followed.until:
                    messages[follower].append(news)
            followed.pieces.clear()
            followed.size = 0
            if view is None or view.status.final:
                self._part_from(uid)
        for follower, jobs in messages.items():
            self._send_to(follower, jobs)
        self._forget_silent(now)

    def _send_to(self, follower: _Follower, jobs: list[JobNews]) -> None:
        if self._under_way[follower] >= _WINDOW:
            return  # it sees what is missing when it is told of more, or asks again
        self._under_way[follower] += 1
        reply = Reply(follower.client, follower.instance, MessageType.FOLLOW, FollowBody(jobs))
        self._send(reply).add_done_callback(partial(self._sent, follower))

    def _sent(self, follower: _Follower, done: asyncio.Future[Any]) -> None:
        self._under_way[follower] -= 1
        if not self._under_way[follower]:
            del self._under_way[follower]
        if not done.cancelled() and done.exception() is not None:  # nobody reads there any more
            for followed in self._followed.values():
                followed.until.pop(follower, None)

    def _forget_silent(self, now: float) -> None:
        for uid, followed in list(self._followed.items()):
            followed.until = {who: until for who, until in followed.until.items() if now < until}
            if not followed.until:
                self._part_from(uid)

    def _part_from(self, uid: bytes) -> None:
        followed = self._followed.pop(uid)
        self._news.discard(uid)
        if self._uids.pop(followed.seq, None) is not None:
            self._watch(followed.seq, followed.attempt, False)


def _news(view: JobView, followed: _Followed | None = None) -> JobNews:
    progress = view.progress or (Progress(None, None, view.note) if view.note else None)
    text = view.text or (view.attempts[-1].text if view.attempts else "")
    news = JobNews(view.uid, view.status, view.attempt, progress, text)
    if followed is None:
        return news
    return replace(news, printed=followed.printed, pieces=tuple(followed.pieces))


def _whole(view: JobView) -> JobNews:
    """Of one that has ended: all that is kept of its output."""
    output = view.output.encode()
    pieces = (Piece(view.attempt, 0, output),) if output else ()
    return replace(_news(view), printed=len(output), pieces=pieces)
