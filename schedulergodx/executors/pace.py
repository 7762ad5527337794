"""How long jobs take lately, and so how many may be sent ahead to a worker that is busy."""

from __future__ import annotations

AHEAD = 0.005  # seconds of work that a worker may hold
MOST = 256  # jobs that it may hold
_OVERHEAD = 10e-6  # seconds a job, beside its function
_BYTE = AHEAD / (1 << 20)  # seconds for its way to the worker or back: a megabyte is enough ahead
_WEIGHT = 0.2  # of the newest job in the means
_TASKS = 10_000  # that are remembered


class Pace:
    """Moving means: of each task, by the hash of its function or its name, and of all."""

    def __init__(self) -> None:
        self._of_task: dict[bytes | str, float] = {}
        self._recent = AHEAD

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
        return min(MOST, int((AHEAD - load) / (self._recent + _OVERHEAD)))
