"""What version 1 got wrong on the side of the client. None of it is true here.

Each docstring says what it did.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from schedulergodx.config import load_settings
from schedulergodx.errors import BrokerUnavailable, ResultTimeout, UnknownQueue
from schedulergodx.utils import id_generators
from schedulergodx.utils.logger import LoggerConstructor
from tests.acceptance.processes import cpu_seconds, thread_count
from tests.world import ROOT, SECRET, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.deployment import Deployment

SOON = 30  # seconds, the deadline of what must happen
HEARTBEAT = 1.0


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def nap(seconds: float) -> None:
    time.sleep(seconds)


# -- 9 ---------------------------------------------------------------------------------------------


def test_waiting_costs_no_processor_time(deployment: Deployment) -> None:
    """A wait was a loop without a pause, and the service scanned."""
    service = deployment.service().start()
    client = deployment.client()
    client.task(double).launch(1).result(timeout=SOON)
    job = client.task(nap).launch(60)
    until(lambda: job.status() == "running")
    mine, others = time.process_time(), cpu_seconds(service.pid)
    with pytest.raises(ResultTimeout):
        job.result(timeout=2)
    assert time.process_time() - mine < 0.1
    assert cpu_seconds(service.pid) - others < 0.1
    assert job.cancel(force=True)


def test_a_client_without_a_service_does_not_block(deployment: Deployment) -> None:
    """Making a client blocked for ever when no service was there."""
    begin = time.monotonic()
    client = deployment.client()
    assert time.monotonic() - begin < 5
    task = client.task(double)
    job = task.launch(1)  # its queue is there: a client declares that one
    with pytest.raises(ResultTimeout):
        job.result(timeout=0.2)
    with pytest.raises(UnknownQueue):
        task.options(queue="nobody").launch(1)
    deployment.service().start()
    assert job.result(timeout=SOON) == 2


def test_a_client_without_a_broker_says_so_in_time() -> None:
    begin = time.monotonic()
    with pytest.raises(BrokerUnavailable, match="RabbitMQ"):
        from schedulergodx.client import Client

        Client("alone", broker="amqp://guest:guest@127.0.0.1:1/", connect_timeout=1)
    assert time.monotonic() - begin < 5


# -- 10 --------------------------------------------------------------------------------------------


def test_silence_for_three_heartbeats_ends_no_connection(deployment: Deployment) -> None:
    """A connection that was not served died, and the next task was stored as an error."""
    from schedulergodx.client import Client

    service = deployment.service(heartbeat=HEARTBEAT).start()
    settings = load_settings(
        name="silent", heartbeat=HEARTBEAT, secret=SECRET, **deployment.address
    )
    client = Client(settings=settings)
    try:
        task = client.task(double)
        assert task.launch(1).result(timeout=SOON) == 2
        time.sleep(3.5 * HEARTBEAT)  # silence is the event
        begin = time.monotonic()
        assert task.launch(2).result(timeout=SOON) == 4
        assert time.monotonic() - begin < 1
    finally:
        client.close()
    assert "is lost" not in service.text()


# -- 16 --------------------------------------------------------------------------------------------


def test_a_thousand_waiting_jobs_cost_the_service_no_thread(deployment: Deployment) -> None:
    """Each waiting task was a timer thread."""
    service = deployment.service().start()
    task = deployment.client().task(double)
    task.launch(1).result(timeout=SOON)
    before = thread_count(service.pid)
    jobs = task.options(delay=3600).map(range(1000))
    assert jobs[-1].status() == "scheduled"
    assert task.launch(1).result(timeout=SOON) == 2
    assert thread_count(service.pid) <= before + 1  # one that commits, while the disk is slow


# -- 17 --------------------------------------------------------------------------------------------


def test_a_thread_is_found_by_its_exact_id(deployment: Deployment) -> None:
    """`get_thread("1")` found the thread of "11"."""
    deployment.service().start()
    client = deployment.client(id_generator=id_generators.autoincrement(10))
    task = client.task(double)
    assert task.launch(1).id == "11"
    assert client.get_thread("1") is None
    assert isinstance(client.get_thread("11"), threading.Thread)
    assert client.get_thread("11") in list(client.get_threads())


# -- 18 --------------------------------------------------------------------------------------------


def test_a_misspelled_option_is_refused(deployment: Deployment) -> None:
    """`dealy=99` was accepted in silence, and `launch=` replaced the method."""
    task = deployment.client().task(double)
    with pytest.raises(TypeError, match="'delay'"):
        task.set_parameters(dealy=99)
    with pytest.raises(TypeError):
        task.set_parameters(launch=None)
    assert callable(task.launch)


def test_options_of_one_launch_do_not_stick(shared: Deployment) -> None:
    """Parameters stayed on the task, and there were none for one launch."""
    task = shared.client().task(double)
    assert task.options(delay=3600).launch(1).status() == "scheduled"
    assert task.launch(2).result(timeout=SOON) == 4


# -- 19 --------------------------------------------------------------------------------------------


def test_a_task_is_still_its_function(shared: Deployment) -> None:
    """A decorated function could not be called, and had lost its name."""
    task = shared.client().task(double)
    assert task(21) == 42
    assert task.__name__ == "double"
    assert task.__doc__ == "Twice the number."
    assert task.__wrapped__ is double


NAMES = """
    task push get_threads get_thread get_responce get_response sync_await_responce await_response
    async_get_responce async_await_response logger
