"""The document of Distributaur: each of its names does what it says.

What Redis was is RabbitMQ here, so that those names are others: `Config.amqp_url()` in the place of
`get_redis_values`, `RmqConnect.connect(force_new=...)` and `.close()` in that of
`get_redis_connection` and `close_redis_connection`.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from schedulergodx import batch, distributaur
from schedulergodx.client import default
from schedulergodx.core.job import ErrorCode, Status
from schedulergodx.core.registry import registry
from schedulergodx.errors import ConfigError, UnknownBatch, UnknownFunction, UnknownJob
from schedulergodx.utils.rmq_property import RmqConnect
from tests.acceptance.deployment import Deployment
from tests.acceptance.folder import said
from tests.world import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rabbitmq_node import Node

SOON = 30  # seconds, the deadline of what must happen
HOME = "tests.acceptance.callable_by_name"

WORKER = """\
from schedulergodx.distributaur import register_function

@register_function
def example_function(x, y):
    return x * y

@register_function
def fails(reason):
    raise RuntimeError(reason)
"""

SERVICE = """\
from schedulergodx import Service

Service().start()
"""

SUBMITTER = """\
from schedulergodx.distributaur import execute_function

job = execute_function("example_function", {"x": 6, "y": 7})
print(job.id)
print(job.result(timeout=30), job.ready(), job.status())
"""


@pytest.fixture(scope="module")
def served(rabbit: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """With a service that imports the functions of these tests."""
    directory = tmp_path_factory.mktemp("distributaur")
    with closing(Deployment(rabbit.url, directory)) as deployment:
        deployment.service(imports=[HOME]).start()
        yield deployment


@pytest.fixture(autouse=True)
def _default_client(served: Deployment) -> Iterator[None]:
    """The one of this process, configured as the document says."""
    before = dict(registry.functions)
    distributaur.configure(secret=SECRET, name="distributaur", **served.address)
    yield
    default.default_client().close()
    default._config = default._client = None
    registry.functions.clear()
    registry.functions.update(before)


# -- configuration ---------------------------------------------------------------------------------


def test_configuring_again_makes_the_next_call_go_elsewhere(served: Deployment) -> None:
    """D8; defect 4: `configure()` made a new application, and the task stayed on the old one."""

    @distributaur.register_function
    def of_the_test() -> int:
        return 1

    first = default.default_client()
    assert distributaur.execute_function("add", {"a": 1, "b": 2}).result(SOON) == 3
    distributaur.configure(name="another")
    second = default.default_client()
    assert (first is second, second.name) == (False, "another")
    assert distributaur.execute_function("add", {"a": 1, "b": 2}).result(SOON) == 3
    assert distributaur.call_function_task("of_the_test", "{}") == 1, "it is registered still"


def test_a_wrong_setting_is_an_error_where_it_is_given() -> None:
    """D8: with the right one proposed."""
    with pytest.raises(ConfigError, match="do you mean 'prefix'"):
        distributaur.configure(prefx="x")


def test_a_connection_is_made_once_and_anew_when_that_is_asked_for(served: Deployment) -> None:
    """D6, D7; defect 5: `force_new` leaked the old connection."""
    connect = RmqConnect.from_url(distributaur.Config(broker=served.broker).amqp_url())
    first = connect.connect()
    assert first.is_open
    assert connect.connect() is first
    second = connect.connect(force_new=True)
    assert second is not first
    assert (second.is_open, first.is_open) == (True, False)
    connect.close()
    assert not second.is_open
    connect.close()


# -- functions -------------------------------------------------------------------------------------


def test_a_worker_that_imports_a_module_runs_its_functions(deployment: Deployment) -> None:
    """D9, D10, D12, D18, D19: a module with functions, a worker that imports it, a caller."""
    folder = deployment.folder("example")
    (folder.path / "example_worker.py").write_text(WORKER)
    folder.serve("worker.py", SERVICE, imports="example_worker", workers="1")
    id, outcome = said(folder.run("submit.py", SUBMITTER)).splitlines()
    assert len(id) == 26
    assert outcome == "42 True completed"


def test_the_result_object_has_what_a_caller_needs() -> None:
    """D10, D12: its id, whether it is ready, its status, its value."""
    job = distributaur.execute_function("add", {"a": 1, "b": 2})
    assert job.result(SOON) == 3
    assert (job.ready(), job.status()) == (True, Status.COMPLETED)
    assert str(job) == job.id


def test_an_unknown_function_is_a_value_error() -> None:
    """D11: there and here."""
    with pytest.raises(ValueError, match="no function is registered as 'nobody'") as caught:
        distributaur.execute_function("nobody", {}).result(SOON)
    assert isinstance(caught.value, UnknownFunction)
    with pytest.raises(ValueError, match="no function is registered here as 'nobody'"):
        distributaur.call_function_task("nobody", "{}")


def test_a_registered_function_is_called_with_json() -> None:
    """D9, D11: `call_function_task(func_name, args_json)` calls it as `func(**args)`."""

    @distributaur.register_function
    def multiply(x: int, y: int) -> int:
        return x * y

    assert multiply(2, 3) == 6
    assert distributaur.call_function_task("multiply", '{"x": 6, "y": 7}') == 42
    for text in ("", "{", "[1]", "7"):
        with pytest.raises(ValueError, match="no JSON object"):
            distributaur.call_function_task("multiply", text)


def test_a_second_function_of_a_name_is_refused() -> None:
    """Defect 6: the registry overwrote silently."""

    @distributaur.register_function
    def same() -> int:
        return 1

    def other() -> int:
        return 2

    with pytest.raises(ConfigError, match="is the name of"):
        distributaur.register_function(name="same")(other)


# -- statuses --------------------------------------------------------------------------------------


def test_a_status_can_be_written_beside_a_job_and_moves_nothing() -> None:
    """D13; defect 3: only "completed" was ever written, nobody read it, and it never expired."""
    job = distributaur.execute_function(f"{HOME}.sleep", {"seconds": 1})
    distributaur.update_function_status(job.id, "half of it")
    view = job.view()
    assert view.note == "half of it"
    assert view.status in (Status.PENDING, Status.RUNNING)
    distributaur.update_function_status(job, "completed")
    assert job.view().note == "completed"
    assert job.status() in (Status.PENDING, Status.RUNNING)
    assert job.result(SOON) == 1
    assert job.view().note == "completed"
    with pytest.raises(UnknownJob):
        distributaur.update_function_status("01BX5ZZKBKACTAV9WEVGEMMVRZ", "x")
    with pytest.raises(ConfigError, match="at most 1000 characters"):
        distributaur.update_function_status(job, "x" * 1001)


def test_a_failure_is_a_status_too() -> None:
    """D13: defect 3: failure was not written."""
    job = distributaur.execute_function(f"{HOME}.fail", {"text": "no"})
    error = job.exception(SOON)
    assert getattr(error, "code", None) == ErrorCode.ERROR_IN_TASK
    assert job.status() is Status.FAILED
    assert job.view().text == "no"


# -- jobs as there, which are batches here ---------------------------------------------------------

MONITOR = """\
from schedulergodx import batch
from schedulergodx.distributaur import (
    attach_to_existing_job, check_job_status, execute_function, monitor_job_status,
)

