"""Functions by name: no code travels, and only what an operator allows is called."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pika
import pytest

from schedulergodx import AsyncClient, Service
from schedulergodx.core.job import ErrorCode, Status
from schedulergodx.core.names import Names
from schedulergodx.core.signing import SIGNATURE_HEADER, Signer
from schedulergodx.errors import (
    ConfigError,
    JobError,
    JobExpired,
    JobTimeout,
    NotAllowed,
    RemoteError,
    ServiceError,
    ShipError,
    UnknownFunction,
    UnknownQueue,
)
from tests.acceptance.deployment import Deployment
from tests.acceptance.folder import end
from tests.acceptance.stranger import Stranger, item
from tests.world import SECRET, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx import Client, Job

SOON = 30  # seconds, the deadline of what must happen
HOME = "tests.acceptance.callable_by_name"


@pytest.fixture(scope="module", params=["rabbitmq", "spool"])
def named(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """With a service that imports one module."""
    directory = tmp_path_factory.mktemp("named")
    broker = f"spool:{directory}/spool"
    if request.param == "rabbitmq":
        broker = request.getfixturevalue("rabbit").url
    with closing(Deployment(broker, directory)) as deployment:
        deployment.service(imports=[HOME], queues=["default", "mail"]).start()
        yield deployment


@pytest.fixture(scope="module")
def client(named: Deployment) -> Client:
    return named.client("by-name")


# -- what is called --------------------------------------------------------------------------------


def test_a_registered_function_is_called_with_keywords(client: Client) -> None:
    """D10, D12, D18: a name and a dict go out, the value comes back; no code travels."""
    job = client.execute("add", {"a": 1, "b": 2})
    assert job.result(SOON) == 3
    assert job.ready()
    assert job.status() is Status.COMPLETED
    assert client.execute("add", [3, 4]).result(SOON) == 7
    assert str(job) == job.id


def test_a_path_is_called_with_data_as_its_only_argument(client: Client) -> None:
    """T1, T2, T3: a channel, a path, a dict."""
    job = client.publish("mail", f"{HOME}.process_data", {"args": [1], "kwargs": {"b": 2}})
    assert job.result(SOON) == {"args": [1], "kwargs": {"b": 2}}
    assert job.view().queue == "mail"
    job = client.publish(channel="mail", function=f"{HOME}.process_data", data={})
    assert job.result(SOON) == {"args": [], "kwargs": {}}
    assert job.view().queue == "mail"


def test_the_names_of_the_document_are_the_same(client: Client) -> None:
    """T5: `publish` and `publish_task`."""
    job = client.publish_task("default", f"{HOME}.process_data", {"args": [7]})
    assert job.result(SOON) == {"args": [7], "kwargs": {}}


def test_a_name_can_be_kept_and_launched_often(client: Client) -> None:
    add = client.function("add")
    assert add.launch(1, b=2).result(SOON) == 3
    assert [job.result(SOON) for job in add.starmap((n, n) for n in range(500))] == [
        2 * n for n in range(500)
    ]
    with client.pipeline():
        jobs = [client.execute("add", [n, 1]) for n in range(100)]
    assert [job.result(SOON) for job in jobs] == list(range(1, 101))


@pytest.mark.parametrize("execution", ["process", "thread", "fork", "async"])
def test_it_runs_as_is_wished(client: Client, execution: Any) -> None:
    """T9: in threads too."""
    assert client.execute("add", [1, 2], execution=execution).result(SOON) == 3
    assert client.execute(f"{HOME}.coroutine", [5], execution=execution).result(SOON) == 5


def test_data_comes_as_it_was_sent(client: Client) -> None:
    data = {"ä": [1, 2.5, None, True, "x" * 1000, {"deep": [[[]]]}], "n": 10**30}
    assert client.execute(f"{HOME}.echo", [data, 1]).result(SOON) == [[data, 1], {}]
    assert client.execute(f"{HOME}.echo", {"k": data}).result(SOON) == [[], {"k": data}]


def test_options_mean_what_they_mean_for_every_job(client: Client, tmp_path: Path) -> None:
    job = client.execute("add", [1, 2], delay=0.3, priority=4)
    assert job.status() == "scheduled"
    assert job.view().priority == 4
    assert job.result(SOON) == 3
    with pytest.raises(JobTimeout):
        client.execute(f"{HOME}.sleep", [30], timeout=0.3).result(SOON)
    ledger = tmp_path / "ledger"
    assert client.execute(f"{HOME}.attempt", [str(ledger)], max_attempts=3).result(SOON) == 2
    assert [line.rpartition(" ")[0] for line in ledger.read_text().splitlines()] == [
        "attempt 1",
        "attempt 2",
    ]


def test_a_job_is_found_by_another_process_of_its_client(named: Deployment) -> None:
    job = named.client("twins").execute("add", [1, 2])
    again = named.client("twins").job(job.id)
    assert again.result(SOON) == 3
    assert again.task == "add"


async def test_an_async_client_has_the_same(named: Deployment) -> None:
    async with AsyncClient("async", secret=SECRET, **named.address) as client:
        async with asyncio.timeout(SOON):
            assert await (await client.execute("add", {"a": 1, "b": 2})) == 3
            job = await client.publish("mail", f"{HOME}.process_data", {"args": [1]})
            assert await job == {"args": [1], "kwargs": {}}
            jobs = await client.function("add").starmap((n, 1) for n in range(50))
            assert [await job for job in jobs] == list(range(1, 51))
            with pytest.raises(UnknownFunction):
                await (await client.execute("nobody"))


# -- what is refused -------------------------------------------------------------------------------


def test_an_unknown_name_is_a_value_error_at_the_caller(client: Client) -> None:
    """D11: ValueError when the name is not registered."""
    job = client.execute("ad", {"a": 1})
    with pytest.raises(ValueError, match="do you mean 'add'") as caught:
        job.result(SOON)
    assert isinstance(caught.value, UnknownFunction)
    assert caught.value.code == ErrorCode.UNKNOWN_FUNCTION


@pytest.mark.parametrize(
    "path", ["os.system", "subprocess.run", "builtins.exec", f"{HOME}.system", f"{HOME}.os.system"]
)
def test_a_path_outside_the_list_is_not_called(client: Client, tmp_path: Path, path: str) -> None:
    """Taskit's defect 9: any path was executed, `os.system` too."""
    mark = tmp_path / "mark"
    with pytest.raises(NotAllowed) as caught:
        client.execute(path, [f"touch {mark}"]).result(SOON)
    assert caught.value.code == ErrorCode.NOT_ALLOWED
    assert not mark.exists()


