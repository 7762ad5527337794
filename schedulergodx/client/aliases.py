"""Every name that only a document uses for a part of a client, and what it is called here.

New code has no need of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.client.job import Job
    from schedulergodx.client.options import Duration
    from schedulergodx.client.policies import Rule
    from schedulergodx.client.response import Response
    from schedulergodx.core.schedule import ScheduleView


class _Responding(Protocol):
    def publish(self, queue: str | None, function: str, data: Any, **options: Any) -> Job[Any]: ...
    def get_response(self, id: Job[Any] | str) -> Response | None: ...
    def await_response(self, id: Job[Any] | str, timeout: Duration | None = None) -> Response: ...
    async def async_await_response(
        self, id: Job[Any] | str, timeout: Duration | None = None
    ) -> Response: ...


class _Turned(Protocol):
    disabled: bool

    def _disable(self) -> bool: ...
    def run(self) -> Job[Any]: ...
    def update(self, rule: Rule) -> int: ...
    def view(self) -> ScheduleView: ...


class StartCond:
    """`schedule.start_cond`, its rule; assigned to, it is `update(rule)`."""

    def __get__(self, schedule: _Turned, _: object = None) -> str:
        return schedule.view().rule

    def __set__(self, schedule: _Turned, rule: Rule) -> None:
        schedule.update(rule)


class Disable:
    """`schedule.disable()`; assigned to, as in `schedule.disable = True`, it is `disabled`."""

    def __get__(self, schedule: _Turned, _: object = None) -> Callable[[], bool]:
        return schedule._disable

    def __set__(self, schedule: _Turned, wanted: bool) -> None:
        schedule.disabled = wanted


class ForceRun:
    """`schedule.force_run = True` is `run()`."""

    def __get__(self, schedule: _Turned, _: object = None) -> bool:
        return False

    def __set__(self, schedule: _Turned, wanted: bool) -> None:
        if wanted:
            schedule.run()


class Aliases:
    """Mixed into `Client`."""

    def get_responce(self: _Responding, message_id: Job[Any] | str) -> Response | None:
        """`get_response`."""
        return self.get_response(message_id)

    def sync_await_response(
        self: _Responding, message_id: Job[Any] | str, timeout: Duration | None = None
    ) -> Response:
        """`await_response`."""
        return self.await_response(message_id, timeout)

    def sync_await_responce(
        self: _Responding, message_id: Job[Any] | str, timeout: Duration | None = None
    ) -> Response:
        """`await_response`."""
        return self.await_response(message_id, timeout)

    async def async_get_response(
        self: _Responding, message_id: Job[Any] | str, timeout: Duration | None = None
    ) -> Response:
        """`async_await_response`."""
        return await self.async_await_response(message_id, timeout)

    async def async_get_responce(
        self: _Responding, message_id: Job[Any] | str, timeout: Duration | None = None
    ) -> Response:
        """`async_await_response`."""
        return await self.async_await_response(message_id, timeout)

    def publish_task(
        self: _Responding, channel: str, function: str, data: Any = None, **options: Any
    ) -> Job[Any]:
        """`publish`."""
        return self.publish(channel, function, data, **options)
