"""Workflows of real services: each job once, joins once, also while the service is killed."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schedulergodx import AsyncClient, AsyncJob, Client, Dependency, Job, Workflow, values
from schedulergodx.errors import (
    BatchExists,
    ConfigError,
    JobCancelled,
    NotAllowed,
    TooLarge,
    UnknownJob,
)
from tests.world import SECRET, until

if TYPE_CHECKING:
    from tests.acceptance.deployment import Deployment

SOON = 60  # seconds, the deadline of what must happen


def note(path: str, what: str) -> str:
    """Leave a line, in one write, as a proof from outside that it ran."""
    ledger = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(ledger, f"{what}\n".encode())
    os.close(ledger)
    return what


def note_parents(path: str, what: str, parent_results: dict[str, str]) -> int:
    note(path, what)
    return len(parent_results)


def add(a: int, b: int = 1) -> int:
    return a + b


def fail_while(path: str) -> str:
    """Fail as long as there is a file."""
    if Path(path).exists():
        raise RuntimeError("not yet")
    return "went on"


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def chain(ledger: Path, length: int) -> Workflow:
    flow = Workflow("chain")
    before: list[Job[Any]] = []
    for n in range(length):
        job = Job(f"link {n}", note, {"path": str(ledger), "what": str(n)})
        before = [flow.add_job(job, depends_on=before)]
    return flow


def diamond(ledger: Path, width: int, name: str = "diamond", **options: Any) -> Workflow:
    """One, then many, then one that has the results of those."""
    flow = Workflow(name)

    def made(what: str, function: Any = note) -> Job[Any]:
        return Job(what, function, {"path": str(ledger), "what": what}, **options)

    first = flow.add_job(made("first"))
    middle = [flow.add_job(made(f"{n}"), depends_on=[first]) for n in range(width)]
    flow.add_job(made("last", note_parents), depends_on=middle)
    return flow


# -- each once -------------------------------------------------------------------------------------


def test_a_diamond_of_a_thousand_is_joined_once(either: Deployment) -> None:
    """G32, G33: a diamond of a thousand is joined once"""
    either.service().start()
    ledger = either.file("ledger")
    flow = diamond(ledger, 1000)
    ids = flow.submit_all(either.client())
    assert ids == [job.id for job in flow.jobs]
    assert flow.jobs[-1].result(SOON) == 1000
    ran = lines(ledger)
    assert len(ran) == len(set(ran)) == 1002
    assert (ran[0], ran[-1]) == ("first", "last")


def test_a_chain_of_a_thousand_runs_in_its_order(either: Deployment) -> None:
    """G4, G32: a chain of a thousand runs in its order"""
    either.service().start()
    ledger = either.file("ledger")
    flow = chain(ledger, 1000)
    flow.submit_all(either.client())
    assert flow.jobs[-1].result(SOON) == "999"
    assert lines(ledger) == [str(n) for n in range(1000)]


@pytest.mark.timeout(300)
def test_ten_thousand_jobs_run_once_while_the_service_is_killed(either: Deployment) -> None:
    """G23, G32, G33: what was interrupted runs again, and the join happens once."""
    service = either.service().start()
    ledger = either.file("ledger")
    flow = diamond(ledger, 9_998, max_attempts=5)
    flow.submit_all(either.client())

    def sabotage() -> None:
        for ended in (10, 3_000, 7_000):
            until(lambda n=ended: len(lines(ledger)) > n, 120)
            service.kill()
            service.start(ready=False)

    saboteur = threading.Thread(target=sabotage)
    saboteur.start()
    assert flow.jobs[-1].result(240) == 9_998
    saboteur.join()
    times = Counter(lines(ledger))
    assert len(times) == 10_000
    assert times["last"] == 1
    again = {what for what, number in times.items() if number > 1}
    assert len(again) <= 3 * 2  # what two workers were at, at three kills
    for job in flow.jobs:
        if job.name in again:
            assert job.attempts()  # it was interrupted, and said so


def test_a_chain_goes_on_where_a_kill_interrupted_it(either: Deployment) -> None:
    """G25: a chain goes on where a kill interrupted it"""
    service = either.service().start()
    ledger = either.file("ledger")
    flow = chain(ledger, 300)
    flow.submit_all(either.client())
    for ended in (20, 120):
        until(lambda n=ended: len(lines(ledger)) > n, SOON)
        service.kill()
        service.start(ready=False)
    assert flow.jobs[-1].result(SOON) == "299"
    assert list(dict.fromkeys(lines(ledger))) == [str(n) for n in range(300)]


# -- steps of tasks --------------------------------------------------------------------------------


def test_results_are_arguments_of_other_steps(either: Deployment) -> None:
    """G19, G33: results are arguments of other steps"""
    either.service().start()
    client = either.client()
    plus = client.task(add)
    total = client.task(lambda numbers, scale: scale * sum(numbers), name="total")
    leaves = [plus.step(n) for n in range(20)]
    end = total.step(values(leaves), scale=plus.step(leaves[0].value, b=leaves[1].value).value)
    flow = Workflow("sums")
    flow.add(end)
    flow.submit_all(client)
    assert end.result(SOON) == sum(range(1, 21)) * 3


def test_a_list_that_is_known_later_has_a_step_for_each(either: Deployment) -> None:
    """G33: run-time generated workflows"""
    either.service().start()
    client = either.client()
    listing = client.task(lambda to: list(range(to)), name="listing")
    double = client.task(lambda n: 2 * n, name="double")
    total = client.task(sum, name="total")
    for to in (0, 1, 300):
        doubled = double.step_for_each(listing.step(to).value)
        end = doubled.then(total)
        flow = Workflow(f"to {to}")
        flow.add(end)
        flow.submit_all(client)
        assert end.result(SOON) == 2 * sum(range(to))
        assert doubled.result(SOON) == [2 * n for n in range(to)]
        assert flow.batch.view().jobs == 4 + to


def test_steps_for_each_run_once_while_the_service_is_killed(either: Deployment) -> None:
    service = either.service().start()
    client = either.client()
    ledger = either.file("ledger")
    path = str(ledger)
    listing = client.task(lambda to: list(range(to)), name="listing", max_attempts=5)

    def work(n: int) -> int:
        note(path, str(n))
        time.sleep(0.005)
        return n

    worker = client.task(work, max_attempts=5)
    end = worker.step_for_each(listing.step(400).value)
    flow = Workflow("each")
    flow.add(end)
    flow.submit_all(client)
    for ended in (1, 150):
        until(lambda n=ended: len(lines(ledger)) > n, SOON)
        service.kill()
        service.start(ready=False)
    assert end.result(SOON) == list(range(400))
    times = Counter(lines(ledger))
    assert times.keys() == {str(n) for n in range(400)}
    assert sum(times.values()) <= 400 + 2 * 2


def test_async_clients_have_all_of_it(deployment: Deployment) -> None:
    """G11, G13, G32: async clients have all of it"""
    import asyncio

    deployment.service().start()

    async def main() -> None:
        async with AsyncClient("tester", **deployment.address, secret=SECRET) as client:
            plus = client.task(add)
            listing = client.task(lambda to: list(range(to)), name="listing")
            flow = Workflow("async")
            end = plus.step_for_each(listing.step(3).value)
            flow.add(end, plus.step(1).then(plus))
            await flow.submit_all(client)
            assert await end.result(SOON) == [1, 2, 3]
            job = AsyncJob("by hand", add, {"a": 4})
            assert await client.submit(job) == job.id
            assert await job == 5
            assert (await client.get_status(job.id))["name"] == "by hand"
            assert await client.get_result(job.id) == 5
            await flow.batch.wait(SOON)
            assert (await client.stats())["completed"] > 0
            assert await client.clear_completed() > 0
            assert await client.get_status(job.id) == {"exists": False}
            assert not await client.requeue_job(job.id)
            with pytest.raises(UnknownJob):
                await client.submit(AsyncJob("alone", add, dependencies=[job.id]))
            loose = Dependency(job, allow_missing=True)
            job = AsyncJob("alone", add, {"a": 5}, dependencies=[loose])
            await client.submit(job)
            assert await job == 6

    asyncio.run(main())


# -- what does not complete ------------------------------------------------------------------------


def test_each_edge_says_what_a_failure_means(deployment: Deployment) -> None:
    """G5: cancelled with the reason, waiting, or run all the same."""
    deployment.service().start()
    flow = Workflow("edges")
    broken = flow.add_job(Job("broken", lambda: 1 // 0, max_attempts=1))
    cancelled = flow.add_job(Job("cancelled", add), depends_on=[broken])
    below = flow.add_job(Job("below", add), depends_on=[cancelled])
    waits = flow.add_job(Job("waits", add, {"a": 1}), depends_on=[Dependency(broken, "wait")])
    runs = flow.add_job(Job("runs", add, {"a": 1}), depends_on=[Dependency(broken, "run")])
    flow.submit_all(deployment.client())
    assert runs.result(SOON) == 2
    for job in (cancelled, below):
        with pytest.raises(JobCancelled, match="by zero"):
            job.result(SOON)
    assert waits.status() == "blocked"


def test_a_value_that_is_missing_is_none_where_that_is_asked_for(deployment: Deployment) -> None:
    deployment.service().start()
    client = deployment.client()
    broken = client.task(lambda: 1 // 0, name="broken")
    shown = client.task(repr)
    end = shown.step(broken.step().value_or_none)
    flow = Workflow("optional")
    flow.add(end)
    flow.submit_all(client)
    assert end.result(SOON) == "None"


def test_a_failed_workflow_goes_on_from_the_step_that_failed(either: Deployment) -> None:
    either.service().start()
    client = either.client()
    ledger, hindrance = either.file("ledger"), either.file("hindrance")
    hindrance.touch()
    flow = Workflow("resumed")
    first = flow.add_job(Job("first", note, {"path": str(ledger), "what": "first"}))
    broken = Job("broken", fail_while, {"path": str(hindrance)}, max_attempts=1)
    flow.add_job(broken, depends_on=[first])
    last = flow.add_job(
        Job("last", note, {"path": str(ledger), "what": "last"}), depends_on=[broken]
    )
    flow.submit_all(client)
    with pytest.raises(JobCancelled, match="not yet"):
        last.result(SOON)
    hindrance.unlink()
    assert flow.batch.requeue() == 2
    assert last.result(SOON) == "last"
    assert lines(ledger) == ["first", "last"]


# -- what can't be ---------------------------------------------------------------------------------


def test_circles_strangers_and_names_in_use_are_errors_at_submit(deployment: Deployment) -> None:
    """G4, G32: circles strangers and names in use are errors at submit"""
    deployment.service().start()
    client, other = deployment.client(), deployment.client("other")
    circle = Workflow("circle")
    a, b = Job("a", add), Job("b", add)
    circle.add_job(a, depends_on=[b])
    circle.add_job(b, depends_on=[a])
    with pytest.raises(ConfigError, match=r"a \(.*<- b \(.*<- a \("):
        circle.submit_all(client)
    unknown = Workflow("unknown")
    unknown.add_job(Job("c", add), depends_on=[Job("never submitted", add)])
    with pytest.raises(UnknownJob):
        unknown.submit_all(client)
    foreign = other.task(add).launch(1)
    foreign.result(SOON)
    with pytest.raises(UnknownJob, match="client 'other'"):
        client.submit(Job("d", add, {"a": 1}, dependencies=[foreign.id]))
    flow = Workflow("busy")
    slow = flow.add_job(Job("slow", time.sleep, {}, delay=60))
    flow.submit_all(client)
    again = Workflow("busy")
    again.add_job(Job("e", add))
    with pytest.raises(BatchExists):
        again.submit_all(client)
    assert slow.cancel()
    assert client.stats()["total"] == 2


def test_a_dependency_of_another_process_is_looked_up(deployment: Deployment) -> None:
    """G4, G17: also one that has ended counts, and one that was removed does not."""
    deployment.service().start()
    ended = deployment.client().task(add).launch(1)
    ended.result(SOON)
    client = deployment.client()
    child = Job("child", add, {"a": 1}, dependencies=[ended.id])
    client.submit(child)
    assert child.result(SOON) == 2
    assert client.clear_completed() == 2
    with pytest.raises(UnknownJob):
        client.submit(Job("late", add, {"a": 1}, dependencies=[ended.id]))


def test_a_job_waits_for_others_of_several_queues(either: Deployment) -> None:
    """G4: it is not refused for one of them that its service has not seen yet."""
    either.service(queues=["a", "b"]).start()
    task = either.client(queue="a").task(add)
    client, elsewhere = task._client, task.options(queue="b")
    for n in range(3):
        elsewhere.map(range(500))  # a parent in this queue comes late
        above = [task.launch(1), elsewhere.launch(2)]
        alone = Job("alone", add, {"a": n}, dependencies=above)
        client.submit(alone)
        flow = Workflow(f"flow {n}")
        inside = flow.add_job(Job("inside", add, {"a": n}), depends_on=above)
        flow.submit_all(client)
        assert alone.result(SOON) == inside.result(SOON) == n + 1


def test_a_dependency_that_may_be_missing_is_passed_by_where_it_is(either: Deployment) -> None:
    """G4, G5: a job that was removed, or never was, is waited for by nobody who says so."""
    either.service().start()
    client = either.client()
    removed = client.task(add).launch(1)
    assert removed.result(SOON) == 2
    assert client.clear_completed() == 1
    there = client.task(add).launch(2)
    edges = [
        Dependency(one, allow_missing=True)
        for one in (removed, there, Job("never submitted", add), "no id")
    ]
    alone = Job("alone", lambda parent_results: parent_results, dependencies=edges)
    client.submit(alone)
    assert alone.result(SOON) == {there.id: 3}
    flow = Workflow("loose")
    last = client.task(add).step(client.task(add).step(1).after(*edges).value)
    flow.add(last)
    assert len(flow.submit_all(client)) == 2
    assert last.result(SOON) == 3
    with pytest.raises(UnknownJob, match=removed.id):
        client.submit(Job("strict", add, {"a": 1}, dependencies=[*edges, removed]))
    foreign = either.client("other").task(add).launch(1)
    foreign.result(SOON)
    with pytest.raises(UnknownJob, match="client 'other'"):
        client.submit(Job("d", add, dependencies=[Dependency(foreign, allow_missing=True)]))


def test_a_workflow_that_is_too_large_to_be_one_says_so(deployment: Deployment) -> None:
    deployment.service().start()
    flow = Workflow("large")
    for n in range(20):
        flow.add_job(Job(f"{n}", len, {"obj": "x" * (1 << 20)}))
    with pytest.raises(TooLarge, match="20 jobs"):
        flow.submit_all(deployment.client())


# -- by name ---------------------------------------------------------------------------------------


def test_names_alone_make_workflows_and_open_no_pickle(deployment: Deployment) -> None:
    """G6: results of functions by name are JSON among the arguments of others."""
    deployment.service(imports=["math", "json"], accept_code=False).start()
    client = deployment.client()
    root = client.function("math.sqrt").step(16)
    end = client.function("math.pow").step(root.value, 2)
    flow = Workflow("named")
    report = Job("report", "json.dumps", {"obj": {job.id: job.value for job in (root, end)}})
    flow.add(end, report)
    flow.submit_all(client)
    assert end.result(SOON) == 16
    assert json.loads(report.result(SOON)) == {root.id: 4, end.id: 16}
    shipped = Job("shipped", add, {"a": 1})
    client.submit(shipped)
    with pytest.raises(NotAllowed):
        shipped.result(SOON)


def test_one_client_is_all_that_a_submitter_keeps(deployment: Deployment) -> None:
    """G18: what is made by hand belongs to whoever submits it, and two never mix."""
    deployment.service().start()
    one, two = deployment.client("one"), deployment.client("two")
    assert isinstance(one, Client)
    job = Job("mine", add, {"a": 1})
    one.submit(job)
    assert job.result(SOON) == 2
    assert two.get_status(job.id)["name"] == "mine"
