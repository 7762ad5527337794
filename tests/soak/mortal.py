"""A service that dies at random moments, and its successor, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from schedulergodx.core.envelope import MessageType
from schedulergodx.core.policy import Missed, Policy
from schedulergodx.core.schedule import AskPutSchedule
from schedulergodx.executors.base import Ended
from tests.service.stage import RETURNED
from tests.service.timetable import Timetable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.soak.mixture import Subject

_PLACES = 10_000
# In the midst of a round, before its commit, and between that and what is done after it.
_VERBS = ("fire_schedule", "plan_schedule", "claim", "finish", "commit", "checkpoint")


class Died(BaseException):
    """No part of the service may catch it."""


class Mortal(Timetable):
    """Its rounds are run by the test, one by one; its jobs end as soon as they have begun.

    outages: from when to when there was no service
    ran: how often each job was run, by its uid
    """

    def __init__(self, path: Path, chance: Random) -> None:
        super().__init__(path, retention_schedules=None)
        self.chance = chance
        self.hand.places_for = dict.fromkeys(self.hand.places_for, _PLACES)
        self.outages: list[tuple[float, float]] = []
        self.ran: Counter[bytes] = Counter()
        self.deaths: Counter[str] = Counter()
        self._kept: list[tuple[int, Ended]] = []

    # -- its life ---------------------------------------------------------------------------------

    async def make(self, subjects: Sequence[Subject]) -> None:
        """Make schedules, and then let no round run that the test does not run."""
        asked = [
            await self.send(
                AskPutSchedule(
                    subject.name,
                    subject.rule,
                    subject.zone,
                    self.body(subject.name),
                    Policy(missed=Missed(subject.missed), max_instances=None),
                ),
                type=MessageType.REQUEST,
            )
            for subject in subjects
        ]
        await self.until(lambda: all(uid in self.answers for uid in asked), 60)
        for uid, subject in zip(asked, subjects, strict=True):
            assert self.answers[uid].failure is None, (subject, self.answers[uid].failure)
        self._note_begun()
        await self.crash()
        await self._succeed()

    async def live(self, until: float) -> None:
        """Let time pass, with a death in the midst of a round now and then."""
        while True:
            try:
                await self._live(until)
                return
            except Died as death:
                await self._die(str(death), self.chance.choice([0.0, 0.0, 7.25, 20.25]))

    async def be_away(self, seconds: float) -> None:
        """Die between two rounds, and be there again later."""
        await self._die("at rest", seconds)

    async def end(self) -> None:
        """The last one ends."""
        await self._bury()

    # -- one moment after the other ----------------------------------------------------------------

    async def _live(self, until: float) -> None:
        while True:
            await self._rounds()
            moment = self.engine.next_moment()
            if moment is None or moment > until:
                self.now = max(self.now, until)
                return
            self.now = max(self.now, moment)
            if self.chance.random() < 0.02:
                self._arm(self.chance.choice(_VERBS), self.chance.choice([1, 1, 2, 5]))

    async def _rounds(self) -> None:
        """Until nothing is left to do at this instant."""
        while True:
            self.engine._stations.caretaker.rest()
            await self.engine._loop.round()
            await asyncio.sleep(0)
            moment = self.engine.next_moment()
            if not self._note_begun() and (moment is None or moment > self.now):
                return

    def _note_begun(self) -> int:
        """Run what has begun: its end is kept, as by a worker's marks, until it is written."""
        begun = len(self.hand.begun)
        for work in self.hand.begun:
            self.ran[work.uid] += 1
            self.hand.running.pop(work.seq)
            ended = Ended(work.seq, work.attempt, RETURNED, False, self.now, self.now)
            self._kept.append((work.worker, ended))
            self.hand.report(ended)
        self.hand.begun.clear()
        del self._kept[: -2 * _PLACES]
        return begun

    # -- death ------------------------------------------------------------------------------------

    def _arm(self, verb: str, times: int) -> None:
        """Have it die when it comes to that verb of the store the next time but so many."""
        store, real = self.store, getattr(self.store, verb)
        left = [times]

        def die(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] > 0:
                return real(*args, **kwargs)
            if verb == "commit" and self.chance.random() < 0.5:
                real(*args, **kwargs)
                raise Died("after commit")
            raise Died(f"in {verb}")

        setattr(store, verb, die)

    async def _die(self, how: str, seconds: float) -> None:
        self.deaths[how] += 1
        await self._bury()
        if seconds:
            self.outages.append((self.now, self.now + seconds))
        self.now += seconds
        await self._succeed()

    async def _bury(self) -> None:
        self.crashed = True
        self.engine._loop._committer.shutdown()
        await self.broker.close()
        self.store.close()

    async def _succeed(self) -> None:
        self.hand.running.clear()
        self.hand.begun.clear()
        self.hand.marks = _Kept(self._kept)
        self._kept = []
        await self.prepare()
        await self.engine.read()


class _Kept:
    """What the workers have kept: each end, and nothing else had begun."""

    def __init__(self, ends: list[tuple[int, Ended]]) -> None:
        self._ends = ends

    def began(self, worker: int, seq: int, attempt: int) -> bool:
        return False

    def ended(self, worker: int) -> list[Ended]:
        return [ended for place, ended in self._ends if place == worker]