"""

# -- 20 --------------------------------------------------------------------------------------------


def test_every_name_of_the_document_is_there(shared: Deployment) -> None:
    """Some names of its own document did not exist."""
    client = shared.client()
    for name in NAMES.split():
        assert hasattr(client, name), name


# -- 21 --------------------------------------------------------------------------------------------

_IMPORTS = """
import logging, sys
import schedulergodx, schedulergodx.client, schedulergodx.service
from schedulergodx import Client, AsyncClient, Service
from schedulergodx.utils import abstractions, id_generators, logger, message, rmq_property, storage
assert not logging.getLogger().handlers
assert all(isinstance(h, logging.NullHandler) for h in logging.getLogger("schedulergodx").handlers)
"""


def test_an_import_leaves_nothing_behind(tmp_path: Path) -> None:
    """An import made a database, in whatever directory it happened, and opened a log."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", _IMPORTS], cwd=tmp_path, env=environ, check=True)
    assert list(tmp_path.iterdir()) == []


def test_a_client_needs_no_database() -> None:
    """The host of a client got a database."""
    program = "import schedulergodx.client, sys; assert 'sqlalchemy' not in sys.modules"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], env=environ, check=True)


def test_a_logger_made_twice_writes_once(tmp_path: Path) -> None:
    """Each logger of a name added its handlers again, and none could warn."""
    file = tmp_path / "once.log"
    loggers = [LoggerConstructor("schedulergodx.test.once", log_file=file) for _ in range(3)]
    loggers[-1].warning("one line")
    for handler in logging.getLogger("schedulergodx.test.once").handlers:
        handler.close()
    assert file.read_text().count("one line") == 1


# -- 22 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "generator", [id_generators.ulid_generator, id_generators.autoincrement, None]
)
def test_ids_are_drawn_from_many_threads(shared: Deployment, generator: object) -> None:
    """One generator was shared by all: "generator already executing"."""
    made = generator() if callable(generator) else None
    task = shared.client("ids", id_generator=made).task(double)
    with ThreadPoolExecutor(16) as pool:
        jobs = list(pool.map(task.launch, range(200)))
    assert [job.result(timeout=SOON) for job in jobs] == [2 * n for n in range(200)]
    ids = {job.id for job in jobs}
    assert len(ids) == 200
    if generator is id_generators.autoincrement:
        assert ids == {str(n) for n in range(1, 201)}
