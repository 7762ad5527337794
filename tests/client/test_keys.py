"""What a launch is known by: unique keys, idempotency keys, keys of limits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from schedulergodx import Unique
from schedulergodx.client import AsyncClient, Client
from schedulergodx.core.job import Conflict, LimitRule, Status
from schedulergodx.core.job import Unique as Key
from schedulergodx.core.message import Info, JobItem
from schedulergodx.errors import ConfigError
from tests.client.small_service import SmallService
from tests.hash_seeds import answers
from tests.world import until

NOT_ENDED = (Status.SCHEDULED, Status.BLOCKED, Status.PENDING, Status.RUNNING)


def send(to: str, text: str = "hello", *others: int, day: date | None = None, **more: Any) -> str:
    return to


def items(service: SmallService, number: int) -> list[JobItem]:
    """What was launched, once so many jobs have come."""
    return [record.item for record in service.wait_for_jobs(number)]


def test_a_job_of_a_task_that_says_nothing_has_no_key(
    client: Client, service: SmallService
) -> None:
    client.task(send).launch("ann")
    [item] = items(service, 1)
    assert (item.unique, item.limit_key) == (None, "")


def test_the_same_arguments_give_the_same_key_however_they_are_given(
    client: Client, service: SmallService
) -> None:
    task = client.task(send, unique=True)
    day = date(2026, 1, 1)
    task.launch("ann", day=day)
    task.launch("ann", "hello", day=date(2026, 1, 1))
    task.launch(text="hello", to="ann", day=day)
    task.launch("ann")
    task.launch("ann", "hello", 1)
    task.launch("ann", more=1)
    keys = [item.unique for item in items(service, 6)]
    assert keys[0] == keys[1] == keys[2]
    assert len({key.key for key in keys if key}) == 4
    assert keys[0] == Key(keys[0].key if keys[0] else b"", Conflict.JOIN, None, NOT_ENDED)


def test_only_named_parameters_count(client: Client, service: SmallService) -> None:
    task = client.task(send, unique=("to", "topic"))
    task.launch("ann", "one", topic=1)
    task.launch("ann", "two", topic=1)
    task.launch("ann", "two", topic=2)
    one, two, three = items(service, 3)
    assert one.unique == two.unique != three.unique


def test_a_function_says_what_counts(client: Client, service: SmallService) -> None:
    task = client.task(send, unique=lambda to, *_, **__: to.lower() or None)
    for to in ("Ann", "ann", "bob", ""):
        task.launch(to)
    ann, other, bob, nobody = items(service, 4)
    assert ann.unique == other.unique != bob.unique
    assert nobody.unique is None


def test_tasks_have_keys_of_their_own_and_clients_share_them(
    client: Client, make_client: Callable[..., Client], service: SmallService
) -> None:
    client.task(send, unique=True).launch("ann")
    make_client("another").task(send, unique=True).launch("ann")
    client.task(send, name="other", unique=True).launch("ann")
    one, two, three = items(service, 3)
    assert one.unique == two.unique != three.unique


def test_all_that_can_be_said_travels(client: Client, service: SmallService) -> None:
    waits = Unique(by="to", states=["pending", Status.SCHEDULED], conflict="replace")
    client.task(send, unique=waits).launch("ann")
    client.task(send, unique=Unique(seconds="10 min", conflict=Conflict.REFUSE)).launch("ann")
    one, two = [item.unique for item in items(service, 2)]
    assert one is not None
    assert two is not None
    assert (one.conflict, one.seconds) == (Conflict.REPLACE, None)
    assert one.states == (Status.PENDING, Status.SCHEDULED)
    assert (two.conflict, two.seconds, two.states) == (Conflict.REFUSE, 600.0, tuple(Status))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"conflict": "ignore"}, "join, refuse, replace"),
        ({"states": ["done"]}, "scheduled"),
        ({"states": []}, "none of them"),
        ({"seconds": 0}, "more than 0"),
        ({"seconds": "soon"}, "10 min"),
        ({"by": 3}, "names of parameters"),
    ],
)
def test_what_a_unique_can_not_be_is_said(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Unique(**said)


def test_an_idempotency_key_is_of_a_client_and_of_no_task(
    client: Client, make_client: Callable[..., Client], service: SmallService
) -> None:
    client.task(send).options(idempotency_key="order 7").launch("ann")
    client.task(send, name="other").options(idempotency_key="order 7").launch("bob")
    make_client("another").task(send).options(idempotency_key="order 7").launch("ann")
    client.task(send).options(idempotency_key="order 8").launch("ann")
    one, two, three, four = [item.unique for item in items(service, 4)]
    assert one == two
    assert len({key.key for key in (one, three, four) if key}) == 3
    assert one is not None
    assert (one.conflict, one.seconds, one.states) == (Conflict.JOIN, 86400.0, tuple(Status))


def test_what_was_said_last_is_the_one_key_of_a_launch(
    client: Client, service: SmallService
) -> None:
    task = client.task(send, unique=True)
    task.options(idempotency_key="x", idempotency_period="1 h").launch("ann")
    task.options(idempotency_key="x").options(unique=True).launch("ann")
    task.launch("ann")
    task.options(unique=None).launch("ann")
    one, two, three, four = [item.unique for item in items(service, 4)]
    assert one is not None
    assert one.seconds == 3600.0
    assert two == three != one
    assert four is None


def test_keys_are_the_same_in_every_process() -> None:
    program = """
