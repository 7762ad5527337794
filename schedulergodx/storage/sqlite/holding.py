"""What holds jobs back: limits, rates, and queues that are paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.storage.sqlite import limit_statements as sql
from schedulergodx.storage.sqlite.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schedulergodx.core.job import LimitRule
    from schedulergodx.core.limit import Rate
    from schedulergodx.storage.sqlite.session import Mark


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
