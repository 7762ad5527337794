"""What a `Client` does with schedules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Unpack, cast

from schedulergodx.client.asking import Asking
from schedulergodx.client.planning import Planned, Planning, Rule, SchedulePolicies
from schedulergodx.client.requests import ANSWER_TIMEOUT, check_sent, read_answers
from schedulergodx.client.schedule import Schedule
from schedulergodx.client.schedule_base import PAGE, new_views, next_page
from schedulergodx.core.request import AskStop
from schedulergodx.core.schedule import AskSchedule, AskSchedules, ScheduleFilter, ScheduleView
from schedulergodx.errors import UnknownSchedule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schedulergodx.client.client import Client
    from schedulergodx.client.job import Job
    from schedulergodx.client.planning import Conflict


class Scheduling(Planning, Asking):
    """The part of `Client` for schedules."""

    def schedule(
        self,
        rule: Rule,
        func: Any,
        *,
        name: str | None = None,
        zone: str = "UTC",
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        on_conflict: Conflict | None = None,
        **policies: Unpack[SchedulePolicies],
    ) -> Schedule:
        """Have a service make a job of a function each time that a rule says so.

        A program that is started again makes the same schedules: one of that name is left as it is
        if nothing differs, and gets a new version if something does.

        rule: as "every 10 minutes", "daily at 10:00", or conditions of `schedulergodx.conditions`
        func: a task, what its `options(...)` gives, or a function
        name: that of the task if left out
        zone: an IANA name
        args, kwargs: of the function
        on_conflict: what is done where this program has another schedule of that name; the setting
            if left out

        Raises: BadRule, ConfigError, ShipError; UnknownQueue, NoAnswer
        """
        recipe = self._recipe_of(func, None)
        planned = self._plan(
            recipe,
            rule,
            name=name,
            zone=zone,
            args=args,
            kwargs=kwargs,
            on_conflict=on_conflict,
            **policies,
        )
        view = self._ask(planned.request, planned.queue, ANSWER_TIMEOUT)
        return Schedule(self, view)

    @property
    def session(self) -> Session:
        """The schedules of all clients, by their names."""
        return Session(cast("Client", self))

    def _announce(self, planned: Planned) -> None:
        """Have a schedule made by the service as soon as there is one: nobody waits for it."""
        line = self._line()
        notice = line.sealer.announce(planned.request, self._names.requests(planned.queue).name)
        line.submit(notice)
        notice.wait(self._confirm_timeout)
        check_sent(notice, self._confirm_timeout)


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

    def run(self, *names: str) -> list[Job[Any]]:
        """Make the jobs of these schedules now, whatever their rules say; see `Schedule.run`."""
        return [self[name].run() for name in names]

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

    def create(self, rule: Rule, func: Any, **options: Any) -> Schedule:
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