def test_what_json_can_not_hold_raises_where_it_is_given(client: Client) -> None:
    with pytest.raises(ShipError, match=r"argument 'order'\['when'\]\[0\] is of type set"):
        client.execute("add", {"order": {"when": [{1}]}})
    with pytest.raises(ShipError, match="argument 1 is of type bytes"):
        client.publish("mail", f"{HOME}.process_data", b"x")
    with pytest.raises(TypeError, match="a dict of keywords or a list"):
        client.execute("add", "ab")


@pytest.mark.parametrize("option", ["retry_on", "give_up_on", "by_value", "by_reference", "name"])
def test_an_option_that_needs_code_is_refused(client: Client, option: str) -> None:
    with pytest.raises(ConfigError, match=f"{option} needs code that travels"):
        client.execute("add", [1, 2], **{option: ()})  # type: ignore[arg-type]


def test_a_slip_in_an_option_is_told(client: Client) -> None:
    with pytest.raises(TypeError, match="do you mean 'priority'"):
        client.execute("add", [1, 2], priorty=3)  # type: ignore[call-arg]


def test_a_name_is_neither_empty_nor_endless(client: Client) -> None:
    for name in ("", "n" * 10_000_000):
        with pytest.raises(ConfigError, match="1 to 200 characters"):
            client.execute(name)


def test_a_result_that_json_can_not_hold_is_final_and_ran_once(
    client: Client, tmp_path: Path
) -> None:
    """GigQ's defect 4, by name as well."""
    job = client.execute(f"{HOME}.no_json", [str(tmp_path / "ledger")], max_attempts=3)
    with pytest.raises(JobError, match="result is of type set") as caught:
        job.result(SOON)
    assert caught.value.code == ErrorCode.RESULT_NOT_SERIALIZABLE
    assert len((tmp_path / "ledger").read_text().splitlines()) == 1


def test_an_exception_comes_with_its_type_and_traceback(client: Client) -> None:
    """T25: a task that fails stops no worker."""
    with pytest.raises(RemoteError, match="in fail") as caught:
        client.execute(f"{HOME}.fail", ["no"]).result(SOON)
    assert (caught.value.type, caught.value.text) == ("builtins.ValueError", "no")
    assert client.execute("add", [1, 2]).result(SOON) == 3


# -- a service that takes nothing else -------------------------------------------------------------

