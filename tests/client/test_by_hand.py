"""Jobs that are made by hand, before and while they are submitted."""

from __future__ import annotations

import pickle
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from schedulergodx import AsyncClient, AsyncJob, Client, Dependency, Job, Workflow
from schedulergodx.client.draft import new_uid
from schedulergodx.core.identity import uid_of
from schedulergodx.core.job import OnFailure
from schedulergodx.core.message import About
from schedulergodx.errors import ConfigError, NotSubmitted, ShipError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.client.small_service import SmallService


def add(a: int, b: int = 1) -> int:
    return a + b


def test_a_job_has_the_defaults_of_the_document() -> None:
    """G1, G2: a job has the defaults of the document"""
    job = Job("adding", add)
    assert job.params == {}
    assert (job.priority, job.max_attempts, job.timeout) == (0, 3, 300)
    assert job.dependencies == []
    assert job.description == ""
    assert job.function is add
    assert uid_of(job.id) == job.uid
    assert datetime.fromisoformat(job.created_at).tzinfo is not None


def test_arguments_may_stand_in_the_order_of_the_document() -> None:
    """G1: arguments may stand in the order of the document"""
    job = Job("adding", add, {"a": 1}, 5, ["x" * 26], 2, 10, "it adds")
    assert (job.name, job.params, job.priority) == ("adding", {"a": 1}, 5)
    assert (job.dependencies, job.max_attempts, job.timeout) == (["x" * 26], 2, 10)
    assert job.description == "it adds"


def test_ids_are_different_for_equal_jobs() -> None:
    """G2: ids are different for equal jobs"""
    assert len({Job("adding", add).id for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "ask",
    [
        lambda job: job.result(),
        lambda job: job.status(),
        lambda job: job.ready(),
        lambda job: job.cancel(),
        lambda job: job.requeue(),
        lambda job: job.view(),
        lambda job: job.change(priority=1),
        pickle.dumps,
    ],
)
def test_what_needs_a_service_says_that_the_job_is_not_submitted(
    ask: Callable[[Job[Any]], object],
) -> None:
    job = Job("adding", add)
    with pytest.raises(NotSubmitted, match=f"{job.id}.*submit"):
        ask(job)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"name": ""}, "1 to 200"),
        ({"name": 3}, "1 to 200"),
        ({"name": None}, "has a name"),
        ({"name": "two\nlines"}, "printable"),
        ({"name": "\ud800"}, "printable"),  # no broker could carry it
        ({"function": 3}, "function"),
        ({"function": ""}, "function"),
        ({"params": [1]}, "dict of keywords"),
        ({"params": {1: 2}}, "dict of keywords"),
        ({"priority": "high"}, "priority"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"timeout": 0}, "timeout"),  # the original made 300 of it
        ({"description": "x" * 10_001}, "description"),
        ({"description": "\ud800"}, "description"),
        ({"dependencies": "abc"}, "list"),
        ({"dependencies": Job("alone", add)}, "list"),
        ({"dependencies": [3]}, "depends on"),
        ({"dealy": 3}, "delay"),
    ],
)
def test_what_is_wrong_is_said_where_it_is_written(given: dict[str, Any], text: str) -> None:
    with pytest.raises((ConfigError, TypeError), match=text):
        Job(**{"name": "adding", "function": add, **given})


def test_a_dependency_says_what_a_failure_means() -> None:
    assert Dependency(Job("a", add), "run").on_failure is OnFailure.RUN
    with pytest.raises(ConfigError, match="'cancel', 'wait', 'run'"):
        Dependency("x", "ignore")  # type: ignore[arg-type]


def test_a_submitted_job_is_one_of_the_client(client: Client, service: SmallService) -> None:
    """G6, G11: a submitted job is one of the client"""
    job = Job("adding", add, {"a": 1}, description="it adds", queue="default")
    assert client.submit(job) == job.id
    assert job.result(10) == 2
    assert client.job(job.id) is job
    [record] = service.wait_for_jobs(1)
    assert record.item.about == About("adding", "it adds")
    assert record.item.arguments == b'[[],{"a":1}]'  # people can read it
    assert record.task.spec.name == "add"
    assert client.submit(job) == job.id  # under the same uid, so no second job
    assert len(service.records) == 1


def test_what_json_would_change_travels_as_it_is(client: Client, service: SmallService) -> None:
    job = Job("pairs", lambda pair: type(pair).__name__, {"pair": (1, 2)})
    client.submit(job)
    assert job.result(10) == "tuple"


def test_jobs_of_one_function_share_an_envelope(client: Client, service: SmallService) -> None:
    jobs = [Job(f"number {n}", add, {"a": n}) for n in range(100)]
    with client.pipeline():
        for job in jobs:
            client.submit(job)
    assert [job.result(10) for job in jobs] == list(range(1, 101))
    assert len(service.tasks) == 1


