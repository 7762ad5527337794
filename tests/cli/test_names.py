"""A service from the command line whose functions are called by their names, and its settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.world import ROOT, until

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts services in a folder; they are ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        with (tmp_path / "log").open("w") as log:
            started.append(
                subprocess.Popen(
                    [*SGX, "service", "run", *words],
                    cwd=tmp_path,
                    env=environ(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    text=True,
                )
            )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


SGX = (sys.executable, "-m", "schedulergodx")


def environ() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SCHEDULERGODX_")}
    return kept | {"PYTHONPATH": str(ROOT)}


def sgx(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SGX, *words],
        cwd=folder,
        env=environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_functions_of_a_module_in_the_working_directory_are_called_by_name(
    start: Start, tmp_path: Path
) -> None:
    """D18, D19: the worker imports the module, the caller has only the name."""
    (tmp_path / "myapp.py").write_text(
        "from schedulergodx import register\n"
        "@register\ndef add(a, b=1):\n    return a + b\n"
        "def process(data):\n    return data\n"
    )
    start("--broker", "spool:broker", "--workers", "1", "--imports", "myapp", "--no-accept-code")
    until(lambda: sgx(tmp_path, "service", "health").returncode == 0)
    call = ("--broker", "spool:broker", "--wait", "--timeout", "30")
    done = sgx(tmp_path, "execute", "add", "--args", "[1]", "--kwargs", '{"b": 41}', *call)
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr
    done = sgx(tmp_path, "execute", "myapp.process", "--args", '[{"a": 1}]', "--json", *call)
    assert json.loads(done.stdout)["result"] == {"a": 1}
    for name, error in (("ad", "UnknownFunction"), ("os.system", "NotAllowed")):
        done = sgx(tmp_path, "execute", name, *call)
        assert (done.returncode, done.stdout) == (1, "")
        assert error in done.stderr
    done = sgx(tmp_path, "launch", "myapp:process", "--args", "[1]", *call)
    assert done.returncode == 1
    assert "accept_code is off" in done.stderr


@pytest.mark.parametrize("imports", ["nobody.has.it", "not-a-path"])
def test_what_can_not_be_imported_is_told_at_the_start(
    start: Start, tmp_path: Path, imports: str
) -> None:
    process = start("--broker", "spool:broker", "--workers", "1", "--imports", imports)
    assert process.wait(30) != 0
    log = (tmp_path / "log").read_text()
    assert imports in log
    assert "Traceback" not in log


def test_config_show_says_where_each_value_came_from(tmp_path: Path) -> None:
    """D21: and never prints a secret."""
    (tmp_path / ".env").write_text(
        "SCHEDULERGODX_BROKER_ADDRESS=rabbit\nSCHEDULERGODX_BROKER_USER=me\n"
        "SCHEDULERGODX_BROKER_PASSWORD=hunter2\nSCHEDULERGODX_SECRET='s3cret-s3cret-s3cret'\n"
    )
    (tmp_path / "schedulergodx.toml").write_text("imports = ['shop.tasks']\n")
    done = sgx(tmp_path, "config", "show", "--json", "--workers", "3")
    shown = json.loads(done.stdout)
    assert "hunter2" not in done.stdout
    assert "s3cret" not in done.stdout
    assert shown["workers"] == {"value": "3", "origin": "--workers"}
    assert shown["imports"] == {"value": "shop.tasks", "origin": "the file schedulergodx.toml"}
    assert shown["broker_user"]["origin"] == "SCHEDULERGODX_BROKER_USER in the file .env"
    assert shown["secret"] == {
        "value": "(set, not shown)",
        "origin": "SCHEDULERGODX_SECRET in the file .env",
    }
    assert shown["broker"]["value"] == "amqp://me:***@rabbit:5672/%2F"
    assert shown["on_conflict"]["origin"] == "the default"
