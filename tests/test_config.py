"""A setting has one value, and everybody can say where it came from."""

from __future__ import annotations

import os
import typing
from datetime import timedelta
from pathlib import Path

import pytest

from schedulergodx.config import SETTINGS, Settings, load_flags, load_settings
from schedulergodx.errors import ConfigError
from schedulergodx.quantity import format_duration, format_size, parse_duration, parse_size
from schedulergodx.setting import Kind


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "schedulergodx.toml") -> str:
    Path(name).write_text(text)
    return name


def test_without_anything_the_defaults_hold() -> None:
    settings = load_settings(environ={})
    assert settings.queues == ("default",)
    assert settings.db == "sqlite:///SchedulerGodX.db"
    assert settings.workers == len(os.sched_getaffinity(0))
    assert settings.origin("workers") == "the default"


def test_a_keyword_wins_over_environment_over_file_over_default() -> None:
    write('threads = 1\nworkers = 1\nprefix = "file"')
    environ = {"SCHEDULERGODX_THREADS": "2", "SCHEDULERGODX_WORKERS": "2"}
    settings = load_settings(environ=environ, threads=3)
    assert (settings.threads, settings.workers, settings.prefix) == (3, 2, "file")
    assert settings.origin("threads") == "the keyword threads"
    assert settings.origin("workers") == "the environment variable SCHEDULERGODX_WORKERS"
    assert settings.origin("prefix") == "the file schedulergodx.toml"


def test_a_file_of_variables_stands_between_the_environment_and_toml() -> None:
    """D21: keywords, then the environment, then `.env`, then TOML, then the defaults."""
    write('threads = 1\nworkers = 1\nprefix = "toml"\nname = "toml"')
    write(
        "SCHEDULERGODX_THREADS=2\nSCHEDULERGODX_WORKERS=2\nexport SCHEDULERGODX_PREFIX='dotenv'",
        ".env",
    )
    settings = load_settings(environ={"SCHEDULERGODX_THREADS": "3"}, workers=4)
    assert (settings.threads, settings.workers) == (3, 4)
    assert (settings.prefix, settings.name) == ("dotenv", "toml")
    assert settings.origin("prefix") == "SCHEDULERGODX_PREFIX in the file .env"


def test_a_file_of_variables_is_found_by_argument_variable_or_place() -> None:
    write("SCHEDULERGODX_PREFIX=here", ".env")
    write("SCHEDULERGODX_PREFIX=variable", "other.env")
    write("SCHEDULERGODX_PREFIX=argument", "third.env")
    environ = {"SCHEDULERGODX_ENV_FILE": "other.env"}
    assert load_settings(environ={}).prefix == "here"
    assert load_settings(environ=environ).prefix == "variable"
    assert load_settings(environ=environ, env_file="third.env").prefix == "argument"
    with pytest.raises(ConfigError, match=r"gone\.env can't be read"):
        load_settings(environ={"SCHEDULERGODX_ENV_FILE": "gone.env"})


def test_a_file_of_variables_may_name_the_toml_file() -> None:
    write('prefix = "toml"', "deep.toml")
    write("SCHEDULERGODX_CONFIG=deep.toml", ".env")
    assert load_settings(environ={}).prefix == "toml"


def test_an_unknown_variable_of_ours_in_a_file_is_refused_and_others_are_left_alone() -> None:
    write("WORKERS=x\nDATABASE_URL=postgres://a=b\nSCHEDULERGODX_WOKERS=3\n", ".env")
    with pytest.raises(
        ConfigError, match=r"\.env is no setting: do you mean SCHEDULERGODX_WORKERS"
    ):
        load_settings(environ={})


def test_a_bad_value_in_a_file_of_variables_is_named_with_its_place() -> None:
    write("SCHEDULERGODX_WORKERS=many", ".env")
    with pytest.raises(ConfigError, match=r"workers: .*SCHEDULERGODX_WORKERS in the file \.env"):
        load_settings(environ={})


