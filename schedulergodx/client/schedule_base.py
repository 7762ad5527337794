"""What a schedule is for both clients: a name that requests are made with. Nothing is sent here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec

from schedulergodx.core.identity import ulid
from schedulergodx.core.json_data import is_exact, write_arguments
from schedulergodx.core.schedule import (
    AskBackfill,
    AskNextFires,
    AskRunSchedule,
    AskUpdateSchedule,
    ScheduleView,
)

if TYPE_CHECKING:
    from schedulergodx.client.planning import Planning
    from schedulergodx.client.policies import Rule
    from schedulergodx.core.why import Why


PAGE = 1000  # schedules


class BaseSchedule:
    """A rule that makes jobs, kept by a service.

    queue: where its jobs go; "" if that is not known
    """

    def __init__(self, client: Planning, view: ScheduleView) -> None:
        self._client: Any = client
        self._view = view

    @property
    def name(self) -> str:
        """What it is called; no other one of its client has that name."""
        return self._view.name

    @property
    def id(self) -> str:
        """Its uid as a ULID, which stays when it is deleted and its name is free again."""
        return ulid(self._view.uid)

    @property
    def queue(self) -> str:
        """Where its jobs go."""
        return self._view.queue

    @property
    def task(self) -> str:
        """Whose jobs it makes."""
        return self._view.task

    @property
    def last_view(self) -> ScheduleView:
        """What was known of it when a service was asked last."""
        return self._view

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self._view.rule}>"

    # -- requests --------------------------------------------------------------------------------

    def _next_request(self, number: int, after: datetime | None) -> AskNextFires:
        return AskNextFires(self.id, number, None if after is None else _instant(after))

    def _times(self, instants: list[float]) -> list[datetime]:
        """Instants in the zone of the schedule."""
        zone = ZoneInfo(self._view.zone)
        return [datetime.fromtimestamp(instant, UTC).astimezone(zone) for instant in instants]

    def _run_request(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> AskRunSchedule:
        client = self._client
        if not args and not kwargs:
            return AskRunSchedule(self.id, client._identify())
        if is_exact([list(args), kwargs]):  # so it fits what is no function, too
            return AskRunSchedule(self.id, client._identify(), write_arguments(args, kwargs))
        packer = client._recipe_of(function or _nothing, None).packer
        packed = packer.pack_arguments(args, kwargs)
        units = {key: packer.unit(key) for key in packed.units}
        return AskRunSchedule(self.id, client._identify(), packed.body, units)

    def _job_of(self, request: AskRunSchedule) -> Any:
        """The job that a run makes."""
        client = self._client
        own = self._view.client == client._launcher
        return client._attach(
            request.uid,
            label=None,
            queue=self.queue,
            task=self.task,
            instance=client.instance if own else "",
        )

    def _change_request(
        self,
        rule: Rule | None,
        func: Any,
        *,
        zone: str | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None,
        policies: dict[str, Any],
        **program: Any,
    ) -> AskUpdateSchedule:
        """program: what `path=`, `command=` and the like say"""
        policy = self._client._policy(policies, self._view.policy) if policies else None
        task = None
        if func is not None or any(value is not None for value in program.values()):
            recipe = self._client._recipe_to_plan(func, self.task, **program)
            if recipe.name != self.task:
                recipe = recipe.changed({"name": self.task})
            task = (recipe, args, kwargs or {})
        elif args or kwargs:
            raise TypeError("arguments are those of a function: give that as well, with func=")
        request: AskUpdateSchedule = self._client._update_request(self.id, rule, zone, policy, task)
        return request

    def _backfill_request(self, begin: datetime | float, end: datetime | float) -> AskBackfill:
        return AskBackfill(self.id, _instant(begin), _instant(end))


def new_views(pages: list[list[ScheduleView]], seen: set[bytes]) -> list[ScheduleView]:
    """The views of several stores that were not seen before; they are noted."""
    views = [view for page in pages for view in page if view.uid not in seen]
    seen.update(view.uid for view in views)
    return views


def next_page(pages: list[list[ScheduleView]]) -> int | None:
    """The number after which the next page begins, of stores that have one; None at the end."""
    full = [page[-1].number for page in pages if len(page) >= PAGE]
    return min(full, default=None)


def read_why(fields: dict[str, object]) -> Why:
    """The explanation of those fields."""
    from schedulergodx.core.why import Why  # late: few programs ask

    return msgspec.convert(fields, Why)


def _nothing() -> None:
    """Stands for a function that only the service has: its arguments are packed alike."""


def _instant(value: datetime | float) -> float:
    from schedulergodx.client.reading import read_moment

    instant = read_moment("instant", value)
    assert instant is not None
    return instant
