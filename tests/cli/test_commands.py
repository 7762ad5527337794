"""Commands that need no service: what they print, and with which code they end."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from schedulergodx.cli.broker_checks import judge_info
from schedulergodx.cli.finding import Finding, Verdict
from schedulergodx.cli.health import STALE_AFTER, health_path, read_health, sqlite_path
from schedulergodx.cli.launch import find_function
from schedulergodx.cli.local_checks import check_store
from schedulergodx.cli.program import program
from schedulergodx.cli.why import in_local_time
from schedulergodx.config import SETTINGS, load_settings
from schedulergodx.core.code import interpreter_tag
from schedulergodx.core.message import Info
from schedulergodx.errors import ConfigError
from schedulergodx.setting import Scope
from schedulergodx.storage import make_store
from schedulergodx.storage.migrations import HEAD
from schedulergodx.utils.process import began, place
from tests.world import until

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in [name for name in os.environ if name.startswith("SCHEDULERGODX_")]:
        monkeypatch.delenv(variable)


def sgx(*words: str) -> Result:
    return CliRunner().invoke(program, words)


def sgx_json(*words: str) -> Any:
    done = sgx(*words, "--json")
    return json.loads(done.stdout)


def test_without_its_extra_it_names_the_extra(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text(
        "raise ModuleNotFoundError('No module named click', name='click')"
    )
    done = subprocess.run(
        [sys.executable, "-m", "schedulergodx", "version"],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == 'The command line needs click: pip install "schedulergodx[cli]"\n'


def test_no_command_waits_for_what_few_of_them_need() -> None:
    dear = ("asyncio", "rich.console", "schedulergodx.service", "schedulergodx.storage")
    program = f"import schedulergodx.cli.program, sys; print(*{{*sys.modules}} & {{*{dear}}})"
    command = [sys.executable, "-c", program]
    assert subprocess.check_output(command, cwd=ROOT, text=True, timeout=60) == "\n"


def test_an_error_of_usage_is_2() -> None:
    assert sgx("job", "show").exit_code == 2
    assert sgx("service", "run", "--workers", "many").exit_code == 2
    assert sgx("service", "run", "--wokers", "3").exit_code == 2
    assert sgx("launch", "math").exit_code == 2


def test_a_bad_setting_is_told_in_a_line_with_its_place() -> None:
    done = sgx("config", "show", "--stop-grace", "soon")
    assert "stop_grace: 'soon' of --stop-grace can't be used" in done.stderr
    assert "Traceback" not in done.output


def commands_of(group: click.Group) -> list[click.Command]:
    below = list(group.commands.values())
    return [*below, *(c for g in below if isinstance(g, click.Group) for c in commands_of(g))]


def test_help_has_every_command_in_a_section_with_all_its_words() -> None:
    lines = sgx("--help").stdout.split("Begin:")[1].splitlines()
    shown = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(shown) == sorted(program.commands)
    groups = [(c.name,) for c in commands_of(program) if isinstance(c, click.Group)]
    for group in [(), *groups]:
        assert "..." not in sgx(*group, "--help").stdout.rpartition("Options:")[2], group


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("schedulergodx.cli.config.print_json", interrupt)
    done = sgx("config", "show", "--json")
    assert (done.exit_code, done.output) == (130, "\n")


def test_ctrl_c_while_its_modules_are_loaded_is_130_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import time; print('loading', flush=True); time.sleep(60)")
    with subprocess.Popen(
        [sys.executable, "-m", "schedulergodx", "version"],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        assert (*process.communicate(timeout=30), process.returncode) == ("", "", 130)


def test_why_tells_times_as_all_commands_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        told = in_local_time("it is due from 2026-01-31 20:00:00 UTC on, in 2 h")
        assert told == "it is due from 2026-02-01 01:45:00 on, in 2 h"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_did_not_work_is_1() -> None:
    done = sgx("job", "list", "--broker", "amqp://127.0.0.1:1/", "--connect-timeout", "1")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert done.stdout == ""


@pytest.mark.parametrize("name", [n for n, row in SETTINGS.items() if row.scope is Scope.SERVICE])
def test_every_setting_of_a_service_is_a_flag_of_run(name: str) -> None:
    assert f"{SETTINGS[name].flag} " in sgx("service", "run", "--help").stdout.replace(",", " ")


def test_no_command_takes_a_secret_as_a_flag() -> None:
    assert "--secret" not in sgx("service", "run", "--help").stdout


def test_config_show_tells_values_and_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULERGODX_THREADS", "7")
    Path("my.toml").write_text('prefix = "shop."')
    shown = sgx_json("config", "show", "--config", "my.toml", "--queue", "a", "--queue", "b,c")
    assert shown["queues"] == {"value": "a,b,c", "origin": "--queues"}
    assert shown["threads"]["origin"] == "the environment variable SCHEDULERGODX_THREADS"
    assert shown["prefix"] == {"value": "shop.", "origin": "the file my.toml"}
    assert shown["stop_grace"] == {"value": "30 s", "origin": "the default"}
    assert list(shown) == list(SETTINGS)


def test_config_show_has_no_secret_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULERGODX_SECRET", "s3cret-s3cret-s3cret")
    monkeypatch.setenv("SCHEDULERGODX_BROKER", "amqp://me:hunter2@host/")
    for done in (sgx("config", "show"), sgx("config", "show", "--json")):
        assert "s3cret" not in done.stdout
        assert "hunter2" not in done.stdout
        assert "amqp://me:***@host/" in done.stdout


def test_flags_that_switch_can_be_given_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULERGODX_QUORUM", "yes")
    assert sgx_json("config", "show")["quorum"]["value"] == "true"
    assert sgx_json("config", "show", "--no-quorum")["quorum"]["value"] == "false"


def test_version_tells_what_is_installed() -> None:
    versions = sgx_json("version")
    assert versions["python"] == sys.version.split()[0]
    assert {"schedulergodx", "dill", "pika", "sqlite"} <= set(versions)
    assert sgx("version").exit_code == 0


def write_health(path: Path, **facts: object) -> None:
    path.write_text(json.dumps({"pid": 1, "at": time.time(), "ready": True, **facts}))


def test_a_service_that_wrote_just_now_is_well() -> None:
    write_health(Path("jobs.db.health"))
    assert sgx("service", "health", "--db", "sqlite:///jobs.db").exit_code == 0
    assert sgx_json("service", "health", "--db", "sqlite:///jobs.db")["well"] is True


def test_a_service_that_was_killed_is_not_well_at_once() -> None:
    path = Path("jobs.db.health")
    with subprocess.Popen(["sleep", "60"]) as service:
        facts: dict[str, Any] = {"pid": service.pid, "began": began(service.pid), "place": place()}
        write_health(path, **facts)
        assert read_health(path, time.time()).well
        service.kill()
        until(lambda: "is gone: it was killed" in read_health(path, time.time()).why)
    assert not read_health(path, time.time()).well
    write_health(path, **facts | {"place": "a container"})
    assert read_health(path, time.time()).well, "its pid means nothing here"


def test_another_process_that_was_given_its_pid_is_not_the_service() -> None:
    write_health(path := Path("jobs.db.health"), pid=os.getpid(), began=1, place=place())
    assert "is gone" in read_health(path, time.time()).why


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"at": time.time() - STALE_AFTER - 1000}, "has said nothing for"),
        ({"ready": False}, "has not reached its broker"),
        ({"trouble": "the disk is full"}, "takes no jobs: the disk is full"),
        ({"at": "noon"}, "can't be read"),
    ],
)
def test_a_service_that_is_not_well_is_1(facts: dict[str, object], why: str) -> None:
    write_health(Path("jobs.db.health"), **facts)
    done = sgx("service", "health", "--db", "sqlite:///jobs.db")
    assert done.exit_code == 1
    assert why in done.stderr


def test_no_service_is_not_well(tmp_path: Path) -> None:
    health = read_health(tmp_path / "none", 0.0)
    assert not health.well
    assert "no service runs here" in health.why


def test_the_health_file_is_beside_the_database_or_where_it_is_said() -> None:
    settings = load_settings(environ={}, db="sqlite:////var/jobs of mine.db")
    assert health_path(settings) == Path("/var/jobs of mine.db.health")
    assert health_path(settings.replace(health_file="/run/h")) == Path("/run/h")
    with pytest.raises(ConfigError, match="set health_file"):
        health_path(settings.replace(db="postgresql://me:hunter2@host/jobs"))


@pytest.mark.parametrize(
    "db", ["sqlite:///jobs.db", "sqlite:////var/jobs.db", "jobs.db", "sqlite:///:memory:"]
)
def test_the_file_of_a_database_is_the_one_that_the_store_opens(db: str) -> None:
    assert str(sqlite_path(db) or "") == make_store(db).path


def test_a_function_is_found_by_its_module_and_name(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "tools_of_mine.py").write_text("class A:\n    def f(): ...\nx = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_function("tools_of_mine:A.f").__name__ == "f"
    assert find_function("math.sqrt") is find_function("math:sqrt")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("math", "is not MODULE:FUNCTION"),
        (":sqrt", "is not MODULE:FUNCTION"),
        ("math.squareroot", "math has no 'squareroot'"),
        ("no_such_module_here:f", "there is no module 'no_such_module_here'"),
        ("math:squareroot", "math has no 'squareroot'"),
        ("math:pi", "can't be called"),
    ],
)
def test_a_function_that_is_not_there_is_told(path: str, why: str) -> None:
    with pytest.raises(click.UsageError, match=why):
        find_function(path)


@pytest.mark.parametrize(
    ("flag", "text", "why"),
    [("--args", "[1", "is not JSON"), ("--args", "{}", "array"), ("--kwargs", "[]", "object")],
)
def test_arguments_that_are_no_json_are_usage(flag: str, text: str, why: str) -> None:
    done = sgx("launch", "math:sqrt", flag, text)
    assert done.exit_code == 2
    assert why in done.stderr


@pytest.mark.parametrize(
    ("source", "why"),
    [("def f(:", "SyntaxError"), ("1 / 0", "ZeroDivisionError"), ("exit(3)", "SystemExit: 3")],
)
def test_a_module_that_can_not_be_imported_is_told_with_its_line(
    source: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("broken_tools.py").write_text(f"import sys\nfrom builtins import exit\n{source}\n")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    done = sgx("launch", "broken_tools:f")
    assert done.exit_code == 1
    assert "broken_tools can't be imported" in done.stderr
    assert why in done.stderr
    assert 'broken_tools.py", line 3' in done.stderr
    assert "importlib" not in done.stderr


@pytest.mark.parametrize("timeout", ["-1", "nan", "inf", "soon"])
def test_a_time_to_wait_that_is_none_is_usage(timeout: str) -> None:
    done = sgx("launch", "math:sqrt", "--wait", "--timeout", timeout)
    assert done.exit_code == 2
    assert "--timeout" in done.stderr


def findings_of(db: str) -> dict[str, Finding]:
    settings = load_settings(environ={}, db=db)
    return {finding.subject: finding for finding in check_store(settings)}


def test_doctor_finds_a_database_of_this_version_well() -> None:
    store = make_store("jobs.db")
    assert "not there yet" in findings_of("jobs.db")["database"].text
    store.open()
    store.close()
    found = findings_of("jobs.db")["database"]
    assert found.verdict is Verdict.OK
    assert f"schema {HEAD}" in found.text


def make_newer(path: Path) -> None:
    store = make_store(path)
    store.open()
    store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def make_foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE tasks (id INTEGER)")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (make_newer, "schema 9999, of a newer version"),
        (make_foreign, "of another program"),
        (lambda path: path.mkdir(), "is no file"),
        (lambda path: path.write_bytes(b"no database" * 1000), "can't be read"),
    ],
    ids=["newer", "foreign", "folder", "nonsense"],
)
def test_doctor_finds_a_database_that_no_service_can_use(
    make: Callable[[Path], object], why: str
) -> None:
    make(Path("jobs.db"))
    found = findings_of("jobs.db")["database"]
    assert found.verdict is Verdict.PROBLEM
    assert why in found.text
    assert found.advice


@pytest.mark.parametrize("db", ["mysql://me:hunter2@host/jobs", "sqlite:///"])
def test_doctor_finds_a_name_that_names_no_database(db: str) -> None:
    found = findings_of(db)["database"]
    assert found.verdict is Verdict.PROBLEM
    assert "sqlite:///FILE" in found.text
    assert "hunter2" not in found.text


def test_doctor_wants_neither_a_broker_nor_a_service_for_jobs_on_a_file() -> None:
    found = {finding["subject"]: finding for finding in sgx_json("doctor", "--db", "jobs.db")}
    assert "sgx worker" in found["broker"]["text"]
    assert "service" not in found
    assert sgx("doctor", "--db", "jobs.db").exit_code == 0


def test_doctor_finds_a_folder_that_is_not_there() -> None:
    found = findings_of("sqlite:///missing/jobs.db")["database"]
    assert found.verdict is Verdict.PROBLEM
    assert "mkdir" in found.advice


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
def test_doctor_finds_a_database_that_it_may_not_read() -> None:
    make_store("jobs.db").open()
    Path("jobs.db").chmod(0)
    assert findings_of("jobs.db")["database"].verdict is Verdict.PROBLEM


@pytest.mark.parametrize(
    ("python", "ahead", "verdict", "text"),
    [
        (interpreter_tag(), 0.1, Verdict.OK, "its clock agrees"),
        (interpreter_tag(), -70.0, Verdict.NOTE, "its clock is 70.0 s behind"),
        ("cpython-399", 0.0, Verdict.PROBLEM, f"cpython-399, this is {interpreter_tag()}"),
    ],
)
def test_doctor_compares_pythons_and_clocks(
    python: str, ahead: float, verdict: Verdict, text: str
) -> None:
    found = judge_info(Info(b"", "mine", python), ahead)
    assert found.verdict is verdict
    assert text in found.text


def test_changing_nothing_is_usage() -> None:
    assert sgx("job", "change", "17").exit_code == 2
