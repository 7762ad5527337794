"""What one running job says of itself, on its way to the service."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from schedulergodx.core.request import LONGEST_NOTE
from schedulergodx.core.view import Progress
from schedulergodx.errors import ConfigError, StoreError
from schedulergodx.executors import frames
from schedulergodx.executors.frames import Keep, Printed, Recall, Say
from schedulergodx.executors.inside import streams
from schedulergodx.executors.inside.channel import ChannelClosed

if TYPE_CHECKING:
    from schedulergodx.executors.inside.attempt import Attempt
    from schedulergodx.executors.inside.bench import Bench

_MOST_AT_ONCE = 64 << 10  # bytes of output that are sent at once
_UNREAD = object()


class JobVoice:
    """`core.context.Voice` of one attempt. Any thread of its worker may use it."""

    def __init__(self, attempt: Attempt, bench: Bench) -> None:
        self._attempt = attempt
        self._bench = bench
        self._token = attempt.order.token
        self._process = os.getpid()
        self._progress = Progress(None)
        self._has_news = False
        self._open = True
        self._kept: Any = _UNREAD
        self._sent: set[bytes] = set()  # units
        self._told = 0  # bytes of output

    # -- what the job calls -----------------------------------------------------------------------

    def progress(self, done: float | None, total: float | None, note: str) -> None:
        """Say how far it is; the newest counts. Hot, where a job calls it in a loop."""
        self._require_own_process()
        self._progress = self._progress.followed_by(done, total, note[:LONGEST_NOTE])
        self._has_news = True

    def log(self, text: str) -> None:
        """Add a line to its output."""
        streams.give(self._attempt, f"{text}\n".encode(errors="backslashreplace"))

    def keep(self, value: object) -> None:
        """Keep a value; returns when it is on disk. Raises: ShipError, TooLarge, StoreError"""
        self._require_own_process()
        packed = self._bench.judge.pack_checkpoint(self._attempt.spec, value)
        fresh = [hash for hash in packed.units if hash not in self._sent]
        bodies = {hash: self._bench.judge.unit(hash) for hash in fresh}
        number = self._next_number()
        keep = Keep(number, self._token, packed.body, tuple(packed.units), bodies)
        refused = self._ask(Say.KEEP, keep, number).error
        if refused is not None:
            raise StoreError(f"the checkpoint was not kept: {refused}")
        self._sent.update(fresh)
        self._kept = _UNREAD

    def kept(self) -> Any:
        """The value that was kept last, by this attempt or by one before it; else None."""
        self._require_own_process()
        if self._kept is _UNREAD:
            number = self._next_number()
            saved = self._ask(Say.RECALL, Recall(number, self._token), number)
            self._kept = self._bench.open_saved(self._attempt, saved)
        return self._kept

    # -- what its worker calls --------------------------------------------------------------------

    def tell(self) -> None:
        """Send what is new. Raises: OSError if the service is gone"""
        if self._has_news:
            self._has_news = False
            said = self._progress
            progress = frames.Progress(self._token, said.done, said.total, said.note)
            self._bench.channel.send(Say.PROGRESS, progress)
        if self._bench.page.followed(self._token):
            self._tell_output()

    def close(self) -> None:
        """The attempt is over: send what is left. What the job says after that is let go."""
        self._open = False
        self._bench.teller.remove(self)
        self.tell()

    def _tell_output(self) -> None:
        for start, data in self._attempt.capture().since(self._told):
            self._told = start + len(data)
            cut = max(0, len(data) - _MOST_AT_ONCE)
            printed = Printed(self._token, start + cut, data[cut:])
            self._bench.channel.send(Say.PRINTED, printed)

    def _next_number(self) -> int:
        if not self._open:
            raise StoreError("this attempt of the job is over: it can keep nothing any more")
        return self._bench.channel.next_number()

    def _ask(self, kind: Say, question: object, number: int) -> Any:
        try:
            self._bench.channel.send(kind, question)
            return self._bench.channel.answer(number)
        except (OSError, ChannelClosed) as error:
            raise StoreError("the service of this job is gone") from error

    def _require_own_process(self) -> None:
        if os.getpid() != self._process:
            raise ConfigError(
                "a process that a job has started has no way to its service: "
                "call this in the job itself, and hand results to it"
            )