def test_a_job_that_was_launched_cannot_be_submitted(client: Client) -> None:
    job = client.task(add).launch(1)
    with pytest.raises(ConfigError, match="launched already"):
        client.submit(job)
    with pytest.raises(AttributeError, match="by hand"):
        job.params  # noqa: B018
    assert job.name == "add"


def test_each_kind_of_client_has_its_kind_of_job(client: Client) -> None:
    with pytest.raises(ConfigError, match=r"Job\(name, function, params\)"):
        client.submit(AsyncJob("adding", add))  # type: ignore[arg-type]
    assert isinstance(AsyncClient(connect=False)._job_kind, type(AsyncJob))


def test_a_workflow_adds_to_what_a_job_depends_on() -> None:
    """G32: the original overwrote it."""
    flow = Workflow("flow")
    a, b, c = Job("a", add), Job("b", add), Job("c", add)
    c.dependencies.append(a.id)
    flow.add_job(a)
    flow.add_job(b)
    assert flow.add_job(c, depends_on=[b]) is c
    assert c.dependencies == [a.id, b.id]
    assert len(flow) == 3


def test_a_workflow_takes_only_what_can_be_submitted(client: Client) -> None:
    flow = Workflow("flow")
    job = flow.add_job(Job("a", add))
    with pytest.raises(ConfigError, match="already"):
        flow.add_job(job)
    with pytest.raises(ConfigError, match="launched already"):
        flow.add_job(client.task(add).launch(1))
    with pytest.raises(ConfigError, match="made of jobs"):
        flow.add_job("a")  # type: ignore[type-var]
    with pytest.raises(ConfigError, match="list of jobs or ids"):
        flow.add_job(Job("b", add), depends_on=job.id)
    with pytest.raises(ConfigError, match="no jobs"):
        Workflow("empty").submit_all(client)
    with pytest.raises(ConfigError, match="1 to 200"):
        Workflow("x" * 201)
    with pytest.raises(NotSubmitted):
        Workflow("new").batch  # noqa: B018


def test_a_job_that_was_submitted_is_in_no_workflow(client: Client) -> None:
    first, second = Workflow("first"), Workflow("second")
    job = Job("a", add, {"a": 1})
    first.add_job(job)
    second.add_job(job)
    assert first.submit_all(client) == [job.id] == first.submit_all(client)
    with pytest.raises(ConfigError, match="submitted already"):
        second.submit_all(client)


def test_a_step_alone_does_not_bring_what_it_takes_the_value_of(client: Client) -> None:
    task = client.task(add)
    step = task.step(task.step(1).value)
    with pytest.raises(NotSubmitted, match="Workflow"):
        client.submit(step)


def test_a_value_that_is_not_there_yet_is_no_argument_of_a_launch(client: Client) -> None:
    task = client.task(add)
    with pytest.raises(ShipError, match=r"not there yet.*step"):
        task.launch(task.step(1).value)


def test_the_values_of_parents_are_given_where_there_is_room_for_them(
    client: Client, service: SmallService
) -> None:
    def run(function: Callable[..., object], *args: object) -> object:
        step = client.task(function).step(*args)
        client.submit(step)
        return step.result(10)

    assert run(lambda parent_results: parent_results) == {}
    assert run(lambda *, parent_results: parent_results) == {}
    assert run(lambda a, parent_results: parent_results, 1) == {}
    assert run(lambda a, parent_results: parent_results, 1, 2) == 2
    assert run(lambda *parent_results: parent_results, 1) == (1,)


def test_a_step_tells_the_options_of_its_task(client: Client) -> None:
    step = client.task(add).options(priority=5, max_attempts=4, lifetime=7).step(1)
    assert (step.priority, step.max_attempts, step.timeout) == (5, 4, 7)


def test_params_that_contain_themselves_are_refused(client: Client) -> None:
    params: dict[str, Any] = {}
    params["again"] = params
    with pytest.raises(ShipError, match="contains itself"):
        client.submit(Job("by name", "shop.run", params))


def test_parents_are_asked_for_where_they_may_come_later(client: Client) -> None:
    """Between two queues of a broker there is no order."""
    here, there = (
        client._attach(new_uid(), label=None, queue=queue, task="add")
        for queue in ("default", "other")
    )
    stranger = Job("of nobody", add)
    unsure = client._unsure([here.uid, there.uid, stranger.uid], "default")
    assert unsure == {"other": [there.uid], "": [stranger.uid]}
    child = client.task(add).options(queue="third").step(1)
    client._adopt(child, client._draft(child), "other")  # it went the way of a parent
    assert client._unsure([child.uid], "third") == {"other": [child.uid]}
    assert not client._unsure([child.uid], "other")


def test_a_chain_of_thousands_of_steps_needs_no_recursion(client: Client) -> None:
    task = client.task(add)
    job = task.step(0)
    for _ in range(5_000):
        job = job.then(task)
    flow = Workflow("long")
    flow.add(job)
    drafted = client._draft_all(flow)
    assert len(drafted) == 5_001
