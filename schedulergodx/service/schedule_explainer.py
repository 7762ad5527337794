"""The explainer of schedules: gathers what is known of one, for the rule that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.core.conditions.base import Moment
from schedulergodx.core.identity import ulid
from schedulergodx.core.job import Status
from schedulergodx.core.rule import read_rule, read_zone
from schedulergodx.core.schedule import ScheduleState
from schedulergodx.core.why_job import Related
from schedulergodx.core.why_schedule import ScheduleFacts, explain_schedule, parts_of
from schedulergodx.service.past import Past

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schedulergodx.core.why import Why
    from schedulergodx.service.past import Surroundings
    from schedulergodx.storage.base import Store
    from schedulergodx.storage.schedules import Schedule

_MOST_NAMED = 10  # jobs in an answer


def why_schedule(
    store: Store,
    schedule: Schedule,
    now: float,
    coming: Sequence[float],
    surroundings: Surroundings,
) -> Why:
    """Why a schedule has not fired. coming: instants of its next fires, the first if any"""
    view = store.view_schedule(schedule.number)
    if view.state is not ScheduleState.ACTIVE or view.trouble:
        return explain_schedule(ScheduleFacts(view, now))
    newest = store.fires_of(schedule.number, None, 1)
    past = Past(store, schedule, surroundings)
    moment = Moment(now, read_zone(view.zone), past)
    facts = ScheduleFacts(
        view,
        now,
        parts=parts_of(read_rule(view.rule), moment, view.task),
        next=coming[0] if coming else None,
        newest=newest[0] if newest else None,
        unfinished=[
            _related(store, uid) for uid in store.unfinished(schedule.number)[:_MOST_NAMED]
        ],
    )
    return explain_schedule(facts)


def _related(store: Store, uid: bytes) -> Related:
    view = store.view(uid, arguments=False)
    if view is None:  # it was removed
        return Related(ulid(uid), "(removed)", Status.CANCELLED)
    return Related(view.label or ulid(uid), view.task, view.status)
