"""What is deployed: the image, the compose file, the unit of systemd, the program."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from schedulergodx.config import SETTINGS, load_settings
from schedulergodx.quantity import parse_duration

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # keys keep their case
    parser.read(ROOT / "service" / "schedulergodx.service")
    return parser


def instructions(name: str) -> list[str]:
    """The arguments of an instruction, wherever it stands in the Dockerfile."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name} +(.+)$", joined, re.MULTILINE)


def test_the_image_is_of_the_python_that_was_asked_for() -> None:
    [version] = instructions("ARG")
    assert re.fullmatch(r"PYTHON_VERSION=3\.\d+", version)
    images = instructions("FROM")
    assert len(images) == 2
    assert all(image.startswith("python:${PYTHON_VERSION}-slim") for image in images)


def test_the_image_runs_as_nobody_in_particular() -> None:
    last_stage = DOCKERFILE[DOCKERFILE.rindex("\nFROM") :]
    assert re.search(r"^USER schedulergodx$", last_stage, re.MULTILINE)
    assert last_stage.index("USER") < last_stage.index("ENTRYPOINT")


def test_the_image_starts_a_service_that_gets_its_signals_and_is_watched() -> None:
    assert instructions("ENTRYPOINT") == ['["sgx"]']
    assert instructions("CMD") == ['["service", "run"]']
    [health] = instructions("HEALTHCHECK")
    assert health.endswith('CMD ["sgx", "service", "health"]')


def test_the_database_of_the_image_is_on_its_volume() -> None:
    [volume] = instructions("VOLUME")
    assert f"SCHEDULERGODX_DB=sqlite:///{volume}/" in DOCKERFILE


def test_the_image_gets_what_the_build_copies_and_nothing_else() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    copied = {
        word.removeprefix("./") for line in instructions("COPY") for word in line.split()[:-1]
    }
    local = {word for word in copied if not word.startswith(("/", "--"))}
    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == local


def test_the_services_of_compose_are_watched_and_restarted(compose: Any) -> None:
    services = compose["services"]
    assert services["rabbitmq"]["image"] == "rabbitmq:4-management"
    assert services["rabbitmq"]["healthcheck"]["test"][0] == "CMD"
    assert services["service"]["depends_on"] == {"rabbitmq": {"condition": "service_healthy"}}
    assert {service["restart"] for service in services.values()} == {"unless-stopped"}


def test_nothing_of_compose_is_reachable_from_other_machines(compose: Any) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_does_not_start_without_a_secret(compose: Any) -> None:
    secret = compose["services"]["service"]["environment"]["SCHEDULERGODX_SECRET"]
    assert secret.startswith("${SCHEDULERGODX_SECRET:?")


def test_compose_keeps_the_database_and_gives_it_time_to_stop(compose: Any) -> None:
    service = compose["services"]["service"]
    [volume] = service["volumes"]
    name, _, path = volume.partition(":")
    assert name in compose["volumes"]
    assert instructions("VOLUME") == [path]
    assert parse_duration(service["stop_grace_period"]) > load_settings(environ={}).stop_grace


def test_compose_sets_what_exists(compose: Any) -> None:
    known = {row.env for row in SETTINGS.values()}
    assert set(compose["services"]["service"]["environment"]) <= known


def test_the_unit_is_told_when_the_service_is_ready_and_alive(
    unit: configparser.ConfigParser,
) -> None:
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert service["Restart"] == "on-failure"
    assert float(service["WatchdogSec"]) >= 30
    assert service["RestartPreventExitStatus"] == "2", "wrong settings do not mend themselves"
    assert "sgx service run" in service["ExecStart"]


def test_the_unit_lets_the_service_drain(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    assert service["KillMode"] == "mixed", "with control-group, jobs get SIGTERM as well"
    assert float(service["TimeoutStopSec"]) > load_settings(environ={}).stop_grace


def test_the_unit_permits_what_jobs_need(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    assert "MemoryDenyWriteExecute" not in service, "ffi and just-in-time compilers"
    assert "SystemCallFilter" not in service
    assert "AF_UNIX" in service["RestrictAddressFamilies"], "workers are spoken to by sockets"
    assert service["NoNewPrivileges"] == "yes"


def test_the_example_of_settings_is_right_with_and_without_its_comments() -> None:
    file = ROOT / "service" / "service.toml"
    assert load_settings(file, environ={}).queues == ("default",)
    lines = re.findall(r"^# ((?:\w+ = |\[).*)$", file.read_text(), re.MULTILINE)
    tables = lines.index(next(line for line in lines if line.startswith("[")))
    shown = tomllib.loads("\n".join([*lines[:tables], *lines[tables + 2 :], *lines[tables:][:2]]))
    for name, value in shown.items():
        if name != "secret":
            SETTINGS[name].read(value)


def test_the_program_of_a_service_is_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "service" / "main.py")],
        env={"PYTHONPATH": str(ROOT), "SCHEDULERGODX_WORKERS": "none of them"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "SCHEDULERGODX_WORKERS" in done.stderr
