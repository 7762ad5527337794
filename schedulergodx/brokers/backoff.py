"""How long to wait before the next try."""

from __future__ import annotations

import random

_STABLE_SECONDS = 5.0


class Backoff:
    """Waits that double, each drawn anew between nothing and its limit ("full jitter"), so that
    many clients of a broker that comes back do not come back at one moment.

    first, most: limits of the first wait and of all, in seconds
    """

    def __init__(self, first: float = 0.1, most: float = 5.0) -> None:
        self._first = first
        self._most = most
        self._tries = 0

    def next(self, held: float = 0.0) -> float:
        """Seconds to wait now.

        held: seconds for which the last try was good; after a good while the waits begin anew
        """
        if held > _STABLE_SECONDS:
            self._tries = 0
        limit = min(self._most, self._first * 2.0 ** min(self._tries, 30))
        self._tries += 1
        return random.uniform(0.0, limit)

    def reset(self) -> None:
        """It worked: begin again with the first."""
        self._tries = 0
