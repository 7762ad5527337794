"""What holds jobs back: limits, rates, and queues that are paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.core.limit import name_of_limit, rate_of
from schedulergodx.storage.holding import HeldBack
from schedulergodx.storage.sqlite import limit_statements as sql
from schedulergodx.storage.sqlite.session import NO_LIMIT_KEY, Session, as_json
from schedulergodx.storage.states import RUNNING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schedulergodx.core.job import LimitRule
    from schedulergodx.core.limit import Rate
    from schedulergodx.storage.sqlite.session import Mark


_MOST_HOLDERS = 10


class HoldingVerbs(Session):
    """See `storage.base.Store`."""

    _paused: dict[str, float] | None = None  # since when; None while it is not known

    def set_limit(self, rule: LimitRule) -> None:
        """From now on a limit is this, for all that shares it. One without numbers is no news."""
        self._limits.set_rule(rule)

    def allowance(self, key: str, rate: Rate, now: float) -> int:
        """How many more may start of what shares a rate; `next_start` says when, if it is none."""
        room = self._limits.rates.room(key, rate, now)
        if not room:
            self._limits.rates.wait(key, rate)
        return room

    def opens(self, key: str, rate: Rate) -> float:
        """From when on another one may start of what shares a rate."""
        return self._limits.rates.opens(key, rate)

    def held_back(self, uid: bytes) -> HeldBack:
        """What keeps a job from starting; nothing, if it is unknown."""
        rows = self._connection.rows(sql.HELD_BACK, (uid,))
        if not rows:
            return HeldBack()
        lane, joined, for_batch = rows[0]
        shared = self._lanes.key(lane)[2]
        name, key = name_of_limit(shared)
        rule = self._limits.rule(name) if shared != NO_LIMIT_KEY else None
        if rule is None:
            return HeldBack(joined, bool(for_batch))
        lanes = self._limits.lanes(shared)
        holders = self._connection.rows(sql.RUNNING_OF_LANES, (as_json(lanes), _MOST_HOLDERS))
        rate = rate_of(rule)
        return HeldBack(
            *(joined, bool(for_batch), rule, key),
            running=sum(self._counters.jobs(lane, RUNNING) for lane in lanes),
            holders=tuple(holder for (holder,) in holders),
            opens=None if rate is None else self.opens(shared, rate),
        )

    def spend(self, key: str, rate: Rate, starts: int, now: float) -> None:
        """So many of them start now."""
        self._limits.rates.spend(key, rate, now, starts)
        self._limits.rates.write()

    def release_rates(self, now: float) -> None:
        """What a rate held back may start, if its time has come."""
        self._limits.wake(now)

    def next_start(self) -> float | None:
        """When a rate lets another job start that waits for it."""
        return self._limits.rates.next_start()

    def pause(self, queue: str, now: float) -> None:
        """Note that nothing of a queue is to be claimed; the first time counts."""
        if queue not in self.paused():
            self._connection.write(sql.PAUSE, (queue, now))
            self._paused = None

    def resume(self, queue: str) -> None:
        """Forget that."""
        self._connection.write(sql.RESUME, (queue,))
        self._paused = None

    def paused(self) -> Mapping[str, float]:
        """The queues of which nothing is to be claimed, and since when."""
        if self._paused is None:
            self._paused = dict(self._connection.rows(sql.PAUSED))
        return self._paused

    def _undo(self, mark: Mark) -> None:
        super()._undo(mark)
        self._paused = None
