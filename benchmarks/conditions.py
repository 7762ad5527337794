"""How long it takes to find the next fire of each kind of rule.

    python -m benchmarks.conditions

"next" is a look at a rule that has just fired: when does it fire again? "due" is one at a rule that
is to fire now. "first" is the former with no wall time in the cache that schedules share. The rules
are asked in Europe/Berlin, on an ordinary day and on those on which the clocks are set, and the
dearest day counts. Each number is the best of several rounds, of the processor's time.
"""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable

from schedulergodx.core.conditions import local
from schedulergodx.core.conditions.base import Action, Fire, due
from schedulergodx.core.conditions.reading import parse
from tests.core.conditions.past import Past, instant

RULES = (
    "every 10 min",
    "secondly",
    "hourly",
    "hourly at 15:00",
    "daily",
    "daily at 10:00",
    "daily between 22:00 and 02:00",
    "weekly on Mon",
    "monthly on 31st",
    "time of day between 10:00 and 15:00",
    "cron */5 * * * *",
    "cron 0 9 * * MON-FRI",
    "cron 30 2 31 * *",
    "cron 0 0 29 2 *",
    "cron 0 0 * 2 MON#5",
    "crontime * * * 2 MON#5",
    "after task 'x'",
    "has failed today",
    "retry(3)",
    "daily between 10:00 and 15:00 & after task 'x' | ~task 'y' is running & hourly",
)
NOWS = [
    instant(text) for text in ("2027-06-15 12:34:56", "2027-03-28 03:00:00", "2027-10-31 02:15:00")
]
_TIMES, _ROUNDS = 200, 7
_DAY = 86400.0


def microseconds(look: Callable[[], object]) -> float:
    """What one call takes."""
    rounds = timeit.repeat(look, number=_TIMES, repeat=_ROUNDS, timer=time.process_time)
    return min(rounds) / _TIMES * 1e6


def measure(text: str, now: float) -> tuple[float, float, float]:
    """Microseconds of a look (at the next fire, at one that is due, with an empty cache)."""
    rule = parse(text)
    fired = Past(made=now - 40 * _DAY, fired=Fire(now, now))
    waits = Past(made=now - 40 * _DAY)
    for past in (fired, waits):
        past.add(Action.FAILED, now - 1, None)

    def afresh() -> None:
        local.first.cache_clear()
        due(rule, fired.at(now))

    following = microseconds(lambda: due(rule, fired.at(now)))
    return following, microseconds(lambda: due(rule, waits.at(now))), microseconds(afresh)


def main() -> None:
    """Print a line for each rule."""
    print(f"{'rule':80}{'next':>8}{'due':>8}{'first':>8}   µs")
    for text in RULES:
        dearest = map(max, zip(*(measure(text, now) for now in NOWS), strict=True))
        print(f"{text:80}" + "".join(f"{number:8.1f}" for number in dearest))


if __name__ == "__main__":
    main()
