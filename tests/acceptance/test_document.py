"""The document of version 1: its programs run, and each of its names does what it says."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from schedulergodx.core.job import Status
from schedulergodx.core.signing import Signer
from tests.acceptance.deployment import Deployment
from tests.acceptance.folder import Folder
from tests.acceptance.stranger import Stranger
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rabbitmq_node import Node

SOON = 60  # seconds, the deadline of what must happen

CLIENT = """\
import schedulergodx.client as scheduler

client = scheduler.Client()  # client initialization

@client.task
def test(a, b):  # the function passed to the service
    print(a / b)

test.set_parameters(delay=10, task_lifetime=10)  # optional

for i in range(3):  # you can run tasks as many times as you want
    test.launch(10, b=1)  # args and kwargs of the passed function
"""

SERVICE = """\
import schedulergodx.service as scheduler
    
service = scheduler.Service()  # initializing the service
service.start()  # blocking the call to the service start function
"""  # noqa: W293 - as it is printed

INCREMENT = """\
import schedulergodx.client as scheduler
from schedulergodx.utils import id_generators

client = scheduler.Client(
    id_generator = id_generators.autoincrement()
) 

@client.task
def test() -> None: ... 
message_id = test.launch()
responce = client.sync_await_responce(message_id)
print(responce.metadata, responce.arguments)
"""  # noqa: W291 - as it is printed

MESSAGE = """\
import schedulergodx.client as scheduler
from schedulergodx.utils import message

message_ = message.MessageConstructor.info("is anybody there?")
client = scheduler.Client(name="pusher")
client.push(message_)
client.push(message_, delivery_mode=2)
print("pushed")
"""

CONNECTION = """\
import schedulergodx.client as scheduler
from schedulergodx.utils import rmq_property

rmq_settings = rmq_property.RmqSettings(
    {
        'host': 'localhost',
        'port': 5672,
        'virtual_host': '/',
        'heartbeat': 60, 
        'blocked_connection_timeout': 300
    },
    (
        'guest', 
        'guest'
    )  # rmq_property.rmq_default_settings stores the same settings
)


client = scheduler.Client(
    rmq_connect = rmq_property.RmqConnect(
        rmq_parameters=rmq_settings.parametrs,
        rmq_credentials=rmq_settings.credentials
    )
) 

@client.task
def test() -> None: ... 
message_id = test.launch()
print(client.sync_await_responce(message_id).arguments)
"""  # noqa: W291 - as it is printed

EVERYTHING = """\
import asyncio
import logging
import threading
import schedulergodx.client as scheduler
from schedulergodx.utils import LoggerConstructor, id_generators, logger

client = scheduler.Client(
    name="everything",
    core_name="core",
    id_generator=id_generators.ulid_generator(),
    task_lifetime=3,
    hard_task_lifetime=10,
    enable_overdue=False,
)
client.logger.addHandler(logging.StreamHandler())
client.logger.addFilter(lambda record: True)
client.logger.warning("client.logger speaks")

@client.task
def func(*args, **kwargs) -> None:
    if args:
        raise ValueError(*args)

func.set_parameters(delay=0, hard=True, task_lifetime=3, hard_task_lifetime=10)
good = func.launch()
bad = func.launch("no")
responce = client.sync_await_responce(good)
assert responce.metadata["id"] == str(good)
assert responce.metadata["client"] == "everything"
assert responce.arguments["result"] is None
failed = asyncio.run(client.async_get_responce(str(bad)))
assert "no" in failed.arguments["message"], failed.arguments
assert failed.arguments["error_code"] == 4
assert client.get_responce(str(good)).arguments == responce.arguments
assert client.get_responce("there is none") is None
assert all(isinstance(thread, threading.Thread) for thread in client.get_threads())
assert isinstance(client.get_thread(str(good)), threading.Thread)
print("all of it")
"""


@pytest.fixture(scope="module")
def deployment(rabbit: Node, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return Deployment(rabbit.url, tmp_path_factory.mktemp("document"))


@pytest.fixture(scope="module")
def folder(deployment: Deployment) -> Iterator[Folder]:
    """With the document's service in it."""
    with closing(Folder(deployment.directory / "empty", **deployment.address)) as folder:
        folder.run("service.py", SERVICE)
        yield folder


@pytest.fixture(scope="module", autouse=True)
def client_output(folder: Folder, readme: object) -> str:
    """What the document's client says; its jobs have ten seconds of delay, so it goes first.

    The same ten seconds are those of the README.
    """
    return folder.output("client.py", CLIENT)


def test_its_autoincrement_can_be_run_twice(folder: Folder) -> None:
    """S14, S30: the second run met the ids of the first, and poisoned the service for everybody."""
    for _ in range(2):
        metadata = folder.output("increment.py", INCREMENT).splitlines()[-1]
        assert "'id': '1'" in metadata
        assert "'result': None" in metadata


def test_its_message_constructor_makes_what_can_be_pushed(folder: Folder) -> None:
    """S13, S26, S34: an INFO is sent as a raw message."""
    assert folder.output("message.py", MESSAGE).splitlines()[-1] == "pushed"


def test_its_connection_settings_connect(folder: Folder, rabbit: Node) -> None:
    """S32: the client's program with settings of its own."""
    program = CONNECTION.replace("5672", str(rabbit.port))
    assert "'result': None" in folder.output("connection.py", program)


def test_each_of_its_names_does_what_it_says(folder: Folder) -> None:
    """S6, S8, S12, S14, S30, S31: each printed name is called."""
    output = folder.output("everything.py", EVERYTHING)
    assert "client.logger speaks" in output
    assert output.splitlines()[-1] == "all of it"


def test_its_programs_run(deployment: Deployment, client_output: str) -> None:
    """S1, S2, S3, S5, S9, S10, S11, S15, S16: as they are printed, two processes and RabbitMQ."""
    assert "Traceback" not in client_output
    with Stranger(deployment, signer=Signer()) as stranger:
        jobs = [job for job in stranger.jobs() if job.client.endswith(":client.py")]
        until(lambda: all(stranger.view(job).status is Status.COMPLETED for job in jobs), SOON)
        assert [stranger.view(job).output for job in jobs] == ["10.0\n"] * 3


def test_its_service_keeps_its_database_where_it_was_started(folder: Folder) -> None:
    """S27: the file has the document's name."""
    assert (folder.path / "SchedulerGodX.db").exists()


def test_its_database_can_be_named(deployment: Deployment) -> None:
    """S29: by its URL."""
    from schedulergodx.service import Service
    from schedulergodx.utils import DB

    path = deployment.directory / "named.db"
    service = Service(name="named", db=DB(f"sqlite:///{path}"))
    assert service.settings.db == f"sqlite:///{path}"
    assert not path.exists()
