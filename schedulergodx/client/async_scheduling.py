"""What an `AsyncClient` does with schedules. `Scheduling` says what each method does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Unpack, cast

from schedulergodx.client.async_asking import AsyncAsking
from schedulergodx.client.async_schedule import AsyncSchedule
from schedulergodx.client.planning import Planned, Planning
from schedulergodx.client.policies import Rule, SchedulePolicies
from schedulergodx.client.requests import ANSWER_TIMEOUT, check_sent, read_answers
from schedulergodx.client.schedule_base import PAGE, new_views, next_page
from schedulergodx.core.request import AskStop
from schedulergodx.core.schedule import AskSchedule, AskSchedules, ScheduleFilter, ScheduleView
from schedulergodx.errors import UnknownSchedule

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from schedulergodx.client.async_client import AsyncClient
    from schedulergodx.client.async_group import AsyncGroup
    from schedulergodx.client.async_job import AsyncJob
    from schedulergodx.client.line import Line
    from schedulergodx.client.options import TaskOptions
    from schedulergodx.client.policies import Conflict


class AsyncScheduling(Planning, AsyncAsking):
    """The part of `Client` for schedules."""

    async def schedule(
        self,
        rule: Rule,
        func: Any = None,
        *,
        name: str | None = None,
        path: str | os.PathLike[str] | None = None,
        func_name: str | None = None,
        command: str | Sequence[str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        code: str | None = None,
        zone: str = "UTC",
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        on_conflict: Conflict | None = None,
        **policies: Unpack[SchedulePolicies],
    ) -> AsyncSchedule:
        """Have a service make a job of a function each time that a rule says so."""
        recipe = self._recipe_to_plan(
            func, name, path=path, func_name=func_name, command=command, cwd=cwd, code=code
        )
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
        view = await self._ask(planned.request, planned.queue, ANSWER_TIMEOUT)
        return AsyncSchedule(self, view)

    def group(
        self,
        prefix: str,
        *,
        start_cond: Rule | None = None,
        zone: str = "UTC",
        params: Mapping[str, Any] | None = None,
        **options: Unpack[TaskOptions],
    ) -> AsyncGroup:
        """Tasks and schedules that have something in common; see `Client.group`."""
        from schedulergodx.client.async_group import AsyncGroup  # late: few programs have any

        return AsyncGroup(self, prefix, start_cond, zone, params or {}, options)

    @property
    def session(self) -> AsyncSession:
        """The schedules of all clients, by their names."""
        return AsyncSession(cast("AsyncClient", self))

    def _set_up(self, *given: Any) -> None:
        super()._set_up(*given)
        self._unannounced: list[Planned] = []

    def _announce(self, planned: Planned) -> None:
        """It is sent when this client connects, or at its next use: a decorator can't wait."""
        self._unannounced.append(planned)

    async def _send_announced(self, line: Line) -> None:
        """Have services make what the decorators of tasks asked for."""
        while self._unannounced:
            planned = self._unannounced[0]
            address = self._names.requests(planned.queue).name
            notice = line.sealer.announce(planned.request, address)
            line.submit(notice)
            await notice.wait_async(self._confirm_timeout)
            check_sent(notice, self._confirm_timeout)
            self._unannounced.remove(planned)


class AsyncSession:
    """The schedules that services keep: `client.session`; `Session` of a `Client` is the same."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def tasks(self) -> list[AsyncSchedule]:
        """All schedules. Raises: NoAnswer"""
        return [schedule async for schedule in self]

    async def __aiter__(self) -> AsyncIterator[AsyncSchedule]:
        after: int | None = 0
        seen: set[bytes] = set()
        while after is not None:
            request = AskSchedules(ScheduleFilter(after=after, limit=PAGE))
            question = await self._client._put(request, "", ANSWER_TIMEOUT, every=True)
            pages = read_answers(question)
            for view in new_views(pages, seen):
                yield AsyncSchedule(self._client, view)
            after = next_page(pages)

    async def get(self, name: str) -> AsyncSchedule | None:
        """The schedule of that name; None if there is none. Raises: NoAnswer"""
        try:
            return AsyncSchedule(self._client, await self._view(name))
        except UnknownSchedule:
            return None

    async def _view(self, name: str) -> ScheduleView:
        view: ScheduleView = await self._client._ask(AskSchedule(name), "", ANSWER_TIMEOUT)
        return view

    async def params(self, change: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The parameters of all services, some of them changed before."""
        from schedulergodx.client.params import change_request, merged  # late: few have any

        request = change_request(dict(change or {}))
        question = await self._client._put(request, "", ANSWER_TIMEOUT, every=True)
        return merged(read_answers(question))

    async def run(self, *names: str) -> list[AsyncJob[Any]]:
        """Make the jobs of these schedules now, whatever their rules say; see `Schedule.run`."""
        found = [AsyncSchedule(self._client, await self._view(name)) for name in names]
        return [await schedule.run() for schedule in found]

    async def shutdown(self, force: bool = False) -> int:
        """Have all services drain and end; with `force` without waiting for what runs.

        The answer is how many there were. Raises: NoAnswer
        """
        return await self._stop(AskStop(force=force))

    async def restart(self, force: bool = False) -> int:
        """Have all services drain, and begin anew as their setting `restarting` says."""
        return await self._stop(AskStop(restart=True, force=force))

    async def _stop(self, request: AskStop) -> int:
        question = await self._client._put(request, "", ANSWER_TIMEOUT, every=True)
        return len(read_answers(question))

    async def create(self, rule: Rule, func: Any = None, **options: Any) -> AsyncSchedule:
        """Make a schedule; see `Client.schedule`."""
        return await self._client.schedule(rule, func, **options)
