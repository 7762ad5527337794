"""The schedules that services keep, as a `Client` sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from schedulergodx.client.requests import ANSWER_TIMEOUT, read_answers
from schedulergodx.client.schedule import Schedule
from schedulergodx.client.schedule_base import PAGE, new_views, next_page
from schedulergodx.core.request import AskStop
from schedulergodx.core.schedule import AskSchedule, AskSchedules, ScheduleFilter, ScheduleView
from schedulergodx.errors import UnknownSchedule

if TYPE_CHECKING:
    from schedulergodx.client.client import Client
    from schedulergodx.client.job import Job
    from schedulergodx.client.params import Params
    from schedulergodx.client.policies import Rule


class Session:
    """The schedules that services keep, by their names: `client.session`.

    A name means the schedule of this client, else the newest one of another.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def tasks(self) -> list[Schedule]:
        """All schedules. Raises: NoAnswer"""
        return list(self)

    def __iter__(self) -> Iterator[Schedule]:
        for view in self._views():
            yield Schedule(self._client, view)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, name: str) -> Schedule:
        return Schedule(self._client, self._client._ask(AskSchedule(name), "", ANSWER_TIMEOUT))

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except UnknownSchedule:
            return False
        return True

    def get(self, name: str) -> Schedule | None:
        """The schedule of that name; None if there is none. Raises: NoAnswer"""
        try:
            return self[name]
        except UnknownSchedule:
            return None

    @property
    def params(self) -> Params:
        """The parameters of all services, a dict that rules and `args.Arg` ask."""
        from schedulergodx.client.params import Params  # late: few programs have any

        return Params(self._client)

    def run(self, *names: str) -> list[Job[Any]]:
        """Make the jobs of these schedules now, whatever their rules say; see `Schedule.run`.

        None is made if one of them is not there. Raises: UnknownSchedule, NoAnswer
        """
        found = [self[name] for name in names]
        return [schedule.run() for schedule in found]

    def shutdown(self, force: bool = False) -> int:
        """Have all services drain and end; with `force` without waiting for what runs.

        The answer is how many there were. Raises: NoAnswer
        """
        return self._stop(AskStop(force=force))

    def restart(self, force: bool = False) -> int:
        """Have all services drain, and begin anew as their setting `restarting` says."""
        return self._stop(AskStop(restart=True, force=force))

    def _stop(self, request: AskStop) -> int:
        question = self._client._put(request, "", ANSWER_TIMEOUT, every=True)
        return len(read_answers(question))

    def create(self, rule: Rule, func: Any = None, **options: Any) -> Schedule:
        """Make a schedule; see `Client.schedule`."""
        return self._client.schedule(rule, func, **options)

    def _views(self) -> Iterator[ScheduleView]:
        """Those of each store, page by page."""
        after: int | None = 0
        seen: set[bytes] = set()
        while after is not None:
            request = AskSchedules(ScheduleFilter(after=after, limit=PAGE))
            pages = read_answers(self._client._put(request, "", ANSWER_TIMEOUT, every=True))
            yield from new_views(pages, seen)
            after = next_page(pages)
