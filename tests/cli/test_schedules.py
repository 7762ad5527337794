"""`sgx schedule`, on a service in a second process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

import pytest

from schedulergodx.client import Client
from tests.cli.test_with_a_service import Shell
from tests.world import SECRET, ServiceProcess


def work() -> str:
    return "done"


def fail() -> float:
    return 1 / 0


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("schedules")
    broker = f"spool:{folder}/spool"
    settings = {"broker": broker, "db": f"sqlite:///{folder}/jobs.db", "workers": 1}
    with (
        ServiceProcess(folder, **settings),
        Client("maker", broker=broker, secret=SECRET) as client,
    ):
        client.schedule("daily at 10:00", work, name="morning", zone="Europe/Berlin")
        client.schedule("every 2 hours", work, name="often")
        yield Shell(folder, broker)


def test_schedules_are_listed_and_shown(shell: Shell) -> None:
    """R22: iterate the tasks of a session."""
    rows = shell.json("schedule", "list")
    assert [(row["schedule"], row["rule"], row["zone"]) for row in rows] == [
        ("morning", "daily at 10:00", "Europe/Berlin"),
        ("often", "every 2 h", "UTC"),
    ]
    table = shell.run("schedule", "list").stdout
    assert "morning" in table
    shown = shell.json("schedule", "show", "morning")
    assert [change["who"] for change in shown["changes"]] == ["maker"]
    page = shell.run("schedule", "show", "morning").stdout
    assert "made: daily at 10:00" in page
    assert shell.json("schedule", "show", shown["id"]) == shown


def test_the_next_fires_are_told_in_the_zone_of_the_schedule(shell: Shell) -> None:
    times = [
        datetime.fromisoformat(text) for text in shell.json("schedule", "next", "morning", "3")
    ]
    assert [time.hour for time in times] == [10, 10, 10]
    lines = shell.run("schedule", "next", "morning", "2").stdout.splitlines()
    assert len(lines) == 2
    assert all(" 10:00:00 CE" in line for line in lines)


def test_why_a_schedule_has_not_fired_is_told(shell: Shell) -> None:
    reason = shell.json("why", "morning")
    assert (reason["code"], reason["details"]["parts"]) == ("not_due", ["daily at 10:00"])
    assert shell.run("why", "morning").stdout.startswith("not_due: it fires next from ")
    nothing = shell.run("why", "nothing")
    assert (nothing.returncode, nothing.stdout) == (1, "")


def test_the_coming_day_is_drawn(shell: Shell) -> None:
    fires = shell.json("schedule", "day")
    assert len(fires["often"]) in (11, 12)
    assert len(fires["morning"]) == 1
    picture = shell.run("schedule", "day").stdout.splitlines()
    assert len(picture) == 3
    assert picture[2].count("·") in (11, 12)


def test_chosen_schedules_are_run_once_and_waited_for(shell: Shell) -> None:
    """R51: what became of them is printed, and is the exit code."""
    good = shell.run("schedule", "run", "morning", "often", "--wait")
    assert good.stdout == "morning completed: 'done'\noften completed: 'done'\n"
    assert good.returncode == 0
    assert "morning runs as job" in good.stderr
    with Client("maker", broker=shell.broker, secret=SECRET) as client:
        client.schedule("every 20 hours", fail, name="bad")
    bad = shell.run("schedule", "run", "bad", "often", "--wait")
    assert bad.returncode == 1
    assert bad.stdout.splitlines() == [
        "bad failed: ZeroDivisionError: division by zero",
        "often completed: 'done'",
    ]
    assert "Traceback" in bad.stderr
    told = shell.run("schedule", "run", "often", "bad", "--wait", "--json", "--timeout", "1 min")
    assert told.returncode == 1
    rows = [{**row, "id": None} for row in json.loads(told.stdout)]
    assert rows == [
        {"schedule": "often", "id": None, "status": "completed", "result": "done"},
        {
            "schedule": "bad",
            "id": None,
            "status": "failed",
            "error": "ZeroDivisionError: division by zero",
        },
    ]
    before = shell.json("schedule", "history", "often")
    assert shell.run("schedule", "run", "often", "nothing", "--wait").returncode == 1
    assert shell.json("schedule", "history", "often") == before, "all of them, or none"
    assert shell.run("schedule", "delete", "bad").returncode == 0


def test_a_schedule_is_paused_resumed_run_and_deleted(shell: Shell) -> None:
    """R19, R20, R21: force, disable and delete from outside."""
    assert shell.run("schedule", "pause", "often").stdout == "often paused\n"
    assert shell.run("schedule", "pause", "often").stdout == "often was paused already\n"
    assert shell.run("schedule", "disable", "often").stdout == "often disabled\n"
    assert shell.run("schedule", "resume", "often").stdout == "often active\n"
    assert "often runs as job" in shell.run("schedule", "run", "often").stdout
    fire = shell.json("schedule", "history", "often")[0]
    assert fire["why"] == "by hand"
    assert fire["job"] in shell.run("schedule", "history", "often").stdout
    assert shell.run("schedule", "delete", "often").stdout == "often deleted\n"
    gone = shell.run("schedule", "show", "often")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "no service that answered has a schedule 'often'" in gone.stderr
    assert shell.run("schedule", "pause", "often").returncode == 1
