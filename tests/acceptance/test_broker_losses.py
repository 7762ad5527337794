"""The broker is killed, and its queues are removed, while jobs run and clients wait."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from schedulergodx.core.envelope import MessageType
from schedulergodx.core.job import ErrorCode
from schedulergodx.core.message import AskCancel
from tests.acceptance.deployment import Deployment
from tests.acceptance.stranger import Stranger, item
from tests.world import until

if TYPE_CHECKING:
    from pathlib import Path

    from schedulergodx.client import Client
    from tests.rabbitmq_node import Node

SOON = 60  # seconds, the deadline of what must happen


def double(number: int, seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return 2 * number


@pytest.mark.timeout(180)
def test_a_broker_that_is_killed_loses_nothing(private_rabbit: Node, tmp_path: Path) -> None:
    with closing(Deployment(private_rabbit.url, tmp_path)) as deployment:
        deployment.service().start()
        task = deployment.client(confirm_timeout=60).task(double)
        waiting = [task.options(delay=3).launch(n) for n in range(20)]
        running = task.launch(1, 2.0)
        until(lambda: running.status() == "running")
        private_rabbit.kill()
        private_rabbit.start()
        assert running.result(timeout=SOON) == 2
        assert [job.result(timeout=SOON) for job in waiting] == [2 * n for n in range(20)]
        assert task.launch(21).result(timeout=SOON) == 42


def test_an_outcome_comes_though_its_response_queue_was_removed(deployment: Deployment) -> None:
    deployment.service().start()
    client = deployment.client()
    job = client.task(double).launch(21, 1.0)
    with Stranger(deployment) as stranger:
        until(lambda: job.status() == "running")
        stranger.channel.queue_delete(_response_queue(client, stranger))
    assert job.result(timeout=SOON) == 42


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


def _response_queue(client: Client, stranger: Stranger) -> str:
    """What a client reads, as its broker knows it."""
    return stranger.names.responses(client.name, client._line().sealer.instance).name
