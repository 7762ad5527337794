"""The broker is killed, and its queues are removed, while jobs run and clients wait."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schedulergodx.client import Job
from schedulergodx.core.envelope import MessageType
from schedulergodx.core.job import ErrorCode, Status
from schedulergodx.core.request import AskCancel
from schedulergodx.errors import LaunchUnconfirmed
from tests.acceptance.deployment import Deployment
from tests.acceptance.folder import Folder, said
from tests.acceptance.stranger import Stranger, item
from tests.rabbitmq_node import Node
from tests.world import SECRET, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.client import Client

SOON = 60  # seconds, the deadline of what must happen


def append(path: str, line: str) -> str:
    with Path(path).open("a") as file:
        file.write(f"{line}\n")
    return line


def double(number: int, seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return 2 * number


@pytest.fixture(scope="module")
def node(rabbitmq_server: None) -> Iterator[Node]:
    """One for these tests, which is running before each and after each."""
    with Node() as node:
        yield node


@pytest.fixture
def mortal(node: Node, tmp_path: Path) -> Iterator[Deployment]:
    """On a broker that may be killed."""
    with closing(Deployment(node.url, tmp_path)) as deployment:
        yield deployment


def test_a_broker_that_is_killed_loses_nothing(node: Node, mortal: Deployment) -> None:
    mortal.service().start()
    task = mortal.client(confirm_timeout=60).task(double)
    waiting = [task.options(delay=3).launch(n) for n in range(20)]
    running = task.launch(1, 2.0)
    until(lambda: running.status() == "running")
    node.kill()
    node.start()
    assert running.result(timeout=SOON) == 2
    assert [job.result(timeout=SOON) for job in waiting] == [2 * n for n in range(20)]
    assert task.launch(21).result(timeout=SOON) == 42


def test_without_a_broker_jobs_run_launches_say_so_and_all_can_end_and_begin(
    node: Node, mortal: Deployment
) -> None:
    service = mortal.service(connect_timeout=1).start()
    client, other = mortal.client(confirm_timeout=0.5), mortal.client("other")
    task = client.task(append)
    ledger = mortal.file("ledger")
    due = task.options(delay=1).launch(str(ledger), "due")
    node.kill()
    with pytest.raises(LaunchUnconfirmed) as unconfirmed:
        task.launch(str(ledger), "unconfirmed")
    until(lambda: ledger.exists() and ledger.read_text() == "due\n", SOON)
    begin = time.monotonic()
    other.close()
    assert service.stop() == 0
    assert time.monotonic() - begin < 10
    service.start(ready=False)
    until(lambda: "keeps trying" in service.text(), SOON, service.text)
    node.start()
    assert due.result(timeout=SOON) == "due"
    lost = unconfirmed.value.job
    assert isinstance(lost, Job)
    until(lambda: is_sent_again(client, lost), SOON)
    assert lost.result(timeout=SOON) == "unconfirmed"
    assert ledger.read_text().split() == ["due", "unconfirmed"]


def is_sent_again(client: Client, job: Job[Any]) -> bool:
    """Whether the broker takes it now."""
    try:
        client.resend(job)
    except LaunchUnconfirmed:
        return False
    return True


def test_a_broker_without_memory_holds_launches_back_and_loses_none(
    node: Node, mortal: Deployment
) -> None:
    mortal.service().start()
    client = mortal.client(confirm_timeout=0.5)
    task = client.task(double)
    assert task.launch(1).result(timeout=SOON) == 2
    node.ctl("set_vm_memory_high_watermark", "absolute", "1")
    try:
        with pytest.raises(LaunchUnconfirmed) as unconfirmed:
            while True:  # the broker looks at its memory now and then
                task.launch(2)
    finally:
        node.ctl("set_vm_memory_high_watermark", "0.4")
    held = unconfirmed.value.job
    assert isinstance(held, Job)
    until(lambda: is_sent_again(client, held), SOON)
    assert held.result(timeout=SOON) == 4


def test_connections_that_the_operator_closes_come_back(node: Node, mortal: Deployment) -> None:
    service = mortal.service().start()
    task = mortal.client(confirm_timeout=SOON).task(double)
    running = task.launch(1, 1.0)
    until(lambda: running.status() == "running")
    node.ctl("close_all_connections", "maintenance")
    assert running.result(timeout=SOON) == 2
    assert task.launch(21).result(timeout=SOON) == 42
    assert "maintenance" in service.text()


def test_a_wait_for_a_batch_goes_on_after_its_connection_was_lost(
    node: Node, mortal: Deployment
) -> None:
    mortal.service().start()
    client = mortal.client()
    with client.batch("lost") as batch:
        client.task(double, batch=batch).launch(1, 2.0)
    views = batch.follow(SOON)
    until(lambda: next(views).counts == {Status.RUNNING: 1})
    node.ctl("close_all_connections", "maintenance")
    asked_again = time.monotonic()
    *_, view = views
    assert view.counts == {Status.COMPLETED: 1}
    assert time.monotonic() - asked_again < 8, "before it would have asked by itself"


def test_an_outcome_comes_though_its_response_queue_was_removed(deployment: Deployment) -> None:
    deployment.service().start()
    client = deployment.client()
    job = client.task(double).launch(21, 1.0)
    with Stranger(deployment) as stranger:
        until(lambda: job.status() == "running")
        stranger.channel.queue_delete(stranger.response_queue(client))
    assert job.result(timeout=SOON) == 42


_STOPPED = """
from schedulergodx import Client

