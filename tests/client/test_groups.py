"""Groups of tasks: what is said once holds for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from schedulergodx.args import Task
from schedulergodx.client import AsyncClient
from schedulergodx.errors import BadRule, ConfigError
from schedulergodx.testing import Harness

NOON = datetime(2027, 5, 1, 12, tzinfo=UTC)
LIVE = "param 'mode' is 'live'"
calls: list[object] = []


def load(place: str = "nowhere", kind: str = "short") -> str:
    calls.append((place, kind))
    return place


@pytest.fixture
def harness() -> Iterator[Harness]:
    calls.clear()
    with Harness(start=NOON) as harness:
        yield harness


def test_the_tasks_of_a_group_have_its_prefix_and_its_rule(harness: Harness) -> None:
    """R15: start_cond is joined with the rule of each, by `&`."""
    session = harness.client.session
    group = harness.client.group("etl: ", start_cond=LIVE, params={"place": "Berlin"})
    task = group.task(load, schedule="every 1 hour | every 90 minutes")

    @group.task(name="told", schedule="after task 'etl: load'")
    def tell() -> None:
        calls.append("told")

    assert (task.name, tell.name) == ("etl: load", "etl: told")
    rule = f"{LIVE} & (every 1 h | every 90 min)"
    assert session["etl: load"].view().rule == rule
    assert session["etl: told"].view().rule == f"{LIVE} & after task 'etl: load'"
    harness.advance(hours=2)
    assert calls == []
    session.params["mode"] = "live"
    harness.drain()
    assert calls == [("Berlin", "short"), "told"]


def test_the_nearest_level_of_a_parameter_of_a_group_counts(harness: Harness) -> None:
    """R15, R25: the schedule before its group, and only what a function has a place for."""
    group = harness.client.group("etl: ", params={"place": "Berlin", "unknown": 1})
    group.schedule("every 1 hour", load)
    group.schedule("every 1 hour", load, name="own", kwargs={"place": "Rome", "kind": "long"})
    group.schedule("every 1 hour", load, name="args", args=("Paris",))
    harness.advance(hours=1)
    assert set(calls) == {("Berlin", "short"), ("Rome", "long"), ("Paris", "short")}
    assert sorted(one.name for one in harness.client.session) == [
        "etl: args",
        "etl: load",
        "etl: own",
    ]


def test_options_of_a_group_are_those_of_its_tasks_that_say_nothing(harness: Harness) -> None:
    """R15: execution, and all else that a task can be told."""
    group = harness.client.group("etl: ", execution="thread", priority=3, zone="Europe/Berlin")
    given = harness.client.task(load, name="given", priority=1)
    views = {
        "etl: load": group.schedule("daily", load),
        "etl: low": group.task(load, name="low", priority=2).schedule("daily"),
        "given": group.schedule("daily", given),
    }
    found = {name: schedule.run().view() for name, schedule in views.items()}
    assert {name: view.priority for name, view in found.items()} == {
        "etl: load": 3,
        "etl: low": 2,
        "given": 1,
    }
    assert [view.execution for view in found.values()] == ["thread", "thread", "process"]
    assert harness.client.session["etl: load"].view().zone == "Europe/Berlin"


def test_a_task_of_a_group_finds_its_own_schedule(harness: Harness) -> None:
    """R15, R24."""

    def work(own=Task()) -> None:
        calls.append(own.name)

    group = harness.client.group("etl: ")
    group.schedule("every 1 hour", work)
    group.task(work, name="named", schedule="every 1 hour")
    harness.advance(hours=1)
    assert sorted(calls, key=str) == ["etl: named", "etl: work"]


def test_a_condition_of_ones_own_is_the_rule_of_a_group(harness: Harness) -> None:
    """R15, R39."""

    @harness.client.cond("it is quiet", look_every="30 min")
    def is_quiet() -> bool:
        return bool(calls)

    group = harness.client.group("etl: ", start_cond="it is quiet")
    schedule = group.schedule("every 1 hour", load)
    harness.advance(hours=2)
    assert schedule.history() == []
    calls.append("quiet")
    harness.advance(hours=1)
    assert len(schedule.history()) == 1


def test_what_is_wrong_with_a_group_is_said_where_it_is_written(harness: Harness) -> None:
    client = harness.client
    with pytest.raises(BadRule, match=r"\^"):
        client.group("etl: ", start_cond="quiet")
    with pytest.raises(ConfigError, match="priority"):
        client.group("etl: ", priority="high")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="leave name= out"):
        client.group("etl: ", name="x")
    with pytest.raises(BadRule, match="never"):
        client.group("etl: ", start_cond="time of day before 10:00").schedule(
            "time of day after 12:00", load
        )
    with pytest.raises(TypeError, match="a schedule runs"):
        client.group("etl: ").schedule("daily", "load")
    with pytest.raises(TypeError, match="'often' is no policy"):
        client.group("etl: ").schedule("daily", load, often=True)


def test_an_async_client_has_the_same_groups(harness: Harness) -> None:
    """R15."""

    async def use() -> None:
        async with AsyncClient("other", broker=harness.client.settings.broker) as client:
            await client.session.params({"mode": "live"})
            group = client.group("etl: ", start_cond=LIVE, params={"place": "Berlin"})
            group.task(load, schedule="every 2 hours")
            schedule = await group.schedule("every 1 hour", load, name="own", args=("Rome",))
            assert [one.name async for one in client.session] == ["etl: load", "etl: own"]
            assert schedule.last_view.rule == f"{LIVE} & every 1 h"
            jobs = await client.session.run("etl: load", "etl: own")
            await asyncio.to_thread(harness.drain)
            assert [await job.result(10) for job in jobs] == ["Berlin", "Rome"]

    asyncio.run(use())
