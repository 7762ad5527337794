"""How long jobs take lately, and so how many may be sent ahead to a worker that is busy."""

from __future__ import annotations

AHEAD = 0.005  # seconds of work that a worker may hold
_LONGEST_AHEAD = 0.05  # and where jobs are long on their way to it
_LAGS = 4  # as long as so many ways: until it is given more, two rounds may pass
MOST = 1024  # jobs that it may hold
_USUAL = 256  # where the disk is quick
_OVERHEAD = 10e-6  # seconds a job, beside its function
_BYTE = AHEAD / (1 << 20)  # seconds for its way to the worker or back: a megabyte is enough ahead
_WEIGHT = 0.2  # of the newest job in the means
_TASKS = 10_000  # that are remembered


class Pace:
    """Moving means: of each task, by the hash of its function or its name, and of all.

    horizon: seconds of work that a worker may hold. On a slow disk that is more: it must not be
        idle while a claim is written
    """

    def __init__(self) -> None:
        self.horizon = AHEAD
        self._of_task: dict[bytes | str, float] = {}
        self._recent = AHEAD
        self._lag = 0.0
        self._offered: float | None = None

    def offer(self, now: float) -> None:
        """Places are offered: jobs are claimed for them."""
        self._offered = now

    def take(self, now: float) -> None:
        """These jobs are given, since their claim is on disk."""
        if self._offered is not None:
            self._lag += _WEIGHT * (now - self._offered - self._lag)
            self._offered = None
            self.horizon = min(_LONGEST_AHEAD, max(AHEAD, _LAGS * self._lag))

    def learn(self, task: bytes | str, seconds: float, size: int = 0) -> None:
        """A job of that task took so long, and so many bytes went to and fro."""
        mean = self._of_task.get(task)
        if mean is None:
            if len(self._of_task) >= _TASKS:
                self._of_task.clear()
            self._of_task[task] = seconds
        else:
            self._of_task[task] = mean + _WEIGHT * (seconds - mean)
        self._recent += _WEIGHT * (seconds + size * _BYTE - self._recent)

    def expect(self, task: bytes | str, size: int = 0) -> float:
        """Seconds that a job of that task will take with so many bytes of arguments; of an
        unknown one, what others took."""
        return self._of_task.get(task, self._recent) + size * _BYTE + _OVERHEAD

    def ahead(self, load: float) -> int:
        """How many more may be sent to a worker that holds so many seconds of work."""
        most = min(MOST, int(_USUAL * self.horizon / AHEAD))
        room = int((self.horizon - load) / (self._recent + _OVERHEAD))
        return min(most, max(room, int(self.wants_next(load))))

    def wants_next(self, load: float) -> bool:
        """Whether a worker holds one job, of some milliseconds, and would be idle after it."""
        known = bool(self._of_task) and self._recent <= _LONGEST_AHEAD
        return known and 0.0 < load < 1.5 * self._recent
