"""Each reason for which a schedule has not fired has its words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schedulergodx.client.schedule_base import read_why
from schedulergodx.core.conditions.calendar import Periodic
from schedulergodx.core.schedule import AskWhySchedule, ScheduleState
from schedulergodx.core.why import Reason, Why
from tests.service.stage import START
from tests.service.timetable import DAY, HOUR, MINUTE, Timetable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Timetable]:
    async with Timetable(tmp_path) as stage:
        yield stage


async def why(stage: Timetable, name: str = "it") -> Why:
    return read_why(await stage.want(AskWhySchedule(name)))


async def test_not_before_when(stage: Timetable) -> None:
    await stage.put("every 2 hours")
    reason = await why(stage)
    assert reason.code is Reason.NOT_DUE
    assert reason.details["due"] == START + 2 * HOUR
    assert reason.sentence == "it fires next from 2027-01-15 10:00:00 UTC on, in 2 h"


async def test_it_begins_later_or_is_over(stage: Timetable) -> None:
    await stage.put("every 1 hour", start=START + DAY, end=START + 2 * DAY)
    reason = await why(stage)
    assert (reason.code, reason.details["due"]) == (Reason.NOT_DUE, START + DAY)
    await stage.pass_time(3 * DAY)
    assert (await why(stage)).code is Reason.OVER
    await stage.put("every 1 hour", "twice", max_runs=2)
    await stage.pass_time(5 * HOUR)
    reason = await why(stage, "twice")
    assert str(reason) == "it has fired 2 times, and may no more often"


@pytest.mark.parametrize("state", ["paused", "disabled", "deleted"])
async def test_somebody_has_turned_it_off(stage: Timetable, state: str) -> None:
    uid = (await stage.put("every 1 hour")).uid
    await stage.turn(ScheduleState(state))
    reason = await why(stage, uid.hex())
    assert reason.code is Reason(state)
    assert state in reason.sentence


async def test_its_last_run_has_not_ended(stage: Timetable) -> None:
    await stage.put("every 1 minute")
    for _ in range(2):
        stage.move(MINUTE)
        await stage.settle()
    reason = await why(stage)
    assert reason.code is Reason.STILL_RUNNING
    assert "of its jobs 1 may be unfinished at once, and as many are" in reason.sentence
    assert "of task (running)" in reason.sentence
    assert len(reason.details["jobs"]) == 1


async def test_it_waits_for_another_task_and_for_its_window(stage: Timetable) -> None:
    await stage.put("after task 'load' & time of day between 10:00 and 11:00", task="report")
    reason = await why(stage)
    assert reason.code is Reason.TASKS
    assert reason.details["tasks"] == ["load"]
    assert "after task 'load' (it waits for 'load')" in reason.sentence
    assert "between 10:00 and 11:00 (it may hold from 2027-01-15 10:00:00 UTC" in reason.sentence
    await stage.launch_of("load")
    await stage.end_all()
    reason = await why(stage)
    assert reason.details["parts"] == ["time of day between 10:00 and 11:00"]


async def test_nothing_would_fire_it(stage: Timetable) -> None:
    await stage.put("daily & env 'test'")
    reason = await why(stage)
    assert reason.code is Reason.NEVER
    assert reason.sentence == "nothing is known that would fire it: env 'test' does not hold"


async def test_its_rule_can_not_be_told(stage: Timetable, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.put("hourly")
    await stage.end_all()

    def fails(self: object, moment: object) -> None:
        raise ZeroDivisionError("one too few")

    monkeypatch.setattr(Periodic, "view", fails)
    assert (await why(stage)).code is Reason.TROUBLE
    await stage.pass_time(HOUR)
    reason = await why(stage)
    assert str(reason) == "its rule can't be told: ZeroDivisionError: one too few"
