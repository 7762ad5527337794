"""What happens to jobs of tasks that schedules listen to.

Who listens is remembered, so that a job of a task that nobody listens to costs one look.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from schedulergodx.core.conditions.base import Action, Happening
from schedulergodx.core.job import ErrorCode, Status
from schedulergodx.storage.sqlite import schedule_statements as sql
from schedulergodx.storage.sqlite import statements
from schedulergodx.storage.states import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from schedulergodx.core.job import Outcome, Spec
    from schedulergodx.storage.base import Claimed
    from schedulergodx.storage.sqlite.connection import Connection
    from schedulergodx.storage.sqlite.session import End

KEPT = 100  # happenings of each kind that stay, however old they are
_LAST_NOTE = "store.last_happening"  # no number is given twice, whatever was swept
_ENDS = {
    Status.COMPLETED: Action.SUCCEEDED,
    Status.FAILED: Action.FAILED,
    Status.TIMEOUT: Action.TERMINATED,
    Status.CANCELLED: Action.TERMINATED,
}


def _action_of(outcome: Outcome) -> Action | None:
    if outcome.failure is not None and outcome.failure.code == ErrorCode.INACTED:
        return Action.INACTED
    return _ENDS.get(outcome.status)


class Happenings:
    """Keeps what happens to jobs.

    spec: of a number
    tasks: that are listened to, each with the schedules that listen
    """

    def __init__(self, connection: Connection, spec: Callable[[int], Spec]) -> None:
        self._connection = connection
        self._spec = spec
        self.tasks: dict[str, set[int]] = {}
        self._news: set[str] = set()  # tasks of which something has happened
        self._last = 0
        self._changed = False

    def load(self) -> None:
        """Read who listens. Whoever does has to look what has happened."""
        rows = self._connection.rows
        self.tasks = {}
        for task, schedule in rows(sql.LISTENERS):
            self.tasks.setdefault(task, set()).add(schedule)
        self._news = set(self.tasks)
        noted = rows(statements.NOTE, (_LAST_NOTE,))
        self._last = int(noted[0][0]) if noted else 0
        self._changed = False

    def listen(self, schedule: int, tasks: Collection[str]) -> None:
        """Have a schedule listen to these tasks, and to no others."""
        heard = dict(self._connection.rows(sql.HEARD_BEFORE, (schedule,)))
        gone = [task for task in heard if task not in tasks]
        new = [task for task in dict.fromkeys(tasks) if task not in heard]
        for task in gone:
            self._connection.write(sql.STOP_LISTENING, (task, schedule))
            self.tasks[task].discard(schedule)
            if not self.tasks[task]:
                del self.tasks[task]
        for task in new:
            self.tasks.setdefault(task, set()).add(schedule)
        values = [value for task in new for value in (task, schedule, self._last)]
        self._connection.bulk_write(sql.LISTEN, values)
        self._changed = self._changed or bool(gone or new)

    def undo(self) -> None:
        """Something was rolled back, maybe a part only: the rest may be as well."""
        if self._changed:
            self.load()
            self._changed = True

    def keep(self) -> None:
        """It was committed."""
        self._changed = False

    # -- what happens ----------------------------------------------------------------------------

    def start(self, claimed: Sequence[Claimed], now: float) -> None:
        """Jobs start, for the first time or again."""
        self._add(
            (task, (Action.STARTED,), now)
            for job in claimed
            if job.attempt == 1 and (task := self._spec(job.spec).name) in self.tasks
        )

    def end(self, ends: Sequence[End]) -> None:
        """Jobs end. One that never started has not happened."""
        self._add(
            (task, (action, Action.FINISHED), end.finished)
            for end in ends
            if end.job.attempt
            and (action := _action_of(end.outcome)) is not None
            and (task := self._spec(end.job.spec).name) in self.tasks
        )

    def _add(self, happenings: Iterable[tuple[str, tuple[Action, ...], float]]) -> None:
        """Each is one happening, whatever it is called."""
        values: list[Any] = []
        for task, actions, at in happenings:
            self._last += 1
            self._news.add(task)
            for action in actions:
                values += (task, ACTIONS[action], self._last, at)
        if values:
            self._changed = True
            self._connection.bulk_write(sql.ADD_HAPPENINGS, values)
            self._connection.write(statements.SET_NOTE, (_LAST_NOTE, str(self._last)))

    # -- what is known of it ---------------------------------------------------------------------

    def heard(self) -> set[int]:
        """Schedules that listen to what has happened since this was asked last."""
        if not self._news:
            return set()
        found = set[int]().union(*(self.tasks.get(task, ()) for task in self._news))
        self._news.clear()
        self._changed = True
        return found

    def latest(self, action: Action, task: str, nth: int, before: float) -> Happening | None:
        """The newest happening of a task before an instant; the one before that for nth=2."""
        rows = self._connection.rows(sql.LATEST, (task, ACTIONS[action], before, nth - 1))
        return Happening(*rows[0]) if rows else None

    def first_after(self, action: Action, task: str, number: int) -> Happening | None:
        """The oldest happening with a greater number."""
        rows = self._connection.rows(sql.FIRST_AFTER, (task, ACTIONS[action], number))
        return Happening(*rows[0]) if rows else None

    def sweep(self, before: float, limit: int) -> int:
        """Forget what happened before an instant, but for the newest."""
        swept = 0
        for task, action in self._keys() if limit else ():
            if swept >= limit:
                break
            rows = self._connection.rows(sql.LATEST, (task, action, math.inf, KEPT - 1))
            if rows:
                key = (task, action)
                values = (*key, *key, before, rows[0][0], limit - swept)
                swept += len(self._connection.write(sql.OLD_HAPPENINGS, values))
        return swept

    def _keys(self) -> Collection[tuple[str, int]]:
        return [(task, action) for task in sorted(self.tasks) for action in ACTIONS.values()]
