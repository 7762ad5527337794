"""`Config` asks and changes settings by their names, and says where RabbitMQ is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schedulergodx.errors import ConfigError
from schedulergodx.utils.configuration import Config, get_env_vars
from tests.world import ROOT


@pytest.fixture(autouse=True)
def _empty_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in [name for name in os.environ if name.startswith("SCHEDULERGODX_")]:
        monkeypatch.delenv(variable)


def test_it_begins_with_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """D1: settings are initialised from environment variables."""
    monkeypatch.setenv("SCHEDULERGODX_PREFIX", "mine.")
    assert Config().get("prefix") == "mine."


def test_a_missing_file_means_the_current_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """D2: `get_env_vars` of a file that is not there is the environment."""
    monkeypatch.setenv("SOME_THING", "x")
    assert get_env_vars() == dict(os.environ)


def test_the_environment_comes_before_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """D2: the file adds what the environment does not say; it does not hide what it says."""
    Path(".env.default").write_text("SOME_THING=file\nOTHER_THING='a=b'  # c\n\n")
    monkeypatch.setenv("SOME_THING", "environment")
    found = get_env_vars()
    assert (found["SOME_THING"], found["OTHER_THING"]) == ("environment", "a=b")


def test_settings_change_at_run_time() -> None:
    """D3: `configure(**kwargs)` updates settings."""
    config = Config()
    config.configure(prefix="late.", connect_timeout="2 s")
    assert (config.get("prefix"), config.get("connect_timeout")) == ("late.", 2.0)
    with pytest.raises(ConfigError, match="do you mean 'prefix'"):
        config.configure(prefx="x")


def test_a_setting_without_a_value_gives_the_default() -> None:
    """D4: `get(key, default=None)`."""
    config = Config()
    assert config.get("broker") is None
    assert config.get("broker", "x") == config.get("no_such_setting", "x") == "x"
    assert config.get("SCHEDULERGODX_HEARTBEAT") == 60.0


def test_a_file_of_variables_can_be_named() -> None:
    Path("deploy.env").write_text("SCHEDULERGODX_PREFIX=deployed.\nHOME=/nowhere\n")
    config = Config.from_env("deploy.env")
    assert config.get("prefix") == "deployed."
    assert config.settings.origin("prefix") == "SCHEDULERGODX_PREFIX in the file deploy.env"
    with pytest.raises(ConfigError, match=r"other\.env"):
        Config.from_env("other.env")


def test_the_url_is_made_of_its_parts() -> None:
    """D5: the broker's URL from settings, percent-encoded."""
    config = Config(
        broker_address="rabbit:5673",
        broker_user="me@x",
        broker_password="p/:@ss",
        broker_vhost="a/b",
    )
    assert config.amqp_url() == "amqp://me%40x:p%2F%3A%40ss@rabbit:5673/a%2Fb"
    assert config.get("broker") == config.amqp_url()


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("rabbit", "rabbit:5672"),
        ("[::1]:99", "[::1]:99"),
        ("::1", "[::1]:5672"),
        ("[::1]", "[::1]:5672"),
    ],
)
def test_an_address_may_have_a_port(address: str, place: str) -> None:
    config = Config(broker_address=address, broker_user="a", broker_password="b")
    assert config.amqp_url() == f"amqp://a:b@{place}/%2F"


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "broker_address, broker_user, broker_password"),
        (
            {"broker_user": "", "broker_password": ""},
            "broker_address, broker_user, broker_password",
        ),
    ],
)
def test_what_is_missing_is_named(given: dict[str, str], missing: str) -> None:
    """D5: ValueError when any is missing; an empty text is missing too."""
    with pytest.raises(ValueError, match=f"{missing} is missing"):
        Config(**given).amqp_url()


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"broker_address": "rabbit"}, "broker_user, broker_password"),
        (
            {"broker_address": "rabbit", "broker_user": "a", "broker_password": ""},
            "broker_password",
        ),
        ({"broker_user": "a", "broker_password": "b"}, "broker_address"),
    ],
)
def test_half_an_address_is_refused_where_it_is_given(given: dict[str, str], missing: str) -> None:
    """D5: what is missing is named before anything connects."""
    with pytest.raises(ValueError, match=f"{missing} is missing"):
        Config(**given)


def test_a_url_says_it_all_and_comes_before_its_parts() -> None:
    url = "amqp://a:b@host/"
    assert Config(broker=url, broker_address="other").amqp_url() == url
    with pytest.raises(ConfigError, match="no RabbitMQ"):
        Config(broker="spool:here").amqp_url()


def test_parts_can_be_changed_later() -> None:
    config = Config(broker_address="one", broker_user="a", broker_password="b")
    config.configure(broker_address="two")
    assert config.amqp_url() == "amqp://a:b@two:5672/%2F"
    config.configure(broker="amqp://x:y@three/")
    assert config.amqp_url() == "amqp://x:y@three/"


def test_no_secret_is_in_what_it_shows() -> None:
    config = Config(
        secret="s3cret-s3cret-s3cret",
        broker_address="rabbit",
        broker_user="me",
        broker_password="hunter2",
    )
    assert "hunter2" not in repr(config)
    assert "s3cret" not in repr(config)


def test_importing_it_reads_nothing_and_connects_to_nothing(tmp_path: Path) -> None:
    """D8: no side effects of an import, however broken the configuration is."""
    (tmp_path / ".env").write_text("SCHEDULERGODX_WROKERS=3\n")
    program = (
        "import sys, schedulergodx as s;"
        "from schedulergodx import distributaur as d, taskit as t;"
        "d.Config, d.configure, d.register_function, t.publish_task, s.register;"
        "print([m for m in ('pika', 'dill', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert [path.name for path in tmp_path.iterdir()] == [".env"]