SLEEP = "tests.acceptance.callable_by_name.sleep"
if attach_to_existing_job("render"):
    print("attached")
else:
    with batch("render") as render:
        for n in range(3):
            execute_function(SLEEP, {"seconds": 1}, batch=render)
    print("submitted")
monitor_job_status("render")
print(check_job_status("render"), attach_to_existing_job("render"))
"""


def test_a_job_is_monitored_to_its_end_and_its_counts_are_its_own(served: Deployment) -> None:
    """D14, D15, D16: the functions of the document, in a program that a second run would repeat."""
    distributaur.execute_function("add", {"a": 1, "b": 2}).result(SOON)
    folder = served.folder("monitor")
    *_, said_last = said(folder.run("monitor.py", MONITOR), SOON).splitlines()
    assert said_last == "{<Status.COMPLETED: 'completed'>: 3} False"


def test_a_restarted_submitter_attaches(served: Deployment) -> None:
    """D17: while it runs, and only then."""
    assert not distributaur.attach_to_existing_job("film")
    assert distributaur.check_job_status("film") == {}
    with pytest.raises(UnknownBatch):
        distributaur.monitor_job_status("film")
    with batch("film") as film:
        distributaur.execute_function(f"{HOME}.sleep", {"seconds": 1}, batch=film)
    assert distributaur.attach_to_existing_job("film")
    assert sum(distributaur.check_job_status("film").values()) == 1
    assert distributaur.monitor_job_status("film", SOON) == {Status.COMPLETED: 1}
    assert not distributaur.attach_to_existing_job("film")
