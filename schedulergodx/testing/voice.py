"""What a job of a test says of itself, on its way from its thread to the service."""

from __future__ import annotations

from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from schedulergodx.core.request import LONGEST_NOTE
from schedulergodx.core.view import Progress
from schedulergodx.errors import StoreError
from schedulergodx.executors.base import Kept, Progressed, Recalled
from schedulergodx.executors.frames import Saved

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.executors.base import Remark
    from schedulergodx.executors.inside.attempt import Attempt
    from schedulergodx.executors.inside.judging import Judge
    from schedulergodx.executors.inside.opening import Opener

_PATIENCE = 10.0  # seconds of real time


class HandVoice:
    """The voice of one attempt. Each word is told at once: time stands still here.

    report: brings a remark to the loop of the service
    answers: what the service says to checkpoints, and to who asks for one
    """

    def __init__(
        self,
        attempt: Attempt,
        report: Callable[[Remark], None],
        judge: Judge,
        opener: Opener,
    ) -> None:
        self._attempt = attempt
        self._report = report
        self._judge = judge
        self._opener = opener
        self._key = attempt.order.seq, attempt.order.attempt
        self._progress = Progress(None)
        self.answers: SimpleQueue[str | Saved | None] = SimpleQueue()

    def progress(self, done: float | None, total: float | None, note: str) -> None:
        said = self._progress = self._progress.followed_by(done, total, note[:LONGEST_NOTE])
        self._report(Progressed(*self._key, said.done, said.total, said.note))

    def log(self, text: str) -> None:
        self._attempt.capture().add(f"{text}\n".encode(errors="backslashreplace"))

    def keep(self, value: object) -> None:
        packed = self._judge.pack_checkpoint(self._attempt.spec, value)
        bodies = {hash: self._judge.unit(hash) for hash in packed.units}
        self._report(Kept(1, 0, *self._key, packed.body, tuple(packed.units), bodies))
        refused = self.answers.get(timeout=_PATIENCE)
        if refused is not None:
            raise StoreError(f"the checkpoint was not kept: {refused}")

    def kept(self) -> Any:
        self._report(Recalled(1, 0, *self._key))
        saved = self.answers.get(timeout=_PATIENCE)
        assert isinstance(saved, Saved)
        return self._opener.open_saved(saved, self._attempt.spec)

    def close(self) -> None:
        """Nothing is left: each word was told at once."""
