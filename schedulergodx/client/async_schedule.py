"""The schedules of an `AsyncClient`. `Schedule` says what each method does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from schedulergodx.client.requests import ANSWER_TIMEOUT
from schedulergodx.client.schedule_base import BaseSchedule, read_why
from schedulergodx.core.schedule import (
    AskFires,
    AskSchedule,
    AskScheduleChanges,
    AskTurnSchedule,
    AskWhySchedule,
    ChangeView,
    FireView,
    ScheduleState,
    ScheduleView,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from datetime import datetime

    from schedulergodx.client.async_job import AsyncJob
    from schedulergodx.client.policies import Rule, SchedulePolicies
    from schedulergodx.core.job import Status
    from schedulergodx.core.view import JobView
    from schedulergodx.core.why import Why


class AsyncSchedule(BaseSchedule):
    """A rule that makes jobs, kept by a service. `await client.schedule(...)` gives one."""

    async def view(self) -> ScheduleView:
        """All that is known of it."""
        self._view = await self._ask(AskSchedule(self.id))
        return self._view

    async def next(self, number: int = 10, after: datetime | None = None) -> list[datetime]:
        """When it fires next, in its zone, as far as only the clock decides."""
        return self._times(await self._ask(self._next_request(number, after)))

    # -- whether it fires ------------------------------------------------------------------------

    async def pause(self) -> bool:
        """Fire no more for now; what passes meanwhile is missed. False if it was so already."""
        return await self._turn(ScheduleState.PAUSED)

    async def resume(self) -> bool:
        """Fire again, after a pause or where it was disabled; False if it was not."""
        return await self._turn(ScheduleState.ACTIVE)

    async def disable(self) -> bool:
        """Fire no more. When it is resumed, it begins anew and has missed nothing."""
        return await self._turn(ScheduleState.DISABLED)

    async def delete(self) -> bool:
        """End it. Its jobs stay, and its history for a while; its name is free."""
        return await self._turn(ScheduleState.DELETED)

    # -- what it does ----------------------------------------------------------------------------

    async def run(self, *args: Any, **kwargs: Any) -> AsyncJob[Any]:
        """Make its job now, whatever its rule and its state say. It is no fire of its rule.

        args, kwargs: in the place of those that it has, if any are given
        """
        request = self._run_request(None, args, kwargs)
        job: AsyncJob[Any] = self._job_of(request)
        await self._ask(request)
        return job

    async def update(
        self,
        rule: Rule | None = None,
        *,
        zone: str | None = None,
        func: Any = None,
        path: str | os.PathLike[str] | None = None,
        func_name: str | None = None,
        command: str | Sequence[str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        code: str | None = None,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        **policies: Unpack[SchedulePolicies],
    ) -> int:
        """Change it: its rule, its zone, what it runs with its arguments, its policies."""
        request = self._change_request(
            rule,
            func,
            zone=zone,
            args=args,
            kwargs=kwargs,
            policies=dict(policies),
            path=path,
            func_name=func_name,
            command=command,
            cwd=cwd,
            code=code,
        )
        view: ScheduleView = await self._ask(request)
        self._view = view
        return view.version

    async def backfill(self, begin: datetime, end: datetime) -> int:
        """Make the jobs that it would have made from `begin` to `end`, that excluded.

        None is made twice, and none of an instant that is to come. The answer is how many.
        """
        made = 0
        request = self._backfill_request(begin, end)
        while True:
            jobs, following = await self._ask(request)
            made += int(jobs)
            if following is None:
                return made
            request = self._backfill_request(following, end)

    # -- what it has done ------------------------------------------------------------------------

    async def history(self, limit: int = 100, before: datetime | None = None) -> list[FireView]:
        """Its fires, the newest first."""
        bound = None if before is None else before.timestamp()
        fires: list[FireView] = await self._ask(AskFires(self.id, bound, limit))
        return fires

    async def last(self, status: Status | str | None = None) -> JobView | None:
        """The newest job of its task, of those in that status; None if there is none."""
        jobs: list[JobView] = await self._client.list_jobs(task=self.task, status=status, limit=1)
        return jobs[0] if jobs else None

    async def changes(self, limit: int = 100) -> list[ChangeView]:
        """Who has changed it, when, and how; the oldest first."""
        changes: list[ChangeView] = await self._ask(AskScheduleChanges(self.id, limit))
        return changes

    async def why(self) -> Why:
        """Why it has not fired, and what it waits for."""
        return read_why(await self._ask(AskWhySchedule(self.id)))

    async def _turn(self, state: ScheduleState) -> bool:
        return bool(await self._ask(AskTurnSchedule(self.id, state)))

    async def _ask(self, request: Any) -> Any:
        return await self._client._ask(request, self.queue, ANSWER_TIMEOUT)
