"""The journal: what running jobs say of themselves is written, and told to who follows them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from schedulergodx.executors.base import Kept, Progressed, Recalled
from schedulergodx.storage.progress import Checkpoint, Said

if TYPE_CHECKING:
    from schedulergodx.executors.base import Executor, Remark
    from schedulergodx.service.followers import Followers
    from schedulergodx.service.tick import Tick
    from schedulergodx.storage.base import Store


class Journal:
    """Takes remarks as they come, and writes them in the next round.

    Of progress the newest counts. A job that keeps a checkpoint waits until it is on disk.
    """

    def __init__(self, store: Store, executor: Executor, followers: Followers) -> None:
        self._store = store
        self._executor = executor
        self._followers = followers
        self._said: dict[int, Progressed] = {}  # by seq
        self._asked: list[Kept | Recalled] = []

    def take(self, remark: Remark) -> None:
        """A worker says it in the name of its job."""
        if isinstance(remark, Kept | Recalled):
            self._asked.append(remark)
            return
        if isinstance(remark, Progressed):
            self._said[remark.seq] = remark
        self._followers.hear(remark)

    def write(self, tick: Tick) -> None:
        """Inside a round, before attempts are settled: write it, and answer after the commit."""
        if self._said:
            said = [
                Said(one.seq, one.attempt, one.done, one.total, one.note)
                for one in self._said.values()
            ]
            self._store.note_progress(said, tick.now)
            tick.later.append(partial(self._forget_said, dict(self._said)))
        for asked in self._asked:
            if isinstance(asked, Kept):
                self._keep(asked, tick)
            else:
                self._recall(asked, tick)
        if self._asked:
            tick.later.append(partial(self._forget_asked, len(self._asked)))

    def refuse(self, reason: str) -> None:
        """What is to be written can't be: a job that waits for that is told."""
        for asked in self._asked:
            if isinstance(asked, Kept):
                self._executor.accept(asked, reason)
        self._asked = [asked for asked in self._asked if isinstance(asked, Recalled)]

    def _keep(self, kept: Kept, tick: Tick) -> None:
        if kept.bodies:
            self._store.add_units(kept.bodies)
        checkpoint = Checkpoint(kept.value, kept.units)
        done = self._store.keep_checkpoint(kept.seq, kept.attempt, checkpoint, tick.now)
        error = None if done else "this attempt does not count any more"
        tick.later.append(partial(self._executor.accept, kept, error))

    def _recall(self, recalled: Recalled, tick: Tick) -> None:
        found = self._store.kept_checkpoint(recalled.seq)
        value, units = (None, ()) if found is None else (found.value, found.units)
        bodies = self._store.units(units) if units else {}
        tick.later.append(partial(self._executor.remind, recalled, value, units, bodies))

    def _forget_asked(self, number: int) -> None:
        """So many are answered."""
        del self._asked[:number]

    def _forget_said(self, written: dict[int, Progressed]) -> None:
        """This is on disk; newer words that came meanwhile are not."""
        for seq, said in written.items():
            if self._said.get(seq) is said:
                del self._said[seq]
