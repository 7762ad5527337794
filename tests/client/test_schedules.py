"""Schedules, as programs make them; the service is a real one, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedulergodx.client import AsyncClient, Client
from schedulergodx.core import context
from schedulergodx.core.schedule import FireReason, ScheduleState
from schedulergodx.core.why import Reason
from schedulergodx.errors import BadRule, ConfigError, UnknownSchedule
from schedulergodx.testing import Harness

NOON = datetime(2027, 5, 1, 12, tzinfo=UTC)
calls: list[object] = []


def note(value: object = "note") -> object:
    calls.append(value)
    return value


@pytest.fixture
def harness() -> Iterator[Harness]:
    calls.clear()
    with Harness(start=NOON) as harness:
        yield harness


def test_a_task_that_is_given_a_rule_runs_by_it(harness: Harness) -> None:
    """R9: @app.task('daily') and app.task('daily', func=f)."""
    task = harness.client.task(note, schedule="every 10 minutes")
    harness.advance(hours=1)
    assert calls == ["note"] * 6
    assert task() == "note", "and it stays a function"
    harness.client.schedule("every 30 minutes", note, name="other", args=("other",))
    harness.advance(minutes=31)
    assert calls[6:].count("other") == 1


def test_a_decorator_takes_all_that_is_said_of_a_schedule(harness: Harness) -> None:
    """R9, R13: its policies, its arguments, its zone; `limit` is that of the task."""
    client = harness.client

    @client.cond("it is quiet", look_every="2 h")
    def is_quiet() -> bool:
        return False

    said = {"max_runs": 2, "start": "now", "end_cond": "it is quiet", "zone": "Europe/Berlin"}
    client.task(note, schedule="every 1 hour", args=("said",), limit="api", rate="9/s", **said)
    harness.advance(hours=5)
    assert calls == ["said", "said"]
    view = client.session["note"].view()
    assert (view.zone, view.policy.end_cond) == ("Europe/Berlin", "param 'it is quiet' is 'true'")
    client.task(schedule="every 2 hours", on_conflict="replace", multilaunch=True)(note)
    assert client.session["note"].view().policy.max_instances is None
    with pytest.raises(TypeError, match="'max_runs' is said of a schedule: give the rule"):
        client.task(note, max_runs=2)
    with pytest.raises(ConfigError, match="max_runs"):
        client.task(note, name="other", schedule="daily", max_runs=0)


def test_a_schedule_can_be_looked_at_and_changed_at_run_time(harness: Harness) -> None:
    """R17, R20, R21, R22: iterate, find, disable, update and delete while it runs."""
    session = harness.client.session
    made = harness.client.task(note, name="it").schedule("daily at 10:00", zone="Europe/Berlin")
    assert [schedule.name for schedule in session] == [schedule.name for schedule in session.tasks]
    assert "it" in session
    assert "nothing" not in session
    assert session["it"].id == made.id
    assert len(session) == 1
    berlin = ZoneInfo("Europe/Berlin")
    assert made.next(2) == [datetime(2027, 5, day, 10, tzinfo=berlin) for day in (2, 3)]
    assert made.why().code is Reason.NOT_DUE
    assert made.pause()
    assert not made.pause()
    assert made.view().state is ScheduleState.PAUSED
    assert made.resume()
    made.disabled = True
    assert made.disabled
    made.disabled = False
    assert made.update("every 1 hour", max_runs=2) == 2
    harness.advance(hours=5)
    assert calls == ["note"] * 2
    assert [fire.why for fire in made.history()] == [FireReason.DUE, FireReason.DUE]
    assert made.delete()
    assert session.get("it") is None
    with pytest.raises(UnknownSchedule):
        session["it"]
    whats = [change.what for change in made.changes()]
    assert whats[0] == "made: daily at 10:00"
    assert whats[-1] == "deleted"


def test_a_run_by_hand_takes_other_arguments_and_gives_a_job(harness: Harness) -> None:
    """R19: task.run(**params)."""
    schedule = harness.client.schedule("daily at 10:00", note, args=("planned",))
    schedule.disable()
    jobs = [schedule.run(), schedule.run(value="given")]
    harness.drain()
    assert [job.result(5) for job in jobs] == ["planned", "given"]
    assert [fire.why for fire in schedule.history()] == [FireReason.BY_HAND] * 2


def test_a_function_that_changed_is_a_new_version(harness: Harness) -> None:
    """R21: the code of a schedule is updated, and its history is kept."""
    schedule = harness.client.task(note).schedule("every 1 hour")
    harness.advance(hours=1)

    def changed() -> None:
        calls.append("changed")

    assert schedule.update(func=harness.client.task(changed)) == 2
    harness.advance(hours=1)
    assert calls == ["note", "changed"]
    assert len(schedule.history()) == 2
    with pytest.raises(TypeError, match="give that as well"):
        schedule.update(args=(1,))


def test_a_backfill_makes_the_jobs_of_the_past(harness: Harness) -> None:
    schedule = harness.client.task(note).schedule("cron 0 10 * * *")
    assert schedule.backfill(NOON - timedelta(days=3), NOON + timedelta(days=3)) == 3
    harness.drain()
    assert len(calls) == 3
    assert schedule.backfill(NOON - timedelta(days=3), NOON) == 0


def test_a_program_that_is_started_again_makes_the_same_schedule(harness: Harness) -> None:
    """R2: it is neither made twice nor refused."""
    first = harness.client.schedule("every 1 hour", note)
    with Client(harness.client.name, broker=harness.client.settings.broker) as other:
        again = other.schedule("every 1 hour", note)
        assert (again.id, again.view().version) == (first.id, 1)


@pytest.mark.parametrize(
    ("conflict", "names"),
    [("rename", ["it", "it - 1"]), ("ignore", ["it"]), ("replace", ["it"])],
)
def test_a_second_schedule_of_a_name_is_what_on_conflict_says(
    harness: Harness, conflict: str, names: list[str]
) -> None:
    """R2; defect 4: task_pre_exist; `replace` raised a KeyError."""
    client = harness.client
    client.schedule("every 1 hour", note, name="it")
    with pytest.raises(ConfigError, match="another schedule 'it'"):
        client.schedule("every 2 hours", note, name="it")
    client.schedule("every 2 hours", note, name="it", on_conflict=conflict)
    assert [schedule.name for schedule in client.session] == names
    rule = "every 2 h" if conflict == "replace" else "every 1 h"
    assert client.session["it"].view().rule == rule


def test_what_is_wrong_is_said_where_it_is_written(harness: Harness) -> None:
    client = harness.client
    with pytest.raises(BadRule, match=r"\^"):
        client.task(schedule="dayly at 10:00")
    with pytest.raises(BadRule, match="Nowhere"):
        client.schedule("daily", note, zone="Europe/Nowhere")
    with pytest.raises(TypeError, match="'often' is no policy"):
        client.schedule("daily", note, often=True)  # type: ignore[call-arg]
    with pytest.raises(
        ConfigError, match=r"missed='perhaps'.* must be one of run_once, skip, run_all"
    ):
        client.schedule("daily", note, missed="perhaps")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="run_at"):
        client.schedule("daily", client.task(note, run_at=NOON))
    with pytest.raises(TypeError, match="a schedule runs a task or a function"):
        client.schedule("daily", "note")


def test_where_jobs_run_a_module_that_is_imported_makes_no_schedules(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "preparing", True)
    harness.client.task(note, schedule="every 10 minutes")
    monkeypatch.setattr(context, "preparing", False)
    assert len(harness.client.session) == 0


def test_an_async_client_does_the_same(harness: Harness) -> None:
    async def use() -> None:
        async with AsyncClient("other", broker=harness.client.settings.broker) as client:
            client.task(note, schedule="every 20 minutes")
            task = client.task(note, name="it")
            schedule = await task.schedule("every 10 minutes", args=("async",))
            assert [one.name async for one in client.session] == ["note", "it"]
            assert await schedule.pause()
            assert (await schedule.why()).code is Reason.PAUSED
            assert await schedule.resume()
            assert len(await schedule.next(3)) == 3
            assert await schedule.update(max_runs=5) == 2
            assert (await schedule.view()).policy.max_runs == 5
            found = await client.session.get("it")
            assert found is not None
            assert await client.session.get("nothing") is None
            await schedule.run("by hand")
            [job] = await client.session.run("note")
            assert job.task == "note"
            assert [fire.why for fire in await schedule.history()] == [FireReason.BY_HAND]
            assert len(await schedule.changes()) == 5
            assert await schedule.backfill(NOON, NOON) == 0
            assert await found.delete()

    asyncio.run(use())