from schedulergodx.client.keys import Keys
from schedulergodx.client.options import Options
def send(to, *, tags): ...
keys = Keys(send, "send", Options().changed({"unique": True}))
print(keys.make(("ann",), {"tags": {"a", "b", "c", "d"}}, "one")[0].key.hex())
"""
    assert len(answers(program)) == 1


def test_a_parameter_that_is_not_there_is_told_where_it_is_written(client: Client) -> None:
    def plain(a: int, b: int) -> int:
        return a

    with pytest.raises(
        ConfigError, match=r"unique names c, which is no parameter of .*plain.* a, b"
    ):
        client.task(plain, unique=("a", "c"))
    with pytest.raises(ConfigError, match="limit_key names c"):
        client.task(plain).options(concurrency=1, limit_key="c")
    client.task(send, unique=("whatever",))  # it takes any keyword


def test_arguments_of_which_no_key_can_be_made_are_told(client: Client) -> None:
    task = client.task(send, unique=True)
    with pytest.raises(ConfigError, match=r'builtins\.object.*unique=\("id",\)'):
        task.launch("ann", day=object())  # type: ignore[arg-type]


def test_a_call_that_does_not_fit_the_function_is_told_as_python_does(client: Client) -> None:
    task: Any = client.task(send, unique=True)
    with pytest.raises(TypeError, match="missing a required argument: 'to'"):
        task.launch()


# -- limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"concurrency": 2, "rate": "10/min"}, LimitRule("send", 2, 10, 60.0)),
        ({"limit": "api", "rate": "1/s"}, LimitRule("api", None, 1, 1.0)),
        ({"limit": "api"}, LimitRule("api")),
        ({}, None),
    ],
)
def test_the_limits_of_a_task_travel_with_its_spec(
    client: Client, service: SmallService, options: Any, rule: LimitRule | None
) -> None:
    job = client.task(send, **options).launch("ann")
    assert service.record(job.uid).task.spec.limit == rule


def test_a_function_by_name_has_limits_too(client: Client, service: SmallService) -> None:
    job = client.execute("send", {"to": "ann"}, concurrency=2)
    assert service.record(job.uid).task.spec.limit == LimitRule("send", 2)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("to", "ann"),
        ("day", ""),
        (lambda to, **_: (to, 1), None),
        (lambda to, **_: 7, "7"),
        (lambda to, **_: "", ""),
        (lambda to, **_: None, ""),
        (lambda to, **_: "with\ttab", None),
        (lambda to, **_: "k" * 500, None),
    ],
)
def test_a_limit_has_keys_by_parameter_or_function(
    client: Client, service: SmallService, key: Any, expected: str | None
) -> None:
    client.task(send, concurrency=1, limit_key=key).launch("ann")
    [item] = items(service, 1)
    if expected is None:  # what can't stand there itself stands as its hash
        assert len(item.limit_key) == 32
    else:
        assert item.limit_key == expected


# -- being joined ----------------------------------------------------------------------------------


def test_a_job_knows_to_which_one_it_was_joined(client: Client, service: SmallService) -> None:
    service.hold = True
    job = client.task(send, unique=True).launch("ann")
    assert job.joined is None
    header = service.record(job.uid).header
    service._loop.call_soon_threadsafe(
        service._send, header, 1, Info(header.uid, joined={job.uid: "order 7"})
    )
    until(lambda: job.joined == "order 7")
    service.release()
    assert job.result(10) == "ann"


async def test_an_async_client_makes_the_same_keys(url: str) -> None:
    with SmallService(url) as service:
        async with AsyncClient("tester", broker=url) as client:
            task = client.task(send, unique=True)
            await task.launch("ann")
            await task.launch(to="ann")
    one, two = items(service, 2)
    assert one.unique == two.unique
    assert one.unique is not None
