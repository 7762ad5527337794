"""The maker: stores the jobs of schedules, which from then on are jobs like all others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from schedulergodx.core.envelope import VERSION, Header, MessageType
from schedulergodx.core.job import OnFailure, Parent
from schedulergodx.core.message import TaskBody
from schedulergodx.core.policy import Deed, deed, jitter_of_fire, uid_of_fire
from schedulergodx.core.schedule import FireReason
from schedulergodx.storage.schedules import Fire

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schedulergodx.core.message import JobItem
    from schedulergodx.core.schedule import AskRunSchedule
    from schedulergodx.service.tick import Tick
    from schedulergodx.storage.base import NewJob, Running, Store
    from schedulergodx.storage.schedules import Schedule

_open_task = msgspec.msgpack.Decoder(TaskBody).decode


class Maker:
    """Makes jobs from what schedules keep.

    draft: the jobs of a task, as they would be stored
    keep: stores jobs, as those of an envelope
    stop: calls off an attempt, as (job, force)
    """

    def __init__(
        self,
        store: Store,
        *,
        draft: Callable[[Header, TaskBody, float], list[NewJob]],
        keep: Callable[[list[NewJob], Header, Tick], object],
        stop: Callable[[Running, bool], None],
    ) -> None:
        self._store = store
        self._draft = draft
        self._keep = keep
        self._stop = stop

    def fire(
        self,
        schedule: Schedule,
        instant: float,
        why: FireReason,
        tick: Tick,
        *,
        uses_event: bool = False,
    ) -> Fire:
        """Make the job of a fire, as far as its policy lets it; the answer is for its history."""
        policy = schedule.plan.policy
        unfinished = self._store.unfinished(schedule.number)
        what = deed(len(unfinished), policy, uses_event=uses_event)
        if what is Deed.PASS_BY:
            return Fire(instant, FireReason.STILL_RUNNING)
        before = None
        if what is not Deed.RUN:
            assert policy.max_instances is not None
            before = unfinished[-policy.max_instances]
        if what is Deed.REPLACE and before is not None:
            self._call_off(before, tick)
        return self.make(schedule, instant, why, tick, before=before)

    def make(
        self, schedule: Schedule, instant: float, why: FireReason, tick: Tick, before: bytes | None
    ) -> Fire:
        """Make the job of a fire. before: the uid of one that must have ended when it begins"""
        uid = uid_of_fire(schedule.uid, instant)
        policy = schedule.plan.policy
        item = _item(
            schedule,
            uid=uid,
            due=min(instant, tick.now) + jitter_of_fire(schedule.uid, instant, policy),
            deadline=None if policy.expires is None else instant + policy.expires,
            parents=() if before is None else (Parent(before, OnFailure.RUN),),
        )
        self._store_job(schedule, item, {}, "", tick)
        return Fire(instant, why, uid)

    def run_now(
        self, schedule: Schedule, request: AskRunSchedule, instance: str, tick: Tick
    ) -> None:
        """Make its job because somebody asks for it, at an instance of its client."""
        changes: dict[str, object] = {"uid": request.uid}
        if request.arguments is not None:
            changes |= {"arguments": request.arguments, "units": tuple(request.units)}
        self._store_job(schedule, _item(schedule, **changes), request.units, instance, tick)

    def end_all(self, schedule: Schedule, tick: Tick) -> None:
        """Call off its jobs that have not ended; those that run are ended with their processes."""
        for uid in self._store.unfinished(schedule.number):
            self._call_off(uid, tick)

    def _store_job(
        self,
        schedule: Schedule,
        item: JobItem,
        units: dict[bytes, bytes],
        instance: str,
        tick: Tick,
    ) -> None:
        task = replace(
            _open_task(schedule.plan.body), jobs=[item], units=units, reply=bool(instance)
        )
        client = self._store.client_name(schedule.client)
        header = Header(VERSION, MessageType.TASK, item.uid, client, instance, tick.now, b"")
        self._keep(self._draft(header, task, tick.now), header, tick)

    def _call_off(self, uid: bytes, tick: Tick) -> None:
        cancelled = self._store.cancel(uid, tick.now)
        tick.told += cancelled.told
        if cancelled.running is not None:
            tick.stops.append(partial(self._stop, cancelled.running, True))


def _item(schedule: Schedule, **changes: object) -> JobItem:
    """The one job that the body of a schedule has, changed."""
    jobs: Sequence[JobItem] = _open_task(schedule.plan.body).jobs
    return replace(jobs[0], **changes)
