"""Schedules on real processes that are killed: each fire is one job, and none is lost."""

from __future__ import annotations

import random
import time
from pathlib import Path

from schedulergodx.args import Context, EnvArg, FuncArg, Return, Session, Task
from schedulergodx.client import Client
from schedulergodx.core.schedule import FireReason
from tests.world import SECRET, ServiceProcess, until

INTERVAL = 0.25


def append(path: str) -> None:
    with Path(path).open("a") as file:
        file.write("x")


def test_each_fire_is_one_job_whoever_is_killed_when(tmp_path: Path) -> None:
    """R48: the state of a schedule survives any death of its service."""
    broker = f"spool:{tmp_path}/spool"
    settings = {"broker": broker, "db": f"sqlite:///{tmp_path}/jobs.db", "workers": 2}
    ran = tmp_path / "ran"
    service = ServiceProcess(tmp_path, **settings).start()
    chance = random.Random(20)
    with Client("maker", broker=broker, secret=SECRET, max_attempts=5) as client:
        schedule = client.schedule(
            f"every {INTERVAL} seconds",
            append,
            args=(str(ran),),
            missed="run_all",
            grace=0.1,
            max_instances=None,
        )
        for _ in range(5):
            time.sleep(chance.uniform(0.2, 1.2))
            service.kill()
            time.sleep(chance.uniform(0, 0.5))
            service.start()
        schedule.pause()
        fires = schedule.history(1000)
        until(lambda: all(fire.status == "completed" for fire in schedule.history(1000)), 60)
        made = schedule.view().made
        steps = sorted(round((fire.instant - made) / INTERVAL, 3) for fire in fires)
        assert steps == list(range(1, len(steps) + 1)), "no instant is left out, and none is twice"
        assert FireReason.MISSED in {fire.why for fire in fires}
        assert len({fire.job for fire in fires}) == len(fires)
        again = sum(fire.status == "completed" for fire in fires)
        assert ran.stat().st_size >= again
        assert schedule.view().fires == len(fires)
    assert service.stop() == 0


def test_a_program_and_its_service_may_start_in_any_order(tmp_path: Path) -> None:
    """R9: the decorator needs no service that answers."""
    broker = f"spool:{tmp_path}/spool"
    settings = {"broker": broker, "db": f"sqlite:///{tmp_path}/jobs.db", "workers": 1}
    ran = str(tmp_path / "ran")
    with ServiceProcess(tmp_path, **settings):
        pass  # it makes the spool
    with Client("maker", broker=broker, secret=SECRET) as client:

        @client.task(schedule="every 0.2 seconds")
        def tick() -> None:
            append(ran)

        with ServiceProcess(tmp_path, **settings):
            until(lambda: Path(ran).exists() and Path(ran).stat().st_size >= 3, 60)
            assert [one.name for one in client.session] == [tick.name]


def test_a_job_changes_schedules_whatever_runs_it(tmp_path: Path) -> None:
    """R23, R24, R49: the session as a default, also in a process; and others that are found."""
    broker = f"spool:{tmp_path}/spool"
    settings = {"broker": broker, "db": f"sqlite:///{tmp_path}/jobs.db", "workers": 2}
    with (
        ServiceProcess(tmp_path, **settings),
        Client("maker", broker=broker, secret=SECRET) as client,
    ):

        def control(session=Session(), own=Task(), job=Context()) -> list[object]:
            other = session["other"]
            other.disabled = True
            other.run("forced")
            names = sorted(one.name for one in session)
            return [names, "other" in session, own.name, job.attempt]

        def tell(
            last=Return("told"),
            home=EnvArg("NOT_THERE") >> FuncArg(lambda: "made"),
        ) -> list[object]:
            return [last, home]

        def told(text: str) -> str:
            return text

        client.schedule("every 1 hour", told, name="other", args=("planned",))
        for execution in ("process", "fork", "thread"):
            task = client.task(control, execution=execution, name=f"control in {execution}")
            schedule = task.schedule("every 1 hour")
            names, has_other, own, attempt = schedule.run().result(60)
            assert names == sorted(one.name for one in client.session)
            assert (has_other, own, attempt) == (True, task.name, 1)
        assert client.session["other"].disabled
        fires = client.session["other"].history()
        assert [fire.why for fire in fires] == [FireReason.BY_HAND] * 3
        until(lambda: all(fire.status == "completed" for fire in schedule.history()), 60)
        whos = {change.who for change in client.session["other"].changes()}
        assert whos == {"maker"}, "a job changes them in the name of its client"
        until(lambda: len(client.list_jobs(task="told", status="completed")) == 3, 60)
        assert client.task(tell).launch(last="given").result(60) == ["given", "made"]
        assert client.task(tell).launch().result(60) == ["forced", "made"]


def test_a_service_ends_and_begins_anew_when_a_client_says_so(tmp_path: Path) -> None:
    """R7, R17, R18; defect 5: session.shutdown(), session.restart()."""
    broker = f"spool:{tmp_path}/spool"
    settings = {"broker": broker, "db": f"sqlite:///{tmp_path}/jobs.db", "workers": 1}
    with Client("maker", broker=broker, secret=SECRET, connect=False) as client:
        for how in ("recall", "replace"):
            service = ServiceProcess(tmp_path, **settings, restarting=how).start()
            starts = service.text().count(" reads ")
            assert client.session.restart() == 1
            _wait_for_start(service, starts + 1)
            assert client.task(int).launch(7).result(60) == 7
            assert client.session.shutdown() == 1
            assert service.wait(60) == 0, "the process has the same number"


def _wait_for_start(service: ServiceProcess, number: int) -> None:
    until(lambda: service.text().count(" reads ") >= number, 60, service.text)


def test_a_job_can_end_the_service_that_runs_it(tmp_path: Path) -> None:
    """R17: a scheduled task shuts the scheduler down."""
    broker = f"spool:{tmp_path}/spool"
    settings = {"broker": broker, "db": f"sqlite:///{tmp_path}/jobs.db", "workers": 1}
    service = ServiceProcess(tmp_path, **settings).start()
    with Client("maker", broker=broker, secret=SECRET) as client:

        def end(session=Session()) -> int:
            return session.shutdown()

        job = client.task(end).launch()
        assert service.wait(60) == 0
        service.start()
        assert job.result(60) == 1, "it ended in order, and its outcome is told"
        service.stop()
