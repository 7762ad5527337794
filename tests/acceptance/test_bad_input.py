"""What is wrong shows a clear error in the right place, and harms nobody else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from schedulergodx.core.envelope import VERSION, MessageType
from schedulergodx.core.job import ErrorCode
from schedulergodx.core.message import Error, read_body
from schedulergodx.errors import (
    ConfigError,
    JobError,
    JobInterrupted,
    JobRefused,
    RemoteError,
    ShipError,
    TooLarge,
    UnknownQueue,
)
from tests.acceptance.processes import Growth, family
from tests.acceptance.stranger import Stranger, item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.client import Client
    from schedulergodx.core.job import Failure
    from tests.acceptance.deployment import Deployment

SOON = 30  # seconds, the deadline of what must happen
MIB = 1 << 20


def double(number: int) -> int:
    return 2 * number


@pytest.fixture
def client(shared: Deployment) -> Iterator[Client]:
    """One whose neighbour is served before and after what a test does."""
    neighbour = shared.client("neighbour")
    task = neighbour.task(double)
    assert task.launch(1).result(timeout=SOON) == 2
    yield shared.client("bad")
    assert task.launch(21).result(timeout=SOON) == 42
    neighbour.close()


@pytest.fixture
def stranger(shared: Deployment, client: Client) -> Iterator[Stranger]:
    with Stranger(shared) as stranger:
        yield stranger


def refusal(stranger: Stranger, message: bytes) -> Failure:
    """What the sender of a bad message is told; the dead letters have it too."""
    stranger.send(message)
    error = read_body(stranger.read().body, Error)
    assert stranger.dead_letter(message).reason
    return error.failure


# -- messages --------------------------------------------------------------------------------------


def test_a_message_of_an_unknown_type(stranger: Stranger) -> None:
    failure = refusal(stranger, stranger.seal(42, {}))
    assert failure.code == ErrorCode.INCORRECT_TYPE
    assert "type 42" in failure.text


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_truncated_envelope(stranger: Stranger, share: float) -> None:
    whole = stranger.task(item(-1))
    message = whole[: int(len(whole) * share)]
    stranger.send(message)
    assert "cut off" in stranger.dead_letter(message).reason


def test_an_oversized_envelope(stranger: Stranger) -> None:
    failure = refusal(stranger, stranger.task(item(bytes(30 * MIB))))
    assert failure.code == ErrorCode.INVALID_TASK
    assert "MiB" in failure.text


def test_an_envelope_of_another_version(stranger: Stranger, monkeypatch: Any) -> None:
    monkeypatch.setattr("schedulergodx.core.envelope.VERSION", VERSION + 1)
    message = stranger.task(item(-1))
    monkeypatch.undo()
    failure = refusal(stranger, message)
    assert f"version {VERSION + 1}" in failure.text
    assert "install the same version" in failure.text


def test_a_body_that_is_not_the_one_that_was_signed(stranger: Stranger) -> None:
    message = stranger.task(item(-1))
    spot = message.rindex(b"strange")
    stranger.send(bad := message[:spot] + b"Strange" + message[spot + 7 :])
    assert "sealed" in stranger.dead_letter(bad).reason


def test_a_task_that_lacks_what_its_jobs_share(stranger: Stranger) -> None:
    failure = refusal(stranger, stranger.seal(MessageType.TASK, {"jobs": []}))
    assert failure.code == ErrorCode.INVALID_TASK
    assert "can't be read" in failure.text


def test_a_duplicate_uid_is_one_job(stranger: Stranger) -> None:
    job, other = item(-1), item(-2)
    stranger.send(stranger.task(job, job, other))
    stranger.send(stranger.task(job))
    assert set(stranger.outcomes(2)) == {job.uid, other.uid}
    stranger.send(stranger.task(sentinel := item(-3)))
    assert set(stranger.outcomes()) == {sentinel.uid}


# -- options ---------------------------------------------------------------------------------------


def test_an_unknown_queue(client: Client) -> None:
    with pytest.raises(UnknownQueue, match="'mial'"):
        client.task(double, queue="mial").launch(1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"delay": -1}, "delay=-1.*negative"),
        ({"lifetime": 0}, "lifetime=0.*nothing can run for 0 s"),
        ({"lifetime": -5}, "lifetime=-5.*negative"),
        ({"max_attempts": 0}, "max_attempts=0"),
        ({"priority": "high"}, "priority='high'.*whole number"),
        ({"execution": "main"}, "execution='main'"),
    ],
)
def test_an_option_without_a_meaning(client: Client, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        client.task(double, **options)


@pytest.mark.parametrize(
    ("spec", "words"),
    [({"lifetime": 0.0}, "lifetime of 0"), ({"lifetime": -1.0}, "lifetime of -1")],
)
def test_an_option_without_a_meaning_from_another_client(
    stranger: Stranger, spec: dict[str, Any], words: str
) -> None:
    stranger.send(stranger.task(job := item(-1), **spec))
    failure = stranger.outcomes()[job.uid].outcome.failure
    assert failure is not None
    assert failure.code == ErrorCode.INVALID_TASK
    assert words in failure.text


# -- code and arguments ----------------------------------------------------------------------------


def test_a_function_that_cannot_be_opened(stranger: Stranger) -> None:
    stranger.send(stranger.task(job := item(), function=b"\x80\x05garbage"))
    failure = stranger.outcomes()[job.uid].outcome.failure
    assert failure is not None
    assert failure.code == ErrorCode.UNREADABLE_CODE


def test_a_function_whose_module_is_missing(stranger: Stranger) -> None:
    stranger.send(stranger.task(job := item(), function=b"cno_such_package\nfunction\n."))
    failure = stranger.outcomes()[job.uid].outcome.failure
    assert failure is not None
    assert failure.code == ErrorCode.MISSING_MODULE
    assert "no_such_package" in failure.text


def test_a_function_of_another_python(stranger: Stranger) -> None:
    stranger.send(stranger.task(job := item(-1), python="cpython-38"))
    failure = stranger.outcomes()[job.uid].outcome.failure
    assert failure is not None
    assert failure.code == ErrorCode.INCOMPATIBLE_PYTHON
    assert "cpython-38" in failure.text
    assert str(sys.implementation.cache_tag) in failure.text


_OTHER_PYTHON = """
import marshal, sys
def double(number):
    return 2 * number