def test_a_setting_can_be_given_by_the_name_that_a_document_has_for_it() -> None:
    """R2: the key `task_pre_exist` is accepted."""
    assert load_settings(environ={}, task_pre_exist="rename").on_conflict == "rename"
    assert load_settings(write("task_pre_exist = 'ignore'"), environ={}).on_conflict == "ignore"
    environ = {"SCHEDULERGODX_TASK_PRE_EXIST": "replace"}
    assert load_settings(write(""), environ=environ).on_conflict == "replace"
    with pytest.raises(ConfigError, match="twice"):
        load_settings(environ={}, task_pre_exist="rename", on_conflict="raise")
    with pytest.raises(ConfigError, match="it must be one of raise, rename, ignore, replace"):
        load_settings(environ={}, task_pre_exist="merge")


def test_the_file_is_the_argument_then_the_variable_then_the_one_in_the_directory() -> None:
    write('prefix = "here"')
    write('prefix = "variable"', "other.toml")
    write('prefix = "argument"', "third.toml")
    environ = {"SCHEDULERGODX_CONFIG": "other.toml"}
    assert load_settings(environ={}).prefix == "here"
    assert load_settings(environ=environ).prefix == "variable"
    assert load_settings("third.toml", environ=environ).prefix == "argument"


@pytest.mark.parametrize("content", [None, "workers = ", "\xff"])
def test_a_file_that_cant_be_read_is_named(content: str | None) -> None:
    if content is not None:
        Path("broken.toml").write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"broken\.toml can't be read"):
        load_settings("broken.toml", environ={})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("workers", "3", 3),
        ("quorum", "Yes", True),
        ("quorum", "off", False),
        ("stop_grace", "10 min", 600.0),
        ("stop_grace", "1.5", 1.5),
        ("result_limit", "2 MiB", 2 << 20),
        ("queues", "mail, video,mail", ("mail", "video")),
        ("queue_limits", "mail=2,video=1", {"mail": 2, "video": 1}),
        ("queue_rates", "mail=10/min, video=1/s", {"mail": (10, 60.0), "video": (1, 1.0)}),
        (
            "retention_queues",
            "mail=1 h,mail/failed=30 d,audit=none",
            {"mail": 3600.0, "mail/failed": 2592000.0, "audit": None},
        ),
        ("retention_failed", "none", None),
        ("broker", "", None),
    ],
)
def test_a_text_is_read_as_its_kind(name: str, text: str, value: object) -> None:
    settings = load_settings(environ={SETTINGS[name].env: text})
    assert getattr(settings, name) == value


