"""Wishes that may move very many jobs: some a round, with an answer after the last."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from schedulergodx.service.answers import Instead, answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.core.envelope import Header
    from schedulergodx.service.tick import Tick

    Step = Callable[[Tick], int]

SLICE = 1000  # jobs a round: others are served in between


@dataclass(slots=True)
class _Errand:
    """A wish that takes more than one round.

    step: moves some jobs; the answer is how many, 0 when there are no more
    moved: how many were, and that is on disk
    """

    header: Header
    step: Step
    moved: int = 0


class Errands:
    """Does them one after the other. ring: wakes the service"""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._errands: deque[_Errand] = deque()

    def begin(self, header: Header, step: Step, tick: Tick) -> object:
        """How many jobs were moved, or what stands for that while there are more.

        step: moves some jobs; the answer is how many, 0 when there are no more
        """
        errand = _Errand(header, step)
        moved, done = self._go_on(errand, tick)
        if done:
            return moved
        errand.moved = moved
        tick.later.append(partial(self._keep, errand))
        return Instead.LATER

    def work(self, tick: Tick) -> None:
        """Inside a round: go on with what takes several."""
        if not self._errands:
            return
        errand = self._errands[0]
        moved, done = self._go_on(errand, tick)
        if done:
            tick.replies.append(answer(errand.header, errand.moved + moved))
        tick.later.append(partial(self._note, errand, moved, done=done))

    def _go_on(self, errand: _Errand, tick: Tick) -> tuple[int, bool]:
        """How many jobs it moved now, and whether it is done."""
        moved = 0
        while moved < SLICE:
            more = errand.step(tick)
            if not more:
                return moved, True
            moved += more
        return moved, False

    def _keep(self, errand: _Errand) -> None:
        self._errands.append(errand)
        self._ring()

    def _note(self, errand: _Errand, moved: int, *, done: bool) -> None:
        errand.moved += moved
        if done:
            self._errands.remove(errand)
        if self._errands:
            self._ring()