_WATCH = """
import pickle, sys

def watch(event, *args):
    if event.startswith("pickle."):
        with open({log!r}, "a") as file:
            print(sys.argv, event, args, file=file)

def watched(name, opened):
    def open_it(*args, **options):
        watch("pickle." + name, args)
        return opened(*args, **options)
    return open_it

pickle.loads, pickle.load = watched("loads", pickle.loads), watched("load", pickle.load)
sys.addaudithook(watch)
"""

_CAREFUL = """
import watch_pickles
from schedulergodx import Service
Service(imports=[%r], accept_code=%r, preload=["watch_pickles"], workers=1).start()
"""


class Bomb:
    """Leaves a crater where it is unpickled."""

    def __init__(self, crater: Path) -> None:
        self.crater = crater

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"open({str(self.crater)!r}, 'w').close()",)


@pytest.mark.parametrize("accept_code", [False, True])
def test_a_service_that_accepts_no_code_opens_no_pickle_from_anyone(
    deployment: Deployment, accept_code: bool
) -> None:
    """Neither it nor a worker. With code accepted the same test sees pickles opened."""
    log, crater = deployment.directory / "opened", deployment.directory / "crater"
    folder = deployment.folder("careful")
    (folder.path / "watch_pickles.py").write_text(_WATCH.format(log=str(log)))
    service = folder.serve("service.py", _CAREFUL % (HOME, accept_code))
    client = deployment.client("careful")
    codes = [_code_of(client.task(lambda: 1).launch())]
    with Stranger(deployment) as stranger:
        stranger.send(stranger.task(item(Bomb(crater))))
        [response] = stranger.outcomes(1).values()
        codes.append(response.outcome.failure and response.outcome.failure.code)
    assert client.execute("add", [1, 2]).result(SOON) == 3
    assert _code_of(client.execute(f"{HOME}.fail", ["x"])) == ErrorCode.ERROR_IN_TASK
    end(service)
    assert crater.exists() is accept_code
    assert log.exists() is accept_code, log.read_text()
    if not accept_code:
        assert codes == [ErrorCode.NOT_ALLOWED, ErrorCode.NOT_ALLOWED]


def _code_of(job: Job[Any]) -> int:
    error = job.exception(SOON)
    return getattr(error, "code", 0)


# -- functions of a script -------------------------------------------------------------------------

_SCRIPT = """
from schedulergodx import Service

service = Service(workers=1)
RATE = 2

def helper(x):
    return x * RATE

@service.register
def double(x):
    return helper(x)

@service.register(name="mail.send")
async def send(to):
    return f"sent to {to}"

service.start()
"""


def test_functions_of_a_script_are_known_to_its_workers(deployment: Deployment) -> None:
    """D9: registered with the service itself, in the script that starts it."""
    folder = deployment.folder("script")
    folder.serve("service.py", _SCRIPT)
    client = deployment.client("script")
    assert client.execute("double", {"x": 4}).result(SOON) == 8
    assert client.execute("mail.send", ["ann"]).result(SOON) == "sent to ann"
    assert client.execute("double", [4], hard=True).result(SOON) == 8


def test_a_script_and_no_code_exclude_each_other(deployment: Deployment) -> None:
    folder = deployment.folder("script")
    script = _SCRIPT.replace("workers=1", "workers=1, accept_code=False")
    process = folder.run("service.py", script)
    text, _ = process.communicate(timeout=SOON)
    assert process.returncode == 1
    assert "'double', 'mail.send' can't be taken to the workers" in text


_TWINS = """
from schedulergodx import Service

service = Service(workers=1, task_pre_exist=%r)

@service.register
def who():
    return 1

@service.register
def who():
    return 2

service.start()
"""


@pytest.mark.parametrize(
    ("policy", "answers"),
    [("ignore", {"who": 1}), ("replace", {"who": 2}), ("rename", {"who": 1, "who - 1": 2})],
)
def test_two_functions_of_one_name(
    deployment: Deployment, policy: str, answers: dict[str, int]
) -> None:
    """R2: what becomes of the second is a setting. (Distributaur's defect 6: it replaced.)"""
    folder = deployment.folder("twins")
    folder.serve("service.py", _TWINS % policy)
    client = deployment.client("twins")
    assert {name: client.execute(name).result(SOON) for name in answers} == answers


def test_a_name_that_shadows_another_is_an_error(deployment: Deployment) -> None:
    folder = deployment.folder("twins")
    process = folder.run("service.py", _TWINS % "raise")
    text, _ = process.communicate(timeout=SOON)
    assert process.returncode == 1
    assert "'who' is the name of __main__.who" in text


# -- for every service -----------------------------------------------------------------------------


