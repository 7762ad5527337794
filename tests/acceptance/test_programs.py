"""Commands, files and texts of code, as schedules and as launches; and what jobs find there."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from schedulergodx.args import Arg, CliArg, Session, Task
from schedulergodx.client import AsyncClient, Client, Job
from schedulergodx.core.job import ErrorCode
from schedulergodx.errors import (
    BadRule,
    ConfigError,
    JobCancelled,
    JobTimeout,
    NotAllowed,
    RemoteError,
    TaskInaction,
)
from tests.world import ROOT, SECRET, ServiceProcess, until

ALLOWED = {"allow_commands": True, "allow_code": True}


class World:
    """A service that allows what a test says, and its client."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = f"spool:{folder}/spool"
        self.client = Client("maker", broker=self.broker, secret=SECRET, connect=False)

    def serve(self, **settings: object) -> ServiceProcess:
        db = f"sqlite:///{self.folder}/jobs.db"
        return ServiceProcess(
            self.folder, broker=self.broker, db=db, workers=1, hard_workers=1, **settings
        )

    def run(self, rule: str = "every 1 hour", **said: Any) -> Job[Any]:
        """A schedule of that, run by hand."""
        return self.client.schedule(rule, **said).run()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.client.close()


def wait_for_numbers(file: Path, count: int) -> None:
    until(lambda: len(file.read_text().split()) >= count, 60)


def is_alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_command_is_a_task(world: World) -> None:
    """R11: app.task('daily', command=...); stdout is the value, another code than 0 a failure."""
    with world.serve(**ALLOWED):
        daily = world.client.schedule("daily", command='echo "Hello world"', name="hello")
        until(lambda: [fire.status for fire in daily.history()] == ["completed"], 60)
        assert daily.run().result(60) == "Hello world\n"
        assert daily.run("a; b", loud="$HOME").result(60) == "Hello world a; b --loud $HOME\n"
        words = world.run(command=["echo", "$HOME", "a b"], name="words")
        assert words.result(60) == "$HOME a b\n", "a list goes to no shell"
        where = world.run(command="pwd; echo said >&2", cwd=world.folder, name="where")
        assert where.result(60) == f"{world.folder}\n"
        assert where.output() == f"{world.folder}\nsaid\n"
        with pytest.raises(
            RemoteError, match=r"CommandFailed: the command ended with code 3: oh no"
        ):
            world.run(command="echo oh no >&2; exit 3", name="bad").result(60)
        with pytest.raises(RemoteError, match="FileNotFoundError"):
            world.run(command=["/nowhere/at/all"], name="none").result(60)
        assert world.run(command="timeout 0.1 sleep 60 || echo in time", name="t").result(30)


def test_a_command_ends_with_all_that_it_started(world: World) -> None:
    """R11: its lifetime and a cancel end the whole group, and nothing outlives its job."""
    pids = world.folder / "pids"
    line = f"sleep 600 & echo $! >> {pids}; setsid sleep 601 & echo $! >> {pids}; "
    with world.serve(**ALLOWED):
        left = world.client.program(command=line + "echo over").launch()
        assert left.result(60) == "over\n", "what still holds its streams is not waited for"
        for execution in ("process", "fork", "thread"):
            long = world.client.program(command=line + "wait", execution=execution, lifetime=1.0)
            with pytest.raises(JobTimeout):
                long.launch().result(60)
            called_off = long.options(lifetime=None).launch()
            wait_for_numbers(pids, len(pids.read_text().split()) + 2)
            called_off.cancel()
            with pytest.raises(JobCancelled):
                called_off.result(60)
        until(lambda: not any(map(is_alive, pids.read_text().split())), 20)


def test_a_function_of_a_file_is_read_at_each_run(world: World, caplog: Any) -> None:
    """R10: app.task('daily', path=..., func_name=...); the file may change, or be missing."""
    file, helper = world.folder / "example.py", world.folder / "helper_of_example.py"
    helper.write_text("WORD = 'one'")
    file.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "import helper_of_example\nfrom schedulergodx.args import Task\n"
        "@dataclass\nclass A:\n    b: int\n"
        "def main(n=0, own=Task()): return [helper_of_example.WORD, A(n).b, own.name]\n"
        "async def other(): return 'other'\n"
    )
    with world.serve(**ALLOWED):
        schedule = world.client.schedule("every 1 hour", path=file)
        assert schedule.name == "example:main"
        assert schedule.run().result(60) == ["one", 0, "example:main"]
        helper.write_text("WORD = 'two'")
        assert schedule.run(5).result(60) == ["two", 5, "example:main"]
        assert world.run(path=file, func_name="other").result(60) == "other"
        with pytest.raises(RemoteError, match="has no function 'nothing'"):
            world.run(path=file, func_name="nothing").result(60)
        assert not caplog.records
        missing = world.run(path=world.folder / "missing.py")
        assert "there is no file" in caplog.text
        with pytest.raises(RemoteError, match="FileNotFoundError: there is no file"):
            missing.result(60)


