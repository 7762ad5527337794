"""Options of tasks: what is taken, what is refused, and in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest

from schedulergodx.client import AsyncClient, Client
from schedulergodx.client.options import UNSET, Options, TaskOptions
from schedulergodx.client.recipe import is_coroutine_function, name_of
from schedulergodx.client.unique import Unique
from schedulergodx.core.job import Execution, Limits, RetryRule
from schedulergodx.errors import ConfigError

BASE = Options()


def changed(**said: Any) -> Options:
    return BASE.changed(said)


@pytest.mark.parametrize(
    ("said", "field", "value"),
    [
        ({"delay": 2}, "delay", 2.0),
        ({"delay": timedelta(minutes=1)}, "delay", 60.0),
        ({"delay": "10 min"}, "delay", 600.0),
        ({"delay": "1 h 30 min"}, "delay", 5400.0),
        ({"delay": None}, "delay", None),
        ({"expires": 30}, "expires", 30.0),
        ({"timeout": 5}, "lifetime", 5.0),
        ({"lifetime": None}, "lifetime", None),
        ({"timeout": None}, "lifetime", None),
        ({"timeout": "never"}, "lifetime", None),
        ({"timeout": timedelta(minutes=1)}, "lifetime", 60.0),
        ({"timeout": "10 min"}, "lifetime", 600.0),
        ({"task_lifetime": "1 min"}, "task_lifetime", 60.0),
        ({"priority": -3}, "priority", -3),
        ({"queue": "mail.high-1"}, "queue", "mail.high-1"),
        ({"execution": "thread"}, "execution", Execution.THREAD),
        ({"execution": Execution.FORK}, "execution", Execution.FORK),
        ({"retry_backoff": True}, "retry_backoff", 2.0),
        ({"retry_backoff": 1.5}, "retry_backoff", 1.5),
        ({"retry_on": OSError}, "retry_on", (OSError,)),
        ({"retry_on": [OSError, KeyError]}, "retry_on", (OSError, KeyError)),
        ({"by_value": "shop"}, "by_value", ("shop",)),
        ({"unique": True}, "unique", Unique()),
        ({"unique": "user"}, "unique", Unique(by=("user",))),
        ({"unique": ["user", "day"]}, "unique", Unique(by=("user", "day"))),
        ({"unique": False}, "unique", None),
        ({"idempotency_period": "7 d"}, "idempotency_period", 604800.0),
        ({"concurrency": 3}, "concurrency", 3),
        ({"rate": "10/min"}, "rate", (10, 60.0)),
        ({"limit": "api"}, "limit", "api"),
        ({"limit_key": "user", "concurrency": 1}, "limit_key", "user"),
        ({"by_reference": [pytest, "shop"]}, "by_reference", ("pytest", "shop")),
    ],
)
def test_what_is_said_is_read(said: dict[str, Any], field: str, value: object) -> None:
    """S10, R13: what is said is read, a timeout in each of its forms."""
    assert getattr(changed(**said), field) == value


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"delay": -1}, "neither negative"),
        ({"unique": 7}, "names of parameters"),
        ({"unique": ()}, "names of parameters"),
        ({"unique": [1]}, "names of parameters"),
        ({"unique": True, "idempotency_key": "x"}, "exclude each other"),
        ({"idempotency_key": ""}, "not an empty one"),
        ({"idempotency_period": 0}, "0 s"),
        ({"concurrency": 0}, "from 1"),
        ({"rate": "often"}, "10/min"),
        ({"rate": 10}, "10/min"),
        ({"limit": ""}, "1 to 200"),
        ({"limit": "a\tb"}, "1 to 200"),
        ({"limit_key": "user"}, "add concurrency= or rate="),
        ({"limit_key": 1, "rate": "1/s"}, "name of a parameter"),
        ({"delay": float("inf")}, "nor infinite"),
        ({"delay": "soon"}, "delay='soon'.*such as 90, \"10 min\""),
        ({"delay": True}, "not bool"),
        ({"lifetime": 0}, "None is no limit"),
        ({"timeout": "0 s"}, "None is no limit"),
        ({"task_lifetime": -5}, "task_lifetime=-5"),
        ({"run_at": datetime(2031, 1, 1)}, "time zone"),
        ({"run_at": 5}, "datetime"),
        ({"expires": 0}, "expires=0"),
        ({"priority": 1.5}, "whole number"),
        ({"priority": 2**40}, "from -2147483648"),
        ({"queue": ""}, "name of a queue"),
        ({"queue": "a/b"}, "name of a queue"),
        ({"queue": "dead"}, "schedulergodx's own"),
        ({"queue": "control.x"}, "schedulergodx's own"),
        ({"queue": "mail.owner"}, "schedulergodx's own"),
        ({"name": ""}, "name"),
        ({"hard": 1}, "True or False"),
        ({"execution": "main"}, '"process"'),
        ({"execution": []}, '"process"'),
        ({"max_attempts": 0}, "from 1"),
        ({"retry_backoff": 0}, "above 0"),
        ({"retry_jitter": 1.5}, "from 0 to 1"),
        ({"retry_on": "OSError"}, "exception class"),
        ({"retry_on": int}, "exception class"),
        ({"by_value": [1]}, "module"),
        ({"hard": True, "memory": 0}, "None is no limit"),
        ({"memory": "64 MiB"}, "add hard=True"),
        ({"hard": True, "execution": "thread"}, "exclude each other"),
        ({"delay": 1, "run_at": datetime(2031, 1, 1, tzinfo=UTC)}, "exclude each other"),
        ({"timeout": 1, "lifetime": 1}, "exclude each other"),
    ],
)
def test_what_can_not_be_used_is_refused_in_words(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        changed(**said)


@pytest.mark.parametrize(
    ("name", "near"), [("dealy", "'delay'"), ("timout", "'timeout'"), ("launch", "there are")]
)
def test_a_misspelled_option_is_a_type_error_with_the_right_one(name: str, near: str) -> None:
    with pytest.raises(TypeError, match=near):
        changed(**{name: 1})


def test_the_table_is_what_is_read() -> None:
    from schedulergodx.client import options

    assert set(TaskOptions.__annotations__) == set(options._READERS)


def test_an_instant_is_taken_with_its_zone() -> None:
    when = datetime(2031, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    options = changed(run_at=when, expires=when)
    assert options.run_at == options.expires_at == when.timestamp()
    assert options.expires is None


def test_a_later_layer_replaces_what_an_earlier_one_said() -> None:
    when = datetime(2031, 1, 1, tzinfo=UTC)
    late = changed(run_at=when, expires=when)
    soon = late.changed({"delay": 3, "expires": 4})
    assert (soon.delay, soon.run_at, soon.expires, soon.expires_at) == (3.0, None, 4.0, None)
    assert late.changed({"expires": None}).expires_at is None
    assert late.changed({}) is late


def test_the_lifetime_is_that_of_the_kind_unless_it_is_said() -> None:
    both = changed(task_lifetime=5, hard_task_lifetime=7)
    assert both.effective_lifetime == 5
    assert both.changed({"hard": True}).effective_lifetime == 7
    assert both.changed({"execution": "fork"}).effective_lifetime == 7
    said = both.changed({"timeout": 9})
    assert said.effective_lifetime == said.changed({"hard": True}).effective_lifetime == 9
    again = said.changed({"task_lifetime": 6})
    assert (again.lifetime, again.effective_lifetime) == (UNSET, 6)
    assert changed(lifetime=None).effective_lifetime is None


def test_retries_and_limits_travel_as_one_value_each() -> None:
    options = changed(
        max_attempts=4,
        retry_delay=1,
        retry_backoff=3,
        retry_max_delay=60,
        retry_jitter=0.1,
        hard=True,
        memory="1 MiB",
        cpu_time="1 min",
        open_files=64,
        output=1000,
    )
    assert options.retry == RetryRule(4, 1.0, 3.0, 60.0, 0.1)
    assert options.limits == Limits(1 << 20, 60.0, 64, 1000)
    assert BASE.limits is None


def test_what_runs_a_job_follows_from_the_function() -> None:
    assert BASE.execution_of(coroutine=False) is Execution.PROCESS
    assert BASE.execution_of(coroutine=True) is Execution.ASYNC
    assert changed(hard=True).execution_of(coroutine=True) is Execution.FORK
    assert changed(execution="thread").execution_of(coroutine=False) is Execution.THREAD
    with pytest.raises(ConfigError, match="no `async def`"):
        changed(execution="async").execution_of(coroutine=False)


class Awaitable:
    async def __call__(self) -> None: ...


async def coroutine() -> None: ...


def test_coroutine_functions_are_seen_through_their_wrappers() -> None:
    assert is_coroutine_function(coroutine)
    assert is_coroutine_function(partial(partial(coroutine)))
    assert is_coroutine_function(Awaitable())
    assert not is_coroutine_function(len)
    assert not is_coroutine_function(lambda: None)


def test_a_task_is_called_as_its_function() -> None:
    def inner() -> None: ...

    assert name_of(inner) == "inner"
    assert name_of(partial(inner)) == "inner"
    assert name_of(Options.changed) == "Options.changed"
    assert name_of(Awaitable()) == "Awaitable"
    assert name_of(lambda: None) == "<lambda>"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_misspelled_keyword_of_a_client_is_told_with_the_right_one(kind: Any) -> None:
    with pytest.raises(
        TypeError, match="'conect' is no keyword of a client: do you mean 'connect'"
    ):
        kind("one", conect=False)
    with pytest.raises(TypeError, match=r"'colour' is no keyword .* there are name, core_name"):
        kind(colour="red")
    assert kind("one", connect=False).name == "one"