client = Client("stopped")


@client.task
def wait(seconds):
    import time

    time.sleep(seconds)
    return "ended"


job = wait.launch(1)
print(client.instance)
print(job.result(timeout=30))
"""


def test_an_outcome_that_found_no_response_queue_is_asked_for(deployment: Deployment) -> None:
    """Its client can't make the queue again in time: it is stopped meanwhile."""
    deployment.service().start()
    told = {**deployment.address, "secret": SECRET}
    with closing(Folder(deployment.directory / "client", **told)) as folder:
        client = folder.run("stopped.py", _STOPPED)
        assert client.stdout is not None
        instance = client.stdout.readline().strip()
        client.send_signal(signal.SIGSTOP)
        with Stranger(deployment) as stranger:
            stranger.channel.queue_delete(stranger.names.responses("stopped", instance).name)
            until(lambda: stranger.jobs(status="completed"), SOON)
        client.send_signal(signal.SIGCONT)
        assert said(client).splitlines()[-1] == "ended"


def test_work_goes_on_after_the_queue_of_jobs_was_removed(deployment: Deployment) -> None:
    deployment.service().start()
    task = deployment.client().task(double)
    running = task.launch(1, 0.5)
    until(lambda: running.status() == "running")
    with Stranger(deployment) as stranger:
        queue = stranger.names.requests().name
        stranger.channel.queue_delete(queue)
        until(lambda: stranger.readers(queue) == 1)
    assert running.result(timeout=SOON) == 2
    assert task.launch(21).result(timeout=SOON) == 42


def test_a_cancel_that_overtakes_its_job_wins(shared: Deployment) -> None:
    with Stranger(shared) as stranger:
        job = item(-3)
        cancel = AskCancel(job.uid.hex(), bury=job.uid)
        stranger.send(stranger.seal(MessageType.REQUEST, cancel))
        stranger.send(stranger.task(job))
        answers = [stranger.read() for _ in range(2)]
        kinds = {answer.header.type for answer in answers}
        assert kinds == {MessageType.ANSWER, MessageType.RESPONSES}
        sentinel = item(-4)
        stranger.send(stranger.task(sentinel))
        assert set(stranger.outcomes()) == {sentinel.uid}


def test_one_bad_job_of_many_harms_no_other(shared: Deployment) -> None:
    with Stranger(shared) as stranger:
        good = [item(-n) for n in range(3)]
        uid = b"bad" + bytes(13)
        stranger.send(stranger.task(good[0], [uid, "no bytes"], good[1], good[2]))
        outcomes = {uid: told.outcome for uid, told in stranger.outcomes(4).items()}
    assert [outcomes[job.uid].failure for job in good] == [None] * 3
    failure = outcomes[uid].failure
    assert failure is not None
    assert failure.code == ErrorCode.INVALID_TASK
    assert "can't be read" in failure.text