print(sys.implementation.cache_tag, marshal.dumps(double.__code__).hex())
"""


def test_bytecode_of_another_python(stranger: Stranger) -> None:
    """The real thing, where there is one: such code crashes the process that runs it."""
    tag, code = _bytecode_of_another_python()
    stranger.send(stranger.task(job := item(-1), function=bytes.fromhex(code), python=tag))
    failure = stranger.outcomes()[job.uid].outcome.failure
    assert failure is not None
    assert failure.code == ErrorCode.INCOMPATIBLE_PYTHON
    assert tag in failure.text


def _bytecode_of_another_python() -> tuple[str, str]:
    for minor in range(9, 20):
        python = shutil.which(f"python3.{minor}")
        if python is None or minor == sys.version_info.minor:
            continue
        run = subprocess.run([python, "-c", _OTHER_PYTHON], capture_output=True, text=True)
        if run.returncode == 0:
            tag, code = run.stdout.split()
            return tag, code
    pytest.skip("there is no other minor version of Python here")


class Crasher:
    """Ends the process that opens it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (3,)


class Liar:
    """Raises where it is opened."""

    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("no number",)


def test_an_argument_that_crashes_who_opens_it(client: Client) -> None:
    job = client.task(repr).launch(Crasher())
    with pytest.raises(JobInterrupted) as died:
        job.result(timeout=SOON)
    assert died.value.code == ErrorCode.WORKER_DIED


def test_an_argument_that_cannot_be_opened(client: Client) -> None:
    job = client.task(repr).launch(Liar())
    with pytest.raises(JobRefused, match="no number") as refused:
        job.result(timeout=SOON)
    assert refused.value.code == ErrorCode.UNREADABLE_CODE


def test_an_argument_that_cannot_be_shipped(client: Client) -> None:
    with pytest.raises(ShipError, match="generator"):
        client.task(repr).launch(n for n in range(3))


def test_an_argument_that_is_too_large(client: Client) -> None:
    with pytest.raises(TooLarge, match="MiB"):
        client.task(len).launch(os.urandom(9 * MIB))


def test_an_argument_of_many_messages_is_taken(client: Client) -> None:
    assert client.task(len).launch(os.urandom(7 * MIB)).result(timeout=SOON) == 7 * MIB


# -- results ---------------------------------------------------------------------------------------


def make_generator() -> Any:
    return (n for n in range(3))


def make_bytes(size: int) -> bytes:
    return os.urandom(1) * size


def print_much(lines: int, line: str) -> int:
    for _ in range(lines):
        print(line)
    return lines


class PickyError(Exception):
    """Takes other arguments than it says."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class HeavyError(Exception):
    """Holds what can't be pickled."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.rest = make_generator()


def raise_picky() -> None:
    raise PickyError(1, 2)


def raise_heavy() -> None:
    raise HeavyError("too heavy to travel")


def test_a_result_that_cannot_be_pickled_is_final(client: Client) -> None:
    job = client.task(make_generator, max_attempts=3).launch()
    with pytest.raises(JobError, match="generator") as failed:
        job.result(timeout=SOON)
    assert failed.value.code == ErrorCode.RESULT_NOT_SERIALIZABLE
    assert job.view().attempt == 1


def test_an_exception_that_takes_other_arguments(client: Client) -> None:
    with pytest.raises(PickyError, match="1 and 2"):
        client.task(raise_picky).launch().result(timeout=SOON)


def test_an_exception_that_cannot_be_rebuilt(client: Client) -> None:
    with pytest.raises(RemoteError, match="too heavy to travel") as raised:
        client.task(raise_heavy).launch().result(timeout=SOON)
    assert raised.value.type.endswith("HeavyError")
    assert "raise_heavy" in raised.value.traceback


@pytest.mark.parametrize("hard", [False, True])
def test_a_result_of_100_megabytes(client: Client, shared: Deployment, hard: bool) -> None:
    service = Growth(shared.services[0].pid)
    with pytest.raises(JobError, match=r"returned .* may travel") as failed:
        client.task(make_bytes, hard=hard).launch(100 * MIB).result(timeout=SOON)
    assert failed.value.code == ErrorCode.RESULT_TOO_LARGE
    assert service.most < 50 * MIB


def test_a_gigabyte_of_output_is_bounded(client: Client, shared: Deployment) -> None:
    processes = Growth(*family(shared.services[0].pid))
    job = client.task(print_much).launch(1024, "x" * MIB)
    assert job.result(timeout=60) == 1024
    assert 1000 < len(job.output()) < MIB
    assert processes.most < 50 * MIB


def test_a_gigabyte_of_output_of_a_program_is_bounded(client: Client, shared: Deployment) -> None:
    processes = Growth(*family(shared.services[0].pid))
    job = client.task(run_yes).launch()
    job.result(timeout=60)
    assert len(job.output()) < MIB
    assert processes.most < 50 * MIB


def run_yes() -> None:
    import subprocess

    subprocess.run("yes xxxxxxxxxxxxxxxx | head -c 1000000000", shell=True, check=True)