def change_to_code(name: str, code: str, session=Session()) -> int:
    return session[name].update(code=code, kwargs={"n": 3})


def test_what_a_schedule_runs_is_changed_to_another_kind(world: World) -> None:
    """R10, R11, R12, R21: from a function to all others, in a program and in a job."""
    file = world.folder / "example.py"
    file.write_text("def main(): return 'file'")
    with world.serve(**ALLOWED):
        schedule = world.client.schedule("every 20 hours", "a".upper, name="it")
        values = [schedule.run().result(60)]
        assert schedule.update(command="echo it; pwd", cwd=world.folder) == 2
        values.append(schedule.run().result(60))
        assert schedule.update("every 10 hours", path=file) == 3
        values.append(schedule.run().result(60))
        inside = world.client.task(change_to_code).launch("it", "return_value = n")
        assert inside.result(60) == 4
        values.append(schedule.run().result(60))
        program = world.client.program(command=["echo", "options"], priority=7)
        assert schedule.update(func=program) == 5
        last = schedule.run()
        assert values == ["A", f"it\n{world.folder}\n", "file", 3]
        assert (last.result(60), last.view().priority) == ("options\n", 7)
        fires = schedule.history()
        tasks = {world.client.job(fire.job.hex()).view().task for fire in fires if fire.job}
        assert (len(fires), tasks) == (5, {schedule.task}), "it keeps its history under one name"
        versions = [one.what for one in schedule.changes() if one.what.startswith("version")]
        assert versions == [
            "version 2: function, arguments or options",
            "version 3: rule every 10 h, function, arguments or options",
            "version 4: function, arguments or options",
            "version 5: function, arguments or options",
        ]
    with world.serve(), pytest.raises(ConfigError, match="allow_commands"):
        schedule.update(command="echo")


def test_a_text_of_code_is_a_task(world: World) -> None:
    """R12: app.task('daily', code=...); parameters are its names, return_value the result."""
    with world.serve(**ALLOWED):
        job = world.run(code='print("Hello world")', name="printed")
        assert job.result(60) is None
        assert job.output() == "Hello world\n"
        doubled = world.client.schedule(
            "daily",
            code="def twice(x): return 2 * x\nreturn_value = twice(n)",
            name="d",
            kwargs={"n": 4},
        )
        assert doubled.run().result(60) == 8
        assert doubled.run(n=5).result(60) == 10
        launched = world.client.program(code="return_value = [n]", name="one").launch(n=1)
        assert launched.result(60) == [1]
        with pytest.raises(RemoteError, match="ZeroDivisionError"):
            world.run(code="1 / 0", name="bad").result(60)
    assert world.client.program(code="\nn = 1\nprint(n)")._recipe.name == "n = 1"
    with pytest.raises(ConfigError, match="nothing to run"):
        world.client.schedule("daily", code=" ")
    with pytest.raises(ConfigError, match="no Python"):
        world.client.schedule("daily", code="1 +", name="x")
    with pytest.raises(TypeError):
        world.client.schedule("daily", print, command="x")


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({}, {"command": "allow_commands", "path": "allow_commands", "code": "allow_code"}),
        ({"allow_commands": True}, {"code": "allow_code"}),
        ({"allow_code": True, "accept_code": False}, {"code": "accept_code"}),
        ({"accept_code": False}, {"command": "allow_commands", "code": "allow_code"}),
    ],
)
def test_a_service_runs_none_of_them_without_its_permission(
    world: World, settings: dict[str, object], refused: dict[str, str]
) -> None:
    """R10, R11, R12: the error names the setting."""
    ran = world.folder / "ran"
    file = world.folder / "file.py"
    file.write_text(f"def main(): open({str(ran)!r}, 'w')")
    said = {"command": f"touch {ran}", "path": file, "code": f"open({str(ran)!r}, 'w')"}
    with world.serve(**settings):
        for kind, setting in refused.items():
            with pytest.raises(ConfigError, match=setting):
                world.client.schedule("daily", **{kind: said[kind]}, name=kind)
            program = world.client.program(**{kind: said[kind]}, name=kind)
            with pytest.raises(NotAllowed, match=setting):
                program.launch().result(60)
        assert not ran.exists()


