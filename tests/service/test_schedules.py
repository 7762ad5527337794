"""Schedules in a service, on a clock that the test moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedulergodx.core.conditions.calendar import Periodic
from schedulergodx.core.job import ErrorCode, Failure, Outcome, Status
from schedulergodx.core.policy import Missed, Overlap, Policy
from schedulergodx.core.schedule import (
    AskBackfill,
    AskPutSchedule,
    AskRunSchedule,
    AskScheduleChanges,
    AskSchedules,
    AskUpdateSchedule,
    FireReason,
    ScheduleState,
)
from tests.service.stage import RAISED, RETURNED
from tests.service.timetable import DAY, HOUR, MINUTE, Timetable

pytestmark = pytest.mark.asyncio


async def test_an_interval_fires_one_interval_after_it_was_made_and_then_on(
    tmp_path: Path,
) -> None:
    """R26: every <timedelta>, counted from the start of the last run."""
    async with Timetable(tmp_path) as stage:
        made = stage.now
        await stage.put("every 10 minutes")
        assert await stage.pass_time(65 * MINUTE) == 6
        assert await stage.instants(since=made) == [600, 1200, 1800, 2400, 3000, 3600]


async def test_the_jobs_of_a_schedule_are_ordinary_jobs(tmp_path: Path) -> None:
    async with Timetable(tmp_path) as stage:
        await stage.put("every 1 hour")
        stage.move(HOUR)
        work = await stage.begun()
        [fire] = await stage.fires()
        assert work.uid == fire.job
        assert await stage.status(work.uid) == "running"
        stage.hand.end(work, RAISED)
        await stage.settle()
        assert await stage.status(work.uid) == "failed"
        assert (await stage.fires())[0].status == "failed"


async def test_a_fire_is_one_job_however_often_the_service_dies(tmp_path: Path) -> None:
    """R48: nothing of a schedule is lost, or done twice, by a restart."""
    async with Timetable(tmp_path) as stage:
        made = stage.now
        await stage.put("every 10 minutes")
        for _ in range(12):
            stage.move(5 * MINUTE)
            await stage.settle()
            await stage.crash()
            await stage.begin()
            await stage.end_all()
        instants = await stage.instants(since=made)
        assert instants == [600, 1200, 1800, 2400, 3000, 3600]


async def test_a_fire_whose_round_is_not_committed_is_made_by_the_next_service(
    tmp_path: Path,
) -> None:
    async with Timetable(tmp_path) as stage:
        made = stage.now
        await stage.put("every 10 minutes")
        failed = stage.fill_disk()
        stage.now += 600
        stage.engine.ring()
        await failed.wait()
        await stage.crash()
        await stage.begin()
        assert len(await stage.end_all()) == 1
        assert await stage.instants(since=made) == [600]


async def test_what_was_missed_runs_once_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    """R33; defect 10: nothing is passed over in silence."""
    async with Timetable(tmp_path) as stage:
        made = stage.now
        await stage.put("every 1 hour", "once")
        await stage.put("every 1 hour", "skip", missed=Missed.SKIP)
        await stage.put("every 1 hour", "all", missed=Missed.RUN_ALL)
        await stage.put("every 1 hour", "three", missed=Missed.RUN_ALL, limit=3)
        await stage.crash()
        stage.now += 5.5 * HOUR
        await stage.begin()
        await stage.end_all()
        assert await stage.instants("once", since=made) == [3600]
        assert await stage.instants("skip", since=made) == []
        assert await stage.instants("all", since=made) == [3600 * n for n in range(1, 6)]
        assert await stage.instants("three", since=made) == [3600, 7200, 10800]
        assert {fire.why for fire in await stage.fires("all")} == {FireReason.MISSED}
        assert [fire.why for fire in await stage.fires("skip")] == [FireReason.PASSED_BY]
        assert await stage.pass_time(HOUR) == 4, "and then they go on"


async def test_a_fire_that_is_late_by_less_than_its_grace_was_not_missed(tmp_path: Path) -> None:
    async with Timetable(tmp_path) as stage:
        await stage.put("every 1 hour", missed=Missed.SKIP, grace=300.0)
        await stage.crash()
        stage.now += HOUR + 200
        await stage.begin()
        assert len(await stage.end_all()) == 1


async def test_what_is_still_running_is_not_run_beside_itself(tmp_path: Path) -> None:
    """R50: one instance at a time, unless more are allowed."""
    async with Timetable(tmp_path) as stage:
        await stage.put("every 1 minute")
        stage.move(MINUTE)
        work = await stage.begun()
        for _ in range(3):
            stage.move(MINUTE)
            await stage.settle()
        assert not stage.hand.begun
        assert [fire.why for fire in await stage.fires()] == [FireReason.DUE] + 3 * [
            FireReason.STILL_RUNNING
        ]
        stage.hand.end(work, RAISED)
        stage.move(MINUTE)
        assert await stage.begun()


async def test_with_two_instances_two_run_and_with_none_any_number(tmp_path: Path) -> None:
    """R50: multilaunch."""
    async with Timetable(tmp_path) as stage:
        stage.hand.places_for = dict.fromkeys(stage.hand.places_for, 20)
        await stage.put("every 1 minute", "two", max_instances=2)
        await stage.put("every 1 minute", "any", max_instances=None)
        for _ in range(5):
            stage.move(MINUTE)
            await stage.settle()
        assert len(stage.hand.running) == 2 + 5


async def test_what_is_queued_runs_after_the_run_before_it(tmp_path: Path) -> None:
    async with Timetable(tmp_path) as stage:
        await stage.put("every 1 minute", overlap=Overlap.QUEUE, limit=2)
        stage.move(MINUTE)
        works = [await stage.begun()]
        for _ in range(4):
            stage.move(MINUTE)
            await stage.settle()
        assert not stage.hand.begun
        whys = [fire.why for fire in await stage.fires()]
        assert whys == 3 * [FireReason.DUE] + 2 * [FireReason.STILL_RUNNING]
        for _ in range(2):
            stage.hand.end(works[-1], RAISED)
            works.append(await stage.begun())
        assert [work.uid for work in works] == [
            fire.job for fire in await stage.fires() if fire.job is not None
        ]


async def test_a_new_run_can_call_off_the_one_before(tmp_path: Path) -> None:
    async with Timetable(tmp_path) as stage:
        await stage.put("every 1 minute", overlap=Overlap.CANCEL_PREVIOUS)
        stage.move(MINUTE)
        work = await stage.begun()
        stage.move(MINUTE)
        await stage.until(lambda: stage.hand.called_off)
        assert stage.hand.called_off == [(work.seq, True)]
        assert not stage.hand.begun, "it waits for the end of the other one"
        stage.hand.end(work, RAISED)
        assert (await stage.begun()).uid != work.uid


async def test_each_end_of_a_task_is_used_up_once(tmp_path: Path) -> None:
    """R30: after task 'x'."""
    async with Timetable(tmp_path) as stage:
        await stage.launch_of("x")
        assert len(await stage.end_all()) == 1
        await stage.put("after task 'x'", task="y")
        await stage.settle()
        assert not stage.hand.begun, "what ended before it was made does not count"
        await stage.launch_of("x", 3)
        ended = await stage.end_all()
        assert [work.spec.name for work in ended].count("y") == 3
        stage.move(DAY)
        await stage.settle()
        assert not stage.hand.begun


async def test_an_end_is_kept_while_another_part_of_the_rule_does_not_hold(
    tmp_path: Path,
) -> None:
    async with Timetable(tmp_path) as stage:
        await stage.turn_to_hour(8)
        await stage.put("after task 'x' & time of day between 10:00 and 12:00", task="y")
        await stage.launch_of("x")
        await stage.end_all()
        assert await stage.fires() == []
        await stage.crash()
        await stage.begin()
        assert await stage.pass_time(HOUR) == 0
        assert await stage.pass_time(HOUR) == 1
        assert await stage.pass_time(DAY) == 0


async def test_after_several_tasks_means_after_all_of_them(tmp_path: Path) -> None:
    async with Timetable(tmp_path) as stage:
        await stage.put("after tasks 'a', 'b'", task="y")
        for name, runs in (("a", 0), ("a", 0), ("b", 1), ("b", 0), ("a", 1)):
            await stage.launch_of(name)
            ended = [work.spec.name for work in await stage.end_all()]
            assert ended.count("y") == runs, name


async def test_a_failure_is_retried_by_its_rule(tmp_path: Path) -> None:
    """R34: retry(n)."""
    async with Timetable(tmp_path) as stage:
        await stage.put("every 1 hour | retry(2)")
        stage.move(HOUR)
        assert len(await stage.end_all(RAISED)) == 3


async def test_a_paused_schedule_misses_and_a_disabled_one_begins_anew(tmp_path: Path) -> None:
    """R20: disable."""
    async with Timetable(tmp_path) as stage:
        for name, state in (("p", ScheduleState.PAUSED), ("d", ScheduleState.DISABLED)):
            await stage.put("every 1 hour", name)
            assert await stage.turn(state, name)
            assert not await stage.turn(state, name)
        assert await stage.pass_time(5 * HOUR + 60) == 0
        for name in ("p", "d"):
            assert await stage.turn(ScheduleState.ACTIVE, name)
        await stage.end_all()
        assert [fire.why for fire in await stage.fires("p")] == [FireReason.MISSED]
        assert await stage.fires("d") == []
        assert await stage.pass_time(HOUR) == 2


async def test_a_deleted_schedule_fires_no_more_and_its_name_is_free(tmp_path: Path) -> None:
    """R21: delete and create at run time."""
    async with Timetable(tmp_path) as stage:
        first = await stage.put("every 1 hour")
        await stage.turn(ScheduleState.DELETED)
        assert await stage.pass_time(3 * HOUR) == 0
        assert await stage.want(AskSchedules()) == []
        second = await stage.put("every 2 hours")
        assert second.uid != first.uid
        history = await stage.want(AskScheduleChanges(first.uid.hex()))
        assert [change.what for change in history] == ["made: every 1 h", "deleted"]


async def test_the_same_schedule_made_again_changes_nothing(tmp_path: Path) -> None:
    """R2: a program that is started again."""
    async with Timetable(tmp_path) as stage:
        first = await stage.put("every 1 hour")
        await stage.pass_time(90 * MINUTE)
        again = await stage.put("every  60 minutes")
        assert again == await stage.view()
        assert (again.uid, again.version, again.fires) == (first.uid, 1, 1)
        assert await stage.pass_time(30 * MINUTE) == 1


async def test_another_rule_is_another_version_and_keeps_the_history(tmp_path: Path) -> None:
    """R21: update."""
    async with Timetable(tmp_path) as stage:
        await stage.put("daily")
        await stage.end_all()
        view = await stage.put("daily after 00:01")
        await stage.end_all()
        assert (view.version, view.fires) == (2, 1), "it has run today"
        body = stage.body(arguments=b"other")
        view = await stage.want(AskUpdateSchedule("it", task=body))
        assert (view.version, view.rule) == (3, "daily after 00:01")
        changes = await stage.want(AskScheduleChanges("it"))
        assert [(change.who, change.what) for change in changes] == [
            ("tester", "made: daily"),
            ("tester", "version 2: rule daily after 00:01"),
            ("tester", "version 3: function, arguments or options"),
        ]
        await stage.pass_time(DAY)
        assert (await stage.view()).fires == 2


async def test_a_run_by_hand_runs_whatever_the_rule_and_the_state_say(tmp_path: Path) -> None:
    """R19: force_run, run(**params)."""
    async with Timetable(tmp_path) as stage:
        await stage.put("every 1 hour")
        await stage.turn(ScheduleState.DISABLED)
        uid = stage.uid()
        request = AskRunSchedule("it", uid, b"given")
        assert await stage.want(request)
        assert await stage.want(request), "a message that comes twice is one job"
        [work] = await stage.end_all()
        assert (work.uid, work.arguments) == (uid, b"given")
        await stage.outcome(uid)
        [fire] = await stage.fires()
        assert fire.why is FireReason.BY_HAND
        assert (await stage.view()).fires == 0


async def test_a_backfill_makes_what_was_not_made_and_nothing_twice(tmp_path: Path) -> None:
    async with Timetable(tmp_path) as stage:
        await stage.turn_to_hour(0)
        midnight = stage.now
        await stage.put("cron 0 * * * *")
        await stage.pass_time(3 * HOUR)
        request = AskBackfill("it", midnight - 5 * HOUR, midnight + 10 * HOUR)
        assert await stage.want(request) == (6, None), "those that are over and had no job"
        assert len(await stage.end_all()) == 6
        assert await stage.want(request) == (0, None)
        assert (await stage.view()).fires == 3


async def test_it_fires_between_its_start_and_its_end_and_so_often(tmp_path: Path) -> None:
    async with Timetable(tmp_path) as stage:
        made = stage.now
        begin, end = made + 2.5 * HOUR, made + 5.5 * HOUR
        await stage.put("every 1 hour", "between", start=begin, end=end)
        await stage.put("every 1 hour", "twice", max_runs=2)
        assert await stage.next(9, "between") == [begin + HOUR, begin + 2 * HOUR]
        await stage.pass_time(10 * HOUR)
        assert await stage.instants("between", since=begin) == [3600, 7200]
        assert await stage.instants("twice", since=made) == [3600, 7200]
        assert (await stage.view("twice")).next is None


async def test_a_jitter_is_the_same_for_the_same_fire_and_within_its_bound(
    tmp_path: Path,
) -> None:
    async with Timetable(tmp_path) as stage:
        made = stage.now
        await stage.put("every 1 hour", jitter=600.0)
        stage.move(HOUR)
        await stage.settle()
        assert not stage.hand.begun
        assert await stage.instants(since=made) == [3600]
        due = stage.engine.next_moment()
        assert due is not None
        assert HOUR < due - made < HOUR + 600
        await stage.crash()
        await stage.begin()
        await stage.settle()
        assert stage.engine.next_moment() == due
        stage.now = due
        stage.engine.ring()
        assert await stage.begun()


@pytest.mark.parametrize("jump", [HOUR, 365 * DAY])
async def test_a_clock_that_is_set_back_neither_repeats_nor_stops_anything(
    tmp_path: Path, jump: float
) -> None:
    async with Timetable(tmp_path) as stage:
        await stage.turn_to_hour(12)
        noon = stage.now
        await stage.put("every 10 minutes", "interval")
        await stage.put("cron 0 * * * *", "hour")
        stage.move(jump + 1)
        await stage.end_all()
        before = await stage.instants("hour", since=noon)
        made = {fire.instant for fire in await stage.fires("interval")}
        stage.move(-jump)
        await stage.settle()
        back = stage.now
        await stage.pass_time(59 * MINUTE)
        new = {fire.instant for fire in await stage.fires("interval")} - made
        assert sorted(new) == [back + 600 * n for n in range(1, 6)]
        assert await stage.instants("hour", since=noon) == before, "no hour is fired twice"
        await stage.pass_time(2 * HOUR)
        hours = [at for at in await stage.instants("hour", since=noon) if at < 4 * HOUR]
        assert hours == [3600, 7200]


async def test_a_clock_that_was_set_back_while_no_service_ran_is_noticed(tmp_path: Path) -> None:
    async with Timetable(tmp_path) as stage:
        await stage.put("every 10 minutes")
        stage.move(DAY)
        await stage.end_all()
        await stage.crash()
        stage.now -= DAY / 2
        await stage.begin()
        await stage.settle()
        assert await stage.pass_time(HOUR) == 6


async def test_a_rule_that_is_wrong_is_refused_with_the_place(tmp_path: Path) -> None:
    async with Timetable(tmp_path) as stage:
        bad = AskPutSchedule("it", "daily bettween 10:00 and 12:00", "UTC", stage.body())
        assert "^" in await stage.refusal(bad)
        never = AskPutSchedule("it", "daily & false", "UTC", stage.body())
        assert "never" in await stage.refusal(never)
        zone = AskPutSchedule("it", "daily", "Europe/Nowhere", stage.body())
        assert "Europe/Nowhere" in await stage.refusal(zone)
        assert await stage.want(AskSchedules()) == []


async def test_a_rule_ends_what_runs(tmp_path: Path) -> None:
    """R41, R45: end_cond."""
    async with Timetable(tmp_path) as stage:
        await stage.turn_to_hour(20)
        until_six = "time of day between 06:00 and 22:00"
        await stage.put("daily between 22:00 and 06:00", start=stage.now, end_cond=until_six)
        stage.move(2 * HOUR)
        work = await stage.begun()
        await stage.settle()
        assert stage.engine.next_moment() == stage.now + 8 * HOUR
        assert not stage.hand.called_off
        stage.move(8 * HOUR)
        await stage.settle()
        assert stage.hand.called_off == [(work.seq, True)]


async def test_a_rule_ends_what_was_run_by_hand_when_a_task_has_ended(tmp_path: Path) -> None:
    """R41: after task 'x'."""
    async with Timetable(tmp_path) as stage:
        await stage.put("every 1 day", end_cond="task 'stop' has succeeded past 1 hour")
        assert await stage.want(AskRunSchedule("it", stage.uid()))
        work = await stage.begun()
        await stage.launch_of("stop")
        stop = await stage.begun()
        assert not stage.hand.called_off
        stage.hand.end(stop, RETURNED)
        await stage.settle()
        assert stage.hand.called_off == [(work.seq, True)]
        bad = AskPutSchedule("bad", "daily", "UTC", stage.body(), Policy(end_cond="dayly"))
        assert "^" in await stage.refusal(bad)


@pytest.mark.parametrize("length", [1, 2, 3])
async def test_tasks_that_come_after_each_other_in_a_circle_are_refused(
    tmp_path: Path, length: int
) -> None:
    async with Timetable(tmp_path) as stage:
        for number in range(1, length):
            await stage.put(f"daily | after task 't{number - 1}'", f"s{number}", task=f"t{number}")
        rule = f"daily & after task 't{length - 1}'"
        refusal = await stage.refusal(AskPutSchedule("last", rule, "UTC", stage.body("t0")))
        names = ["t0", *(f"t{number}" for number in range(length - 1, -1, -1))]
        assert refusal.startswith(" after ".join(map(repr, names)) + ": that goes round")
        await stage.put(f"after task 't{length - 1}' failed", "on failure", task="t0")
        await stage.put("daily", "last", task="t0")
        update = AskUpdateSchedule("last", rule)
        assert "goes round" in await stage.refusal(update)


async def test_a_function_that_loads_no_more_harms_no_other_schedule(tmp_path: Path) -> None:
    failure = Failure(ErrorCode.MISSING_MODULE, "no module named 'gone'")
    gone = Outcome(Status.FAILED, failure=failure)
    async with Timetable(tmp_path) as stage:
        await stage.put("every 1 hour", "ill", task="gone")
        await stage.put("every 1 hour", "well")
        stage.move(HOUR)
        for work in (await stage.begun(), await stage.begun()):
            stage.hand.end(work, gone if work.spec.name == "gone" else RETURNED, final=True)
        await stage.settle()
        assert [fire.status for fire in await stage.fires("ill")] == ["failed"]
        assert [fire.status for fire in await stage.fires("well")] == ["completed"]
        assert await stage.pass_time(HOUR) == 2, "it is tried again when it is due"


async def test_a_rule_that_can_not_be_told_harms_no_other_and_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5: silence_cond_check."""
    async with Timetable(tmp_path) as stage:
        await stage.put("every 1 hour", "well")
        await stage.put("hourly", "ill")
        await stage.end_all()
        made = stage.now
        with monkeypatch.context() as patch:

            def fails(self: object, moment: object) -> None:
                raise ZeroDivisionError("one too few")

            name = "at" if "at" in vars(Periodic) else "view"
            patch.setattr(Periodic, name, fails)
            await stage.pass_time(HOUR + 1)
            assert (await stage.view("ill")).trouble == "ZeroDivisionError: one too few"
        assert await stage.instants("well", since=made) == [3600]
        await stage.pass_time(MINUTE)
        assert (await stage.view("ill")).trouble == ""
        assert len(await stage.fires("ill")) == 2


async def test_schedules_that_wait_cost_nothing(tmp_path: Path) -> None:
    """R8; defect 7: each cycle looked at every task."""
    async with Timetable(tmp_path) as stage:
        for number in range(50):
            await stage.put("daily at 03:00", f"n{number}")
        await stage.settle()
        looked: list[object] = []
        stage.store.schedule = looked.append  # type: ignore[assignment,method-assign]
        for _ in range(10):
            stage.engine.ring()
            await stage.settle()
        assert looked == []
        del stage.store.schedule