def test_a_broadcast_runs_once_for_each_store(deployment: Deployment) -> None:
    """T16: every engine runs it, whichever queues it serves, and none runs it twice."""
    services = [
        deployment.service("one", imports=[HOME], queues=["default"]).start(),
        deployment.service("two", imports=[HOME], queues=["mail", "video"]).start(),
    ]
    client = deployment.client("caster")
    ledger = deployment.file("ledger")
    job = client.broadcast(f"{HOME}.process_data", {"args": [1]})
    assert job.result(SOON) == {"args": [1], "kwargs": {}}
    job = client.broadcast("note2", None)
    with pytest.raises(UnknownFunction):
        job.result(SOON)
    client.broadcast(f"{HOME}.note_one", str(ledger))
    until(lambda: ledger.exists() and len(ledger.read_text().splitlines()) == 2, SOON)
    for service in services:
        service.stop()
    ran = Counter(line.split()[1] for line in ledger.read_text().splitlines())
    assert sorted(ran.values()) == [1, 1]


def test_a_program_reaches_every_store_by_the_exchange(deployment: Deployment) -> None:
    """T16: in JSON too."""
    deployment.service("one", imports=[HOME], queues=["default"]).start()
    deployment.service("two", imports=[HOME], queues=["mail"]).start()
    ledger = deployment.file("ledger")
    body = json.dumps({"id": "all", "name": f"{HOME}.note_one", "data": str(ledger)}).encode()
    signature = Signer(SECRET.encode()).sign(body).hex()
    properties = pika.BasicProperties(
        content_type="application/json", headers={SIGNATURE_HEADER: signature}
    )
    with Stranger(deployment) as stranger:
        exchange = Names(deployment.prefix).fanout()
        stranger.channel.basic_publish(exchange, "", body, properties, mandatory=True)
    until(lambda: ledger.exists() and len(ledger.read_text().splitlines()) == 2, SOON)


def test_a_broadcast_that_nobody_can_hear_raises(deployment: Deployment) -> None:
    with pytest.raises(UnknownQueue, match="there is no service"):
        deployment.client("caster").broadcast("add")


def test_a_job_broadcasts_too(deployment: Deployment) -> None:
    deployment.service("one", imports=[HOME], queues=["default"]).start()
    deployment.service("two", imports=[HOME], queues=["mail"]).start()
    client = deployment.client("caster")
    ledger = deployment.file("ledger")
    client.execute(f"{HOME}.spread", [str(ledger)]).result(SOON)
    until(lambda: ledger.exists() and len(ledger.read_text().splitlines()) == 2, SOON)


def test_a_job_launches_by_name(client: Client) -> None:
    assert client.execute(f"{HOME}.nested", [3]).result(SOON) == 7


# -- how much there is to do -----------------------------------------------------------------------


def test_a_service_says_what_it_has_to_do(tmp_path: Path) -> None:
    """T10, T11, T12: ids of what waits, runs and went wrong; totals, and numbers by queue."""
    with closing(Deployment(f"spool:{tmp_path}/spool", tmp_path)) as deployment:
        service = Service(
            "engine",
            imports=[HOME],
            queues=["default", "mail"],
            max_workers=1,
            secret=SECRET,
            db=f"sqlite:///{tmp_path}/jobs.db",
            **deployment.address,
        )
        with pytest.raises(ServiceError, match="does not run"):
            service.get_status()
        thread = threading.Thread(target=service.start_listening)
        thread.start()
        try:
            assert service.wait_ready(SOON)
            client = deployment.client("asker")
            assert service.get_status() == {
                "pending_tasks": [],
                "running_tasks": [],
                "error_tasks": [],
            }
            failed = client.execute(f"{HOME}.fail", ["x"])
            assert failed.exception(SOON)
            done = client.execute("add", [1, 2])
            assert done.result(SOON) == 3
            expired = client.execute("add", [1, 2], delay=5, expires=0.2)
            assert isinstance(expired.exception(SOON), JobExpired)
            running = client.execute(f"{HOME}.sleep", [60])
            until(lambda: service.get_status()["running_tasks"] == [running.id], SOON)
            waiting = client.publish("mail", "add", None, expires=None, delay=60)
            until(lambda: service.get_status()["pending_tasks"] == [waiting.id], SOON)
            status = service.get_status(simple=False)
            assert status["error_tasks"] == [failed.id]
            assert status["totals"] == {
                "pending": 1,
                "running": 1,
                "completed": 1,
                "errors": 1,
                "expired": 1,
                "cancelled": 0,
            }
            assert status["queues"]["mail"] == {"pending": 1}
            running.cancel(force=True)
        finally:
            service.stop(0)
            thread.join(SOON)
        with pytest.raises(ServiceError, match="does not run"):
            service.get_status()
