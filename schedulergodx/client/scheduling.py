"""What a `Client` does with schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack, cast

from schedulergodx.client.asking import Asking
from schedulergodx.client.planning import Planned, Planning
from schedulergodx.client.policies import Rule, SchedulePolicies
from schedulergodx.client.requests import ANSWER_TIMEOUT, check_sent

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from schedulergodx.client.client import Client
    from schedulergodx.client.group import Group
    from schedulergodx.client.options import TaskOptions
    from schedulergodx.client.policies import Conflict
    from schedulergodx.client.schedule import Schedule
    from schedulergodx.client.schedules import Session


class Scheduling(Planning, Asking):
    """The part of `Client` for schedules."""

    def schedule(
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
    ) -> Schedule:
        """Have a service make a job of a function each time that a rule says so.

        A program that is started again makes the same schedules: one of that name is left as it is
        if nothing differs, and gets a new version if something does.

        rule: as "every 10 minutes", "daily at 10:00", or conditions of `schedulergodx.conditions`
        func: a task, what its `options(...)` gives, or a function
        name: that of the task if left out
        zone: an IANA name
        args, kwargs: of the function
        path, func_name, command, cwd, code: in the place of `func`, see `program`
        on_conflict: what is done where this program has another schedule of that name; the setting
            if left out

        Raises: BadRule, ConfigError, ShipError; UnknownQueue, NoAnswer
        """
        from schedulergodx.client.schedule import Schedule  # late: few programs have any

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
        view = self._ask(planned.request, planned.queue, ANSWER_TIMEOUT)
        return Schedule(self, view)

    def group(
        self,
        prefix: str,
        *,
        start_cond: Rule | None = None,
        zone: str = "UTC",
        params: Mapping[str, Any] | None = None,
        **options: Unpack[TaskOptions],
    ) -> Group:
        """Tasks and schedules that have something in common: `@group.task`, `group.schedule`.

        prefix: before the name of each; rules name it too: "after task 'etl: load'"
        start_cond: a rule that must hold as well, wherever one of them has a rule
        zone: of their rules that name none
        params: arguments of their schedules, for functions that have a parameter of that name
        options: of their tasks, unless these say it themselves

        Raises: BadRule, ConfigError, TypeError
        """
        from schedulergodx.client.group import Group  # late: few programs have any

        return Group(self, prefix, start_cond, zone, params or {}, options)

    @property
    def session(self) -> Session:
        """The schedules of all clients, by their names."""
        from schedulergodx.client.schedules import Session  # late: few programs have any

        return Session(cast("Client", self))

    def _announce(self, planned: Planned) -> None:
        """Have a schedule made by the service as soon as there is one: nobody waits for it."""
        line = self._line()
        notice = line.sealer.announce(planned.request, self._names.requests(planned.queue).name)
        line.submit(notice)
        notice.wait(self._confirm_timeout)
        check_sent(notice, self._confirm_timeout)
