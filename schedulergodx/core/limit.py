"""What jobs share: how many may run at once, and how often one may start.

A rate is kept by the generic cell rate algorithm: for each key one instant is remembered, at which
the next start would be on time. So the starts of a rate are spread evenly, and in no stretch of its
length there are more than it allows. Source: ITU-T I.371, annex A
"""

from __future__ import annotations

import math

from msgspec import Struct

from schedulergodx.core.job import LimitRule

_TOGETHER = 50  # a start of so many may come early, so that a loop that wakes late keeps the pace
_EPSILON = 1e-6  # seconds: instants are floats, a quarter of that apart
_BETWEEN = "\t"  # stands in neither a name nor a key
LONGEST_NAME = 200
LONGEST_KEY = 200


class Rate(Struct, frozen=True):
    """So many starts in so many seconds."""

    starts: int
    seconds: float

    @property
    def burst(self) -> int:
        """How many may start at once after a rest."""
        return max(1, self.starts // _TOGETHER)

    @property
    def interval(self) -> float:
        """Seconds from one start to the next. A burst is made up for: no stretch has more."""
        return self.seconds / (self.starts - self.burst + 1)

    def room(self, next_on_time: float, now: float) -> int:
        """How many may start now."""
        early = max(0.0, next_on_time - now)
        left = math.floor(self.burst - (early - _EPSILON) / self.interval)
        return max(0, min(left, self.burst))

    def after(self, next_on_time: float, now: float, starts: int) -> float:
        """The instant to remember when so many have started now."""
        return max(next_on_time, now) + starts * self.interval

    def opens(self, next_on_time: float) -> float:
        """From when on the next one may start."""
        return next_on_time - (self.burst - 1) * self.interval

    def latest(self, now: float) -> float:
        """No later instant is remembered, unless the clock was set back since."""
        return now + self.burst * self.interval


def rate_of(rule: LimitRule) -> Rate | None:
    """The rate of a limit, if it has one."""
    return None if rule.rate is None else Rate(rule.rate, rule.seconds)


def limit_fault(rule: LimitRule) -> str | None:
    """What is wrong with a limit; a client of ours sends none of these."""
    if not is_name(rule.name, LONGEST_NAME):
        return f"the name of a limit is 1 to {LONGEST_NAME} printable characters"
    if rule.concurrency is not None and rule.concurrency < 1:
        return f"{rule.concurrency} jobs at once are none: give at least 1"
    if rule.rate is not None and rule.rate < 1:
        return f"{rule.rate} starts are none: give at least 1"
    if not 0 < rule.seconds < math.inf:
        return f"a rate in {rule.seconds} s is none: give more than 0"
    return None


def is_name(text: str, longest: int) -> bool:
    """Whether it can name a limit, or be one of its keys."""
    return 0 < len(text) <= longest and text.isprintable()


def key_of_limit(rule: LimitRule, key: str) -> str:
    """What jobs share that have this limit and this key of it, as one text."""
    return f"{rule.name}{_BETWEEN}{key}"


def key_of_queue(queue: str) -> str:
    """The same for all jobs of a queue, where the queue has a rate."""
    return f"{_BETWEEN}{queue}"


def name_of_limit(shared: str) -> tuple[str, str]:
    """(name, key) of what `key_of_limit` made."""
    name, _, key = shared.partition(_BETWEEN)
    return name, key