def test_toml_has_types_of_its_own() -> None:
    file = write('queues = ["a", "b"]\nstop_grace = 5\nquorum = true\n[queue_limits]\na = 2')
    settings = load_settings(file, environ={})
    assert settings.queues == ("a", "b")
    assert (settings.stop_grace, settings.quorum) == (5.0, True)
    assert settings.queue_limits == {"a": 2}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workers", 0),
        ("workers", 1.5),
        ("workers", True),
        ("quorum", "perhaps"),
        ("stop_grace", "ten minutes"),
        ("stop_grace", -1),
        ("stop_grace", float("nan")),
        ("stop_grace", "1 parsec"),
        ("result_limit", "8 bananas"),
        ("result_limit", 0.5),
        ("queues", 7),
        ("queues", [7]),
        ("queue_limits", "mail"),
        ("queue_limits", {"mail": 0}),
        ("queue_rates", "mail"),
        ("queue_rates", {"mail": "often"}),
        ("queue_rates", {"mail": (0, 1.0)}),
        ("retention_queues", "mail"),
        ("retention_queues", {"mail": "long"}),
        ("log_level", "loud"),
        ("prefix", 3),
        ("retention_failed", ""),
    ],
)
def test_a_bad_value_is_refused_with_its_place(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: .* of the keyword {name} can't be used: "):
        load_settings(environ={}, **{name: value})


def test_an_unknown_key_is_refused_and_the_nearest_proposed() -> None:
    with pytest.raises(ConfigError, match=r"'wokers', which a keyword has: do you mean 'workers'"):
        load_settings(environ={}, wokers=3)
    file = write("queus = ['a']")
    with pytest.raises(ConfigError, match=r"which schedulergodx\.toml has: do you mean 'queues'"):
        load_settings(file, environ={})


def test_a_misspelled_variable_is_refused() -> None:
    with pytest.raises(ConfigError, match="do you mean SCHEDULERGODX_WORKERS"):
        load_settings(environ={"SCHEDULERGODX_WOKERS": "3"})


def test_the_variables_that_kubernetes_makes_are_left_alone() -> None:
    environ = {
        "SCHEDULERGODX_PORT": "tcp://10.0.0.1:80",
        "SCHEDULERGODX_SERVICE_HOST": "10.0.0.1",
        "SCHEDULERGODX_DB_PORT_5432_TCP": "tcp://10.0.0.2:5432",
        "SCHEDULERGODX_BROKER_PORT": "tcp://10.0.0.3:5672",
        "SCHEDULERGODX_BROKER_SERVICE_HOST": "10.0.0.3",
        "SCHEDULERGODX_BROKER_SERVICE_PORT": "5672",
        "SCHEDULERGODX_RABBITMQ_PORT": "tcp://10.0.0.3:5672",
    }
    assert load_settings(environ=environ) == Settings()


def test_a_keyword_of_none_counts_as_not_given_except_where_none_is_a_value() -> None:
    environ = {"SCHEDULERGODX_BROKER": "memory:", "SCHEDULERGODX_TASK_LIFETIME": "5"}
    settings = load_settings(environ=environ, broker=None, prefix=None, task_lifetime=None)
    assert settings.broker == "memory:"
    assert settings.prefix == ""
    assert settings.task_lifetime is None


def test_settings_can_be_replaced_in_part() -> None:
    settings = load_settings(environ={"SCHEDULERGODX_WORKERS": "3"}).replace(stop_grace="1 min")
    assert (settings.workers, settings.stop_grace) == (3, 60.0)
    assert settings.origin("stop_grace") == "the keyword stop_grace"
    assert settings.origin("workers") == "the environment variable SCHEDULERGODX_WORKERS"
    with pytest.raises(ConfigError, match="workers"):
        settings.replace(workers=0)


def test_flags_are_named_as_flags() -> None:
    with pytest.raises(ConfigError, match="of --stop-grace can't be used"):
        load_flags({"stop_grace": "soon"}, environ={})


def test_no_text_about_settings_has_a_secret_in_it() -> None:
    settings = load_settings(
        environ={}, secret="s3cret-s3cret-s3cret", broker="amqp://me:hunter2@host/"
    )
    assert "s3cret" not in repr(settings)
    assert "hunter2" not in repr(settings)
    assert "amqp://me:***@host/" in repr(settings)
    with pytest.raises(ConfigError) as caught:
        load_settings(environ={}, secret=12345678)
    assert "12345678" not in str(caught.value)


def test_every_setting_has_the_type_of_its_kind() -> None:
    python = {
        Kind.TEXT: str,
        Kind.FLAG: bool,
        Kind.COUNT: int,
        Kind.DURATION: float,
        Kind.SIZE: int,
        Kind.NAMES: tuple[str, ...],
    }
    hints = typing.get_type_hints(Settings)
    for name, setting in SETTINGS.items():
        if setting.kind not in {Kind.LIMITS, Kind.RATES, Kind.DURATIONS}:  # tables
            expected = python[setting.kind] | None if setting.none else python[setting.kind]
            assert hints[name] == expected, name


def test_every_default_is_a_value_that_its_kind_accepts() -> None:
    for name, setting in SETTINGS.items():
        assert setting.read(setting.default) == setting.default, name


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("10 min", 600.0),
        ("1h30m", 5400.0),
        ("1 h, 30 min", 5400.0),
        ("2 days", 172800.0),
        ("250ms", 0.25),
        (timedelta(minutes=1), 60.0),
        (3, 3.0),
    ],
)
def test_durations_are_read_as_people_write_them(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "min", "10 min or so", "-5", "1 s 5", "inf", "1e400"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"), [("4096", 4096), ("64 KiB", 65536), ("8MB", 8_000_000), ("1.5 kib", 1536)]
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("seconds", [0, 0.25, 1, 60, 90, 600, 3600, 86400, 604800])
def test_a_formatted_duration_reads_back(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize("size", [0, 1, 1000, 1024, 64 << 10, 8 << 20, 3 << 30])
def test_a_formatted_size_reads_back(size: int) -> None:
    assert parse_size(format_size(size)) == size