def test_a_permission_that_is_withdrawn_holds_for_what_is_kept(world: World) -> None:
    """R11: what was stored before is judged where it would run."""
    ran = world.folder / "ran"
    with world.serve(**ALLOWED):
        schedule = world.client.schedule("every 1 hour", command=f"touch {ran}", name="it")
        later = world.client.program(command=f"touch {ran}", delay=1).launch()
    with world.serve():
        for job in (later, schedule.run()):
            with pytest.raises(NotAllowed, match="allow_commands"):
                job.result(60)
    assert not ran.exists()


def test_the_nearest_level_of_a_parameter_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R25: a run, before the schedule, before the session, before a default of its own."""
    monkeypatch.setattr(sys, "argv", ["program", "--env", "test", "--mode=fast"])

    def work(
        place=Arg("place", "home"), env=CliArg("--env"), mode=CliArg("--mode"), no=CliArg("-x", 0)
    ) -> list[object]:
        return [place, env, mode, no]

    with world.serve():
        task = world.client.task(work)
        monkeypatch.setattr(sys, "argv", ["another"])
        assert task.launch().result(60) == ["home", "test", "fast", 0]
        world.client.session.params["place"] = "session"
        assert task.launch().result(60)[0] == "session"
        schedule = task.schedule("every 1 hour", kwargs={"place": "schedule"})
        assert schedule.run().result(60)[0] == "schedule"
        assert schedule.run(place="run").result(60)[0] == "run"
        inside = world.client.task(set_parameter).launch("flag", "by a job")
        assert inside.result(60) == "by a job"
        assert dict(world.client.session.params) == {"place": "session", "flag": "by a job"}


def set_parameter(name: str, value: str, session=Session()) -> str:
    session.params[name] = value
    return session.params[name]


def test_a_condition_of_ones_own_is_asked_in_a_worker(world: World) -> None:
    """R39: @app.cond('is foo'), with a text and with a pattern."""
    flag, ran = world.folder / "flag", world.folder / "ran"
    client = world.client

    @client.cond("it is quiet", look_every=0.2)
    def is_quiet() -> bool:
        return Path(flag).exists()

    @client.cond(re.compile(r"file (?P<name>\w+) is there"), look_every="0.2 s")
    def is_there(name: str) -> bool:
        return (Path(flag).parent / name).exists()

    def work() -> None:
        Path(ran).touch()

    with world.serve():
        rule = "every 0.1 s & it is quiet & file flag is there & ~file stop is there"
        schedule = client.schedule(rule, work)
        checks = [one for one in client.session if one.name.startswith("condition: ")]
        assert len(checks) == 3
        for check in checks:
            until(lambda check=check: "completed" in {f.status for f in check.history()}, 60)
        assert not schedule.history()
        flag.touch()
        until(ran.exists, 60)
        (world.folder / "stop").touch()
        until(lambda: client.session.params.get("file stop is there") == "true", 60)
        fires = schedule.view().fires
        checks[0].run().result(60)
        assert schedule.view().fires == fires
        with pytest.raises(BadRule, match="no condition"):
            client.schedule("hourly & it is loud", work, name="loud")


def test_a_group_is_of_functions_commands_and_code(world: World) -> None:
    """R15, R24, R39: its prefix, its rule and its options hold for all of them."""

    def work(place: str, own=Task()) -> list[str]:
        return [place, own.name]

    @world.client.cond("it is quiet", look_every=0.1)
    def is_quiet() -> bool:
        return True

    with world.serve(**ALLOWED):
        shared = {"start_cond": "it is quiet", "params": {"place": "Berlin"}, "priority": 3}
        group = world.client.group("etl: ", execution="thread", **shared)
        quick = group.schedule("every 0.1 s", work, name="quick")
        until(quick.history, 60)
        made = {
            "etl: work": group.schedule("every 20 hours", work),
            "etl: echo it": group.schedule("every 20 hours", command="echo it"),
            "etl: code": group.schedule("every 20 hours", code="return_value = 1", name="code"),
        }
        assert {one.name: one.task for one in made.values()} == {name: name for name in made}
        jobs = [one.run() for one in made.values()]
        assert [job.result(60) for job in jobs] == [["Berlin", "etl: work"], "it\n", 1]
        views = [job.view() for job in jobs]
        assert {(view.execution, view.priority) for view in views} == {("thread", 3)}


def test_an_async_client_has_all_kinds_conditions_and_parameters(world: World) -> None:
    """R10, R11, R12, R15, R21, R25, R36, R39: as a `Client` has them."""
    file = world.folder / "example.py"
    file.write_text("def main(n=0): return ['file', n]")

    async def use() -> None:
        async with AsyncClient("maker", broker=world.broker, secret=SECRET) as client:
            kinds = {"command": "echo", "path": file, "code": "return_value = n"}
            programs = [client.program(**{kind: said}) for kind, said in kinds.items()]
            jobs = [await program.launch(n=3) for program in programs]
            assert [await job.result(60) for job in jobs] == ["--n 3\n", ["file", 3], 3]

            session, group = client.session, client.group("it: ")
            for kind, said in kinds.items():
                await group.schedule("every 20 hours", **{kind: said}, name=kind, kwargs={"n": 4})
            jobs = await session.run("it: command", "it: path", "it: code")
            assert [await job.result(60) for job in jobs] == ["--n 4\n", ["file", 4], 4]

            schedule = await session.get("it: code")
            assert schedule is not None
            assert await schedule.update(command=["echo", "changed"]) == 2
            assert await (await schedule.run()).result(60) == "changed\n"
            last = await schedule.last("completed")
            assert last is not None
            assert last.task == "it: code"
            assert await schedule.last("failed") is None

            @client.cond("it is quiet", look_every=0.1)
            def is_quiet() -> bool:
                return True

            rule = "param 'mode' is 'live' & it is quiet"
            waits = await client.schedule(rule, places, max_runs=1)
            while (await session.params()).get("it is quiet") != "true":
                await asyncio.sleep(0.05)
            assert await waits.history() == []
            assert (await session.params({"mode": "live", "place": "Rome"}))["place"] == "Rome"
            while not await waits.history():
                await asyncio.sleep(0.05)
            [fire] = await waits.history()
            assert fire.job is not None
            assert await (await client.job(fire.job.hex())).result(60) == "Rome"

    with world.serve(**ALLOWED):
        asyncio.run(asyncio.wait_for(use(), 120))


def places(place: str = Arg("place", "home")) -> str:
    return place


def test_a_run_that_finds_nothing_to_do_has_inacted(world: World) -> None:
    """R16, R31: TaskInaction is neither a failure nor a success."""

    def work() -> None:
        raise TaskInaction("no mail today")

    def follow() -> None: ...

    with world.serve():
        client = world.client
        after = {
            how: client.schedule(f"daily & task 'work' has {how}", follow, name=how)
            for how in ("inacted", "failed", "succeeded", "terminated")
        }
        finished = client.schedule("after task 'work' finished", follow, name="finished")
        job = client.task(work, name="work", max_attempts=3).launch()
        with pytest.raises(JobCancelled, match="no mail today") as caught:
            job.result(60)
        assert caught.value.code == ErrorCode.INACTED
        until(lambda: finished.history() and after["inacted"].history(), 60)
        assert not any(after[how].history() for how in ("failed", "succeeded", "terminated"))


@pytest.mark.parametrize("how", ["relaunch", "fresh"])
def test_a_service_begins_anew_as_a_child(world: World, how: str) -> None:
    """R7; defect 5: the child has the same command line, with -m and the interpreter's flags."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEDULERGODX_SECRET": SECRET}
    settings = ("--broker", world.broker, "--db", f"sqlite:///{world.folder}/jobs.db")
    line = [sys.executable, "-P", "-X", "utf8", "-m", "schedulergodx", "service", "run", *settings]
    with (world.folder / "log").open("wb") as log:
        first = subprocess.Popen(
            [*line, "--workers", "1", "--restarting", how],
            cwd=world.folder,
            env=environ,
            stdout=log,
            stderr=log,
        )
    try:
        tell = world.client.task(os.getppid, name="tell")
        until(lambda: "reads default" in (world.folder / "log").read_text(), 60)
        assert tell.launch().result(60)
        assert world.client.session.restart() == 1
        assert first.wait(60) == 0
        [second] = until(lambda: services_of(world), 60)
        words = Path(f"/proc/{second}/cmdline").read_bytes().decode().split("\0")[1:-1]
        assert words == [*line[1:], "--workers", "1", "--restarting", how]
        session = os.getsid(second)
        assert (session == second) is (how == "fresh")
        assert tell.launch().result(60)
        assert world.client.session.shutdown() == 1
        until(lambda: not is_alive(str(second)), 60)
    finally:
        first.kill()
        first.wait()
        for pid in services_of(world):
            os.kill(pid, signal.SIGKILL)


def services_of(world: World) -> list[int]:
    """The processes that serve its spool, by their command lines."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if world.broker.encode() in words and b"service" in words and is_alive(entry.name):
                found.append(int(entry.name))
    return found
